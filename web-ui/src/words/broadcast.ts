// A broadcast of the log in words: how it ended, how long it was, and what went wrong.

import type { Execution, Figures } from "../api/types";
import { en, t } from "../strings";
import { fromBox, type Said } from "./said";
import type { Tone } from "./source";

export interface EndWords {
  text: string;
  tone: Tone;
}

/** Whether it was ended before it began. */
export function cancelled(execution: Execution): boolean {
  return execution.completed_at_ms !== null && execution.completed_at_ms < execution.started_at_ms;
}

export function endWords(execution: Execution): EndWords {
  if (cancelled(execution)) return { text: t.broadcasts.cancelled, tone: "idle" };
  switch (execution.status) {
    case "running":
      return { text: t.broadcasts.runs, tone: "warn" };
    case "completed":
      return { text: t.broadcasts.completed, tone: "good" };
    case "stopped":
      return { text: t.broadcasts.stopped, tone: "good" };
    case "error":
      return { text: t.broadcasts.error, tone: "bad" };
  }
}

/** Milliseconds from its beginning to its end, or to `now`; 0 where it never began. */
export function lengthOf(execution: Execution, now: number): number {
  return Math.max(0, (execution.completed_at_ms ?? now) - execution.started_at_ms);
}

/** Each destination with its connections: one, and those that were planned, is a stream that never dropped. */
export function destinationsOf(metrics: Figures): { id: string; text: string; good: boolean }[] {
  return metrics.destinations.map(({ id, name, sessions, renewals }) => ({
    id,
    text: t.broadcasts.sessions(name, sessions, renewals),
    good: sessions === 1 + renewals,
  }));
}

/** What a person should know before the next time: whole sentences, the gravest first. */
export function wrongsOf(execution: Execution): Said[] {
  const { metrics } = execution;
  const missed = metrics.cues_due - metrics.cues_shown;
  return [
    execution.error_message === null ? [] : fromBox(execution.error_message),
    metrics.workers > 1 ? t.broadcasts.restarted(metrics.workers - 1) : [],
    metrics.ticks_missing > 0 ? t.broadcasts.missing(metrics.ticks_missing) : [],
    missed > 0 ? t.broadcasts.cuesMissed(missed, metrics.cues_due) : [],
    metrics.destinations.filter((one) => one.dropped > 0).map((one) => t.broadcasts.dropped(one.name, one.dropped)),
    // Pictures that are missing and a process that was started again are told above, with their number.
    metrics.troubles
      .filter(({ code }) => code !== "ticks_missing" && !(code === "worker_lost" && metrics.workers > 1))
      .map(({ text, count }) => fromBox(en.broadcasts.times(text, count))),
  ].flat();
}
