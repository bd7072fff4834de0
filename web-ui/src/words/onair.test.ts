import { expect, test } from "vitest";
import type { OnAir } from "../api/types";
import { board, channel, status } from "./fixture";
import { isFallback, onAirWords, phase, tally } from "./onair";

const at = (carrier: OnAir["carrier"], source: string | null, wanted: string | null = source): OnAir => ({
  source,
  wanted,
  carrier,
  since_tick: 0,
});

test.each<[OnAir, string]>([
  [at("pin", "camera-2"), "You pinned Camera 2"],
  [at("take", "camera-2"), "You took Camera 2"],
  [at("live_input", "obs"), "OBS – live input"],
  [at("timeline", "camera-1"), "Camera 1 – by the timeline"],
  [at("primary", "camera-1"), "Camera 1 – your main source"],
  [at("backup", "camera-2", "camera-1"), "Camera 2 – Camera 1 is offline"],
  [at("loop", "loop", "camera-1"), "Loop – Camera 1 is offline"],
  [at("slate", null, "camera-1"), "Slate – Camera 1 is offline"],
  [at("slate", null, null), "Slate – no source is available"],
  [at("primary", "gone"), "Unknown source – your main source"],
])("%j reads: %s", (onAir, words) => expect(onAirWords(channel(), onAir)).toBe(words));

test("backup, loop and slate are fallbacks, and nothing else", () => {
  const all: OnAir["carrier"][] = ["pin", "take", "live_input", "timeline", "primary", "backup", "loop", "slate"];
  expect(all.filter((carrier) => isFallback(at(carrier, "camera-1")))).toEqual(["backup", "loop", "slate"]);
});

test("tally: red for what is on air, amber for what is wanted instead", () => {
  const onAir = at("backup", "camera-2", "camera-1");
  expect(["camera-1", "camera-2", "obs"].map((id) => tally(onAir, id))).toEqual(["wanted", "on_air", "none"]);
  expect(tally(undefined, "camera-1")).toBe("none");
});

test("phase: off, counting down, live; and live while the worker is away", () => {
  const off = { ...channel(), live: null };
  const counting = status({}, { live: { session: "s", countdown_ms: 1200, since_ms: 0 } });
  expect(phase(board(status(), off).channel)).toBe("off");
  expect(phase(board(counting).channel)).toBe("countdown");
  expect(phase(board(status()).channel)).toBe("live");
  expect(phase(board(null).channel)).toBe("live");
});
