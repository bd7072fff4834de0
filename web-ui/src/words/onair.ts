// What is on air, and why, in words.

import { t } from "../strings";
import type { Channel, ChannelBoard, OnAir } from "../api/types";
import { sourceName } from "./names";

export function onAirWords(channel: Channel, onAir: OnAir): string {
  const name = sourceName(channel, onAir.source);
  const wanted = onAir.wanted != null && onAir.wanted !== onAir.source ? sourceName(channel, onAir.wanted) : null;
  switch (onAir.carrier) {
    case "pin":
      return t.onAir.pin(name);
    case "take":
      return t.onAir.take(name);
    case "live_input":
      return t.onAir.liveInput(name);
    case "timeline":
      return t.onAir.timeline(name);
    case "primary":
      return t.onAir.primary(name);
    case "backup":
      return wanted === null ? t.onAir.backupAlone(name) : t.onAir.backup(name, wanted);
    case "loop":
      return wanted === null ? t.onAir.loopAlone(name) : t.onAir.loop(name, wanted);
    case "slate":
      return wanted === null ? t.onAir.slateAlone(name) : t.onAir.slate(name, wanted);
  }
}

/** Whether the audience sees something else than what was planned. */
export function isFallback(onAir: OnAir): boolean {
  return onAir.carrier === "backup" || onAir.carrier === "loop" || onAir.carrier === "slate";
}

export type Tally = "on_air" | "wanted" | "none";

export function tally(onAir: OnAir | undefined, source: string): Tally {
  if (onAir === undefined) return "none";
  if (onAir.source === source) return "on_air";
  return onAir.wanted === source ? "wanted" : "none";
}

export type Phase = "off" | "countdown" | "live";

/** Where the broadcast stands. While the worker is away, what is wanted is the best answer. */
export function phase(board: ChannelBoard): Phase {
  if (board.wanted.live === null) return "off";
  const live = board.status?.live;
  return live != null && live.countdown_ms > 0 ? "countdown" : "live";
}
