// The form of a destination.

import { t } from "../strings";
import type { Destination, DestinationBody, Wrong } from "../api/types";

export interface DestinationForm {
  name: string;
  url: string;
  key: string;
  enabled: boolean;
}

export type Preset = "youtube" | "facebook" | "twitch" | "other";

/** Addresses that the platforms publish; always the encrypted one. */
export const PRESETS: Record<Preset, string> = {
  youtube: "rtmps://a.rtmps.youtube.com/live2",
  facebook: "rtmps://live-api-s.facebook.com:443/rtmp",
  twitch: "rtmps://ingest.global-contribute.live-video.net:443/app",
  other: "",
};

export function destinationForm(destination?: Destination): DestinationForm {
  return {
    name: destination?.name ?? "",
    url: destination?.url ?? "",
    key: "",
    enabled: destination?.enabled ?? true,
  };
}

/** Which platform an address belongs to. */
export function presetOf(url: string): Preset {
  const known = (Object.keys(PRESETS) as Preset[]).find((preset) => preset !== "other" && PRESETS[preset] === url.trim());
  return known ?? "other";
}

/** Chooses a platform: its address, and its name where the field holds none of the person's own. */
export function withPreset(form: DestinationForm, preset: Preset): DestinationForm {
  const names: string[] = Object.values(t.destinations.form.preset);
  const ownName = form.name.trim() !== "" && !names.includes(form.name.trim());
  const name = ownName ? form.name : preset === "other" ? "" : t.destinations.form.preset[preset];
  return { ...form, name, url: PRESETS[preset] };
}

export function destinationWrongs(form: DestinationForm): Wrong[] {
  const wrongs: Wrong[] = [];
  const f = t.destinations.form;
  if (form.name.trim() === "") wrongs.push({ place: "name", reason: f.needName });
  const url = form.url.trim();
  if (url === "") wrongs.push({ place: "url", reason: f.needUrl });
  else if (!/^rtmps?:\/\/[^/\s@]+\/\S+$/.test(url)) wrongs.push({ place: "url", reason: f.badUrl });
  return wrongs;
}

export function destinationBody(form: DestinationForm): DestinationBody {
  return {
    name: form.name.trim(),
    url: form.url.trim(),
    enabled: form.enabled,
    // Keys are pasted, and pasting brings blanks along. An empty one keeps what is stored.
    ...(form.key.trim() === "" ? {} : { key: form.key.trim() }),
  };
}
