import { describe, expect, it } from "vitest";
import type { Interface, Wifi } from "../api/types";
import { COUNTRIES } from "./strings";
import { countries, stateWords, wifiWords } from "./words";

const wifi = (over: Partial<Wifi>): Wifi => ({ ssid: "Hall", strength: 80, security: "password", saved: null, active: false, ...over });
const link = (over: Partial<Interface>): Interface => ({ name: "wlan0", kind: "wifi", state: "idle", network: null, addresses: [], used: false, ...over });

describe("the network in words", () => {
  it("says how good a Wi-Fi is", () => {
    expect(wifiWords(wifi({}))).toBe("strong");
    expect(wifiWords(wifi({ strength: 40, security: "open" }))).toBe("fair, no password");
    expect(wifiWords(wifi({ strength: 10, saved: "x" }))).toBe("weak, known");
    expect(wifiWords(wifi({ strength: null, security: null, saved: "x" }))).toBe("not in reach, known");
  });

  it("says what an interface does", () => {
    expect(stateWords(link({ state: "connected", network: "Hall" }))).toBe("connected to “Hall”");
    expect(stateWords(link({ state: "unplugged" }))).toBe("switched off");
    expect(stateWords(link({ kind: "cable", state: "unplugged" }))).toBe("not plugged in");
    expect(stateWords(link({ state: "access_point" }))).toContain("own Wi-Fi");
  });

  it("names countries", () => {
    const all = countries(COUNTRIES);
    expect(all.find((one) => one.code === "GB")?.name).toBe("United Kingdom");
    expect(new Set(COUNTRIES).size).toBe(COUNTRIES.length);
    expect(all.every((one) => /^[A-Z]{2}$/.test(one.code))).toBe(true);
  });
});
