// Times as people write and read them.

import { language } from "../state/language.svelte";

const S = 1000;
const MIN = 60 * S;
const H = 60 * MIN;

const two = (n: number): string => String(n).padStart(2, "0");

/** `0:07`, `12:05`, `1:02:03`; whole seconds, rounded down. */
export function clockText(ms: number): string {
  const s = Math.floor(Math.max(0, ms) / S);
  const h = Math.floor(s / 3600);
  const m = Math.floor(s / 60) % 60;
  return h > 0 ? `${h}:${two(m)}:${two(s % 60)}` : `${m}:${two(s % 60)}`;
}

/** As `clockText`, but rounded up: what is left, which reads 0:00 only when nothing is. */
export function leftText(ms: number): string {
  return clockText(Math.ceil(Math.max(0, ms) / S) * S);
}

/** `1:30`, `1:30.5`, `0:00.04`: exact to the millisecond, for fields. */
export function fieldText(ms: number): string {
  const sign = ms < 0 ? "-" : "";
  const whole = Math.abs(Math.round(ms));
  const rest = whole % S;
  const fraction = rest === 0 ? "" : `.${String(rest).padStart(3, "0").replace(/0+$/, "")}`;
  return `${sign}${clockText(whole)}${fraction}`;
}

/** Milliseconds of `90`, `1:30`, `1:02:03`, `0:05.5` or `5,5`; nothing where it is no time. A sign is allowed: the box says why it refuses. */
export function parseTime(text: string): number | null {
  const match = /^\s*(-)?(?:(?:(\d{1,3}):)?(\d{1,5}):)?(\d{1,6})(?:[.,](\d{1,3}))?\s*s?\s*$/.exec(text);
  if (match === null) return null;
  const [, minus, hours, minutes, seconds, fraction] = match;
  const s = Number(seconds);
  // 1:75 is a slip of the finger, not 2:15.
  if (minutes !== undefined && s > 59) return null;
  if (hours !== undefined && Number(minutes) > 59) return null;
  const ms =
    Number(hours ?? 0) * H + Number(minutes ?? 0) * MIN + s * S + (fraction === undefined ? 0 : Number(fraction.padEnd(3, "0")));
  return minus === undefined ? ms : -ms;
}

/** `18:05` for a time of day in milliseconds after midnight; seconds where there are any. */
export function dayText(ms: number): string {
  const s = Math.floor(ms / S);
  const rest = s % 60;
  return `${two(Math.floor(s / 3600))}:${two(Math.floor(s / 60) % 60)}${rest === 0 ? "" : `:${two(rest)}`}`;
}

/** Milliseconds after midnight of `18:05` or `18:05:30`, as a field for times gives them; nothing where it is none. */
export function parseDay(text: string): number | null {
  const match = /^([01]?\d|2[0-3]):([0-5]\d)(?::([0-5]\d))?$/.exec(text.trim());
  return match === null ? null : Number(match[1]) * H + Number(match[2]) * MIN + Number(match[3] ?? 0) * S;
}

/** Whole seconds of a countdown that has `ms` left: 5, 4, 3, 2, 1, and 0 when it is over. */
export function countdownSeconds(ms: number): number {
  return Math.max(0, Math.ceil(ms / S));
}

/** `Fri, 21 Nov, 20:15`, in the language of the page and the zone of who reads. */
export function dateText(ms: number): string {
  return new Date(ms).toLocaleString(language.locale, { weekday: "short", day: "numeric", month: "short", hour: "2-digit", minute: "2-digit" });
}
