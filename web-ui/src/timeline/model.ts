// A timeline as the page works on it: the box's document with everything that may be left out filled in.

import type { Action, Anchor, Id, Start, TimelineBody, TimelineDoc, TransitionKind } from "../api/types";

export interface Cue {
  id: Id;
  at_ms: number;
  duration_ms: number;
  action: Action;
  transition: { kind: TransitionKind; duration_ms: number };
}

export interface TextOverlay {
  type: "text";
  text: string;
  anchor: Anchor;
  size: number;
  colour: string;
  background: string | null;
}

export interface ImageOverlay {
  type: "image";
  asset: Id;
  anchor: Anchor;
  size: number;
}

export type Overlay = TextOverlay | ImageOverlay;

export interface OverlayCue {
  id: Id;
  at_ms: number;
  duration_ms: number;
  overlay: Overlay;
  opacity: number;
  fade_in_ms: number;
  fade_out_ms: number;
}

export interface VideoTrack {
  type: "video";
  name: string;
  enabled: boolean;
  cues: Cue[];
}

export interface OverlayTrack {
  type: "overlay";
  name: string;
  enabled: boolean;
  layer: number;
  cues: OverlayCue[];
}

export type Track = VideoTrack | OverlayTrack;

export interface Timeline {
  name: string;
  description: string;
  duration_ms: number;
  repeat: boolean;
  start: Start;
  tracks: Track[];
}

/** The document with its defaults, as the OpenAPI document names them. */
export function timelineOf(doc: TimelineDoc | TimelineBody): Timeline {
  return {
    name: doc.name,
    description: doc.description ?? "",
    duration_ms: doc.duration_ms,
    repeat: doc.repeat ?? false,
    start: doc.start ?? { type: "go_live" },
    tracks: doc.tracks.map((track): Track => {
      const head = { name: track.name, enabled: track.enabled ?? true };
      if (track.type === "video") {
        const cues = track.cues.map((cue): Cue => {
          const { kind = "cut", duration_ms = 0 } = cue.transition ?? {};
          return { ...cue, transition: { kind, duration_ms } };
        });
        return { ...head, type: "video", cues };
      }
      const cues = track.cues.map((cue): OverlayCue => ({
        ...cue,
        overlay: cue.overlay.type === "text" ? { ...cue.overlay, background: cue.overlay.background ?? null } : cue.overlay,
        opacity: cue.opacity ?? 1,
        fade_in_ms: cue.fade_in_ms ?? 0,
        fade_out_ms: cue.fade_out_ms ?? 0,
      }));
      return { ...head, type: "overlay", layer: track.layer, cues };
    }),
  };
}
