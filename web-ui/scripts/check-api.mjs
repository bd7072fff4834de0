// Whether the page's types are those of the program: openapi.json is what `bandstand openapi` prints, and
// generated.ts is what openapi-typescript makes of it. `--write` brings both up to date instead of judging.

import { execFileSync, spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

const HERE = new URL("..", import.meta.url).pathname;
const DOCUMENT = join(HERE, "openapi.json");
const TYPES = join(HERE, "src/api/generated.ts");
const DOCUMENT_BYTES_MAX = 16 << 20;

function program() {
  const [name, ...args] = process.env.BANDSTAND_BIN
    ? [process.env.BANDSTAND_BIN, "openapi"]
    : ["cargo", "run", "--quiet", "--locked", "-p", "control", "--bin", "bandstand", "--", "openapi"];
  const result = spawnSync(name, args, { cwd: join(HERE, ".."), encoding: "utf8", maxBuffer: DOCUMENT_BYTES_MAX, stdio: ["ignore", "pipe", "inherit"] });
  if (result.error !== undefined || result.status !== 0) {
    console.error(`${name} did not print the document: ${result.error?.message ?? `it ended with ${result.status}`}`);
    process.exit(1);
  }
  return result.stdout;
}

function typesOf(document) {
  const folder = mkdtempSync(join(tmpdir(), "bandstand-api-"));
  try {
    const from = join(folder, "openapi.json");
    const to = join(folder, "generated.ts");
    writeFileSync(from, document);
    execFileSync(join(HERE, "node_modules/.bin/openapi-typescript"), [from, "-o", to], { stdio: ["ignore", "ignore", "inherit"] });
    return readFileSync(to, "utf8");
  } finally {
    rmSync(folder, { recursive: true });
  }
}

const document = program();
const types = typesOf(document);
if (process.argv.includes("--write")) {
  writeFileSync(DOCUMENT, document);
  writeFileSync(TYPES, types);
  console.log("openapi.json and generated.ts are those of the program now");
} else {
  const stale = [
    [DOCUMENT, document],
    [TYPES, types],
  ].filter(([path, text]) => readFileSync(path, "utf8") !== text);
  for (const [path] of stale) console.error(`${path} is not what the program says: npm run generate`);
  if (stale.length > 0) process.exit(1);
  console.log("the page's types are those of the program");
}
