// REST calls. Every refusal of the box becomes a `Refusal` with its code, its words and its remedy.

import { t } from "../strings";
import { fromBox, type Said } from "../words/said";
import type {
  Asset,
  CameraBody,
  Channel,
  ChannelPatch,
  Destination,
  DestinationBody,
  Disk,
  DiskBody,
  Execution,
  FoundCamera,
  Id,
  MoveBody,
  Network,
  Panel,
  PanelStatus,
  TimeZone,
  Finding,
  Platform,
  Preset,
  Problem,
  Session,
  Source,
  SourceBody,
  System,
  TimelineBody,
  TimelineDoc,
  WifiBody,
  Wrong,
} from "./types";

export const BASE = "/api/v1";

/** A problem document; its code may also be one of the page's own. */
type Told = Pick<Problem, "status" | "detail" | "remedy"> & { code: Problem["code"] | "unreachable"; wrongs?: Wrong[] };

/** The box said no, or could not be reached (`code` is then `unreachable`). */
export class Refusal extends Error {
  readonly status: number;
  readonly code: Told["code"];
  readonly remedy: string;
  readonly wrongs: Wrong[];
  /** Whether its words are the box's, which speaks English; else they are the page's. */
  readonly told: boolean;

  constructor(problem: Told, told: boolean) {
    super(problem.detail);
    this.status = problem.status;
    this.code = problem.code;
    this.remedy = problem.remedy;
    this.wrongs = problem.wrongs ?? [];
    this.told = told;
  }

  /** What was refused, and what to do, marked by who says it. */
  get said(): { what: Said; remedy: Said } {
    return this.told ? { what: fromBox(this.message), remedy: fromBox(this.remedy) } : { what: this.message, remedy: this.remedy };
  }
}

/** The refusal in an answer that is no success; also for one that is no problem document. */
export function refusalOf(status: number, text: string): Refusal {
  let problem: Partial<Problem> = {};
  try {
    const parsed: unknown = JSON.parse(text);
    if (parsed !== null && typeof parsed === "object") problem = parsed;
  } catch {
    // Not ours: a proxy's page, or nothing at all. The words below serve.
  }
  const detail = problem.detail ?? problem.title;
  return new Refusal(
    {
      status,
      code: problem.code ?? "internal",
      detail: detail ?? t.api.internal(status),
      remedy: problem.remedy ?? (detail === undefined ? t.api.internalRemedy : ""),
      wrongs: problem.wrongs ?? [],
    },
    detail !== undefined,
  );
}

export function unreachable(): Refusal {
  return new Refusal({ status: 0, code: "unreachable", detail: t.api.unreachable, remedy: t.api.unreachableRemedy }, false);
}

let whenSignedOut: () => void = () => {};

/** Called when the box no longer knows our session. */
export function onSignedOut(handler: () => void): void {
  whenSignedOut = handler;
}

async function call<T>(method: string, path: string, body?: unknown): Promise<T> {
  const headers: Record<string, string> = { accept: "application/json" };
  // The box takes changes only from its own page: a foreign page cannot set this header.
  if (method !== "GET") headers["x-bandstand"] = "1";
  if (body !== undefined) headers["content-type"] = "application/json";
  let answer: Response;
  let text: string;
  try {
    answer = await fetch(BASE + path, {
      method,
      headers,
      credentials: "same-origin",
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
    text = await answer.text();
  } catch {
    throw unreachable();
  }
  if (!answer.ok) {
    if (answer.status === 401 && !path.startsWith("/session")) whenSignedOut();
    throw refusalOf(answer.status, text);
  }
  return (text === "" ? undefined : JSON.parse(text)) as T;
}

const id = encodeURIComponent;
const at = (channel: Id, rest = ""): string => `/channels/${id(channel)}${rest}`;

export const api = {
  session: () => call<Session>("GET", "/session"),
  claim: (code: string, name: string, password: string) =>
    call<{ user: string }>("POST", "/session/claim", { code, name, password }),
  signIn: (name: string, password: string) => call<{ user: string }>("POST", "/session", { name, password }),
  signOut: () => call<void>("DELETE", "/session"),

  addChannel: (name: string) => call<Channel>("POST", "/channels", { name }),
  changeChannel: (channel: Id, change: ChannelPatch) => call<Channel>("PATCH", at(channel), change),

  /** Takes some seconds: the box asks the network. */
  searchCameras: () => call<FoundCamera[]>("POST", "/cameras/search", {}),
  addCamera: (channel: Id, body: CameraBody) => call<Source>("POST", at(channel, "/cameras"), body),
  presets: (channel: Id, source: Id) => call<Preset[]>("GET", at(channel, `/sources/${id(source)}/presets`)),
  move: (channel: Id, source: Id, body: MoveBody) => call<void>("POST", at(channel, `/sources/${id(source)}/move`), body),

  addSource: (channel: Id, body: SourceBody) => call<Source>("POST", at(channel, "/sources"), body),
  source: (channel: Id, source: Id) => call<Source>("GET", at(channel, `/sources/${id(source)}`)),
  changeSource: (channel: Id, source: Id, body: SourceBody) =>
    call<Source>("PUT", at(channel, `/sources/${id(source)}`), body),
  deleteSource: (channel: Id, source: Id) => call<void>("DELETE", at(channel, `/sources/${id(source)}`)),
  rotateToken: (channel: Id, source: Id) =>
    call<Source>("POST", at(channel, `/sources/${id(source)}/rotate-token`), {}),

  platforms: () => call<Platform[]>("GET", "/platforms"),
  addDestination: (channel: Id, body: DestinationBody) =>
    call<Destination>("POST", at(channel, "/destinations"), body),
  changeDestination: (channel: Id, destination: Id, body: DestinationBody) =>
    call<Destination>("PUT", at(channel, `/destinations/${id(destination)}`), body),
  deleteDestination: (channel: Id, destination: Id) =>
    call<void>("DELETE", at(channel, `/destinations/${id(destination)}`)),
  startDestination: (channel: Id, destination: Id) =>
    call<void>("POST", at(channel, `/destinations/${id(destination)}/start`), {}),
  stopDestination: (channel: Id, destination: Id) =>
    call<void>("POST", at(channel, `/destinations/${id(destination)}/stop`), {}),

  timelines: (channel: Id) => call<TimelineDoc[]>("GET", at(channel, "/timelines")),
  timeline: (channel: Id, timeline: Id) => call<TimelineDoc>("GET", at(channel, `/timelines/${id(timeline)}`)),
  addTimeline: (channel: Id, body: TimelineBody) => call<TimelineDoc>("POST", at(channel, "/timelines"), body),
  changeTimeline: (channel: Id, timeline: Id, body: TimelineBody) =>
    call<TimelineDoc>("PUT", at(channel, `/timelines/${id(timeline)}`), body),
  deleteTimeline: (channel: Id, timeline: Id) => call<void>("DELETE", at(channel, `/timelines/${id(timeline)}`)),
  loadTimeline: (channel: Id, timeline: Id) => call<void>("POST", at(channel, `/timelines/${id(timeline)}/load`), {}),

  system: () => call<System>("GET", "/system"),
  fetchUpdate: (url: string) => call<System>("POST", "/system/update/fetch", { url }),
  disk: () => call<Disk>("GET", "/disk"),
  prepareDisk: (body: DiskBody) => call<Disk>("POST", "/disk", body),
  panel: () => call<PanelStatus>("GET", "/panel"),
  changePanel: (panel: Panel) => call<PanelStatus>("PUT", "/panel", panel),
  removePanel: () => call<void>("DELETE", "/panel"),
  doctor: () => call<Finding[]>("GET", "/system/doctor"),
  timeZone: () => call<TimeZone>("GET", "/time-zone"),
  changeTimeZone: (zone: string | null) => call<TimeZone>("PUT", "/time-zone", { zone }),
  network: () => call<Network>("GET", "/network"),
  scanWifi: () => call<void>("POST", "/network/scan", {}),
  /** What becomes of it is the network's `attempt`. */
  joinWifi: (body: WifiBody) => call<void>("PUT", "/network/wifi", body),
  forgetWifi: (wifi: Id) => call<void>("DELETE", `/network/wifi/${id(wifi)}`),
  restart: () => call<void>("POST", "/system/restart", {}),
  reset: (venue: string) => call<void>("POST", "/system/reset", { venue }),

  assets: () => call<Asset[]>("GET", "/assets"),
  deleteAsset: (asset: Id) => call<void>("DELETE", `/assets/${id(asset)}`),

  /** Broadcasts, newest first; with `before` those that began before that one. */
  executions: (channel: Id, limit: number, before?: Id) =>
    call<Execution[]>("GET", at(channel, `/executions?limit=${limit}${before === undefined ? "" : `&before=${id(before)}`}`)),

  goLive: (channel: Id, countdown_s: number) => call<{ session: Id }>("POST", at(channel, "/go-live"), { countdown_s }),
  end: (channel: Id) => call<void>("POST", at(channel, "/end"), {}),
  take: (channel: Id, source: Id) => call<void>("POST", at(channel, "/take"), { source }),
  pin: (channel: Id, source: Id) => call<void>("POST", at(channel, "/pin"), { source }),
  slate: (channel: Id) => call<void>("POST", at(channel, "/slate"), {}),
  clearOverlays: (channel: Id) => call<void>("POST", at(channel, "/clear-overlays"), {}),
  restoreOverlays: (channel: Id) => call<void>("POST", at(channel, "/restore-overlays"), {}),
  release: (channel: Id) => call<void>("POST", at(channel, "/release"), {}),
  pause: (channel: Id) => call<void>("POST", at(channel, "/pause"), {}),
  resume: (channel: Id) => call<void>("POST", at(channel, "/resume"), {}),
};

/** Address of a picture that a camera itself takes, for `<img>`. */
export const snapshotUrl = (channel: Id, source: Id): string => `${BASE}${at(channel, `/sources/${id(source)}/snapshot`)}`;

/** Address of an uploaded file, for `<img>`. */
export const assetUrl = (asset: Id): string => `${BASE}/assets/${id(asset)}`;
