// The box under test: one that runs already (BANDSTAND_URL, BANDSTAND_CODE), or the demonstration venue of
// `./dev run`, started here on a free port with an empty state folder and ended afterwards.

import { spawn, spawnSync } from "node:child_process";
import { existsSync, mkdirSync, openSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { createServer } from "node:net";
import { join } from "node:path";

const ROOT = new URL("../..", import.meta.url).pathname;
const TARGET = process.env.CARGO_TARGET_DIR ?? join(ROOT, "target");
/** Films are made and two cameras started before the page answers. */
const START_MS_MAX = 180_000;
const END_MS_MAX = 40_000;
const LOOK_MS = 200;

export const SHOTS = join(TARGET, "screenshots");

/** Waits until `look` answers something; looks again and again, up to a limit. */
export async function until(what, limit_ms, look) {
  const end = Date.now() + limit_ms;
  for (;;) {
    const found = await look();
    if (found) return found;
    if (Date.now() > end) throw new Error(`${what}: not within ${limit_ms / 1000} s`);
    await new Promise((resolve) => setTimeout(resolve, LOOK_MS));
  }
}

function freePort() {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.on("error", reject);
    server.listen(0, "127.0.0.1", () => {
      const { port } = server.address();
      server.close(() => resolve(port));
    });
  });
}

async function healthy(url) {
  try {
    return (await fetch(`${url}/api/v1/health`)).ok;
  } catch {
    return false;
  }
}

/** The programs that have this folder on their command line. */
function running(folder) {
  const told = (pid) => {
    try {
      return readFileSync(`/proc/${pid}/cmdline`, "utf8").replaceAll("\0", " ");
    } catch {
      return "";
    }
  };
  return readdirSync("/proc").filter((pid) => /^\d+$/.test(pid)).map(told).filter((line) => line.includes(folder));
}

/** { url, code, obs, end }: `obs` is `./dev obs`, `end` ends what was started here and fails where Ctrl-C leaves anything behind. */
export async function openVenue() {
  if (process.env.BANDSTAND_URL !== undefined) {
    return { url: process.env.BANDSTAND_URL.replace(/\/$/, ""), code: process.env.BANDSTAND_CODE ?? "", end: async () => {} };
  }
  const program = join(TARGET, "debug/venue");
  if (!existsSync(program)) throw new Error(`${program} is not built: ./dev build, or set BANDSTAND_URL and BANDSTAND_CODE`);
  const state = join(TARGET, "e2e/page");
  rmSync(state, { recursive: true, force: true });
  mkdirSync(state, { recursive: true });
  const port = await freePort();
  const log = join(state, "venue.log");
  const out = openSync(log, "a");
  const venue = spawn(program, ["run", "--state", state, "--port", String(port)], { cwd: ROOT, stdio: ["ignore", out, out] });
  let ended = null;
  const gone = new Promise((resolve) =>
    venue.on("exit", (code, signal) => {
      ended = `the venue ended by itself (${code ?? signal}); see ${log}`;
      resolve(code ?? signal);
    }),
  );
  const end = async () => {
    if (ended !== null) return;
    venue.kill("SIGINT");
    const late = setTimeout(() => venue.kill("SIGKILL"), END_MS_MAX);
    const how = await gone;
    clearTimeout(late);
    if (how !== 0) throw new Error(`Ctrl-C ended the venue with ${how}; see ${log}`);
    const left = running(state);
    if (left.length > 0) throw new Error(`Ctrl-C left these behind:\n${left.join("\n")}`);
  };
  const obs = async (wish) => {
    const { stdout, stderr } = spawnSync(program, ["obs", wish, "--state", state], { encoding: "utf8" });
    return stdout + stderr;
  };
  const url = `http://127.0.0.1:${port}`;
  try {
    await until("the page's first answer", START_MS_MAX, () => {
      if (ended !== null) throw new Error(ended);
      return healthy(url);
    });
    return { url, code: readFileSync(join(state, "box/first-sign-in-code"), "utf8").trim(), obs, end };
  } catch (error) {
    await end();
    throw error;
  }
}
