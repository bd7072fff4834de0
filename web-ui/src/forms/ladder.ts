// The order of the ladder: what is switched on, as it is tried, and below it what is left out.

import type { Fallback } from "../api/types";

const STEPS: Fallback[] = ["live_input", "backup", "loop"];

export interface LadderRow {
  step: Fallback;
  on: boolean;
}

export function rows(ladder: Fallback[]): LadderRow[] {
  const off = STEPS.filter((step) => !ladder.includes(step));
  return [...ladder.map((step) => ({ step, on: true })), ...off.map((step) => ({ step, on: false }))];
}

/** A step that is switched on is tried last. */
export function switched(ladder: Fallback[], step: Fallback): Fallback[] {
  return ladder.includes(step) ? ladder.filter((one) => one !== step) : [...ladder, step];
}

/** What is at `index` of a list, earlier (-1) or later (1); where it cannot go, nothing changes. */
export function moved<T>(list: T[], index: number, by: -1 | 1): T[] {
  const step = list[index];
  const other = list[index + by];
  if (step === undefined || other === undefined) return list;
  return list.map((one, i) => (i === index ? other : i === index + by ? step : one));
}
