// Sound levels as lengths and words.

import { t } from "../strings";
import type { Meters } from "../api/types";
import type { Tone } from "./source";

/** Bottom of the scale, dB below full scale. */
export const FLOOR_DB = -60;
/** What the box says where there is no sound. */
export const SILENT_DB = -90;
/** How far a held level sinks with each status, dB; five come in a second. */
const SINK_DB = 1.6;
/** From here amber, and from here red (EBU R 68: headroom of 9 dB over permitted maximum level). */
export const AMBER_DB = -18;
export const RED_DB = -6;
/** Marks beside the bars. */
export const MARKS_DB = [0, -6, -12, -18, -30, -45] as const;

/** Share of the scale, 0 to 1, of a level. The upper half of the scale shows the upper 20 dB, where the eye is needed. */
export function share(db: number): number {
  if (!(db > FLOOR_DB)) return 0;
  if (db >= 0) return 1;
  return db >= -20 ? 0.5 + ((db + 20) / 20) * 0.5 : ((db - FLOOR_DB) / (-20 - FLOOR_DB)) * 0.5;
}

/** The levels held from before, sunk a little, or the newest where those are higher. */
export function sunk(held: Meters, newest: Meters): Meters {
  const side = (before: number[], now: number[]): number[] =>
    now.map((db, i) => Math.max(db, (before[i] ?? SILENT_DB) - SINK_DB, SILENT_DB));
  return { peak_db: side(held.peak_db, newest.peak_db), rms_db: side(held.rms_db, newest.rms_db) };
}

export function soundWords(meters: Meters): { text: string; tone: Tone } {
  const peak = Math.max(...meters.peak_db);
  const rms = Math.max(...meters.rms_db);
  if (peak >= -1) return { text: t.sound.over, tone: "bad" };
  if (peak >= RED_DB) return { text: t.sound.high, tone: "warn" };
  if (rms < FLOOR_DB) return { text: t.sound.silent, tone: "idle" };
  if (rms < -40) return { text: t.sound.low, tone: "idle" };
  return { text: t.sound.good, tone: "good" };
}
