// Faults as cards: what happened, what the audience sees, what Bandstand does, and what a person can do.

import { t } from "../strings";
import type { Board, ChannelBoard, Fault } from "../api/types";
import { phase } from "./onair";
import { sourceName, subjectName } from "./names";
import { leftText } from "./time";

export interface FaultCard {
  key: string;
  alarm: boolean;
  /** From the box, as is `you`: they are English. */
  what: string;
  audience: string;
  doing: string;
  you: string;
}

/** What is wrong with a source that still sends. */
const SENDS = ["source_frozen", "source_black", "source_silent", "source_unstable", "source_too_much"];
const FALLBACKS = ["fallback_on_air", "slate_on_air"];

export function faultCards(board: Board, channel: ChannelBoard): FaultCard[] {
  return standing(board, channel)
    .map((fault) => card(channel, fault))
    .sort((a, b) => Number(b.alarm) - Number(a.alarm));
}

/** Every fault that stands now, once. One that only repeats another in other words is left out. */
function standing(board: Board, channel: ChannelBoard): Fault[] {
  const { status } = channel;
  const wanted = status?.on_air.wanted ?? null;
  const ofParts = [...(status?.sources ?? []), ...(status?.destinations ?? [])].flatMap((part) =>
    part.fault == null ? [] : [{ ...part.fault, subject: part.fault.subject || part.id }],
  );
  const ofHeads = (status?.sources ?? []).flatMap(({ id, ptz }) => (ptz?.fault == null ? [] : [{ ...ptz.fault, subject: id }]));
  const all = [...channel.faults, ...(status?.faults ?? []), ...ofParts, ...ofHeads, ...(board.ingest?.faults ?? [])];
  const wantedSpeaks = ofParts.some((fault) => fault.subject === wanted);
  const seen = new Set<string>();
  return all.filter((fault) => {
    const key = `${fault.code} ${fault.subject}`;
    if (seen.has(key)) return false;
    seen.add(key);
    // Nobody at an input is how it is before the show, not a fault; unless it shall be on air.
    if (fault.code === "source_waiting") return fault.subject === wanted;
    return !(fault.code === "fallback_on_air" && wantedSpeaks);
  });
}

function card(channel: ChannelBoard, fault: Fault): FaultCard {
  const name = subjectName(channel.wanted, fault.subject);
  // A fallback is about the whole program, whichever source it stands in for.
  const named = name === null || FALLBACKS.includes(fault.code) || fault.text.includes(name);
  return {
    key: `${fault.code} ${fault.subject}`,
    alarm: isAlarm(channel, fault),
    what: named ? fault.text : t.faults.subject(name, fault.text),
    audience: audience(channel, fault, name),
    doing: doing(channel, fault),
    you: fault.remedy,
  };
}

function isAlarm(channel: ChannelBoard, fault: Fault): boolean {
  if (phase(channel) === "off") return false;
  if (fault.code === "slate_on_air" || fault.code === "worker_lost" || fault.code === "encoder_failed") return true;
  if (fault.code.startsWith("destination_")) return true;
  if (isOfHead(fault) || playsOn(channel, fault)) return false;
  return fault.code === "fallback_on_air" || channel.status?.on_air.wanted === fault.subject;
}

/** Whether it is a playlist that goes on without one of its files. */
function playsOn({ status }: ChannelBoard, { code, subject }: Fault): boolean {
  return code.startsWith("media_") && status?.sources.find(({ id }) => id === subject)?.state === "online";
}

/** Whether it is about where a camera points, not about its picture. */
function isOfHead({ code }: Fault): boolean {
  return code.startsWith("camera_") || code.startsWith("preset_") || code === "move_failed";
}

function audience(channel: ChannelBoard, fault: Fault, name: string | null): string {
  if (phase(channel) === "off") return t.faults.notLive;
  if (channel.status === null) return t.faults.pictureStands;
  const { on_air: onAir, destinations } = channel.status;
  if (fault.code.startsWith("destination_")) {
    const anyLive = destinations.some((one) => one.state === "live");
    return anyLive && name !== null ? t.faults.destinationDown(name) : t.faults.allDown;
  }
  if (fault.code.startsWith("publisher_") || fault.code === "ingest_lost") return t.faults.nothing;
  if (onAir.source == null) return seesSlate(channel);
  return t.faults.sees(sourceName(channel.wanted, onAir.source));
}

function seesSlate({ wanted, faults, status }: ChannelBoard): string {
  const bad = [...faults, ...(status?.faults ?? [])].some((fault) => fault.code === "slate_picture");
  const text = wanted.messages.slate.trim();
  return wanted.slate_picture === null || bad ? t.faults.seesSlate(text) : t.faults.seesSlatePicture(text);
}

function doing(channel: ChannelBoard, fault: Fault): string {
  const { code, subject } = fault;
  const wanted = channel.status?.on_air.wanted ?? null;
  if (FALLBACKS.includes(code) && wanted !== null) return t.faults.returns(sourceName(channel.wanted, wanted));
  const sends = SENDS.includes(code) || playsOn(channel, fault);
  if (sends && channel.status?.on_air.source === subject) return t.faults.keepsOnAir(sourceName(channel.wanted, subject));
  if (code.startsWith("source_") || code.startsWith("media_")) {
    return subject === wanted ? t.faults.returns(sourceName(channel.wanted, wanted)) : t.faults.retries;
  }
  if (code.startsWith("destination_")) {
    const retry = channel.status?.destinations.find((one) => one.id === subject)?.retry_ms ?? null;
    return t.faults.reconnects(retry === null ? null : leftText(retry));
  }
  if (code === "worker_lost" || code === "encoder_failed" || code === "ingest_lost") return t.faults.restarts;
  if (code.startsWith("publisher_")) return t.faults.refuses;
  if (isOfHead(fault)) return t.faults.stays;
  if (code === "slate_picture") return t.faults.slateText;
  if (code === "slate_by_hand") return t.faults.heldSlate;
  return t.faults.watches;
}
