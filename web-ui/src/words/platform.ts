// What platforms take, and what is sent, in words. The limits come from the box; see `automation`, `spec::platform`.

import { t } from "../strings";
import type { Band, Channel, House, Platform, PlatformName } from "../api/types";

/** The platform that an address belongs to, by its host. */
export function platformOf(platforms: Platform[], url: string): PlatformName {
  const host = /^rtmps?:\/\/(\[[^\]]*\]|[^/:]*)/i.exec(url.trim())?.[1]?.toLowerCase().replace(/\.+$/, "") ?? "";
  const is = (known: string): boolean => (known.startsWith(".") ? host.endsWith(known) : host === known);
  return platforms.find((one) => one.hosts.some(is))?.platform ?? "custom";
}

/** The rates that a platform takes for a format: those of the smallest picture that holds it, or of the largest. */
export function bandOf(platform: Platform, house: House): Band | null {
  const holds = (band: Band): boolean =>
    house.width * house.height <= band.pixels_max && house.rate.num <= band.fps_max * house.rate.den;
  return platform.bands.find(holds) ?? platform.bands.at(-1) ?? null;
}

export function formatWords(house: House): string {
  return t.settings.formats(house.height, Math.round((100 * house.rate.num) / house.rate.den) / 100);
}

export interface LimitWords {
  /** What the platform takes, and what that means here. */
  text: string;
  /** Whether something is lowered, or too low. */
  warn: boolean;
}

/** What a platform's limit means for a channel, if one is known; `isIn`: the destination takes part already. */
export function limitWords(platform: Platform, channel: Channel, isIn: boolean): LimitWords | null {
  const band = bandOf(platform, channel.house);
  if (band === null) return null;
  const l = t.destinations.limit;
  const kbps = t.common.kbps;
  const takes =
    band.kbps_min > 0
      ? l.between(platform.name, t.common.count(band.kbps_min), kbps(band.kbps_max))
      : l.atMost(platform.name, kbps(band.kbps_max));
  const { house } = channel.output;
  if (channel.live !== null && !isIn && band.kbps_max < house.video_kbps) {
    return { text: `${takes} ${l.nextTime(kbps(house.video_kbps))}`, warn: true };
  }
  if (band.kbps_max < channel.house.video_kbps) {
    return { text: `${takes} ${l.lowers(kbps(channel.house.video_kbps), kbps(band.kbps_max))}`, warn: true };
  }
  if (band.kbps_min > house.video_kbps) return { text: `${takes} ${l.tooLow(kbps(house.video_kbps))}`, warn: true };
  return { text: `${takes} ${l.fits(kbps(house.video_kbps))}`, warn: false };
}

/** Why less is sent than the format says; nothing where it is not. */
export function loweredWords(channel: Channel): string | null {
  const { house, lowered } = channel.output;
  if (lowered === null) return null;
  const names = t.common.and(lowered.by.map((party) => party.name));
  return t.settings.lowered(t.common.kbps(house.video_kbps), t.common.kbps(lowered.from_kbps), names);
}

/** What a destination does to the others, or lacks, in a few words; nothing where all fits. */
export function destinationLimit(channel: Channel, id: string): string | null {
  if (channel.output.lowered?.by.some((party) => party.id === id)) {
    return t.destinations.limit.caps(t.common.kbps(channel.output.house.video_kbps));
  }
  const low = channel.too_low.find((one) => one.destination === id);
  return low === undefined
    ? null
    : t.destinations.limit.asks(t.common.kbps(low.kbps_min), t.common.kbps(channel.output.house.video_kbps));
}
