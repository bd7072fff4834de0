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

/** The step at `index`, earlier (-1) or later (1); where it cannot go, nothing changes. */
export function moved(ladder: Fallback[], index: number, by: -1 | 1): Fallback[] {
  const step = ladder[index];
  const other = ladder[index + by];
  if (step === undefined || other === undefined) return ladder;
  return ladder.map((one, i) => (i === index ? other : i === index + by ? step : one));
}
