// The first load: every script and style sheet that index.html names, as gzip sends them. A phone on a venue's
// Wi-Fi must have the page in a moment. Fonts are counted apart: the page stands before they arrive.

import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { gzipSync } from "node:zlib";

const FIRST_LOAD_BYTES_MAX = 101_000;
const FONT_BYTES_MAX = 60_000;
const DIST = new URL("../dist/", import.meta.url).pathname;

const page = readFileSync(join(DIST, "index.html"), "utf8");
const named = [...page.matchAll(/(?:src|href)="\/([^"]+\.(?:js|css))"/g)].map((match) => match[1]);
if (named.length === 0) throw new Error("index.html names no script");
const gz = (path) => gzipSync(readFileSync(join(DIST, path)), { level: 9 }).length;
const sizes = ["index.html", ...named].map((path) => ({ path, bytes: gz(path) }));
const first = sizes.reduce((sum, one) => sum + one.bytes, 0);
const fonts = readdirSync(join(DIST, "assets"))
  .filter((name) => name.endsWith(".woff2"))
  .reduce((sum, name) => sum + readFileSync(join(DIST, "assets", name)).length, 0);

for (const { path, bytes } of sizes) console.log(`${String(bytes).padStart(7)}  ${path}`);
console.log(`${String(first).padStart(7)}  first load, gzip (limit ${FIRST_LOAD_BYTES_MAX})`);
console.log(`${String(fonts).padStart(7)}  fonts (limit ${FONT_BYTES_MAX})`);
if (first > FIRST_LOAD_BYTES_MAX || fonts > FONT_BYTES_MAX) process.exit(1);
