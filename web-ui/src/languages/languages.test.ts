import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { parse } from "svelte/compiler";
import { describe, expect, it, test } from "vitest";
import { en as network } from "../network/strings";
import { localeOf, spokenOf, type Texts } from "../state/language.svelte";
import { en as page } from "../strings";
import { en as system } from "../system/strings";
import { texts as ar } from "./ar";
import { texts as de } from "./de";

const english: Texts = { page, network, system };
const others = { de, ar };

/** Every text with its place; of a function, how many parameters it takes. */
function leaves(value: unknown, place = ""): [string, string][] {
  if (typeof value === "function") return [[place, `function of ${value.length}`]];
  if (typeof value !== "object" || value === null) return [[place, typeof value]];
  return Object.entries(value).flatMap(([key, inner]) => leaves(inner, `${place}.${key}`));
}

function textAt(texts: Texts, place: string): unknown {
  return place.split(".").slice(1).reduce((value: unknown, key) => (value as Record<string, unknown>)[key], texts);
}

describe.each(Object.entries(others))("the catalogues of %s", (_, texts) => {
  it("have every text, and no other", () => expect(leaves(texts).sort()).toEqual(leaves(english).sort()));

  it("leave no text empty that has words in English", () => {
    const texted = leaves(english).filter(([place, kind]) => kind === "string" && textAt(english, place) !== "");
    expect(texted.filter(([place]) => String(textAt(texts, place)).trim() === "")).toEqual([]);
  });

  it("say every value that they are given", () => {
    const silent = leaves(english)
      .filter(([, kind]) => kind === "function of 1" || kind === "function of 2")
      .filter(([place]) => {
        const say = textAt(texts, place) as (...values: string[]) => string;
        const sayEnglish = textAt(english, place) as (...values: string[]) => string;
        const values = ["Qx", "Zy"].slice(0, say.length);
        const heard = (text: string): string[] => values.filter((value) => text.includes(value));
        try {
          return heard(sayEnglish(...values)).some((value) => !heard(say(...values)).includes(value));
        } catch {
          return false; // It takes a number or a list.
        }
      })
      .map(([place]) => place);
    expect(silent).toEqual([]);
  });
});

test.each([
  [["de-AT", "en"], "de"],
  [["fr", "ar-EG", "en"], "ar"],
  [["fr", "ja"], "en"],
  [["EN-us", "de"], "en"],
  [[], "en"],
])("a browser that prefers %j is shown %s", (preferred, tag) => expect(spokenOf(preferred)).toBe(tag));

test("numbers and dates follow the browser's own kind of a language, with the digits of clocks", () => {
  expect(localeOf("de", ["en", "de-AT"])).toBe("de-AT");
  expect(localeOf("de", ["en"])).toBe("de");
  expect(localeOf("ar", ["ar-EG"])).toBe("ar-EG-u-nu-latn");
  expect((1234.5).toLocaleString(localeOf("ar", ["ar-EG"]))).toMatch(/^1.234.5$/);
});

describe("components", () => {
  const root = join(import.meta.dirname, "..");
  const files = readdirSync(root, { recursive: true, encoding: "utf8" }).filter((file) => file.endsWith(".svelte"));
  /** Attributes that are read out or shown. */
  const READ = ["aria-label", "aria-valuetext", "aria-roledescription", "title", "alt", "placeholder", "label", "hint"];
  /** Signs and schemes that are the same in every language; a comma is not. */
  const NEUTRAL = /^[^\p{L},]*(https:\/\/|MP4|MPEG-TS)?[^\p{L},]*$/u;

  interface Node {
    type?: string;
    name?: string;
    data?: string;
    value?: unknown;
    [key: string]: unknown;
  }

  function literals(node: unknown): string[] {
    if (Array.isArray(node)) return node.flatMap(literals);
    if (typeof node !== "object" || node === null) return [];
    const { type, name, value, data } = node as Node;
    if (type === "Text") return NEUTRAL.test(data ?? "") ? [] : [(data ?? "").trim()];
    if (type === "StyleDirective") return [];
    if (type === "Attribute") {
      const parts = Array.isArray(value) ? value : [];
      return READ.includes(name ?? "") ? literals(parts) : [];
    }
    // What is written in braces is code, except for a bare text.
    if (type === "ExpressionTag") {
      const expression = (node as { expression?: { type?: string; value?: unknown } }).expression;
      return expression?.type === "Literal" && typeof expression.value === "string" && !NEUTRAL.test(expression.value) ? [expression.value] : [];
    }
    return Object.entries(node as Node).flatMap(([key, inner]) => (["instance", "module", "css", "options", "comments"].includes(key) ? [] : literals(inner)));
  }

  it("are found", () => expect(files.length).toBeGreaterThan(40));

  test.each(files)("%s has no words of its own", (file) => {
    const { fragment } = parse(readFileSync(join(root, file), "utf8"), { modern: true });
    expect(literals(fragment)).toEqual([]);
  });

  test.each(files)("%s has no colours and no sides of its own", (file) => {
    const style = /<style>([\s\S]*)<\/style>/.exec(readFileSync(join(root, file), "utf8"))?.[1] ?? "";
    expect(style.match(/#[0-9a-f]{3,8}\b|\brgba?\(|\bhsla?\(/gi) ?? []).toEqual([]);
    // Pictures, meters and the timeline's axis are the same for all: there `dir="ltr"` stands in the markup.
    if (["parts/Meters.svelte", "parts/Strip.svelte"].includes(file)) return;
    expect(style.match(/(?:margin|padding|border)-(?:left|right)|text-align: (?:left|right)|^\s*(?:left|right):/gm) ?? []).toEqual([]);
  });
});
