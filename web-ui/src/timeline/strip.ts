// Where things stand on the strip: shares of its width, 0 to 1.

import type { Channel, TimelineStatus } from "../api/types";
import { t } from "../strings";
import { sourceName } from "../words/names";
import type { Cue, Timeline } from "./model";

export interface Block {
  id: string;
  left: number;
  width: number;
  label: string;
  kind: "picture" | "text" | "image";
  transition: number;
  track: number;
  index: number;
}

export interface Lane {
  video: boolean;
  enabled: boolean;
  name: string;
  blocks: Block[];
}

const clamp = (x: number): number => Math.min(1, Math.max(0, x));

export function lanes(timeline: Pick<Timeline, "duration_ms" | "tracks">, channel: Channel): Lane[] {
  const whole = Math.max(1, timeline.duration_ms);
  return timeline.tracks.map((track, n) => ({
    video: track.type === "video",
    enabled: track.enabled,
    name: track.name,
    blocks: track.cues.map((cue, index) => {
      const left = clamp(cue.at_ms / whole);
      const base = { id: cue.id, left, width: clamp((cue.at_ms + cue.duration_ms) / whole) - left, track: n, index };
      if ("action" in cue) {
        const transition = clamp(cue.transition.duration_ms / Math.max(1, cue.duration_ms));
        return { ...base, transition, kind: "picture" as const, label: sourceName(channel, cue.action.source) };
      }
      const label = cue.overlay.type === "text" ? cue.overlay.text.replaceAll("{time}", t.program.clock) : cue.overlay.asset;
      return { ...base, transition: 0, kind: cue.overlay.type, label };
    }),
  }));
}

/** Steps between the ruler's marks, milliseconds. */
const STEPS_MS = [1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 14_400, 21_600].map((s) => s * 1000);

/** Times of the ruler's marks: at most `count` of them after the first, at round times. */
export function marks(duration_ms: number, count: number): number[] {
  const step = STEPS_MS.find((ms) => duration_ms / ms <= count) ?? 43_200_000;
  const out = [];
  for (let at = 0; at <= duration_ms; at += step) out.push(at);
  return out;
}

/** Where the playhead stands `elapsed` milliseconds after the status was made. */
export function playhead(status: TimelineStatus, duration_ms: number, elapsed: number): number {
  const at = status.position_ms + (status.running && !status.paused ? Math.max(0, elapsed) : 0);
  return Math.min(at, duration_ms);
}

export function cueById(timeline: Timeline, id: string | null): Cue | undefined {
  for (const track of timeline.tracks) {
    const found = track.type === "video" ? track.cues.find((cue) => cue.id === id) : undefined;
    if (found !== undefined) return found;
  }
  return undefined;
}
