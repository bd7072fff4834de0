import { expect, test } from "vitest";
import { bytesText } from "./bytes";
import { destinationWords } from "./destination";
import { channel, destination, fault, source } from "./fixture";
import { AMBER_DB, FLOOR_DB, MARKS_DB, RED_DB, share, soundWords, sunk } from "./meter";
import { canLoop, isLiveInput, sourceWords } from "./source";
import type { DestinationStatus, SourceStatus } from "../api/types";

const [camera, , obs, loop] = channel().sources;
const [youtube] = channel().destinations;
if (camera === undefined || obs === undefined || loop === undefined || youtube === undefined) throw new Error("fixture");

test("a playout's stream can be the loop, and takes no program by itself", () => {
  const playout = { ...obs, role: "loop" } as typeof obs;
  const all = [camera, obs, loop, playout];
  expect(all.map(isLiveInput)).toEqual([true, true, false, false]);
  expect(isLiveInput({ ...camera, sound_only: true })).toBe(false);
  expect(all.map(canLoop)).toEqual([false, false, true, true]);
});

test.each<[Partial<SourceStatus>, string, string]>([
  [{}, "Online, 1920 × 1080, 25 pictures/s, H.264, AAC, 4.2 Mbit/s", "good"],
  [{ sound: false }, "Online, 1920 × 1080, 25 pictures/s, no sound, H.264, AAC, 4.2 Mbit/s", "good"],
  [{ sound_only: true, width: 0, level_db: -17.6 }, "Online, sound only, peak −18 dB", "good"],
  [{ arriving: null }, "Online, 1920 × 1080, 25 pictures/s", "good"],
  [
    { arriving: { formats: ["JPEG"], kbps: 900, bytes: 1, jitter_ms: 740, buffer_ms: 300, jumps: 0, connections: 1 } },
    "Online, 1920 × 1080, 25 pictures/s, JPEG, 0.9 Mbit/s, comes up to 0.7 s late: give it a longer delay",
    "good",
  ],
  [{ state: "settling" }, "Coming back …, 1920 × 1080, 25 pictures/s, H.264, AAC, 4.2 Mbit/s", "warn"],
  [{ state: "frozen" }, "Stands still, 1920 × 1080, 25 pictures/s, H.264, AAC, 4.2 Mbit/s", "warn"],
  [{ state: "silent" }, "Silent, 1920 × 1080, 25 pictures/s, H.264, AAC, 4.2 Mbit/s", "warn"],
  [{ state: "unstable" }, "Comes and goes, 1920 × 1080, 25 pictures/s, H.264, AAC, 4.2 Mbit/s", "warn"],
  [{ state: "lost", attempt: 3 }, "Offline, tried 3 times", "bad"],
  [{ state: "connecting", width: 0 }, "Connecting …", "idle"],
  [{ state: "connecting", attempt: 1, fault: fault("source_refused", "camera-1") }, "Offline, tried once", "bad"],
  [{ state: "connecting", fault: fault("source_waiting", "obs") }, "Nobody is sending yet", "idle"],
])("source %j: %s", (status, words, tone) => {
  const { text, detail, tone: is } = sourceWords(camera, source("camera-1", status));
  expect([[text, detail].filter((part) => part !== "").join(", "), is]).toEqual([words, tone]);
});

test("a film is ready, not online; a source without status is unknown", () => {
  expect(sourceWords(loop, source("loop")).text).toBe("Ready");
  expect(sourceWords(obs, undefined).text).toBe("Unknown");
});

test.each<[Partial<DestinationStatus>, number | null, string, string]>([
  [{ state: "idle" }, null, "Ready", "idle"],
  [{ state: "off" }, null, "Switched off", "idle"],
  [{ state: "connecting" }, null, "Connecting …", "warn"],
  [{ state: "connecting", attempt: 2 }, null, "Connecting …, try 3", "warn"],
  [{}, null, "Live", "good"],
  [{ queue_ms: 3400 }, null, "Live, 3.4 s behind", "warn"],
  [{ state: "waiting", attempt: 1 }, 3200, "Trying again in 0:04, try 2", "bad"],
  [{ state: "waiting", attempt: 1 }, null, "Waiting to try again, try 2", "bad"],
])("destination %j with %s ms left: %s", (status, retry, words, tone) => {
  const { text, detail, tone: is } = destinationWords(youtube, destination("youtube", status), retry);
  expect([[text, detail].filter((part) => part !== "").join(", "), is]).toEqual([words, tone]);
});

test("one that a person switched off is off, whatever the worker says meanwhile", () => {
  expect(destinationWords({ ...youtube, enabled: false }, destination("youtube"), null).text).toBe("Switched off");
});

test("the scale of the meters rises from its floor to full scale", () => {
  const levels = [-90, FLOOR_DB, ...[...MARKS_DB].reverse(), 3];
  const shares = levels.map(share);
  expect(shares[0]).toBe(0);
  expect(shares.at(-1)).toBe(1);
  expect([...shares].sort((a, b) => a - b)).toEqual(shares);
  expect(share(Number.NaN)).toBe(0);
  expect(share(AMBER_DB)).toBeLessThan(share(RED_DB));
});

test.each([
  [-0.5, -8, "Too loud"],
  [-4, -14, "Loud"],
  [-12, -20, "Good"],
  [-38, -46, "Quiet"],
  [-90, -90, "Silent"],
])("peak %d, rms %d: %s", (peak, rms, words) =>
  expect(soundWords({ peak_db: [peak, -90], rms_db: [rms, -90] }).text).toBe(words),
);

test("held levels rise at once and sink slowly, never below silence", () => {
  const high = { peak_db: [-3, -3], rms_db: [-10, -10] };
  const quiet = { peak_db: [-90, -90], rms_db: [-90, -90] };
  expect(sunk(quiet, high)).toEqual(high);
  const next = sunk(high, quiet).peak_db[0] ?? 0;
  expect(next).toBeLessThan(-3);
  expect(next).toBeGreaterThan(-8);
  expect(sunk(quiet, quiet)).toEqual(quiet);
});

test.each([
  [0, "0 B"],
  [999, "999 B"],
  [1500, "1.5 kB"],
  [81_300, "81 kB"],
  [1_400_000_000, "1.4 GB"],
  [2_147_483_648, "2.1 GB"],
])("%d bytes: %s", (bytes, text) => expect(bytesText(bytes)).toBe(text));
