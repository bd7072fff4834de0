// Words of a timeline's cues.

import type { Channel, Wrong } from "../api/types";
import { t } from "../strings";
import { sourceName } from "../words/names";
import { clockText, fieldText } from "../words/time";
import type { Cue, OverlayCue, Timeline } from "./model";

export function cueName(channel: Channel, cue: Cue): string {
  return cue.action.source === "" ? t.editor.sourceNone : sourceName(channel, cue.action.source);
}

/** `0:30 – 1:00`. */
export function cueWhen(cue: Cue | OverlayCue): string {
  return `${clockText(cue.at_ms)} – ${clockText(cue.at_ms + cue.duration_ms)}`;
}

export function transitionWords(cue: Cue): string {
  const name = t.editor.transitions[cue.transition.kind];
  return cue.transition.kind === "cut" ? name : `${name}${t.common.comma}${fieldText(cue.transition.duration_ms)}`;
}

/** What a glance shows to be wrong: ids that the box could not even read. All else is the box's to judge. */
export function timelineWrongs(timeline: Timeline): Wrong[] {
  const wrongs: Wrong[] = [];
  timeline.tracks.forEach((track, n) => {
    if (track.type === "video") {
      track.cues.forEach((cue, c) => {
        if (cue.action.source === "") wrongs.push({ place: `tracks[${n}].cues[${c}].action.source`, reason: t.editor.needSource });
      });
    } else {
      track.cues.forEach((cue, c) => {
        const empty = cue.overlay.type === "image" && cue.overlay.asset === "";
        if (empty) wrongs.push({ place: `tracks[${n}].cues[${c}].overlay.asset`, reason: t.editor.needAsset });
      });
    }
  });
  return wrongs;
}

const CUE_FIELDS = ["at_ms", "duration_ms", "action", "action.source", "action.preset.token", "transition", "transition.kind", "transition.duration_ms"];
const OVERLAY_FIELDS = [
  "at_ms",
  "duration_ms",
  "opacity",
  "fade_in_ms",
  "fade_out_ms",
  "overlay.text",
  "overlay.asset",
  "overlay.size",
  "overlay.colour",
];

/** Places that have a field in the editor; refusals of all others are listed above the form. */
export function placesShown(timeline: Timeline): string[] {
  const cues = timeline.tracks.flatMap((track, n) =>
    track.cues.flatMap((_, c) =>
      (track.type === "video" ? CUE_FIELDS : OVERLAY_FIELDS).map((field) => `tracks[${n}].cues[${c}].${field}`),
    ),
  );
  return ["name", "description", "duration_ms", "start.at_ms", ...timeline.tracks.map((_, n) => `tracks[${n}].name`), ...cues];
}
