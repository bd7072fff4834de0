import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it, test } from "vitest";

const css = readFileSync(join(import.meta.dirname, "tokens.css"), "utf8");

/** The colours that a rule sets, by their names. */
function coloursOf(selector: string): Record<string, string> {
  const body = css.slice(css.indexOf(`${selector} {`)).split("}")[0] ?? "";
  return Object.fromEntries([...body.matchAll(/--([a-z-]+): (#[0-9a-f]+);/g)].map(([, name, colour]) => [name, colour]));
}

const dark = coloursOf(":root");
const light = { ...dark, ...coloursOf(':root[data-look="light"]') };

/** Relative luminance (WCAG 2.2) of `#rgb` or `#rrggbb`. */
function luminance(colour: string): number {
  const hex = colour.length === 4 ? [...colour.slice(1)].map((digit) => digit + digit).join("") : colour.slice(1);
  const [r, g, b] = [0, 2, 4].map((at) => {
    const share = parseInt(hex.slice(at, at + 2), 16) / 255;
    return share <= 0.04045 ? share / 12.92 : ((share + 0.055) / 1.055) ** 2.4;
  });
  return 0.2126 * (r ?? 0) + 0.7152 * (g ?? 0) + 0.0722 * (b ?? 0);
}

function contrast(one: string, other: string): number {
  const [low, high] = [luminance(one), luminance(other)].sort((a, b) => a - b);
  return ((high ?? 0) + 0.05) / ((low ?? 0) + 0.05);
}

/** What is read, and on what it stands. */
const WORDS: [string, string[]][] = [
  ["text", ["wall", "bar", "panel", "raised", "pressed", "field", "red-wash", "amber-wash", "green-wash", "blue-wash", "live-wash"]],
  ["soft", ["wall", "bar", "panel", "raised", "well", "red-wash", "amber-wash", "blue-wash", "live-wash"]],
  ["faint", ["wall", "panel"]],
  ["placeholder", ["field"]],
  ["danger", ["wall", "panel", "raised", "red-wash"]],
  ["red", ["wall", "panel"]],
  ["amber", ["wall", "panel", "raised"]],
  ["green", ["wall", "panel", "raised", "green-wash"]],
  ["blue", ["wall", "panel", "blue-wash"]],
  ["on-text", ["text", "text-hover"]],
  ["on-red", ["red-fill", "red-hover", "red-dim"]],
  ["on-amber", ["amber-fill"]],
  ["cue-text", ["cue", "cue-now"]],
  ["words-text", ["words", "words-now"]],
];
/** What is seen and not read: edges of fields, the focus. */
const SIGNS: [string, string[]][] = [
  ["field-edge", ["wall", "panel", "field"]],
  ["blue", ["wall", "panel", "raised", "bar"]],
  ["violet", ["panel"]],
];

describe.each([
  ["dark", dark],
  ["light", light],
])("by %s", (_, look) => {
  const poor = (pairs: [string, string[]][], least: number): string[] =>
    pairs.flatMap(([on, grounds]) =>
      grounds
        .map((ground) => [ground, contrast(look[on] ?? "", look[ground] ?? "")] as const)
        .filter(([, is]) => !(is >= least))
        .map(([ground, is]) => `${on} on ${ground}: ${is.toFixed(2)}`),
    );
  it("words can be read (WCAG 1.4.3)", () => expect(poor(WORDS, 4.5)).toEqual([]));
  it("signs can be seen (WCAG 1.4.11)", () => expect(poor(SIGNS, 3)).toEqual([]));
});

test("the frame around the page has the colour of its wall", () => {
  const script = readFileSync(join(import.meta.dirname, "../../public/look.js"), "utf8");
  expect(script).toContain(`{ light: "${light["wall"]}", dark: "${dark["wall"]}" }`);
});
