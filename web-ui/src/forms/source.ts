// The form of a source: what is typed, what is sent.

import { t } from "../strings";
import type { Id, KindName, Pattern, Ptz, PublisherRole, Source, SourceBody, SrtMode, Transport, ViscaTransport, Wrong } from "../api/types";

export interface SourceForm {
  kind: KindName;
  name: string;
  backup: string;
  url: string;
  user: string;
  password: string;
  transport: Transport;
  /** With TLS: whether any certificate will do. */
  any_certificate: boolean;
  /** Who calls whom by SRT. */
  mode: SrtMode;
  host: string;
  /** As typed; empty lets the box choose. */
  port: string;
  stream_id: string;
  passphrase: string;
  group: string;
  /** Identities of capture devices. */
  video: string;
  sound: string;
  /** Heard and never seen. */
  sound_only: boolean;
  latency_ms: number;
  /** By what its camera is moved; an ONVIF head comes with the camera and is only kept. */
  head: HeadKind;
  visca: string;
  visca_transport: ViscaTransport;
  settle_ms: number;
  role: PublisherRole;
  /** Of a film or picture; several are a playlist. */
  assets: Id[];
  /** How long a picture of a playlist stands; nothing while what is typed is no time. */
  still_ms: number | null;
  title: string;
  text: string;
  pattern: Pattern;
}

export type HeadKind = "none" | "onvif" | "visca";

export const LATENCY_MS_DEFAULT = 300;
export const SETTLE_MS_DEFAULT = 3000;
export const STILL_MS_DEFAULT = 10_000;
const STILL_MS_MIN = 1000;
const STILL_MS_MAX = 3_600_000;
/** What comes over the internet comes unevenly. */
const PULL_LATENCY_MS_DEFAULT = 1000;

export function sourceForm(kind: KindName, source?: Source): SourceForm {
  const form: SourceForm = {
    kind,
    name: source?.name ?? "",
    backup: source?.backup ?? "",
    url: "",
    user: "",
    password: "",
    transport: "auto",
    any_certificate: false,
    mode: "listener",
    host: "",
    port: "",
    stream_id: "",
    passphrase: "",
    group: "",
    video: "",
    sound: "",
    sound_only: source?.sound_only ?? false,
    latency_ms: kind === "pull" ? PULL_LATENCY_MS_DEFAULT : LATENCY_MS_DEFAULT,
    ...headForm(source?.ptz ?? null),
    role: "live",
    assets: [],
    still_ms: STILL_MS_DEFAULT,
    title: "",
    text: "",
    pattern: "bars",
  };
  if (source === undefined) return form;
  switch (source.kind) {
    case "camera": {
      const { url, user, transport, any_certificate, latency_ms } = source;
      return { ...form, url, user, transport, any_certificate, latency_ms };
    }
    case "rtmp":
      return { ...form, role: source.role, latency_ms: source.latency_ms };
    case "pull":
      return { ...form, url: source.url, user: source.user, latency_ms: source.latency_ms };
    case "srt": {
      const { mode, host, stream_id, latency_ms } = source;
      return { ...form, mode, host, port: `${source.port}`, stream_id, latency_ms };
    }
    case "udp":
      return { ...form, port: `${source.port}`, group: source.group, latency_ms: source.latency_ms };
    case "capture":
      return { ...form, video: source.video, sound: source.sound, latency_ms: source.latency_ms };
    case "media":
      return { ...form, assets: [source.asset, ...source.then], still_ms: source.still_ms };
    case "slate":
      return { ...form, title: source.title, text: source.text };
    case "test_pattern":
      return { ...form, pattern: source.pattern };
  }
}

function headForm(ptz: Ptz | null): Pick<SourceForm, "head" | "visca" | "visca_transport" | "settle_ms"> {
  const visca = ptz?.protocol === "visca" ? ptz : null;
  return {
    head: ptz?.protocol ?? "none",
    visca: visca?.address ?? "",
    visca_transport: visca?.transport ?? "udp",
    settle_ms: ptz?.settle_ms ?? SETTLE_MS_DEFAULT,
  };
}

/** The head as it is sent. Without `ptz` the box keeps the one that the source has. */
function headBody(form: SourceForm, source: Source | undefined): { ptz?: Ptz | null } {
  const { settle_ms } = form;
  const before = source?.ptz ?? null;
  switch (form.head) {
    case "none":
      return before === null ? {} : { ptz: null };
    case "visca":
      return { ptz: { protocol: "visca", address: form.visca.trim(), transport: form.visca_transport, settle_ms } };
    case "onvif":
      return before === null || before.settle_ms === settle_ms ? {} : { ptz: { ...before, settle_ms } };
  }
}

/** Manuals print addresses as `scheme://user:password@host/…`; the box wants the two apart. Nothing where there are none. */
export function splitCredentials(url: string): { url: string; user: string; password: string } | null {
  const match = /^((?:rtsp|rtmp|http)s?:\/\/)([^/?@\s]*)@(\S*)$/i.exec(url.trim());
  if (match === null) return null;
  const [, scheme = "", who = "", rest = ""] = match;
  const colon = who.indexOf(":");
  const plain = (text: string): string => {
    try {
      return decodeURIComponent(text);
    } catch {
      return text;
    }
  };
  return {
    url: scheme + rest,
    user: plain(colon < 0 ? who : who.slice(0, colon)),
    password: plain(colon < 0 ? "" : who.slice(colon + 1)),
  };
}

/** What a glance shows to be wrong, before the box is asked. */
export function sourceWrongs(form: SourceForm): Wrong[] {
  const wrongs: Wrong[] = [];
  const f = t.sources.form;
  if (form.name.trim() === "") wrongs.push({ place: "name", reason: f.needName });
  if (form.kind === "camera") {
    const url = form.url.trim();
    if (url === "") wrongs.push({ place: "url", reason: f.needUrl });
    else if (!/^rtsps?:\/\/[^/\s@]+(\/\S*)?$/i.test(url)) wrongs.push({ place: "url", reason: f.badUrl });
    if (isTls(form) && form.transport === "udp") wrongs.push({ place: "transport", reason: f.udpUncovered });
  }
  if (form.kind === "pull") {
    const url = form.url.trim();
    if (url === "") wrongs.push({ place: "url", reason: f.needPullUrl });
    else if (!/^(rtmps?:\/\/[^/\s@?]+\/[^/\s]+\/\S+|https?:\/\/[^/\s@?]+(\/\S*)?)$/i.test(url)) wrongs.push({ place: "url", reason: f.badPullUrl });
  }
  if (form.kind === "srt") {
    if (form.mode === "caller" && form.host.trim() === "") wrongs.push({ place: "host", reason: f.needHost });
    if (form.mode === "caller" && form.port.trim() === "") wrongs.push({ place: "port", reason: f.needPort });
    const { length } = form.passphrase;
    if (length > 0 && (length < 10 || length > 79)) wrongs.push({ place: "passphrase", reason: f.badPassphrase });
  }
  if (form.kind === "capture" && form.video === "" && form.sound === "") wrongs.push({ place: "sound", reason: f.needDevice });
  if (portOf(form.port) === undefined && form.port.trim() !== "") wrongs.push({ place: "port", reason: f.badPort });
  if (form.head === "visca" && !/^\S+:\d+$/.test(form.visca.trim())) wrongs.push({ place: "address", reason: f.needVisca });
  if (form.kind === "media" && form.assets.length === 0) wrongs.push({ place: "asset", reason: f.needAsset });
  if (form.kind === "media" && form.assets.length > 1 && !isStill(form.still_ms)) wrongs.push({ place: "still_ms", reason: f.badStill });
  return wrongs;
}

function isStill(ms: number | null): boolean {
  return ms !== null && ms >= STILL_MS_MIN && ms <= STILL_MS_MAX;
}

/** Where the box says what is wrong with the file at `index`. */
export function assetPlace(index: number): string {
  return index === 0 ? "asset" : `then[${index - 1}]`;
}

function mediaBody({ assets, still_ms }: SourceForm): { asset: Id; then: Id[]; still_ms?: number } {
  const [asset = "", ...then] = assets;
  // Of a single file nobody sees the time, and the box keeps it.
  return { asset, then, ...(then.length === 0 || still_ms === null ? {} : { still_ms }) };
}

/** The port that was typed; nothing where it is none. */
function portOf(text: string): number | undefined {
  const port = /^\d{1,5}$/.test(text.trim()) ? Number(text) : 0;
  return port >= 1 && port <= 65535 ? port : undefined;
}

/** Whether the source would be heard and never seen. */
export function isHeardOnly(form: SourceForm): boolean {
  return form.kind === "capture" ? form.video === "" : form.sound_only;
}

/** Whether the connection to a camera is encrypted. */
export function isTls({ url }: SourceForm): boolean {
  return /^rtsps:/i.test(url.trim());
}

/** `source` is the one that is changed. */
export function sourceBody(form: SourceForm, source?: Source): SourceBody {
  // What is never on air has no backup and no head. Of a capture its devices say whether it is so.
  const heard = isHeardOnly(form);
  const head = {
    name: form.name.trim(),
    backup: form.backup === "" || heard ? null : form.backup,
    ...(heard ? (source?.ptz == null ? {} : { ptz: null }) : headBody(form, source)),
    ...(form.kind === "capture" || form.sound_only === (source?.sound_only ?? false) ? {} : { sound_only: form.sound_only }),
  };
  switch (form.kind) {
    case "camera":
      return {
        ...head,
        kind: "camera",
        url: form.url.trim(),
        user: form.user.trim(),
        transport: form.transport,
        // Without TLS there is no certificate.
        any_certificate: isTls(form) && form.any_certificate,
        latency_ms: form.latency_ms,
        // An empty one keeps what is stored.
        ...(form.password === "" ? {} : { password: form.password }),
      };
    case "rtmp":
      return { ...head, kind: "rtmp", role: form.role, latency_ms: form.latency_ms };
    case "pull":
      return {
        ...head,
        kind: "pull",
        url: form.url.trim(),
        user: form.user.trim(),
        ...(form.password === "" ? {} : { password: form.password }),
        latency_ms: form.latency_ms,
      };
    case "srt": {
      const caller = form.mode === "caller";
      const port = portOf(form.port);
      return {
        ...head,
        kind: "srt",
        mode: form.mode,
        host: caller ? form.host.trim() : "",
        ...(port === undefined ? {} : { port }),
        stream_id: form.stream_id.trim(),
        ...(form.passphrase === "" ? {} : { passphrase: form.passphrase }),
        latency_ms: form.latency_ms,
      };
    }
    case "udp": {
      const port = portOf(form.port);
      return { ...head, kind: "udp", ...(port === undefined ? {} : { port }), group: form.group.trim(), latency_ms: form.latency_ms };
    }
    case "capture":
      return { ...head, kind: "capture", video: form.video, sound: form.sound, latency_ms: form.latency_ms };
    case "media":
      return { ...head, kind: "media", ...mediaBody(form) };
    case "slate":
      return { ...head, kind: "slate", title: form.title, text: form.text };
    case "test_pattern":
      return { ...head, kind: "test_pattern", pattern: form.pattern };
  }
}
