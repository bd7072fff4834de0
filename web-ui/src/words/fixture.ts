// A channel for tests: two cameras, OBS, a loop; two platforms.

import type { Board, Channel, ChannelBoard, ChannelStatus, DestinationStatus, Fault, House, OnAir, Platform, SourceStatus } from "../api/types";

export const HOUSE: House = { width: 1920, height: 1080, rate: { num: 30, den: 1 }, video_kbps: 4500, audio_kbps: 160, effort: "superfast" };

const band = (pixels_max: number, fps_max: number, kbps_min: number, kbps_max: number): Platform["bands"][number] => ({ pixels_max, fps_max, kbps_min, kbps_max });
const platform = (name: Platform["platform"], more: Partial<Platform>): Platform => ({
  platform: name,
  name: "another server",
  url: null,
  hosts: [],
  bands: [],
  audio_kbps_max: null,
  keyframe_s: 2,
  source: "",
  looked_up: "",
  ...more,
});

/** A table like that of the box, in short. */
export const PLATFORMS: Platform[] = [
  platform("youtube", { name: "YouTube", url: "rtmps://a.rtmps.youtube.com/live2", hosts: [".youtube.com"], bands: [band(2_073_600, 60, 0, 8000)] }),
  platform("facebook", {
    name: "Facebook",
    url: "rtmps://live-api-s.facebook.com:443/rtmp",
    hosts: [".facebook.com"],
    bands: [band(921_600, 30, 1500, 4000), band(2_073_600, 30, 3000, 6000), band(2_073_600, 60, 4500, 9000)],
  }),
  platform("twitch", {
    name: "Twitch",
    url: "rtmps://ingest.global-contribute.live-video.net:443/app",
    hosts: [".twitch.tv", "ingest.global-contribute.live-video.net"],
    bands: [band(2_073_600, 60, 0, 6000)],
  }),
  platform("custom", {}),
];

const camera = (id: string, name: string, backup: string | null = null): Channel["sources"][number] => ({
  id,
  name,
  backup,
  ptz: null,
  sound_only: false,
  camera: null,
  kind: "camera",
  url: "rtsp://192.0.2.1/live",
  user: "",
  has_password: false,
  transport: "auto",
  any_certificate: false,
  latency_ms: 300,
});

export function channel(): Channel {
  return {
    id: "main",
    name: "Harbour Stage",
    house: HOUSE,
    output: { house: HOUSE, lowered: null },
    too_low: [],
    failover: {
      primary: "camera-1",
      live_input: "obs",
      loop: "loop",
      ladder: ["live_input", "backup", "loop"],
      holdoff_ms: 300,
      stable_ms: 5000,
      checks: { frozen: { after_s: 10, action: "tell" }, black: { after_s: 10, action: "tell" }, silent: { after_s: 30, action: "tell" } },
    },
    messages: { slate: "Back soon", backup: false },
    sound: null,
    slate_picture: null,
    timeline: null,
    sources: [
      camera("camera-1", "Camera 1", "camera-2"),
      camera("camera-2", "Camera 2"),
      { id: "obs", name: "OBS", backup: null, ptz: null, sound_only: false, camera: null, kind: "rtmp", stream: "main_obs", role: "live", latency_ms: 300, publish: { server: "rtmp://box/live", secure_server: "rtmps://box/live", key: "k" } },
      { id: "loop", name: "Loop", backup: null, ptz: null, sound_only: false, camera: null, kind: "media", asset: "a", then: [], still_ms: 10_000 },
    ],
    destinations: [
      { id: "youtube", name: "YouTube", url: "rtmps://a.rtmps.youtube.com/live2", platform: "youtube", kind: "rtmp", authority: null, renew_hours: null, has_key: true, enabled: true },
      { id: "facebook", name: "Facebook", url: "rtmps://live-api-s.facebook.com:443/rtmp", platform: "facebook", kind: "rtmp", authority: null, renew_hours: null, has_key: true, enabled: true },
    ],
    manual: null,
    overlays_cleared: false,
    live: { session: "s", started_by: "Ada", at_ms: 0, paused: false },
  };
}

export const fault = (code: Fault["code"], subject: string): Fault => ({ code, subject, text: `${code}.`, remedy: "Do this." });

export const source = (id: string, more: Partial<SourceStatus> = {}): SourceStatus => ({
  id,
  state: "online",
  width: 1920,
  height: 1080,
  fps: 25,
  sound: true,
  sound_only: false,
  level_db: -12,
  arriving: { formats: ["H.264", "AAC"], kbps: 4200, bytes: 90_000_000, jitter_ms: 12, buffer_ms: 300, jumps: 0, connections: 1 },
  picture_age_ms: 20,
  attempt: 0,
  fault: null,
  ...more,
});

export const destination = (id: string, more: Partial<DestinationStatus> = {}): DestinationStatus => ({
  id,
  state: "live",
  sessions: 1,
  renewals: 0,
  session_ms: null,
  renewal_ms: null,
  bytes_acked: 0,
  kbps: 4600,
  queue_ms: 40,
  dropped: 0,
  attempt: 0,
  retry_ms: null,
  fault: null,
  ...more,
});

export function status(on_air: Partial<OnAir> = {}, more: Partial<ChannelStatus> = {}): ChannelStatus {
  return {
    captures: [],
    channel: "main",
    generation: 1,
    pid: 1,
    started: 0,
    now: 1,
    program: { tick: 1, missing: 0, late: 0, late_ms_worst: 0, fps: 30, kbps: 4500, encoded_bytes: 1, encoder: "x264" },
    on_air: { source: "camera-1", wanted: "camera-1", carrier: "primary", by_hand: null, since_tick: 0, ...on_air },
    timeline: null,
    live: { session: "s", countdown_ms: 0, since_ms: 1000 },
    overlays: [],
    meters: { peak_db: [-90, -90], rms_db: [-90, -90] },
    sources: ["camera-1", "camera-2", "obs", "loop"].map((id) => source(id)),
    destinations: ["youtube", "facebook"].map((id) => destination(id)),
    faults: [],
    ...more,
  };
}

export function board(now: ChannelStatus | null, wanted = channel(), faults: Fault[] = []): { board: Board; channel: ChannelBoard } {
  const one: ChannelBoard = { id: "main", name: wanted.name, generation: 1, wanted, status: now, worker: now === null ? "lost" : "running", faults };
  return { board: { box: { name: "box", version: "0", clock_trusted: true }, ingest: null, channels: [one], alerts: [] }, channel: one };
}
