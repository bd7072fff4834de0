import { expect, test } from "vitest";
import { refusalOf } from "./client";
import { parsePreview } from "./previews";
import { SseParser } from "./sse";
import { href, parseRoute } from "../state/route.svelte";

const STREAM = ': ping\n\nevent: board\ndata: {"a":1}\n\ndata: one\r\ndata: two\r\n\r\nevent: empty\n\ndata:x\n\n';
const EVENTS = [
  { event: "board", data: '{"a":1}' },
  { event: "message", data: "one\ntwo" },
  { event: "message", data: "x" },
];

test("events come out whole, however the text is cut", () => {
  for (let size = 1; size <= STREAM.length; size += 1) {
    const parser = new SseParser();
    const out = [];
    for (let at = 0; at < STREAM.length; at += size) out.push(...parser.push(STREAM.slice(at, at + size)));
    expect(out, `pieces of ${size}`).toEqual(EVENTS);
  }
});

test("an event without end is given up", () => {
  const parser = new SseParser();
  expect(() => {
    for (let n = 0; n < 100; n += 1) parser.push("x".repeat(1 << 20));
  }).toThrow("too long");
});

test("a preview is one byte of length, a name, a JPEG", async () => {
  const bytes = new Uint8Array([7, ...new TextEncoder().encode("program"), 0xff, 0xd8, 0xff, 0xd9]);
  const preview = parsePreview(bytes.buffer);
  expect(preview?.name).toBe("program");
  expect([...new Uint8Array((await preview?.jpeg.arrayBuffer()) ?? new ArrayBuffer(0))]).toEqual([0xff, 0xd8, 0xff, 0xd9]);
  for (const bad of [[], [7], [7, 112], [1, 112]]) expect(parsePreview(new Uint8Array(bad).buffer)).toBeNull();
});

test("a refusal keeps its words; an answer that is none still gives a refusal", () => {
  const told = refusalOf(422, JSON.stringify({ code: "timeline_invalid", detail: "No.", remedy: "Mend it.", wrongs: [{ place: "name", reason: "empty" }] }));
  expect(told).toMatchObject({ status: 422, code: "timeline_invalid", message: "No.", remedy: "Mend it." });
  expect(told.wrongs).toHaveLength(1);
  for (const text of ["<html>", "", "null", "3"]) expect(refusalOf(502, text)).toMatchObject({ status: 502, code: "internal", wrongs: [] });
});

test.each([
  ["", { page: "on-air", rest: [] }],
  ["#/", { page: "on-air", rest: [] }],
  ["#/sources/new/camera", { page: "sources", rest: ["new", "camera"] }],
  ["#/nonsense/x", { page: "on-air", rest: [] }],
  ["#/library/%zz", { page: "library", rest: ["%zz"] }],
])("the address %s leads to %j", (hash, route) => expect(parseRoute(hash)).toEqual(route));

test("an address that is written is read back", () => {
  expect(parseRoute(href("timelines", "a/b c"))).toEqual({ page: "timelines", rest: ["a/b c"] });
});
