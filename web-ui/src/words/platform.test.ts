import { describe, expect, test } from "vitest";
import type { Channel, House, PlatformName } from "../api/types";
import { PLATFORMS, channel } from "./fixture";
import { bandOf, destinationLimit, formatWords, limitWords, loweredWords, platformOf } from "./platform";

const by = (name: PlatformName): (typeof PLATFORMS)[number] => PLATFORMS.find((one) => one.platform === name)!;
const house = (height: number, fps: number, video_kbps: number): House => ({
  ...channel().house,
  width: (height * 16) / 9,
  height,
  rate: { num: fps, den: 1 },
  video_kbps,
});
/** A channel in this format, of which so much is sent. */
const sending = (format: House, sent = format.video_kbps, live = false): Channel => ({
  ...channel(),
  house: format,
  output: { house: { ...format, video_kbps: sent }, lowered: null },
  live: live ? channel().live : null,
});

test.each([
  ["rtmp://a.rtmp.youtube.com/live2", "youtube"],
  ["rtmps://A.RTMPS.YouTube.com.:443/live2", "youtube"],
  ["rtmps://live-api-s.facebook.com:443/rtmp", "facebook"],
  ["rtmp://live.twitch.tv/app", "twitch"],
  ["rtmps://601c62c19c9e.global-contribute.live-video.net:443/app", "custom"],
  ["rtmp://youtube.com.example.org/live2", "custom"],
  ["rtmp://[2001:db8::1]/live", "custom"],
  ["", "custom"],
])("%s belongs to %s", (url, expected) => expect(platformOf(PLATFORMS, url)).toBe(expected));

test("a platform's limit follows the format", () => {
  expect(bandOf(by("facebook"), house(720, 30, 1))?.kbps_max).toBe(4000);
  expect(bandOf(by("facebook"), house(1080, 25, 1))?.kbps_max).toBe(6000);
  expect(bandOf(by("facebook"), house(720, 60, 1))?.kbps_max).toBe(9000);
  expect(bandOf(by("facebook"), { ...house(1088, 60, 1), width: 1920 })?.kbps_max).toBe(9000);
  expect(bandOf(by("custom"), house(1080, 30, 1))).toBeNull();
});

describe("a limit in plain words", () => {
  test.each([
    ["twitch", sending(house(1080, 30, 4500)), false, "Twitch takes at most 6,000 kbps. You send 4,500 kbps.", false],
    ["facebook", sending(house(1080, 30, 4500)), false, "Facebook takes 3,000 to 6,000 kbps at your picture size. You send 4,500 kbps.", false],
    ["twitch", sending(house(1080, 60, 8000)), false, "Twitch takes at most 6,000 kbps. While it takes part, all destinations get 6,000 kbps instead of 8,000 kbps.", true],
    ["facebook", sending(house(1080, 30, 2500)), false, "Facebook takes 3,000 to 6,000 kbps at your picture size. You send only 2,500 kbps. That works, but it may look bad there.", true],
    ["twitch", sending(house(1080, 60, 8000), 8000, true), false, "Twitch takes at most 6,000 kbps. This broadcast is sent with 8,000 kbps to its end: switch it on after END.", true],
    ["twitch", sending(house(1080, 60, 8000), 6000, true), true, "Twitch takes at most 6,000 kbps. While it takes part, all destinations get 6,000 kbps instead of 8,000 kbps.", true],
  ] as const)("%s", (name, one, isIn, text, warn) => expect(limitWords(by(name), one, isIn)).toEqual({ text, warn }));

  test("of a server without a limit nothing is said", () => expect(limitWords(by("custom"), channel(), false)).toBeNull());
});

test("who lowers the rate is named, and who asks for more", () => {
  const one = sending(house(1080, 60, 8000), 6000);
  expect(loweredWords(one)).toBeNull();
  one.output.lowered = {
    from_kbps: 8000,
    by: [
      { id: "tv", name: "Our TV", platform: "twitch" },
      { id: "b", name: "Second", platform: "twitch" },
    ],
  };
  one.too_low = [{ destination: "facebook", kbps_min: 9000 }];
  expect(loweredWords(one)).toBe("Sent with 6,000 kbps, lowered from 8,000 kbps for Our TV and Second.");
  expect(destinationLimit(one, "tv")).toBe("Limits the picture to 6,000 kbps for all");
  expect(destinationLimit(one, "facebook")).toBe("Asks for at least 9,000 kbps; you send 6,000 kbps");
  expect(destinationLimit(one, "youtube")).toBeNull();
});

test("a format in words", () => {
  expect(formatWords(house(1080, 30, 1))).toBe("1080p, 30 pictures per second");
  expect(formatWords({ ...house(720, 30, 1), rate: { num: 30_000, den: 1001 } })).toBe("720p, 29.97 pictures per second");
});
