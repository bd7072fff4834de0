// A source's state in words.

import { t } from "../strings";
import type { KindName, Source, SourceStatus } from "../api/types";

export type Tone = "good" | "warn" | "bad" | "idle";

export interface StateWords {
  text: string;
  detail: string;
  tone: Tone;
}

const MADE_KINDS: KindName[] = ["media", "slate", "test_pattern"];

/** The kinds of source as a person looks for them. */
export const KIND_GROUPS = [
  { group: "camera", kinds: ["camera"] },
  { group: "program", kinds: ["rtmp"] },
  { group: "srt", kinds: ["srt"] },
  { group: "web", kinds: ["pull", "udp"] },
  { group: "capture", kinds: ["capture"] },
  { group: "file", kinds: ["media"] },
  { group: "made", kinds: ["slate", "test_pattern"] },
] as const satisfies readonly { group: keyof typeof t.sources.groups; kinds: readonly KindName[] }[];

export const KINDS: readonly KindName[] = KIND_GROUPS.flatMap(({ kinds }) => kinds);

/** Whether it sends in its own time, and so can be lost. */
export function isLiveKind({ kind }: { kind: KindName }): boolean {
  return !MADE_KINDS.includes(kind);
}

/** Whether it has a picture that can be on air. */
export function canBeSeen({ sound_only }: Source): boolean {
  return !sound_only;
}

/** Whether it may take the program by itself. */
export function isLiveInput(source: Source): boolean {
  return isLiveKind(source) && !isLoopPublisher(source) && canBeSeen(source);
}

/** Whether it can be the loop: a file, or a playout's stream. */
export function canLoop(source: Source): boolean {
  return source.kind === "media" || (isLoopPublisher(source) && canBeSeen(source));
}

function isLoopPublisher(source: Source): boolean {
  return source.kind === "rtmp" && source.role === "loop";
}

export function sourceWords(source: Source, status: SourceStatus | undefined): StateWords {
  if (status === undefined) return { text: t.sources.state.unknown, detail: "", tone: "idle" };
  const { fault } = status;
  if (fault?.code === "source_waiting") return { text: t.sources.state.waiting, detail: "", tone: "idle" };
  switch (status.state) {
    case "online":
      return {
        text: isLiveKind(source) ? t.sources.state.online : t.sources.state.ready,
        detail: isLiveKind(source) ? sizeWords(status) : "",
        tone: fault == null ? "good" : "warn",
      };
    case "frozen":
    case "black":
    case "silent":
    case "unstable":
      return { text: t.sources.state[status.state], detail: sizeWords(status), tone: "warn" };
    case "settling":
      return { text: t.sources.state.settling, detail: sizeWords(status), tone: "warn" };
    case "lost":
      return { text: t.sources.state.lost, detail: tries(status), tone: "bad" };
    case "connecting":
      return fault == null
        ? { text: t.sources.state.connecting, detail: tries(status), tone: "idle" }
        : { text: t.sources.state.lost, detail: tries(status), tone: "bad" };
  }
}

function sizeWords(status: SourceStatus): string {
  const { sound_only, level_db } = status;
  if (sound_only) return [t.sources.state.soundOnly, ...(level_db === null ? [] : [t.sources.state.level(level_db)])].join(t.common.comma);
  if (status.width === 0) return "";
  const words = [t.sources.state.size(status.width, status.height, status.fps)];
  if (!status.sound) words.push(t.sources.state.noSound);
  if (status.arriving !== null) {
    const { formats, kbps, jitter_ms, buffer_ms } = status.arriving;
    words.push(...formats);
    if (kbps > 0) words.push(t.sources.state.rate(kbps));
    if (jitter_ms > buffer_ms) words.push(t.sources.state.uneven(jitter_ms));
  }
  return words.join(t.common.comma);
}

function tries(status: SourceStatus): string {
  return status.attempt > 0 ? t.sources.state.tries(status.attempt) : "";
}
