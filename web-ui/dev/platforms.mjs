// What platforms take, as the box tells it, and what becomes of a channel's format: enough for looking at the page.

const band = (pixels_max, fps_max, kbps_min, kbps_max) => ({ pixels_max, fps_max, kbps_min, kbps_max });
const of = (platform, name, url, hosts, bands) => ({ platform, name, url, hosts, bands, audio_kbps_max: null, keyframe_s: 2, source: "", looked_up: "" });

export const PLATFORMS = [
  of("youtube", "YouTube", "rtmps://a.rtmps.youtube.com/live2", [".youtube.com"], [band(2_073_600, 60, 0, 8000)]),
  of("facebook", "Facebook", "rtmps://live-api-s.facebook.com:443/rtmp", [".facebook.com"], [
    band(921_600, 30, 1500, 4000),
    band(2_073_600, 30, 3000, 6000),
    band(2_073_600, 60, 4500, 9000),
  ]),
  of("twitch", "Twitch", "rtmps://ingest.global-contribute.live-video.net:443/app", [".twitch.tv", "ingest.global-contribute.live-video.net"], [
    band(2_073_600, 60, 0, 6000),
  ]),
  of("custom", "another server", null, [], []),
];

export function platformOf(url) {
  const host = /^rtmps?:\/\/([^/:]*)/.exec(url)?.[1] ?? "";
  const is = (known) => (known.startsWith(".") ? host.endsWith(known) : host === known);
  return PLATFORMS.find((one) => one.hosts.some(is))?.platform ?? "custom";
}

function bandOf(platform, house) {
  const holds = (one) => house.width * house.height <= one.pixels_max && house.rate.num <= one.fps_max * house.rate.den;
  const { bands } = PLATFORMS.find((one) => one.platform === platform);
  return bands.find(holds) ?? bands.at(-1);
}

/** The two fields of a channel that follow from its format and its destinations. */
export function limits({ house, destinations }) {
  const all = destinations.filter((one) => one.enabled).map((one) => ({ one, band: bandOf(one.platform, house) }));
  const strictest = Math.min(house.video_kbps, ...all.map(({ band }) => band?.kbps_max ?? Infinity));
  const by = all.filter(({ band }) => band?.kbps_max === strictest).map(({ one }) => ({ id: one.id, name: one.name, platform: one.platform }));
  const lowered = strictest < house.video_kbps ? { from_kbps: house.video_kbps, by } : null;
  const too_low = all.filter(({ band }) => band?.kbps_min > strictest).map(({ one, band }) => ({ destination: one.id, kbps_min: band.kbps_min }));
  return { output: { house: { ...house, video_kbps: strictest }, lowered }, too_low };
}
