// The rules of WCAG 2.2 A and AA that a program can judge (axe-core), over every page and situation of the mock, at
// phone and desktop size, in both looks, and in the language that is written from right to left. Ends with 1 if
// anything is not as it should be.
//   npm run mock &   npm run axe [parts of names]

import { readFileSync } from "node:fs";
import { openBrowser, SITUATIONS, SIZES, speak, visit } from "./situations.mjs";

const AXE = readFileSync(new URL("../node_modules/axe-core/axe.min.js", import.meta.url), "utf8");
const TAGS = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"];
/** Places that are told of one broken rule. */
const TOLD_MAX = 12;

const parts = process.argv.slice(2);
const wished = SITUATIONS.filter(([name], _, all) => parts.length === 0 || parts.some((part) => (all.some(([one]) => one === part) ? name === part : name.includes(part))));
const context = await openBrowser();
let visited = 0;
const broken = new Map();

function note(rule, label, where) {
  const found = broken.get(rule) ?? { labels: new Set(), where: new Set() };
  found.labels.add(label);
  found.where.add(where);
  broken.set(rule, found);
}

async function judge(page, label, rules = {}) {
  // What fades in is judged when it stands.
  await page.evaluate(() => Promise.all(document.getAnimations().filter((one) => one.effect?.getTiming().iterations !== Infinity).map((one) => one.finished.catch(() => {}))));
  await page.evaluate(AXE);
  const options = rules.only === undefined ? { runOnly: { type: "tag", values: TAGS } } : { runOnly: { type: "rule", values: rules.only } };
  const { violations } = await page.evaluate((wish) => globalThis.axe.run(document, { ...wish, resultTypes: ["violations"] }), options);
  for (const { id, help, nodes } of violations) {
    for (const { target, any } of nodes) note(`${id}: ${help}`, label, `${target.join(" ")}  ${any[0]?.message ?? ""}`);
  }
}

for (const situation of wished) {
  for (const [size, viewport] of Object.entries(SIZES)) {
    const label = `${situation[0]} (${size})`;
    const problems = await visit(context, situation, { viewport }, async (page) => {
      // What lies below the head or the tabs is one turn of the wheel away: it is judged as if they did not stand still.
      await page.addStyleTag({ content: ".head, .banner, .tabs, .save { position: static !important; }" });
      await judge(page, `${label}, dark`);
      await page.emulateMedia({ colorScheme: "light" });
      // By day the same elements have other colours, and nothing else is new.
      await judge(page, `${label}, light`, { only: ["color-contrast"] });
      await speak(page, "ar");
      await judge(page, `${label}, Arabic`);
      visited += 1;
    });
    // A box that is away, or that refuses, leaves its lines in the console.
    const bad = problems.filter((text) => !/Failed to load resource|WebSocket/.test(text));
    for (const problem of bad) note(`page: ${problem}`, label, "");
    // A long run that is broken off has told what it saw.
    const rules = [...broken].filter(([, { labels }]) => [...labels].some((one) => one.startsWith(label))).map(([rule]) => rule);
    console.log(`${label}: ${rules.length === 0 ? "keeps the rules" : rules.join("; ")}`);
  }
}
await context.close();

for (const [rule, { labels, where }] of broken) {
  console.log(`${rule}\n    ${labels.size} times: ${[...labels].slice(0, TOLD_MAX).join("; ")}`);
  for (const one of [...where].slice(0, TOLD_MAX)) console.log(`    ${one}`);
}
console.log(`${visited} pages and situations, each in three ways; ${broken.size} rules broken`);
if (visited === 0 || broken.size > 0) process.exitCode = 1;
