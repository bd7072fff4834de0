import { t } from "../strings";
import { fixedText, numberText } from "./number";

/** `850 kB`, `1.4 GB`: powers of ten, as shops and file lists count. */
export function bytesText(bytes: number): string {
  const units = t.common.bytes;
  let value = bytes;
  let unit = 0;
  while (value >= 999.5 && unit < units.length - 1) {
    value /= 1000;
    unit += 1;
  }
  return `${value < 10 && unit > 0 ? fixedText(value, 1) : numberText(value)} ${units[unit]}`;
}
