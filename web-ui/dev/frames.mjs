// Moving pictures for the mock: JPEGs made by ffmpeg once at start. With BANDSTAND_FILMS naming a folder, from the
// films in it; else made ones.

import { spawn } from "node:child_process";
import { readdirSync } from "node:fs";
import { join } from "node:path";

const SIZE = "640x360";
const FRAMES = 90;

/** Light that wanders, seen past people: pawns of chess. */
const stage = (from, to, middle, people) => [
  `gradients=size=${SIZE}:rate=12:type=radial:n=2:c0=${from}:c1=${to}:x0=${middle}:y0=110:x1=${middle + 300}:y1=330:speed=0.01`,
  `drawtext=font=DejaVu Sans:fontcolor=#100805:x=(w-tw)/2:${people}`,
];
const MADE = [
  [...stage("#ffc978", "#3a120a", 320, "text=♟♟♟♟♟:fontsize=130:y=196"), "drawbox=y=290:h=70:color=#1d0d07:t=fill"].join(","),
  stage("#a9c6ff", "#18244a", 300, "text=♟:fontsize=430:y=60").join(","),
  `life=size=160x90:mold=20:rate=12:ratio=0.35:death_color=#1c3d5a:life_color=#ffd28a,scale=640:360`,
  `gradients=size=${SIZE}:rate=12:c0=#20130b:c1=#c4581c:c2=#223a66:x0=0:y0=0:x1=640:y1=360:speed=0.02`,
];

/** The slate of the fixtures' channel, much as the box draws it. */
const SLATE = [
  `color=c=#121a28:size=${SIZE}:rate=1`,
  "drawtext=font='DejaVu Sans\\:bold':text=The Harbour Stage:fontsize=40:fontcolor=#f6f8fa:x=(w-tw)/2:y=140",
  "drawbox=x=288:y=202:w=64:h=2:color=#4cb4e8:t=fill",
  "drawtext=font=DejaVu Sans:text=Technical difficulties – we’ll be right back:fontsize=17:fontcolor=#b8c4d0:x=(w-tw)/2:y=220",
].join(",");

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

/** Four moving pictures, and still ones of bars and of the slate: each a list of JPEGs. */
export async function frames() {
  const found = films();
  const moving = MADE.map((made, i) =>
    found[i] === undefined ? run(["-f", "lavfi", "-i", made]) : run(["-stream_loop", "-1", "-i", found[i], "-vf", `fps=12,${FILL}`]),
  );
  const bars = run(["-f", "lavfi", "-i", `smptehdbars=size=${SIZE}:rate=1`, "-t", "1"]);
  const slate = run(["-f", "lavfi", "-i", SLATE, "-t", "1"]);
  return Promise.all([...moving, bars, slate]);
}
