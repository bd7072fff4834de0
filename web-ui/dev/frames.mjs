// Moving pictures for the mock: JPEGs made by ffmpeg once at start. With BANDSTAND_FILMS naming a folder, from the
// films in it; else from ffmpeg's own test pictures.

import { spawn } from "node:child_process";
import { readdirSync } from "node:fs";
import { join } from "node:path";

const SIZE = "640x360";
const FRAMES = 90;

const MADE = [
  `testsrc2=size=${SIZE}:rate=12`,
  `mandelbrot=size=${SIZE}:rate=12:start_scale=2:end_scale=0.4`,
  `life=size=160x90:mold=20:rate=12:ratio=0.35:death_color=#1c3d5a:life_color=#ffd28a,scale=640:360`,
  `gradients=size=${SIZE}:rate=12:c0=#20130b:c1=#c4581c:c2=#223a66:x0=0:y0=0:x1=640:y1=360:speed=0.02`,
];

function films() {
  const folder = process.env.BANDSTAND_FILMS;
  if (folder === undefined) return [];
  return readdirSync(folder)
    .filter((name) => name.endsWith(".mp4"))
    .sort()
    .map((name) => join(folder, name));
}

/** Cuts a stream of JPEGs at their end markers. */
function cut(bytes) {
  const out = [];
  let start = 0;
  for (let at = 0; (at = bytes.indexOf(Buffer.from([0xff, 0xd9]), at)) >= 0; ) {
    at += 2;
    out.push(bytes.subarray(start, at));
    start = at;
  }
  return out;
}

function run(args) {
  return new Promise((resolve, reject) => {
    const ffmpeg = spawn("ffmpeg", ["-v", "error", "-nostdin", ...args, "-frames:v", String(FRAMES), "-q:v", "5", "-f", "mjpeg", "-"]);
    const parts = [];
    ffmpeg.stdout.on("data", (part) => parts.push(part));
    ffmpeg.stderr.pipe(process.stderr);
    ffmpeg.on("error", reject);
    ffmpeg.on("close", () => resolve(cut(Buffer.concat(parts))));
  });
}

const FILL = "scale=640:360:force_original_aspect_ratio=increase,crop=640:360";

/** Four moving pictures and a still one of bars: each a list of JPEGs. */
export async function frames() {
  const found = films();
  const moving = MADE.map((made, i) =>
    found[i] === undefined ? run(["-f", "lavfi", "-i", made]) : run(["-stream_loop", "-1", "-i", found[i], "-vf", `fps=12,${FILL}`]),
  );
  const bars = run(["-f", "lavfi", "-i", `smptehdbars=size=${SIZE}:rate=1`, "-t", "1"]);
  const slate = run(["-f", "lavfi", "-i", `color=c=#121a28:size=${SIZE}:rate=1`, "-t", "1"]);
  return Promise.all([...moving, bars, slate]);
}
