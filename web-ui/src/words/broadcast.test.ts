import { expect, test } from "vitest";
import type { Execution, Figures } from "../api/types";
import { plain } from "./said";
import { destinationsOf, endWords, lengthOf, wrongsOf } from "./broadcast";

const figures = (more: Partial<Figures> = {}): Figures => ({
  since_ms: 3_600_000,
  ticks: 108_000,
  ticks_missing: 0,
  ticks_late: 0,
  late_ms_worst: 0,
  workers: 1,
  cues_due: 5,
  cues_shown: 5,
  faults: 0,
  troubles: [],
  destinations: [],
  ...more,
});
const destination = (name: string, sessions: number, dropped = 0): Figures["destinations"][number] => ({
  id: name.toLowerCase(),
  name,
  sessions,
  renewals: 0,
  bytes_acked: 0,
  dropped,
  fault: null,
});
const execution = (more: Partial<Execution> = {}): Execution => ({
  session: "s",
  timeline: "evening",
  timeline_name: "Evening",
  started_at_ms: 1_000_000,
  completed_at_ms: 4_600_000,
  status: "stopped",
  executed_by: "Ada",
  error_message: null,
  metrics: figures(),
  ...more,
});

test.each<[Execution["status"], string, string]>([
  ["running", "On air now", "warn"],
  ["completed", "Played to its end", "good"],
  ["stopped", "Ended by hand", "good"],
  ["error", "Went wrong", "bad"],
])("%s reads %s", (status, text, tone) => expect(endWords(execution({ status }))).toEqual({ text, tone }));

test("its length is that of the broadcast, and of one that runs up to now", () => {
  expect(lengthOf(execution(), 0)).toBe(3_600_000);
  expect(lengthOf(execution({ completed_at_ms: null }), 1_060_000)).toBe(60_000);
  const cancelled = execution({ completed_at_ms: 999_000 });
  expect([lengthOf(cancelled, 0), endWords(cancelled).text]).toEqual([0, "Cancelled in the countdown"]);
});

test("only one session is good", () => {
  const metrics = figures({ destinations: [destination("YouTube", 1), destination("Twitch", 3), destination("Facebook", 0)] });
  expect(destinationsOf(metrics).map(({ text, good }) => [text, good])).toEqual([
    ["YouTube: sessions: 1", true],
    ["Twitch: sessions: 3", false],
    ["Facebook: never reached", false],
  ]);
});

test("a broadcast without trouble has nothing to tell", () => expect(wrongsOf(execution()).map(plain)).toEqual([]));

test("what went wrong is told once, the gravest first", () => {
  const trouble = (code: Figures["troubles"][number]["code"], text: string, count: number) => ({ code, subject: "", text, count });
  const metrics = figures({
    workers: 3,
    ticks_missing: 1200,
    cues_shown: 3,
    faults: 6,
    destinations: [destination("Twitch", 1, 90)],
    troubles: [
      trouble("source_lost", "Camera 2: The source stopped sending pictures.", 2),
      trouble("worker_lost", "The channel's process ended and is started again.", 2),
      trouble("ticks_missing", "The box was too slow: 1200 pictures are missing from the program.", 1),
      trouble("destination_lost", "Twitch: The connection to the platform broke.", 1),
    ],
  });
  expect(wrongsOf(execution({ status: "error", error_message: "No destination was reached.", metrics })).map(plain)).toEqual([
    "No destination was reached.",
    "The channel's process was started again 2 times.",
    "1,200 pictures are missing: the box was too slow.",
    "2 of 5 cues did not come on air themselves: a fallback was shown.",
    "Twitch was too slow: 90 packets were left out.",
    "Camera 2: The source stopped sending pictures. (2 times)",
    "Twitch: The connection to the platform broke.",
  ]);
  const lostOnce = figures({ troubles: [trouble("worker_lost", "The channel's process ended and is started again.", 1)], faults: 1 });
  expect(wrongsOf(execution({ metrics: lostOnce })).map(plain)).toEqual(["The channel's process ended and is started again."]);
});
