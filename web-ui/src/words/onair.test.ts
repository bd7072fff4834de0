import { expect, test } from "vitest";
import type { ChannelBoard, Manual, OnAir } from "../api/types";
import { board, channel, status } from "./fixture";
import { byHand, holdWords, isFallback, isSeen, onAirWords, phase, tally } from "./onair";

const at = (carrier: OnAir["carrier"], source: string | null, wanted: string | null = source): OnAir => ({
  source,
  wanted,
  carrier,
  by_hand: null,
  since_tick: 0,
});

test.each<[OnAir, string]>([
  [at("pin", "camera-2"), "Camera 2 – held by hand"],
  [at("take", "camera-2"), "Camera 2 – taken by hand"],
  [at("live_input", "obs"), "OBS – live input"],
  [at("timeline", "camera-1"), "Camera 1 – by the timeline"],
  [at("primary", "camera-1"), "Camera 1 – your main source"],
  [at("backup", "camera-2", "camera-1"), "Camera 2 – Camera 1 is offline"],
  [at("loop", "loop", "camera-1"), "Loop – Camera 1 is offline"],
  [at("kept", "camera-2", "camera-1"), "Camera 2 stays – Camera 1 is offline"],
  [at("slate_by_hand", null, null), "Slate – put there by hand"],
  [at("slate", null, "camera-1"), "Slate – Camera 1 is offline"],
  [at("slate", null, null), "Slate – no source is available"],
  [at("primary", "gone"), "Unknown source – your main source"],
])("%j reads: %s", (onAir, words) => expect(onAirWords(channel(), onAir)).toBe(words));

test("what stands in for something else is a fallback, and what a person wants is none", () => {
  const all: OnAir["carrier"][] = ["pin", "take", "live_input", "timeline", "primary", "backup", "loop", "kept", "slate", "slate_by_hand"];
  expect(all.filter((carrier) => isFallback(at(carrier, "camera-1")))).toEqual(["backup", "loop", "kept", "slate"]);
});

const pin = (source: string | null): Manual => ({ source, hold: "pin" });
const take: Manual = { source: "camera-2", hold: "take" };

test.each<[string, Manual | null, Partial<OnAir> | null, string | null]>([
  ["nothing by hand", null, {}, null],
  ["a pin on air", pin("camera-2"), { source: "camera-2", wanted: "camera-2", by_hand: "pin" }, "It stays until you release it. Cues and the live input wait."],
  ["a take on air", take, { source: "camera-2", wanted: "camera-2", by_hand: "take" }, "Until the next cue, or until you release it."],
  ["a take that a cue has ended", take, { source: "camera-1" }, null],
  ["a pin that is lost", pin("camera-2"), { source: "camera-1", wanted: "camera-2", by_hand: "pin" }, "You hold Camera 2, which is offline. It comes back by itself."],
  ["the slate", pin(null), { source: null, wanted: null, by_hand: "pin" }, "It stays until you release it, with nothing over it. The broadcast goes on."],
  ["the worker is away", pin("camera-2"), null, "It stays until you release it. Cues and the live input wait."],
])("%s", (_, manual, onAir, words) => {
  const { channel: one } = board(onAir === null ? null : status(onAir), { ...channel(), manual });
  expect(holdWords(one)).toBe(words);
  expect(byHand(one)).toEqual(words === null ? null : manual);
});

test("a wish that is still on its way counts as by hand", () => {
  const { channel: one } = board(status({}), { ...channel(), manual: take });
  expect(byHand({ ...one, generation: 2 })).toEqual(take);
});

test("tally: red for what is on air, amber for what is wanted instead", () => {
  const onAir = at("backup", "camera-2", "camera-1");
  expect(["camera-1", "camera-2", "obs"].map((id) => tally(onAir, id))).toEqual(["wanted", "on_air", "none"]);
  expect(tally(undefined, "camera-1")).toBe("none");
});

test("phase: off, counting down, live; and live while the worker is away", () => {
  const off = { ...channel(), live: null };
  const counting = status({}, { live: { session: "s", countdown_ms: 1200, since_ms: 0 } });
  expect(phase(board(status(), off).channel)).toBe("off");
  expect(phase(board(counting).channel)).toBe("countdown");
  expect(phase(board(status()).channel)).toBe("live");
  expect(phase(board(null).channel)).toBe("live");
});

test("the audience sees what is on air and what fades out beneath it, while a broadcast runs", () => {
  const mixing = status({ source: "camera-1", leaving: "camera-2" });
  const seen = (one: ChannelBoard) => ["camera-1", "camera-2", "obs"].filter((id) => isSeen(one, id));
  expect(seen(board(mixing).channel)).toEqual(["camera-1", "camera-2"]);
  expect(seen(board(mixing, { ...channel(), live: null }).channel)).toEqual([]);
  expect(seen(board(null).channel)).toEqual([]);
});
