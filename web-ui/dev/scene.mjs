// A make-believe venue for looking at the page without a box: fixtures, and just enough behaviour to press buttons.

import { limits, platformOf } from "./platforms.mjs";

const MIN = 60_000;

export function fixtures() {
  const camera = (id, name, host, backup = null) => ({
    id,
    name,
    backup,
    kind: "camera",
    url: `rtsp://${host}/stream1`,
    user: "venue",
    has_password: true,
    transport: "auto",
    any_certificate: false,
    latency_ms: 300,
    ptz: null,
    camera: null,
  });
  const onvif = (host) => ({
    protocol: "onvif",
    device: `http://${host}:80/onvif/device_service`,
    service: `http://${host}:80/onvif/ptz`,
    profile: "main",
    settle_ms: 3000,
  });
  const channel = {
    id: "main",
    name: "The Harbour Stage",
    house: { width: 1920, height: 1080, rate: { num: 30, den: 1 }, video_kbps: 4500, audio_kbps: 160, effort: "superfast" },
    failover: {
      primary: "camera-1",
      live_input: "obs",
      loop: "loop",
      ladder: ["live_input", "backup", "loop"],
      holdoff_ms: 300,
      stable_ms: 5000,
      checks: { frozen: { after_s: 10, action: "tell" }, black: { after_s: 10, action: "tell" }, silent: { after_s: 30, action: "tell" } },
    },
    messages: { slate: "Technical difficulties – we'll be right back", backup: false },
    sound: null,
    slate_picture: "logo",
    timeline: "evening",
    sources: [
      camera("camera-1", "Camera 1", "192.168.1.21", "camera-2"),
      {
        ...camera("camera-2", "Camera 2", "192.168.1.22"),
        ptz: onvif("192.168.1.22"),
        camera: { manufacturer: "Acme", model: "Dome 4K", serial: "A-1", mac: null, has_snapshot: false },
      },
      {
        id: "obs",
        name: "OBS",
        backup: null,
        ptz: null,
        camera: null,
        kind: "rtmp",
        stream: "main_obs",
        role: "live",
        latency_ms: 300,
        publish: { server: "rtmp://bandstand.local:1935/live", secure_server: "rtmps://bandstand.local:1935/live", key: "main_obs?token=4c1fbe0a93d2457c" },
      },
      { id: "loop", name: "Loop", backup: null, ptz: null, camera: null, kind: "media", asset: "harbour", then: [], still_ms: 10_000 },
    ],
    destinations: [
      { id: "youtube", name: "YouTube", url: "rtmps://a.rtmps.youtube.com/live2", kind: "rtmp", authority: null, renew_hours: null, has_key: true, enabled: true },
      { id: "facebook", name: "Facebook", url: "rtmps://live-api-s.facebook.com:443/rtmp", kind: "rtmp", authority: null, renew_hours: null, has_key: true, enabled: true },
    ],
    manual: null,
    overlays_cleared: false,
    live: null,
  };
  const cue = (id, at_ms, duration_ms, source, kind = "cut", mix = 0) => ({
    id,
    at_ms,
    duration_ms,
    action: { type: source === "loop" ? "show_media" : "show_camera", source },
    transition: { kind, duration_ms: mix },
  });
  const words = (id, at_ms, duration_ms, text, anchor) => ({
    id,
    at_ms,
    duration_ms,
    overlay: { type: "text", text, anchor, size: 60, colour: "#ffffff", background: "#000000b3" },
    opacity: 1,
    fade_in_ms: 500,
    fade_out_ms: 500,
  });
  const evening = {
    id: "evening",
    name: "Evening concert",
    description: "Every Friday at eight. The choir comes in from the left.",
    duration_ms: 4 * MIN,
    repeat: true,
    start: { type: "go_live" },
    tracks: [
      {
        type: "video",
        name: "Picture",
        enabled: true,
        cues: [
          cue("cue-1", 0, 30_000, "loop"),
          cue("cue-2", 30_000, 60_000, "camera-1", "dissolve", 2000),
          cue("cue-3", 90_000, 45_000, "camera-2", "dissolve", 1000),
          cue("cue-4", 135_000, 75_000, "camera-1"),
          cue("cue-5", 210_000, 30_000, "camera-2", "fade", 2000),
        ],
      },
      {
        type: "overlay",
        name: "Overlay 1",
        enabled: true,
        layer: 1,
        cues: [
          words("cue-6", 32_000, 20_000, "The Harbour Quartet", "bottom_left"),
          words("cue-7", 140_000, 40_000, "Tickets: harbourstage.example", "bottom_left"),
        ],
      },
      { type: "overlay", name: "Overlay 2", enabled: true, layer: 2, cues: [words("cue-8", 30_000, 210_000, "{time}", "top_right")] },
    ],
  };
  const morning = {
    ...structuredClone(evening),
    id: "sound-check",
    name: "Sound check",
    duration_ms: 60_000,
    repeat: false,
    start: { type: "daily", at_ms: 64_800_000 },
    tracks: [{ type: "video", name: "Picture", enabled: true, cues: [cue("cue-1", 0, 60_000, "camera-1")] }],
  };
  const assets = [
    { id: "harbour", name: "harbour by night.mp4", bytes: 48_200_000, kind: "video", sha256: "0".repeat(64), width: 1920, height: 1080, duration_ms: 92_000 },
    { id: "logo", name: "logo.png", bytes: 81_300, kind: "image", sha256: "1".repeat(64), width: 800, height: 320 },
  ];
  return { channel, timelines: [evening, morning], assets, executions: executions() };
}

/** A log of broadcasts: one of each kind, and enough good ones for a second page. */
function executions() {
  const DAY = 86_400_000;
  const trouble = (code, subject, text, count) => ({ code, subject, text, count });
  const one = (n, status, minutes, more = {}, metrics = {}) => {
    const started_at_ms = Date.now() - n * DAY - 3_600_000;
    const reached = (id, name, sessions) => ({ id, name, sessions, renewals: 0, bytes_acked: 2e9, dropped: 0, fault: null });
    return {
      session: `s-${n}`,
      timeline: "evening",
      timeline_name: "Evening concert",
      started_at_ms,
      completed_at_ms: started_at_ms + minutes * MIN,
      status,
      executed_by: "Ada",
      error_message: null,
      ...more,
      metrics: {
        since_ms: minutes * MIN,
        ticks: minutes * 1800,
        ticks_missing: 0,
        ticks_late: 3,
        late_ms_worst: 48,
        workers: 1,
        cues_due: 5,
        cues_shown: 5,
        faults: 0,
        troubles: [],
        destinations: [reached("youtube", "YouTube", 1), reached("facebook", "Facebook", 1)],
        ...metrics,
      },
    };
  };
  const facebook = { id: "facebook", name: "Facebook", sessions: 3, renewals: 0, bytes_acked: 2e9, dropped: 4180, fault: "The connection to the platform broke." };
  const never = (id, name) => ({ id, name, sessions: 0, renewals: 0, bytes_acked: 0, dropped: 0, fault: "The platform refuses the stream key." });
  return [
    one(1, "completed", 94),
    one(
      2,
      "stopped",
      187,
      { error_message: "The box was restarted during the broadcast." },
      {
        workers: 2,
        cues_shown: 4,
        faults: 4,
        troubles: [
          trouble("source_lost", "camera-2", "Camera 2: The source stopped sending pictures.", 2),
          trouble("destination_lost", "facebook", "Facebook: The connection to the platform broke.", 2),
        ],
        destinations: [{ ...facebook, id: "youtube", name: "YouTube", sessions: 1, dropped: 0 }, facebook],
      },
    ),
    one(
      3,
      "error",
      2,
      { timeline: null, timeline_name: null, error_message: "No destination was reached. YouTube: The platform refuses the stream key." },
      { cues_due: 0, cues_shown: 0, faults: 1, destinations: [never("youtube", "YouTube")] },
    ),
    ...Array.from({ length: 30 }, (_, i) => one(4 + i, i % 3 === 0 ? "stopped" : "completed", 60 + ((i * 37) % 90))),
  ];
}

const FAULTS = {
  source_lost: ["The source stopped sending pictures.", "Check its power and cable. Bandstand shows the fallback and returns by itself when pictures are back."],
  source_waiting: ["Nobody is publishing to this input yet.", "Start streaming in OBS with the address and stream key that are shown beside the source."],
  source_refused: ["The camera refuses the user name or password.", "Enter the camera's user name and password again."],
  fallback_on_air: ["Camera 1 is offline – switched to backup.", "Mend the planned source; Bandstand returns to it by itself."],
  slate_by_hand: ["The slate is on air because somebody put it there.", "Press Release to give the program back to the plan."],
  slate_on_air: ["No source is available: the audience sees the slate.", "Bring a camera back, or configure a backup camera or a loop."],
  destination_unreachable: ["The platform does not answer.", "Check the internet connection and the address. Bandstand tries again by itself."],
  worker_lost: ["The channel's process ended and is started again.", "If it comes back, send the report to support."],
};
const fault = (code, subject) => ({ code, subject, text: FAULTS[code][0], remedy: FAULTS[code][1] });

export class Scene {
  constructor() {
    this.reset("off-air");
  }

  /** Puts the venue into a named situation. */
  reset(name) {
    Object.assign(this, fixtures(), { name, generation: 1, claimed: true, user: "Ada", liveAt: null, pausedAt: null, broken: false });
    this.lost = new Set();
    this.waiting = new Map();
    this.worker = "running";
    this.update = { state: "none" };
    this.diskIs = "none";
    this.attempt = { state: "none" };
    this.cable = true;
    this.obstacle = null;
    const now = performance.now();
    const live = (since) => {
      this.channel.live = { session: "s-1", started_by: "Ada", at_ms: Date.now() - since, paused: false };
      this.liveAt = now - since;
    };
    const situations = {
      "disk-found": () => (this.diskIs = "found"),
      "disk-waiting": () => (this.diskIs = "waiting"),
      "disk-ready": () => (this.diskIs = "ready"),
      "update-ready": () => (this.update = { state: "ready", version: "0.2.0" }),
      "update-installing": () => (this.update = { state: "installing", percent: 40 }),
      "update-went-back": () => (this.update = { state: "went_back", version: "0.2.0" }),
      "update-failed": () => (this.update = { state: "failed", text: "The file is for another kind of box." }),
      "wifi-failed": () => {
        const fault = { code: "wifi_password_wrong", subject: "", text: "The Wi-Fi refuses the password.", remedy: "Enter the password again: capital and small letters differ." };
        Object.assign(this, { cable: false, attempt: { state: "failed", ssid: "Harbour House", fault } });
      },
      "wifi-joining": () => Object.assign(this, { cable: false, attempt: { state: "joining", ssid: "Harbour House" } }),
      "update-obstacle": () => (this.obstacle = "The board's own start program is from 2021 and too old for updates. Renew it with Raspberry Pi Imager: Misc utility images, Bootloader."),
      unclaimed: () => Object.assign(this, { claimed: false, user: null }),
      "signed-out": () => (this.user = null),
      "off-air": () => {},
      empty: () => Object.assign(this.channel, { sources: [], destinations: [], timeline: null }),
      live: () => live(44_000),
      fault: () => {
        live(44_000);
        this.lost.add("camera-1");
      },
      slate: () => {
        live(44_000);
        ["camera-1", "camera-2", "loop"].forEach((id) => this.lost.add(id));
      },
      // More than Twitch takes, and one that is stored switched off.
      capped: () => {
        Object.assign(this.channel.house, { rate: { num: 60, den: 1 }, video_kbps: 8000 });
        this.channel.destinations.push(
          { id: "twitch", name: "Twitch", url: "rtmps://ingest.global-contribute.live-video.net:443/app", kind: "rtmp", authority: null, renew_hours: null, has_key: true, enabled: true },
          { id: "archive", name: "Archive", url: "rtmp://archive.example/live", kind: "rtmp", authority: null, renew_hours: null, has_key: false, enabled: false },
        );
      },
      "too-low": () => Object.assign(this.channel.house, { video_kbps: 2500 }),
      waiting: () => {
        live(44_000);
        this.waiting.set("facebook", now + 27_000);
      },
      pinned: () => {
        live(44_000);
        this.channel.manual = { source: "camera-2", hold: "pin" };
      },
      "pinned-lost": () => {
        live(44_000);
        this.lost.add("camera-2");
        this.channel.manual = { source: "camera-2", hold: "pin" };
      },
      emergency: () => {
        live(44_000);
        Object.assign(this.channel, { manual: { source: null, hold: "pin" }, overlays_cleared: true });
      },
      kept: () => {
        live(100_000);
        this.channel.failover.loop = null;
        this.lost.add("camera-2");
      },
      worker: () => {
        live(44_000);
        this.worker = "lost";
      },
    };
    (situations[name] ?? (() => {}))();
  }

  system() {
    return { image: { version: "0.1.0", slot: "A", trial: false, obstacle: this.obstacle }, update: this.update, storage: { bytes: 29.1e9, free_bytes: 21.4e9, written_bytes: 64.2e9, errors: this.update.state === "failed" ? 2 : 0 } };
  }

  disk() {
    const stick = { name: "sda", number: 7, model: "Ultra Fit", bytes: 123.1e9, holds: ["HOLIDAY"], ours: false };
    return {
      storage: this.diskIs === "ready" ? { bytes: 121.4e9, free_bytes: 98.2e9, written_bytes: 23e9, errors: 0 } : null,
      found: this.diskIs === "none" ? [] : [this.diskIs !== "found" ? { ...stick, holds: ["BANDSTAND-DISK"], ours: true } : stick],
      preparing: this.diskIs === "preparing",
      trouble: null,
    };
  }

  network() {
    const wifi = (ssid, strength, security, saved = null) => ({ ssid, strength, security, saved, active: false });
    const link = (name, kind, state, addresses, used) => ({ name, kind, state, network: null, addresses, used });
    return {
      own: true,
      interfaces: [
        this.cable ? link("end0", "cable", "connected", ["192.168.1.20", "fd00:1::20"], true) : link("end0", "cable", "unplugged", [], false),
        this.cable ? link("wlan0", "wifi", "idle", [], false) : link("wlan0", "wifi", "access_point", ["10.42.0.1"], false),
      ],
      access_point: { up: !this.cable, name: "Bandstand-3F7A", page: "https://10.42.0.1", password: false },
      wifi: [
        wifi("Harbour House", 82, "password", this.cable ? "5d2e9c2e" : null),
        wifi("Harbour Guests", 71, "open"),
        wifi("A very long name of a net", 44, "password"),
        wifi("eduroam", 30, "other"),
        { ...wifi("Annex", null, null, "77aa"), strength: null },
      ],
      attempt: this.attempt,
      country: this.cable ? "GB" : null,
    };
  }

  session() {
    return { claimed: this.claimed, user: this.user };
  }

  position() {
    if (this.liveAt === null) return 0;
    return Math.max(0, (this.pausedAt ?? performance.now()) - this.liveAt);
  }

  board() {
    return {
      box: { name: "bandstand", version: "0.1.0", clock_trusted: true },
      ingest: { generation: 1, pid: 12, port: 1935, publishers: [], faults: [] },
      channels: [
        {
          id: "main",
          name: this.channel.name,
          generation: this.generation,
          wanted: this.wanted(),
          status: this.worker === "running" ? this.status() : null,
          worker: this.worker,
          faults: this.worker === "running" ? this.faults() : [fault("worker_lost", "main")],
        },
      ],
      alerts: [
        { at_ms: Date.now() - 9 * MIN, code: "source_lost", text: "Camera 2 is back.", remedy: "", subject: "main/source/camera-2", over: true },
        { at_ms: Date.now() - 11 * MIN, code: "source_lost", text: "Camera 2: the source stopped sending pictures.", remedy: FAULTS.source_lost[1], subject: "main/source/camera-2", over: false },
      ],
    };
  }

  wanted() {
    const { channel } = this;
    channel.destinations.forEach((one) => (one.platform = one.kind === "rtmp" ? platformOf(one.url) : "custom"));
    return Object.assign(channel, limits(channel));
  }

  onAir() {
    const { channel } = this;
    const timeline = this.timelines.find((one) => one.id === channel.timeline);
    const at = timeline === undefined ? 0 : this.position() % timeline.duration_ms;
    const running = channel.live !== null && timeline !== undefined;
    const cue = running ? timeline.tracks[0].cues.findLast((one) => one.at_ms <= at) : undefined;
    let wanted = cue?.action.source ?? channel.failover.primary;
    let carrier = cue === undefined ? "primary" : "timeline";
    if (channel.manual !== null) [wanted, carrier] = [channel.manual.source, channel.manual.hold];
    const by_hand = channel.manual?.hold ?? null;
    if (by_hand !== null && wanted === null) return { source: null, wanted: null, carrier: "slate_by_hand", by_hand, since_tick: 0 };
    let source = wanted;
    if (this.lost.has(source) && channel.failover.loop === null) {
      [source, carrier] = ["camera-1", "kept"];
    } else if (this.lost.has(source)) {
      const backup = channel.sources.find((one) => one.id === source)?.backup;
      [source, carrier] = backup != null && !this.lost.has(backup) ? [backup, "backup"] : this.lost.has("loop") ? [null, "slate"] : ["loop", "loop"];
    }
    if (channel.sources.length === 0) [source, wanted, carrier] = [null, null, "slate"];
    return { source, wanted, carrier, by_hand, since_tick: 0 };
  }

  faults() {
    const { carrier, wanted } = this.onAir();
    if (this.channel.sources.length === 0) return [];
    if (carrier === "slate") return [fault("slate_on_air", wanted)];
    if (carrier === "slate_by_hand") return [fault("slate_by_hand", "main")];
    return ["backup", "loop", "kept"].includes(carrier) ? [fault("fallback_on_air", wanted)] : [];
  }

  status() {
    const { channel } = this;
    const now = performance.now();
    const timeline = this.timelines.find((one) => one.id === channel.timeline);
    const at = timeline === undefined ? 0 : this.position() % timeline.duration_ms;
    const cues = timeline?.tracks[0].cues ?? [];
    const next = cues.find((cue) => cue.at_ms > at);
    const countdown = this.liveAt === null ? 0 : Math.max(0, this.liveAt - now);
    const live = channel.live !== null;
    const level = this.onAir().source === null ? -90 : -16 + 7 * Math.sin(now / 310) + 4 * Math.sin(now / 97);
    return {
      channel: "main",
      generation: this.generation,
      pid: 4711,
      started: 0,
      now: Math.round(now * 1e6),
      program: { tick: Math.round(now / 33), missing: 0, late: 0, late_ms_worst: 4, fps: 30, kbps: 4512, encoded_bytes: Math.round(now * 560), encoder: "x264 superfast: this box has no H.264 encoder of its own" },
      on_air: this.onAir(),
      timeline:
        timeline === undefined
          ? null
          : {
              timeline: timeline.id,
              position_ms: Math.round(at),
              rounds: 0,
              cue: live ? (cues.findLast((cue) => cue.at_ms <= at)?.id ?? null) : null,
              next: live && next !== undefined ? [next.id, Math.round(next.at_ms - at)] : null,
              paused: this.pausedAt !== null,
              running: live && countdown === 0,
            },
      live: live ? { session: "s-1", countdown_ms: Math.round(countdown), since_ms: Math.round(Math.max(0, now - this.liveAt)) } : null,
      overlays:
        live && countdown === 0 && !channel.overlays_cleared
          ? (timeline?.tracks ?? [])
              .filter((track) => track.type === "overlay")
              .flatMap((track) => track.cues.filter((cue) => cue.at_ms <= at && at < cue.at_ms + cue.duration_ms))
              .map((cue) => ({ cue: cue.id, text: cue.overlay.text.replace("{time}", new Date().toTimeString().slice(0, 8)), left_ms: Math.round(cue.at_ms + cue.duration_ms - at) }))
          : [],
      meters: { peak_db: [level, level - 2], rms_db: [level - 8, level - 10] },
      sources: channel.sources.map((source) => this.sourceStatus(source)),
      destinations: channel.destinations.map((one) => this.destinationStatus(one, countdown)),
      faults: this.faults(),
    };
  }

  sourceStatus(source) {
    const quiet = source.kind === "rtmp";
    const lost = this.lost.has(source.id);
    const arrives = !lost && !quiet && source.kind !== "media";
    return {
      id: source.id,
      arriving: arrives ? { formats: ["H.264", "AAC"], kbps: 4200, bytes: 90_000_000, jitter_ms: 12, buffer_ms: 300, jumps: 0, connections: 1 } : null,
      level_db: lost || quiet ? null : -16,
      sound_only: false,
      state: lost ? "lost" : quiet ? "connecting" : "online",
      width: lost || quiet ? 0 : 1920,
      height: lost || quiet ? 0 : 1080,
      fps: lost || quiet ? 0 : 25,
      sound: !lost && !quiet,
      picture_age_ms: lost ? 9000 : quiet ? null : 20,
      attempt: lost ? 3 : 0,
      fault: lost ? fault("source_lost", source.id) : quiet ? fault("source_waiting", source.id) : null,
    };
  }

  destinationStatus(destination, countdown) {
    const until = this.waiting.get(destination.id);
    const on = this.channel.live !== null && countdown === 0;
    const state = !destination.enabled ? "off" : !on ? "idle" : until !== undefined ? "waiting" : "live";
    return {
      id: destination.id,
      state,
      sessions: state === "live" || state === "waiting" ? 1 : 0,
      renewals: 0,
      session_ms: null,
      renewal_ms: null,
      bytes_acked: 0,
      kbps: state === "live" ? 4650 + Math.round(40 * Math.sin(performance.now() / 900)) : 0,
      queue_ms: 60,
      dropped: 0,
      attempt: state === "waiting" ? 4 : 0,
      retry_ms: state === "waiting" ? Math.max(0, Math.round(until - performance.now())) : null,
      fault: state === "waiting" ? fault("destination_unreachable", destination.id) : null,
    };
  }

  goLive(countdown_s) {
    if (this.channel.live !== null) return;
    this.liveAt = performance.now() + countdown_s * 1000;
    this.channel.live = { session: "s-1", started_by: "Ada", at_ms: Date.now(), paused: false };
  }

  end() {
    this.channel.live = null;
    this.liveAt = null;
    this.pausedAt = null;
  }

  pause(on) {
    if (this.channel.live === null) return;
    if (on && this.pausedAt === null) this.pausedAt = performance.now();
    if (!on && this.pausedAt !== null) {
      this.liveAt += performance.now() - this.pausedAt;
      this.pausedAt = null;
    }
    this.channel.live.paused = on;
  }
}
