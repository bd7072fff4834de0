// A make-believe box for development: serves dist/ and answers the API from fixtures. It is no test of anything; the
// real one is exercised by e2e/page.mjs. `POST /mock/<situation>` changes the scene (see scene.mjs).
//
//   npm run build && npm run mock            then open http://127.0.0.1:5199

import { createServer } from "node:http";
import { readFileSync } from "node:fs";
import { extname, join, normalize } from "node:path";
import { frames } from "./frames.mjs";
import { PLATFORMS } from "./platforms.mjs";
import { Scene } from "./scene.mjs";
import { accept } from "./socket.mjs";

const PORT = Number(process.env.PORT ?? 5199);
const DIST = new URL("../dist/", import.meta.url).pathname;
const TYPES = { ".html": "text/html", ".js": "text/javascript", ".css": "text/css", ".svg": "image/svg+xml", ".woff2": "font/woff2", ".webmanifest": "application/manifest+json" };
const PICTURE_OF = { "camera-1": 0, "camera-2": 1, loop: 2, obs: 3 };

const PRESETS = [
  { token: "1", name: "Wide" },
  { token: "2", name: "Pulpit" },
  { token: "3", name: "Choir" },
];
const CAMERAS = [
  { by: "onvif", hostname: "", endpoint: "urn:uuid:1", name: "Stage left", model: "Dome 4K", host: "192.168.1.31", address: "http://192.168.1.31:80/onvif/device_service", source: null },
  { by: "onvif", hostname: "", endpoint: "urn:uuid:2", name: "Camera", model: "Dome 4K", host: "192.168.1.22", address: "http://192.168.1.22:80/onvif/device_service", source: { channel: "main", source: "camera-2" } },
  { by: "mdns", hostname: "axis-accc8e000001.local", endpoint: "Balcony._rtsp._tcp.local", name: "Balcony", model: "", host: "192.168.1.40", address: "rtsp://192.168.1.40:554/axis-media/media.amp", source: null },
];

const scene = new Scene();
const pictures = await frames();
const listeners = new Set();

const slug = (name) => name.toLowerCase().replace(/[^a-z0-9]+/g, "-").replace(/^-|-$/g, "") || "one";

function problem(status, code, detail, remedy = "Correct what is named.", wrongs = []) {
  return { status, body: { type: `urn:bandstand:${code}`, title: detail, status, code, detail, remedy, wrongs } };
}

function judge(timeline) {
  const wrongs = [];
  timeline.tracks.forEach((track, t) =>
    track.cues.forEach((cue, c) => {
      const before = track.cues[c - 1];
      const place = `tracks[${t}].cues[${c}]`;
      if (cue.at_ms < 0) wrongs.push({ place: `${place}.at_ms`, reason: `must not lie before the timeline's start: ${cue.at_ms}` });
      if (before !== undefined && cue.at_ms < before.at_ms + before.duration_ms) {
        wrongs.push({ place: `${place}.at_ms`, reason: `it overlaps the cue above it, which ends at ${before.at_ms + before.duration_ms} ms` });
      }
    }),
  );
  return wrongs;
}

/** Answers one call of the API: { status, body }. */
function answer(method, parts, body, query) {
  const { channel } = scene;
  const [first, , third, id, verb] = parts;
  const json = (value, status = 200) => ({ status, body: value });
  const done = { status: 204 };
  if (first === "session") {
    if (method === "GET") return json(scene.session());
    if (method === "DELETE") return (scene.user = null), done;
    if (body.password === "wrong-password" || body.code === "0000") return problem(403, "sign_in_refused", "The code or password is wrong.", "Try again.");
    Object.assign(scene, { claimed: true, user: body.name });
    return json({ user: body.name }, 201);
  }
  if (first === "state") return json(scene.board());
  if (first === "system") {
    if (parts[1] === "doctor") {
      return json([
        { what: "folder", how: "well", text: "/var/lib/bandstand is ours alone.", remedy: "" },
        { what: "database", how: "well", text: "Version 31, whole.", remedy: "" },
        { what: "storage", how: "wrong", text: "3 errors. 20480 MB of 58000 MB are free.", remedy: "Put in a new card soon." },
        { what: "clock", how: "warning", text: "Nobody has confirmed the time.", remedy: "Connect the box to the internet." },
        { what: "network", how: "well", text: "Reachable at 192.0.2.17.", remedy: "" },
        { what: "workers", how: "well", text: "They answer: ingest, channel-main.", remedy: "" },
      ]);
    }
    if (parts[1] === "update") scene.update = { state: "installing", percent: 40 };
    return parts[1] === "restart" || parts[1] === "reset" ? { status: 202 } : json(scene.system(), method === "GET" ? 200 : 202);
  }
  if (first === "disk") {
    if (method === "POST") scene.diskIs = "preparing";
    return json(scene.disk(), method === "GET" ? 200 : 202);
  }
  if (first === "network") {
    if (method === "PUT") {
      if (body.password !== null && body.password !== undefined && body.password.length < 8) {
        return problem(400, "request_invalid", "password: must have 8 to 63 characters, without accents", "Correct what is named.", [{ place: "password", reason: "must have 8 to 63 characters, without accents" }]);
      }
      scene.attempt = { state: "joining", ssid: body.ssid };
    }
    return method === "GET" ? json(scene.network()) : { status: method === "DELETE" ? 204 : 202 };
  }
  if (first === "time-zone") {
    if (method === "PUT") scene.zone = body.zone;
    return json({ zone: scene.zone ?? null, machine: "Etc/UTC", zones: ["America/New_York", "Asia/Kolkata", "Europe/Berlin", "Europe/London", "UTC"] });
  }
  if (first === "panel") {
    if (method !== "GET") scene.panel = method === "PUT" ? body : null;
    return method === "DELETE" ? done : json({ panel: scene.panel ?? null, fault: null, lines: Array.from({ length: 26 }, (_, n) => `GPIO${n + 2}`) });
  }
  if (first === "cameras") return json(CAMERAS);
  if (first === "platforms") return json(PLATFORMS);
  if (first === "assets") {
    if (method === "GET") return json(scene.assets);
    if (method === "DELETE") {
      const used = channel.sources.find((source) => source.asset === parts[1] || source.then?.includes(parts[1]));
      if (channel.slate_picture === parts[1]) return problem(409, "in_use", `It is in use: slate of "${channel.name}".`, "Take it out where it is used, then delete it.");
      if (used !== undefined) return problem(409, "in_use", `It is in use by ${used.name}.`, "Take it out where it is used, then delete it.");
      scene.assets = scene.assets.filter((asset) => asset.id !== parts[1]);
      return done;
    }
    const name = query.get("name");
    const made = { id: slug(name), name, bytes: body.length, kind: /\.(png|jpe?g)$/i.test(name) ? "image" : "video", sha256: "2".repeat(64) };
    scene.assets = [...scene.assets, made];
    return json(made, 201);
  }
  scene.generation += method === "GET" ? 0 : 1;
  switch (third) {
    case undefined:
      return Object.assign(channel, body), json(channel);
    case "go-live":
      return scene.goLive(body.countdown_s), json({ session: "s-1" }, 202);
    case "end":
      return scene.end(), done;
    case "take":
    case "pin":
      return (channel.manual = { source: body.source ?? scene.onAir().source, hold: third }), done;
    case "slate":
      return (channel.manual = { source: null, hold: "pin" }), done;
    case "clear-overlays":
    case "restore-overlays":
      return (channel.overlays_cleared = third === "clear-overlays"), done;
    case "release":
      return (channel.manual = null), done;
    case "pause":
    case "resume":
      return scene.pause(third === "pause"), done;
    case "executions": {
      const from = query.has("before") ? scene.executions.findIndex((one) => one.session === query.get("before")) + 1 : 0;
      return json(scene.executions.slice(from, from + Number(query.get("limit") ?? 100)));
    }
    case "cameras": {
      const found = CAMERAS.find((one) => one.address === body.address);
      if (found === undefined) return problem(504, "camera_unreachable", `${body.address}: it does not answer.`, "Check that it has power and network, and that its address is right.");
      if (body.password === "") return problem(422, "camera_refused", `${found.host}: it refuses the user name or password.`, "Enter the user name and password of the camera again.");
      const name = body.name ?? found.name;
      const made = { ...channel.sources[1], id: slug(name), name };
      channel.sources = [...channel.sources, made];
      return json(made, 201);
    }
    case "timelines":
      return timelines(method, id, verb, body, json, done);
    default:
      return parts_of(channel, third, method, id, verb, body, json, done);
  }
}

function timelines(method, id, verb, body, json, done) {
  const about = { description: "", created_by: "Ada", created_at_ms: Date.now() - 9e8, modified_at_ms: Date.now() - 9e7 };
  const doc = (timeline) => ({ ...about, ...timeline, loaded: timeline.id === scene.channel.timeline });
  if (verb === "load") return (scene.channel.timeline = id), json(doc(scene.timelines.find((one) => one.id === id)));
  if (method === "GET") return json(scene.timelines.map(doc));
  if (method === "DELETE") {
    scene.timelines = scene.timelines.filter((one) => one.id !== id);
    return done;
  }
  const wrongs = judge(body);
  if (wrongs.length > 0) return problem(422, "timeline_invalid", "The timeline cannot be stored.", "Correct the cue that is named.", wrongs);
  const made = { ...body, id: id ?? slug(body.name) };
  scene.timelines = [...scene.timelines.filter((one) => one.id !== made.id), made];
  return json(doc(made), 201);
}

function parts_of(channel, list, method, id, verb, body, json, done) {
  const found = channel[list].find((one) => one.id === id);
  if (verb === "start" || verb === "stop") return (found.enabled = verb === "start"), json(found);
  if (verb === "rotate-token") return (found.publish.key = `main_obs?token=${Math.random().toString(16).slice(2, 14)}`), json(found);
  if (verb === "presets") return json(PRESETS);
  if (verb === "move") return done;
  if (method === "DELETE") return (channel[list] = channel[list].filter((one) => one.id !== id)), done;
  const { password, key, passphrase, stream_id, ...rest } = body;
  if (body.url?.includes("nowhere")) {
    return problem(422, "spec_invalid", "The plan is not consistent.", "Correct what is named.", [{ place: "url", reason: "the address must look like rtmp://host/app or rtmps://host/app: the host is missing" }]);
  }
  const made = { backup: null, ...found, ...rest, id: id ?? slug(body.name) };
  if (list === "sources" && made.kind === "camera") made.has_password = password !== undefined || (found?.has_password ?? false);
  if (list === "sources" && made.kind === "rtmp") made.publish ??= { server: "rtmp://bandstand.local:1935/live", secure_server: "rtmps://bandstand.local:1935/live", key: "main_obs2?token=9d0e8f7a6b5c4d3e" };
  if (list === "destinations" && made.kind === "rtmp") made.has_key = key !== undefined || (found?.has_key ?? false);
  if (list === "destinations" && made.kind === "srt") {
    made.has_passphrase = passphrase !== undefined || (found?.has_passphrase ?? false);
    made.has_stream_id = stream_id !== undefined || (found?.has_stream_id ?? false);
  }
  channel[list] = found === undefined ? [...channel[list], made] : channel[list].map((one) => (one.id === id ? made : one));
  return json(made, 201);
}

const server = createServer((request, response) => {
  const url = new URL(request.url, "http://mock");
  const send = (status, type, body) => response.writeHead(status, { "content-type": type }).end(body);
  if (url.pathname.startsWith("/mock/")) {
    scene.reset(url.pathname.slice(6));
    return send(204, "text/plain");
  }
  if (!url.pathname.startsWith("/api/v1/")) {
    const path = normalize(url.pathname === "/" ? "/index.html" : url.pathname);
    try {
      return send(200, TYPES[extname(path)] ?? "application/octet-stream", readFileSync(join(DIST, path)));
    } catch {
      return send(404, "text/plain", "not found");
    }
  }
  // `broken` is a box that has gone away: every connection is cut.
  if (scene.name === "broken") return request.socket.destroy();
  const parts = url.pathname.slice(8).split("/").map(decodeURIComponent);
  if (scene.user === null && parts[0] !== "session") {
    const { status, body } = problem(401, "sign_in_needed", "You are not signed in.", "Sign in.");
    return send(status, "application/problem+json", JSON.stringify(body));
  }
  if (parts[0] === "events") return events(request, response);
  if (parts[0] === "assets" && parts[1] !== undefined && request.method === "GET") {
    const index = parts[1] === "harbour" ? 2 : 3;
    return send(200, "image/jpeg", pictures[index][0]);
  }
  const chunks = [];
  request.on("data", (chunk) => chunks.push(chunk));
  request.on("end", () => {
    const raw = Buffer.concat(chunks);
    const body = request.headers["content-type"] === "application/json" ? JSON.parse(raw.toString() || "{}") : raw;
    const { status, body: out } = answer(request.method, parts, body, url.searchParams);
    send(status, status < 400 ? "application/json" : "application/problem+json", out === undefined ? undefined : JSON.stringify(out));
  });
});

function events(request, response) {
  response.writeHead(200, { "content-type": "text/event-stream", "cache-control": "no-store" });
  const tell = () => {
    if (scene.name === "broken") return request.socket.destroy();
    response.write(`event: board\ndata: ${JSON.stringify(scene.board())}\n\n`);
  };
  tell();
  listeners.add(tell);
  request.on("close", () => listeners.delete(tell));
}
setInterval(() => listeners.forEach((tell) => tell()), 200);

function picture(id, n) {
  const index = id === null ? 5 : (PICTURE_OF[id] ?? 4);
  return pictures[index][n % pictures[index].length];
}

server.on("upgrade", (request, socket) => {
  const send = accept(request, socket);
  let n = 0;
  const preview = (name, jpeg) => send(Buffer.concat([Buffer.from([name.length]), Buffer.from(name), jpeg]));
  const timer = setInterval(() => {
    n += 1;
    if (scene.worker !== "running") return;
    if (scene.name === "broken") return socket.destroy();
    preview("program", picture(scene.onAir().source, n));
    if (n % 6 !== 0) return;
    for (const source of scene.channel.sources) {
      if (!scene.lost.has(source.id) && source.kind !== "rtmp") preview(`source/${source.id}`, picture(source.id, n));
    }
  }, 100);
  socket.on("close", () => clearInterval(timer));
});

server.listen(PORT, "127.0.0.1", () => console.log(`http://127.0.0.1:${PORT}`));
