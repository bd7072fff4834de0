// Changes to a timeline, as pure functions. Cues of a track are kept in the order of their time.

import type { Asset, Id, Source } from "../api/types";
import type { Cue, Overlay, OverlayCue, OverlayTrack, Timeline, Track, VideoTrack } from "./model";

/** Length of a new cue, milliseconds. */
export const CUE_MS_DEFAULT = 30_000;
export const OVERLAY_MS_DEFAULT = 10_000;
/** Shortest and longest timeline, milliseconds. */
export const LENGTH_MS_MIN = 1000;
export const LENGTH_MS_MAX = 86_400_000;

interface Timed {
  at_ms: number;
  duration_ms: number;
}

export const endOf = (cue: Timed): number => cue.at_ms + cue.duration_ms;

/** End of the last cue on any track; 0 without cues. */
export function lastEnd(tracks: Track[]): number {
  return Math.max(0, ...tracks.flatMap((track) => track.cues.map(endOf)));
}

export function emptyTimeline(name: string): Timeline {
  return { name, description: "", duration_ms: 60_000, repeat: false, start: { type: "go_live" }, tracks: [{ type: "video", name: "Picture", enabled: true, cues: [] }] };
}

/** Whether a track with pictures is switched on; without one the main source stays on air. */
export function playsPictures(tracks: Track[]): boolean {
  return tracks.some((track) => track.type === "video" && track.enabled);
}

/** An id that no cue of the timeline has: `cue-1`, `cue-2`, … */
export function freshCueId(tracks: Track[]): Id {
  const taken = new Set(tracks.flatMap((track) => track.cues.map((cue) => cue.id)));
  let n = taken.size + 1;
  while (taken.has(`cue-${n}`)) n += 1;
  return `cue-${n}`;
}

/** The cues in order of time; those of the same time keep their order. */
export function sorted<T extends Timed>(cues: T[]): T[] {
  return [...cues].sort((a, b) => a.at_ms - b.at_ms);
}

/** Makes the timeline long enough for its cues. It never gets shorter by itself. */
export function grown(timeline: Timeline): Timeline {
  const end = Math.min(lastEnd(timeline.tracks), LENGTH_MS_MAX);
  return end > timeline.duration_ms ? { ...timeline, duration_ms: end } : timeline;
}

/** The timeline ends where its last cue ends. */
export function fitted(timeline: Timeline): Timeline {
  const end = lastEnd(timeline.tracks);
  return { ...timeline, duration_ms: Math.min(Math.max(end, LENGTH_MS_MIN), LENGTH_MS_MAX) };
}

/** The action that puts this source on air. */
export function actionFor(source: Source): Cue["action"] {
  return { type: source.kind === "media" ? "show_media" : "show_camera", source: source.id };
}

/** The cue with its camera at another preset; none where `token` is empty. */
export function withPreset(cue: Cue, token: string, on_air = false): Cue {
  const { type, source } = cue.action;
  if (type !== "show_camera") return cue;
  return { ...cue, action: token === "" ? { type, source } : { type, source, preset: { token, on_air } } };
}

export function newCue(tracks: Track[], track: VideoTrack, source: Source | undefined): Cue {
  const last = track.cues.at(-1);
  return {
    id: freshCueId(tracks),
    at_ms: last === undefined ? 0 : endOf(last),
    duration_ms: last?.duration_ms ?? CUE_MS_DEFAULT,
    action: source === undefined ? { type: "show_camera", source: "" } : actionFor(source),
    transition: { kind: "cut", duration_ms: 0 },
  };
}

export function newText(text: string): Overlay {
  return { type: "text", text, anchor: "bottom_left", size: 60, colour: "#ffffff", background: "#000000b3" };
}

export function newImage(asset: Asset | undefined): Overlay {
  return { type: "image", asset: asset?.id ?? "", anchor: "top_right", size: 120 };
}

export function newOverlayCue(tracks: Track[], at_ms: number, overlay: Overlay): OverlayCue {
  return {
    id: freshCueId(tracks),
    at_ms,
    duration_ms: OVERLAY_MS_DEFAULT,
    overlay,
    opacity: 1,
    fade_in_ms: 500,
    fade_out_ms: 500,
  };
}

const overlaps = (a: Timed, b: Timed): boolean => a.at_ms < endOf(b) && b.at_ms < endOf(a);

/** Puts an overlay cue on the first overlay track that is free then, or on a new one above all others. */
export function placeOverlay(tracks: Track[], cue: OverlayCue): Track[] {
  const free = tracks.findIndex(
    (track) => track.type === "overlay" && track.enabled && !track.cues.some((other) => overlaps(other, cue)),
  );
  if (free >= 0) {
    return tracks.map((track, i) =>
      i === free && track.type === "overlay" ? { ...track, cues: sorted([...track.cues, cue]) } : track,
    );
  }
  const layers = tracks.flatMap((track) => (track.type === "overlay" ? [track.layer] : []));
  const layer = Math.min(100, Math.max(0, ...layers) + 1);
  const made: OverlayTrack = { type: "overlay", name: `Overlay ${layers.length + 1}`, enabled: true, layer, cues: [cue] };
  return [...tracks, made];
}

/** Changes a cue's length; the cues that follow it without a gap move along. */
export function resized<T extends Timed>(cues: T[], index: number, duration_ms: number): T[] {
  const cue = cues[index];
  if (cue === undefined) return cues;
  return followers(cues, index, duration_ms - cue.duration_ms, { ...cue, duration_ms });
}

/** Takes a cue out; the cues that followed it without a gap close up. */
export function removed<T extends Timed>(cues: T[], index: number): T[] {
  const cue = cues[index];
  if (cue === undefined) return cues;
  return followers(cues, index, -cue.duration_ms, null);
}

function followers<T extends Timed>(cues: T[], index: number, by: number, instead: T | null): T[] {
  const out = cues.slice(0, index);
  if (instead !== null) out.push(instead);
  let edge = endOf(cues[index] as T);
  let joined = true;
  for (const cue of cues.slice(index + 1)) {
    joined &&= cue.at_ms === edge;
    edge = endOf(cue);
    out.push(joined ? { ...cue, at_ms: cue.at_ms + by } : cue);
  }
  return out;
}

/** Exchanges a cue with the one after it; together they fill the same time as before. */
export function swapped<T extends Timed>(cues: T[], index: number): T[] {
  const [a, b] = [cues[index], cues[index + 1]];
  if (a === undefined || b === undefined) return cues;
  const gap = b.at_ms - endOf(a);
  const out = [...cues];
  out[index] = { ...b, at_ms: a.at_ms };
  out[index + 1] = { ...a, at_ms: a.at_ms + b.duration_ms + gap };
  return out;
}

/** What goes over the wire: tracks in order of time, so that `tracks[0].cues[2]` names the third cue that is seen. */
export function ordered(timeline: Timeline): Timeline {
  return {
    ...timeline,
    tracks: timeline.tracks.map((track) =>
      track.type === "video" ? { ...track, cues: sorted(track.cues) } : { ...track, cues: sorted(track.cues) },
    ),
  };
}
