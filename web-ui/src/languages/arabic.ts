// What Arabic texts need: counted forms, Latin digits as clocks and addresses have them, and names that keep their own
// direction (Unicode bidirectional isolates, UAX #9).

const LOCALE = "ar-u-nu-latn";
const plural = new Intl.PluralRules("ar");

/** Forms of a counted noun; `#` is the number. Zero and fractions take the last one. */
export interface Forms {
  one: string;
  two: string;
  /** 3 to 10. */
  few: string;
  /** 11 to 99. */
  many: string;
  /** Hundreds, and none. */
  other: string;
}

export function counted(n: number, forms: Forms): string {
  const rule = plural.select(n);
  return forms[rule === "zero" ? "other" : rule].replace("#", number(n));
}

export function number(n: number, digits = 1): string {
  return n.toLocaleString(LOCALE, { maximumFractionDigits: digits });
}

export function fixed(n: number): string {
  return n.toLocaleString(LOCALE, { minimumFractionDigits: 1, maximumFractionDigits: 1 });
}

/** A name: it has its own direction, and does not disturb the sentence. */
export function name(text: string): string {
  return `\u2068${text}\u2069`;
}

/** Sizes, addresses and signs that are read from left to right. */
export function ltr(text: string): string {
  return `\u2066${text}\u2069`;
}
