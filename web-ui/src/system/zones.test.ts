import { expect, test } from "vitest";
import type { TimeZone } from "../api/types";
import { firstZone, isUnset, offered, zoneText } from "./zones";

const doc = (zone: string | null, machine: string | null): TimeZone => ({ zone, machine, zones: ["Asia/Kolkata", "Europe/Berlin", "UTC"] });

test.each([
  // Chosen, the machine's own; what the form begins with, whether nobody has said.
  ["Europe/Berlin", "Etc/UTC", "Europe/Berlin", false],
  ["UTC", "Etc/UTC", "UTC", false],
  [null, "Etc/UTC", "Europe/Vienna", true],
  [null, null, "Europe/Vienna", true],
  [null, "Asia/Kolkata", "", false],
])("a box with %s on a machine with %s begins with %s", (zone, machine, first, unset) => {
  expect(firstZone(doc(zone, machine), "Europe/Vienna")).toBe(first);
  expect(isUnset(doc(zone, machine))).toBe(unset);
});

test("what is chosen is in the list, in its place", () => {
  const all = doc(null, null);
  expect(offered(all, "")).toBe(all.zones);
  expect(offered(all, "Europe/Berlin")).toBe(all.zones);
  expect(offered(all, "Asia/Calcutta")).toEqual(["Asia/Calcutta", "Asia/Kolkata", "Europe/Berlin", "UTC"]);
  expect(zoneText("America/Port_of_Spain")).toBe("America/Port of Spain");
});
