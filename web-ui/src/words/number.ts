// Numbers as people of the page's language write them.

import { language } from "../state/language.svelte";

/** With at most so many digits after the point. */
export function numberText(n: number, digits = 0): string {
  return n.toLocaleString(language.locale, { maximumFractionDigits: digits });
}

/** With just so many digits after the point: it does not jump while it changes. */
export function fixedText(n: number, digits: number): string {
  return n.toLocaleString(language.locale, { minimumFractionDigits: digits, maximumFractionDigits: digits });
}
