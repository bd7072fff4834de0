// Time zones of a list, and which of them is shown first.

import type { TimeZone } from "../api/types";

/** Names of universal time. */
const UNIVERSAL = ["UTC", "Etc/UTC", "Etc/UCT", "UCT", "Etc/Universal", "Zulu", "GMT", "Etc/GMT"];

/** The machine's own zone, where it has one that somebody has set. */
export const machineZone = (doc: TimeZone): string | null => (doc.machine === null || UNIVERSAL.includes(doc.machine) ? null : doc.machine);

/** Whether nobody has said where the box is: it goes by universal time. */
export const isUnset = (doc: TimeZone): boolean => doc.zone === null && machineZone(doc) === null;

/** What the form begins with: what was chosen; the browser's own zone where nobody has said; else the machine's own. */
export const firstZone = (doc: TimeZone, browser: string): string => doc.zone ?? (isUnset(doc) ? browser : "");

/** The zones that can be chosen, with one that the box knows by another name. */
export const offered = (doc: TimeZone, chosen: string): string[] =>
  chosen === "" || doc.zones.includes(chosen) ? doc.zones : [...doc.zones, chosen].sort();

/** As people read it: America/New York. */
export const zoneText = (zone: string): string => zone.replaceAll("_", " ");
