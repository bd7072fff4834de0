// Screenshots of every page and situation against the mock, at phone and desktop size, into target/screenshots/mock.
//   npm run mock &   npm run shots [part of a name] [--light] [--de | --ar]
//   npm run mock &   npm run docs:shots               those of docs/install.md alone, into docs/pictures

import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { openBrowser, SITUATIONS, SIZES, visit } from "./situations.mjs";

const OUT = new URL("../../target/screenshots/mock/", import.meta.url).pathname;
const DOCS = new URL("../../docs/pictures/", import.meta.url).pathname;
const flags = process.argv.slice(2).filter((word) => word.startsWith("--"));
const only = process.argv.slice(2).find((word) => !word.startsWith("--")) ?? "";
const forDocs = flags.includes("--docs");
const look = flags.includes("--light") ? "light" : "dark";
const language = ["de", "ar"].find((tag) => flags.includes(`--${tag}`)) ?? "en";
/** Dark and English are what there is most to look at, and have the plain names. */
const kind = `${look === "light" ? "-light" : ""}${language === "en" ? "" : `-${language}`}`;

// What docs/install.md shows: the shot, the file's name, the window, and which parts of the page, where it is not the window.
const FOR_DOCS = [
  { shot: "claim", file: "first-sign-in", viewport: { width: 480, height: 720 } },
  { shot: "empty", file: "empty", viewport: { width: 1120, height: 700 } },
  { shot: "live", file: "on-air", viewport: { width: 1120, height: 804 } },
  { shot: "panel", file: "settings", viewport: { width: 760, height: 1500 }, parts: ["[data-system]", "[data-panel]"] },
];
/** Quality of a picture in the docs, of 100: words stay sharp, and each is far below the 80 kB that it may have. */
const WEBP_QUALITY = 80;
const DOCS_BYTES_MAX = 80_000;
/** Page around the parts that a picture shows, in px. */
const AROUND = 12;
/** Room for the page's head, which stays in the window, in px. */
const HEAD = 80;

/** What of the window the parts take. */
async function around(page, parts, viewport) {
  if (parts === undefined) return { x: 0, y: 0, ...viewport };
  await page.locator(parts[0]).evaluate((part, head) => scrollBy(0, part.getBoundingClientRect().top - head), HEAD);
  // A clip is measured from the page's top.
  const scrolled = await page.evaluate(() => scrollY);
  const boxes = await Promise.all(parts.map((part) => page.locator(part).boundingBox()));
  const [left, top] = [Math.min(...boxes.map((box) => box.x)) - AROUND, Math.min(...boxes.map((box) => box.y)) - AROUND];
  const right = Math.max(...boxes.map((box) => box.x + box.width)) + AROUND;
  const bottom = Math.max(...boxes.map((box) => box.y + box.height)) + AROUND;
  return { x: left, y: top + scrolled, width: right - left, height: bottom - top };
}

async function takeForDocs({ file, viewport, parts }, page) {
  const clip = { ...(await around(page, parts, viewport)), scale: 1 };
  // Playwright itself writes no WebP.
  const devtools = await context.newCDPSession(page);
  const { data } = await devtools.send("Page.captureScreenshot", { format: "webp", quality: WEBP_QUALITY, clip });
  const bytes = Buffer.from(data, "base64");
  if (bytes.length > DOCS_BYTES_MAX) problems.push(`${file}: ${bytes.length} bytes, more than ${DOCS_BYTES_MAX}`);
  writeFileSync(join(DOCS, `${file}.webp`), bytes);
}

mkdirSync(OUT, { recursive: true });
const context = await openBrowser();
const problems = [];
const told = (label, found) => problems.push(...found.map((problem) => `${label}: ${problem}`));
if (forDocs) {
  for (const wished of FOR_DOCS) {
    const situation = SITUATIONS.find(([name]) => name === wished.shot);
    told(wished.file, await visit(context, situation, { viewport: wished.viewport }, (page) => takeForDocs(wished, page)));
  }
} else {
  for (const [size, viewport] of Object.entries(SIZES)) {
    for (const situation of SITUATIONS.filter(([name], _, all) => (all.some(([one]) => one === only) ? name === only : name.includes(only)))) {
      const file = join(OUT, `${situation[0]}-${size}${kind}`);
      const take = async (page) => {
        await page.screenshot({ path: `${file}.png` });
        if (size === "phone") await page.screenshot({ path: `${file}-full.png`, fullPage: true });
      };
      told(`${size}/${situation[0]}`, await visit(context, situation, { viewport, look, language }, take));
    }
  }
}
await context.close();
console.log(problems.join("\n") || "no errors on any page");
if (forDocs && problems.length > 0) process.exitCode = 1;
