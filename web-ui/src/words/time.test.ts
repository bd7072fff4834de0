import { expect, test } from "vitest";
import { clockText, countdownSeconds, dayText, fieldText, leftText, parseDay, parseTime } from "./time";

test.each([
  [0, "0:00"],
  [999, "0:00"],
  [7_000, "0:07"],
  [725_000, "12:05"],
  [3_723_000, "1:02:03"],
  [-5, "0:00"],
])("%d ms on a clock reads %s", (ms, text) => expect(clockText(ms)).toBe(text));

test.each([
  [0, "0:00"],
  [1, "0:01"],
  [12_000, "0:12"],
  [12_001, "0:13"],
  [-400, "0:00"],
])("%d ms left reads %s", (ms, text) => expect(leftText(ms)).toBe(text));

test.each([
  ["90", 90_000],
  ["1:30", 90_000],
  [" 1:30 ", 90_000],
  ["1:02:03", 3_723_000],
  ["0:05.5", 5_500],
  ["5,25", 5_250],
  ["0.004", 4],
  ["30 s", 30_000],
  ["-0:05", -5_000],
])("%s is %d ms", (text, ms) => expect(parseTime(text)).toBe(ms));

test.each(["", "abc", "1:75", "1:70:00", "1::2", "1:2:3:4", "0:05.1234", "1 30"])("%s is no time", (text) =>
  expect(parseTime(text)).toBeNull(),
);

test("what a field shows is read back as the same time", () => {
  for (const ms of [0, 1, 40, 500, 999, 1000, 59_999, 60_000, 90_500, 3_599_001, 86_400_000, -1_500]) {
    expect(parseTime(fieldText(ms)), fieldText(ms)).toBe(ms);
  }
});

test.each<[string, number | null]>([
  ["00:00", 0],
  ["18:05", 65_100_000],
  ["7:30", 27_000_000],
  ["23:59:59", 86_399_000],
  ["24:00", null],
  ["12:60", null],
  ["", null],
])("the time of day %s is %s", (text, ms) => {
  expect(parseDay(text)).toBe(ms);
  if (ms !== null) expect(parseDay(dayText(ms))).toBe(ms);
});

test("a countdown shows 5 first and 0 only when it is over", () => {
  expect([5000, 4999, 4001, 4000, 1, 0, -30].map(countdownSeconds)).toEqual([5, 5, 5, 4, 1, 0, 0]);
});
