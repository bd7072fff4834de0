// Formats that are offered (D-3, CT-14). The box takes others too.

import type { House } from "../api/types";

type Format = Pick<House, "width" | "height" | "rate" | "video_kbps" | "audio_kbps">;

/** By what a person reads: lines and pictures per second. Rates follow what the platforms ask for. */
export const FORMATS: Record<string, { house: Format }> = {
  "1080p30": { house: { width: 1920, height: 1080, rate: { num: 30, den: 1 }, video_kbps: 4500, audio_kbps: 160 } },
  "1080p25": { house: { width: 1920, height: 1080, rate: { num: 25, den: 1 }, video_kbps: 4500, audio_kbps: 160 } },
  "1080p60": { house: { width: 1920, height: 1080, rate: { num: 60, den: 1 }, video_kbps: 6000, audio_kbps: 160 } },
  "720p30": { house: { width: 1280, height: 720, rate: { num: 30, den: 1 }, video_kbps: 3000, audio_kbps: 160 } },
  "720p25": { house: { width: 1280, height: 720, rate: { num: 25, den: 1 }, video_kbps: 3000, audio_kbps: 160 } },
  "480p30": { house: { width: 854, height: 480, rate: { num: 30, den: 1 }, video_kbps: 1500, audio_kbps: 160 } },
};

/** Key of the format; `own` where it is none of ours. */
export function formatOf(house: House): string {
  const same = (format: Format): boolean =>
    format.width === house.width &&
    format.height === house.height &&
    format.rate.num * house.rate.den === house.rate.num * format.rate.den &&
    format.video_kbps === house.video_kbps &&
    format.audio_kbps === house.audio_kbps;
  return Object.keys(FORMATS).find((key) => same((FORMATS[key] as { house: Format }).house)) ?? "own";
}
