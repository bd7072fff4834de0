// Capture devices in words, and as choices.

import { t } from "../strings";
import type { CaptureDevice } from "../api/types";

/** A device to choose; one that is chosen and not plugged in has its identity alone. */
export type DeviceChoice = CaptureDevice | { id: string; missing: true };

/** What can be chosen: what is plugged in, and what was chosen before. */
export function deviceChoices(devices: CaptureDevice[], media: CaptureDevice["media"], chosen: string): DeviceChoice[] {
  const there: DeviceChoice[] = devices.filter((device) => device.media === media);
  const stays = ["", "auto", "none"].includes(chosen) || there.some(({ id }) => id === chosen);
  return stays ? there : [...there, { id: chosen, missing: true }];
}

/** Name, largest picture, and whether somebody has it already. */
export function deviceWords(device: DeviceChoice): string {
  const f = t.sources.form;
  if ("missing" in device) return f.captureMissing(device.id);
  const [best] = device.formats;
  const size = best === undefined ? [] : [f.captureSize(best.width, best.height)];
  return [device.name, ...size, socket(device.id), ...(device.in_use ? [f.captureInUse] : [])].join(t.common.comma);
}

/** The last part of where it is plugged in: two of a kind differ in it alone. */
function socket(id: string): string {
  const place = id.slice(id.indexOf("@") + 1).replace(/#0$/, "");
  return t.sources.form.captureSocket(id.startsWith("@") ? place.replace(/^.*\//, "") : place.replace(/^.*:/, ""));
}
