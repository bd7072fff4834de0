// What is on air, and why, in words.

import { t } from "../strings";
import type { Channel, ChannelBoard, Manual, OnAir } from "../api/types";
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
    case "kept":
      return wanted === null ? t.onAir.keptAlone(name) : t.onAir.kept(name, wanted);
    case "slate_by_hand":
      return t.onAir.slateByHand(name);
    case "slate":
      return wanted === null ? t.onAir.slateAlone(name) : t.onAir.slate(name, wanted);
  }
}

/** Whether the audience sees something else than what was planned. */
export function isFallback(onAir: OnAir): boolean {
  return ["backup", "loop", "kept", "slate"].includes(onAir.carrier);
}

/** What a person holds on air; nothing where automation chooses. A wish that is still on its way counts. */
export function byHand(board: ChannelBoard): Manual | null {
  const { status, generation, wanted } = board;
  const inForce = status === null || status.generation < generation || status.on_air.by_hand != null;
  return inForce ? wanted.manual : null;
}

/** What a hold means, in plain words: that it beats automation, how long it stays, and what comes of it now. */
export function holdWords(board: ChannelBoard): string | null {
  const hand = byHand(board);
  if (hand === null) return null;
  if (hand.source === null) return t.onAir.slateUntil;
  const shown = board.status?.on_air.source === hand.source || board.status === null;
  if (!shown) return t.onAir.heldBut(sourceName(board.wanted, hand.source));
  return hand.hold === "pin" ? t.onAir.pinUntil : t.onAir.takeUntil;
}

export type Tally = "on_air" | "wanted" | "none";

export function tally(onAir: OnAir | undefined, source: string): Tally {
  if (onAir === undefined) return "none";
  if (onAir.source === source) return "on_air";
  return onAir.wanted === source ? "wanted" : "none";
}

/** Whether an audience sees this source now. */
export function isSeen(board: ChannelBoard, source: string): boolean {
  const onAir = board.status?.on_air;
  return phase(board) === "live" && onAir !== undefined && (onAir.source === source || onAir.leaving === source);
}

export type Phase = "off" | "countdown" | "live";

/** Where the broadcast stands. While the worker is away, what is wanted is the best answer. */
export function phase(board: ChannelBoard): Phase {
  if (board.wanted.live === null) return "off";
  const live = board.status?.live;
  return live != null && live.countdown_ms > 0 ? "countdown" : "live";
}
