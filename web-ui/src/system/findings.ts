// What the box says of itself when it is asked how it is.

import type { Finding } from "../api/types";
import { t } from "./strings";

const WORST_FIRST = ["wrong", "warning", "well"];

/** What needs somebody comes first; else the order of the box. */
export function sorted(findings: Finding[]): Finding[] {
  return [...findings].sort((one, other) => WORST_FIRST.indexOf(one.how) - WORST_FIRST.indexOf(other.how));
}

/** What was looked at, in the page's words; a box that looks at more says so in its own. */
export function looked(finding: Finding): string {
  return t.doctorLooked[finding.what] ?? finding.what;
}
