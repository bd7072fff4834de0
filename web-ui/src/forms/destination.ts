// The form of a destination.

import { t } from "../strings";
import type { Destination, DestinationBody, Platform, PlatformName, Wrong } from "../api/types";
import { platformOf } from "../words/platform";

export interface DestinationForm {
  name: string;
  url: string;
  key: string;
  enabled: boolean;
}

export function destinationForm(destination?: Destination): DestinationForm {
  return {
    name: destination?.name ?? "",
    url: destination?.url ?? "",
    key: "",
    enabled: destination?.enabled ?? true,
  };
}

/** How a platform is offered. */
export function platformLabel(platform: Platform): string {
  return platform.platform === "custom" ? t.destinations.form.custom : platform.name;
}

/** Chooses a platform: its address, and its name where the field holds none of the person's own. */
export function withPlatform(form: DestinationForm, platforms: Platform[], chosen: PlatformName): DestinationForm {
  const platform = platforms.find((one) => one.platform === chosen);
  const ownName = form.name.trim() !== "" && !platforms.some((one) => one.name === form.name.trim());
  const name = chosen === "custom" ? "" : (platform?.name ?? "");
  return { ...form, name: ownName ? form.name : name, url: platform?.url ?? "" };
}

/** Whether the address is the one that its platform publishes, so that only the key is left to ask for. */
export function isPublished(form: DestinationForm, platforms: Platform[]): boolean {
  return platforms.some((one) => one.url !== null && one.url === form.url.trim());
}

/** The platform's encrypted address, where the one in the form is not encrypted (D-14). */
export function encrypted(form: DestinationForm, platforms: Platform[]): string | null {
  if (!form.url.trim().startsWith("rtmp://")) return null;
  const name = platformOf(platforms, form.url);
  const url = platforms.find((one) => one.platform === name)?.url ?? null;
  return url?.startsWith("rtmps://") ? url : null;
}

/** `hasKey`: a key is stored. A platform's own address needs one; in another address it may be part of the path. */
export function destinationWrongs(form: DestinationForm, platforms: Platform[], hasKey: boolean): Wrong[] {
  const wrongs: Wrong[] = [];
  const f = t.destinations.form;
  if (form.name.trim() === "") wrongs.push({ place: "name", reason: f.needName });
  const url = form.url.trim();
  if (url === "") wrongs.push({ place: "url", reason: f.needUrl });
  else if (!/^rtmps?:\/\/[^/\s@]+\/\S+$/.test(url)) wrongs.push({ place: "url", reason: f.badUrl });
  if (!hasKey && form.key.trim() === "" && isPublished(form, platforms)) wrongs.push({ place: "key", reason: f.needKey });
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
