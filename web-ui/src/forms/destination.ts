// The form of a destination.

import { t } from "../strings";
import type { Container, Destination, DestinationBody, DestinationKind, Medium, Platform, PlatformName, Wrong } from "../api/types";
import { platformOf } from "../words/platform";

/** What can be chosen: a platform by RTMP, or another way out. */
export type Choice = PlatformName | "srt" | "file";

export interface DestinationForm {
  kind: DestinationKind;
  name: string;
  enabled: boolean;
  /** Hours; empty for no limit. */
  renew_hours: string;
  url: string;
  key: string;
  authority: string;
  passphrase: string;
  stream_id: string;
  latency_ms: number;
  medium: Medium;
  folder: string;
  container: Container;
  part_minutes: number;
  keep_gb: number;
  leave_gb: number;
}

export const SRT_LATENCY_MS_DEFAULT = 1000;
const MB_PER_GB = 1000;

export function destinationForm(destination?: Destination): DestinationForm {
  const form: DestinationForm = {
    kind: destination?.kind ?? "rtmp",
    name: destination?.name ?? "",
    enabled: destination?.enabled ?? true,
    renew_hours: destination?.renew_hours?.toString() ?? "",
    url: "",
    key: "",
    authority: "",
    passphrase: "",
    stream_id: "",
    latency_ms: SRT_LATENCY_MS_DEFAULT,
    medium: "card",
    folder: "",
    container: "mp4",
    part_minutes: 10,
    keep_gb: 20,
    leave_gb: 1,
  };
  if (destination === undefined) return form;
  switch (destination.kind) {
    case "rtmp":
      return { ...form, url: destination.url, authority: destination.authority ?? "" };
    case "srt":
      return { ...form, url: destination.url, latency_ms: destination.latency_ms };
    case "file":
      return {
        ...form,
        medium: destination.medium,
        folder: destination.folder,
        container: destination.container,
        part_minutes: destination.part_minutes,
        keep_gb: destination.keep_mb / MB_PER_GB,
        leave_gb: destination.leave_mb / MB_PER_GB,
      };
  }
}

/** Which choice a stored destination is. */
export function choiceOf(destination: Destination): Choice {
  return destination.kind === "rtmp" ? destination.platform : destination.kind;
}

/** How a platform is offered. */
export function platformLabel(platform: Platform): string {
  return platform.platform === "custom" ? t.destinations.form.custom : platform.name;
}

/** Chooses a platform: its address, and its name where the field holds none of the person's own. */
export function withPlatform(form: DestinationForm, platforms: Platform[], chosen: PlatformName): DestinationForm {
  const platform = platforms.find((one) => one.platform === chosen);
  const name = chosen === "custom" ? "" : (platform?.name ?? "");
  return { ...form, kind: "rtmp", name: ownName(form, platforms) ? form.name : name, url: platform?.url ?? "" };
}

/** Chooses another way out than a platform. */
export function withKind(form: DestinationForm, platforms: Platform[], kind: "srt" | "file"): DestinationForm {
  const name = ownName(form, platforms) ? form.name : kind === "file" ? t.destinations.form.fileName : "";
  return { ...form, kind, name, url: "", folder: kind === "file" && form.folder === "" ? "evenings" : form.folder };
}

function ownName(form: DestinationForm, platforms: Platform[]): boolean {
  const name = form.name.trim();
  return name !== "" && name !== t.destinations.form.fileName && !platforms.some((one) => one.name === name);
}

/** Whether the address is the one that its platform publishes, so that only the key is left to ask for. */
export function isPublished(form: DestinationForm, platforms: Platform[]): boolean {
  return form.kind === "rtmp" && platforms.some((one) => one.url !== null && one.url === form.url.trim());
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
  const wrong = (place: string, reason: string): number => wrongs.push({ place, reason });
  if (form.name.trim() === "") wrong("name", f.needName);
  const url = form.url.trim();
  if (form.kind === "rtmp") {
    if (url === "") wrong("url", f.needUrl);
    else if (!/^rtmps?:\/\/[^/\s@]+\/\S+$/.test(url)) wrong("url", f.badUrl);
    if (!hasKey && form.key.trim() === "" && isPublished(form, platforms)) wrong("key", f.needKey);
  } else if (form.kind === "srt") {
    if (url === "") wrong("url", f.needUrl);
    else if (!/^srt:\/\/(\[[^\]\s]+\]|[^/\s@:?]+):\d+$/.test(url)) wrong("url", f.badSrtUrl);
    const { length } = form.passphrase.trim();
    if (length > 0 && (length < 10 || length > 79)) wrong("passphrase", f.badPassphrase);
  } else if (!/^[a-z0-9_-]{1,64}$/.test(form.folder.trim())) {
    wrong("folder", f.badFolder);
  }
  const hours = form.renew_hours.trim();
  if (hours !== "" && !(/^\d+$/.test(hours) && Number(hours) >= 1 && Number(hours) <= 480)) wrong("renew_hours", f.badHours);
  return wrongs;
}

export function destinationBody(form: DestinationForm): DestinationBody {
  const hours = form.renew_hours.trim();
  const head = { name: form.name.trim(), enabled: form.enabled, renew_hours: hours === "" ? null : Number(hours) };
  // Secrets are pasted, and pasting brings blanks along. An empty one keeps what is stored.
  const typed = <Name extends string>(name: Name, text: string): { [K in Name]?: string } =>
    (text.trim() === "" ? {} : { [name]: text.trim() }) as { [K in Name]?: string };
  switch (form.kind) {
    case "rtmp": {
      const authority = form.authority.trim() === "" ? null : form.authority.trim();
      return { ...head, kind: "rtmp", url: form.url.trim(), authority, ...typed("key", form.key) };
    }
    case "srt":
      return {
        ...head,
        kind: "srt",
        url: form.url.trim(),
        latency_ms: form.latency_ms,
        ...typed("passphrase", form.passphrase),
        ...typed("stream_id", form.stream_id),
      };
    case "file":
      return {
        ...head,
        renew_hours: null,
        kind: "file",
        medium: form.medium,
        folder: form.folder.trim(),
        container: form.container,
        part_minutes: form.part_minutes,
        keep_mb: Math.round(form.keep_gb * MB_PER_GB),
        leave_mb: Math.round(form.leave_gb * MB_PER_GB),
      };
  }
}

/** Where a destination goes, in one line. */
export function addressWords(destination: Destination): string {
  return destination.kind === "file" ? t.destinations.folder(destination.folder, destination.medium) : destination.url;
}
