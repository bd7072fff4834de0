// A destination's state in words.

import { t } from "../strings";
import type { Destination, DestinationStatus } from "../api/types";
import type { StateWords } from "./source";
import { fixedText } from "./number";
import { leftText } from "./time";

/** A queue longer than this is worth a word, milliseconds. */
const BEHIND_MS = 2000;

/** `retryMs` is what is left of the wait now; the status is up to a second old. */
export function destinationWords(
  destination: Destination,
  status: DestinationStatus | undefined,
  retryMs: number | null,
): StateWords {
  const s = t.destinations.state;
  if (!destination.enabled) return { text: s.off, detail: "", tone: "idle" };
  if (status === undefined) return { text: s.unknown, detail: "", tone: "idle" };
  switch (status.state) {
    case "idle":
      return { text: s.idle, detail: "", tone: "idle" };
    case "off":
      return { text: s.off, detail: "", tone: "idle" };
    case "connecting":
      return { text: s.connecting, detail: status.attempt > 0 ? s.try(status.attempt + 1) : "", tone: "warn" };
    case "live": {
      const behind = status.queue_ms >= BEHIND_MS ? s.behind(fixedText(status.queue_ms / 1000, 1)) : "";
      const renewal = status.renewal_ms === null ? "" : s.renewal(leftText(status.renewal_ms));
      return { text: s.live, detail: behind === "" ? renewal : behind, tone: behind === "" ? "good" : "warn" };
    }
    case "waiting":
      return {
        text: retryMs === null ? s.waiting : s.retryIn(leftText(retryMs)),
        detail: s.try(status.attempt + 1),
        tone: "bad",
      };
  }
}
