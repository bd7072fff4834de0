// What is said of an interface and of a Wi-Fi network.

import type { Interface, Wifi } from "../api/types";
import { language } from "../state/language.svelte";
import { t as page } from "../strings";
import { t } from "./strings";

/** Percent from which a network is strong, and from which it is fair: below that video breaks. */
const STRONG = 65;
const FAIR = 40;

/** What an interface does. */
export function stateWords(one: Interface): string {
  if (one.kind === "wifi" && one.state === "connected" && one.network !== null) return t.inNetwork(one.network);
  if (one.kind === "wifi" && one.state === "unplugged") return t.wifiOff;
  if (one.kind === "wifi" && one.state === "idle") return t.wifiIdle;
  return t.state[one.state];
}

/** What is known of a network. */
export function wifiWords(one: Wifi): string {
  const strength = one.strength === null ? t.away : one.strength >= STRONG ? t.strong : one.strength >= FAIR ? t.fair : t.weak;
  const words = [strength];
  if (one.security === "open") words.push(t.open);
  if (one.saved !== null) words.push(t.known);
  return words.join(page.common.comma);
}

/** Countries with their names, by name. Without names, by their letters. */
export function countries(codes: string[]): { code: string; name: string }[] {
  const names = typeof Intl.DisplayNames === "function" ? new Intl.DisplayNames([language.locale], { type: "region" }) : null;
  const named = codes.map((code) => ({ code, name: names?.of(code) ?? code }));
  return named.sort((a, b) => a.name.localeCompare(b.name, language.locale));
}
