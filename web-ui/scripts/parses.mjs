// The page's tools are run by hand: that each of them can be read at all is seen here.
import { execFileSync } from "node:child_process";
import { readdirSync } from "node:fs";
import { join } from "node:path";

const root = join(import.meta.dirname, "..");
for (const folder of ["dev", "e2e", "scripts"]) {
  for (const file of readdirSync(join(root, folder)).filter((name) => name.endsWith(".mjs"))) {
    execFileSync(process.execPath, ["--check", join(root, folder, file)], { stdio: "inherit" });
  }
}
