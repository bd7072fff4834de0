import { describe, expect, test } from "vitest";
import type { Source } from "../api/types";
import { PLATFORMS, channel } from "../words/fixture";
import {
  addressWords,
  choiceOf,
  destinationBody,
  destinationForm,
  destinationWrongs,
  encrypted,
  isPublished,
  withKind,
  withPlatform,
  type DestinationForm,
} from "./destination";
import { FORMATS, formatOf } from "./format";
import { moved, rows, switched } from "./ladder";
import { assetPlace, sourceBody, sourceForm, sourceWrongs, splitCredentials } from "./source";
import { fieldWrongs } from "./wrongs";

describe("a source", () => {
  const camera = { ...sourceForm("camera"), name: " Left ", url: " rtsp://192.0.2.9/live " };

  test("blanks around what was typed do not travel, and an empty password keeps the stored one", () => {
    expect(sourceBody(camera)).toEqual({ name: "Left", backup: null, kind: "camera", url: "rtsp://192.0.2.9/live", user: "", transport: "auto", any_certificate: false, latency_ms: 300 });
    expect(sourceBody({ ...camera, password: " x " })).toMatchObject({ password: " x " });
  });

  test.each([
    ["", "Enter the camera’s address."],
    ["http://192.0.2.9/", "begins with rtsp://"],
    ["rtsp://", "begins with rtsp://"],
    ["rtsp://u:p@192.0.2.9/live", "begins with rtsp://"],
  ])("the address %s is wrong", (url, reason) => {
    const [wrong] = sourceWrongs({ ...camera, url });
    expect(wrong?.place).toBe("url");
    expect(wrong?.reason).toContain(reason);
  });

  test("what is right is not marked", () => expect(sourceWrongs(camera)).toEqual([]));

  test("user and password in an address are taken apart", () => {
    expect(splitCredentials("rtsp://ann:p%40ss:w@192.0.2.9:554/live")).toEqual({ url: "rtsp://192.0.2.9:554/live", user: "ann", password: "p@ss:w" });
    expect(splitCredentials("rtsp://ann@cam/live")).toEqual({ url: "rtsp://cam/live", user: "ann", password: "" });
    expect(splitCredentials("https://ann:p@tv/live?a=b@c")).toEqual({ url: "https://tv/live?a=b@c", user: "ann", password: "p" });
    expect(splitCredentials("rtsp://cam/live")).toBeNull();
    expect(splitCredentials("rtsp://a:%zz@cam/live")?.password).toBe("%zz");
  });

  test("a camera with TLS may have any certificate, and never sends by UDP", () => {
    const camera = { ...sourceForm("camera"), name: "Left", url: "rtsps://192.0.2.9/live", any_certificate: true };
    expect(sourceWrongs(camera)).toEqual([]);
    expect(sourceBody(camera)).toMatchObject({ url: "rtsps://192.0.2.9/live", any_certificate: true });
    expect(sourceWrongs({ ...camera, transport: "udp" }).map((wrong) => wrong.place)).toEqual(["transport"]);
    expect(sourceBody({ ...camera, url: "rtsp://192.0.2.9/live" })).toMatchObject({ any_certificate: false });
  });

  test("a caller by SRT needs host and port; a listener lets the box choose, and forgets the host", () => {
    const srt = { ...sourceForm("srt"), name: "Van", host: " 192.0.2.7 ", stream_id: " van " };
    const places = (form: typeof srt): string[] => sourceWrongs(form).map((wrong) => wrong.place);
    expect(places(srt)).toEqual([]);
    expect(sourceBody(srt)).toEqual({ name: "Van", backup: null, kind: "srt", mode: "listener", host: "", stream_id: "van", latency_ms: 300 });
    const caller = { ...srt, mode: "caller" as const, port: "9000", passphrase: "0123456789" };
    expect(sourceBody(caller)).toMatchObject({ host: "192.0.2.7", port: 9000, passphrase: "0123456789" });
    expect(places({ ...caller, host: " ", port: "" })).toEqual(["host", "port"]);
    expect(places({ ...caller, passphrase: "short" })).toEqual(["passphrase"]);
    for (const port of ["0", "65536", "9e3", "x"]) expect(places({ ...srt, port })).toEqual(["port"]);
  });

  test.each([
    ["rtmp://host/live", false],
    ["rtmp://host/live/stream", true],
    ["https://tv.example.org/live/index.m3u8?token=a@b", true],
    ["http://host:8080", true],
    ["rtsp://host/live", false],
    ["http://u:p@host/live", false],
    ["", false],
  ])("whether %s can be fetched: %s", (url, right) => {
    const pull = { ...sourceForm("pull"), name: "TV", url };
    expect(sourceWrongs(pull).map((wrong) => wrong.place)).toEqual(right ? [] : ["url"]);
    expect(sourceBody(pull)).toEqual({ name: "TV", backup: null, kind: "pull", url, user: "", latency_ms: 1000 });
  });

  test("a multicast group travels without blanks", () => {
    const udp = { ...sourceForm("udp"), name: "TV", port: "5004", group: " 239.1.1.1 " };
    expect(sourceBody(udp)).toEqual({ name: "TV", backup: null, kind: "udp", port: 5004, group: "239.1.1.1", latency_ms: 300 });
  });

  test("a capture needs a device, and what is heard only has no backup", () => {
    const capture = { ...sourceForm("capture"), name: "Desk", backup: "camera-2", sound: "desk" };
    expect(sourceBody(capture)).toEqual({ name: "Desk", backup: null, kind: "capture", video: "", sound: "desk", latency_ms: 300 });
    expect(sourceBody({ ...capture, video: "stick", sound: "auto" })).toMatchObject({ backup: "camera-2", video: "stick", sound: "auto" });
    expect(sourceWrongs({ ...capture, sound: "" }).map((wrong) => wrong.place)).toEqual(["sound"]);
    const stage = { ...sourceForm("udp"), name: "Stage", backup: "camera-2", sound_only: true };
    expect(sourceBody(stage)).toMatchObject({ backup: null, sound_only: true });
  });

  test("each kind comes back as it is stored", () => {
    for (const stored of channel().sources) {
      expect(sourceBody(sourceForm(stored.kind, stored))).toMatchObject({ name: stored.name, kind: stored.kind, backup: stored.backup });
    }
    const playout = { ...sourceForm("rtmp"), name: "Playout", role: "loop" as const };
    expect(sourceBody(playout)).toEqual({ name: "Playout", backup: null, kind: "rtmp", role: "loop", latency_ms: 300 });
    expect(sourceWrongs({ ...sourceForm("media"), name: "x" }).map((wrong) => wrong.place)).toEqual(["asset"]);
  });

  test("a file is sent alone, and several with the time of a picture", () => {
    const media = { ...sourceForm("media"), name: "Films", assets: ["a"] };
    const head = { name: "Films", backup: null, kind: "media", asset: "a" };
    expect(sourceBody({ ...media, still_ms: null })).toEqual({ ...head, then: [] });
    expect(sourceWrongs({ ...media, still_ms: null })).toEqual([]);
    const list = { ...media, assets: ["a", "b", "a"], still_ms: 90_000 };
    expect(sourceWrongs(list)).toEqual([]);
    expect(sourceBody(list)).toEqual({ ...head, then: ["b", "a"], still_ms: 90_000 });
    const refused = (still_ms: number | null) => sourceWrongs({ ...list, still_ms }).map((wrong) => wrong.place);
    for (const still_ms of [null, -1000, 0, 999, 3_600_001]) expect(refused(still_ms)).toEqual(["still_ms"]);
    for (const still_ms of [1000, 3_600_000]) expect(refused(still_ms)).toEqual([]);
    expect(list.assets.map((_, i) => assetPlace(i))).toEqual(["asset", "then[0]", "then[1]"]);
    const stored = { ...channel().sources.find(({ kind }) => kind === "media")!, then: ["b"], still_ms: 5000 } as Source;
    expect(sourceForm("media", stored)).toMatchObject({ assets: ["a", "b"], still_ms: 5000 });
    expect(moved(list.assets, 2, -1)).toEqual(["a", "a", "b"]);
  });
});

describe("the ladder", () => {
  test("its steps in their order, and below them what is left out", () => {
    expect(rows(["loop", "backup"]).map(({ step, on }) => `${step} ${on}`)).toEqual(["loop true", "backup true", "live_input false"]);
    expect(rows([]).every(({ on }) => !on)).toBe(true);
  });

  test("steps are moved, left out and taken in again", () => {
    expect(moved(["live_input", "backup", "loop"], 2, -1)).toEqual(["live_input", "loop", "backup"]);
    expect(moved(["live_input", "backup"], 0, 1)).toEqual(["backup", "live_input"]);
    expect(moved(["live_input", "backup"], 0, -1)).toEqual(["live_input", "backup"]);
    expect(moved(["live_input", "backup"], 1, 1)).toEqual(["live_input", "backup"]);
    expect(switched(["live_input", "loop"], "live_input")).toEqual(["loop"]);
    expect(switched(["loop"], "backup")).toEqual(["loop", "backup"]);
  });
});

describe("a destination", () => {
  test("a platform brings its name and its encrypted address, and leaves a name of one's own", () => {
    const form = withPlatform(destinationForm(), PLATFORMS, "youtube");
    expect(form).toMatchObject({ name: "YouTube" });
    expect(form.url).toMatch(/^rtmps:/);
    expect(isPublished(form, PLATFORMS)).toBe(true);
    expect(withPlatform(form, PLATFORMS, "facebook").name).toBe("Facebook");
    expect(withPlatform({ ...form, name: "Our channel" }, PLATFORMS, "facebook").name).toBe("Our channel");
    expect(withPlatform(form, PLATFORMS, "custom")).toMatchObject({ name: "", url: "" });
  });

  const own = (url: string): DestinationForm => ({ ...destinationForm(), name: "x", url });
  const places = (form: DestinationForm, hasKey = false): string[] =>
    destinationWrongs(form, PLATFORMS, hasKey).map((wrong) => wrong.place);

  test("a platform's own address asks for the key, where none is stored", () => {
    const form = withPlatform(destinationForm(), PLATFORMS, "twitch");
    expect(places(form)).toEqual(["key"]);
    expect(places(form, true)).toEqual([]);
    expect(places({ ...form, key: "k" })).toEqual([]);
    expect(places(own("rtmp://live.twitch.tv/app/key-in-the-path"))).toEqual([]);
  });

  test.each([
    ["rtmp://live.twitch.tv/app", "rtmps://ingest.global-contribute.live-video.net:443/app"],
    ["rtmp://A.rtmp.YouTube.com:1935/live2", "rtmps://a.rtmps.youtube.com/live2"],
    ["rtmps://a.rtmps.youtube.com/live2", null],
    ["rtmp://192.0.2.7/live", null],
    ["", null],
  ])("for %s the encrypted address is %s", (url, expected) => expect(encrypted(own(url), PLATFORMS)).toBe(expected));

  test("a key is sent only where one was typed, without the blanks of copying", () => {
    const form = { ...withPlatform(destinationForm(), PLATFORMS, "twitch"), key: " abc\n" };
    expect(destinationBody(form)).toMatchObject({ key: "abc" });
    expect("key" in destinationBody({ ...form, key: " " })).toBe(false);
  });

  test.each(["", "http://x/y", "rtmp://host", "rtmp://u@host/app", "rtmp://host/a b"])("the address %s is wrong", (url) =>
    expect(places(own(url))).toEqual(["url"]),
  );
});

describe("another way out", () => {
  const srt = { ...withKind(destinationForm(), PLATFORMS, "srt"), name: "Far", url: " srt://live.example.org:9000 " };
  const file = withKind(destinationForm(), PLATFORMS, "file");
  const places = (form: DestinationForm): string[] => destinationWrongs(form, PLATFORMS, false).map((wrong) => wrong.place);

  test("by SRT only the secrets that were typed are sent", () => {
    expect(places(srt)).toEqual([]);
    const body = destinationBody({ ...srt, stream_id: " publish/a " });
    expect(body).toEqual({ name: "Far", enabled: true, renew_hours: null, kind: "srt", url: "srt://live.example.org:9000", latency_ms: 1000, stream_id: "publish/a" });
  });

  test.each(["", "srt://host", "srt://host:9000/a", "srt://host:9000?streamid=x", "rtmp://host/app"])("the address %s is no listener's", (url) =>
    expect(places({ ...srt, url })).toEqual(["url"]),
  );

  test("a passphrase has its length, and a longest session its hours", () => {
    expect(places({ ...srt, passphrase: "short" })).toEqual(["passphrase"]);
    expect(places({ ...srt, renew_hours: "0" })).toEqual(["renew_hours"]);
    expect(destinationBody({ ...srt, renew_hours: " 8 " }).renew_hours).toBe(8);
  });

  test("files have a name, a folder and limits at once", () => {
    expect(places(file)).toEqual([]);
    expect(destinationBody(file)).toMatchObject({ name: "Files", kind: "file", medium: "card", folder: "evenings", container: "mp4", keep_mb: 20_000, leave_mb: 1000 });
    expect(places({ ...file, folder: "../etc" })).toEqual(["folder"]);
  });

  test("each kind comes back as it is stored", () => {
    const head = { id: "d", name: "D", platform: "custom" as const, enabled: false, renew_hours: 12 };
    for (const stored of [
      { ...head, kind: "rtmp" as const, url: "rtmps://h/a", has_key: true, authority: "PEM" },
      { ...head, kind: "srt" as const, url: "srt://h:1", has_passphrase: true, has_stream_id: false, latency_ms: 300 },
      // A row of files has no session to begin anew.
      { ...head, kind: "file" as const, renew_hours: null, medium: "disk" as const, folder: "x", container: "ts" as const, part_minutes: 5, keep_mb: 2500, leave_mb: 100 },
    ]) {
      const shownOnly = ["id", "platform", "has_key", "has_passphrase", "has_stream_id"];
      const kept = Object.fromEntries(Object.entries(stored).filter(([field]) => !shownOnly.includes(field)));
      expect(destinationBody(destinationForm(stored))).toEqual(kept);
      expect(choiceOf(stored)).toBe(stored.kind === "rtmp" ? "custom" : stored.kind);
      expect(addressWords(stored)).toContain(stored.kind === "file" ? "x" : "://h");
    }
  });
});

test("the format of a channel is found among those that are offered", () => {
  const { house } = channel();
  expect(formatOf(house)).toBe("1080p30");
  expect(formatOf({ ...house, rate: { num: 60, den: 2 } })).toBe("1080p30");
  expect(formatOf({ ...house, video_kbps: 4321 })).toBe("own");
  expect(formatOf({ ...house, audio_kbps: 128 })).toBe("own");
  expect(FORMATS["1080p60"]?.house).toMatchObject({ video_kbps: 6000, audio_kbps: 160 });
  expect(Object.values(FORMATS).every(({ house: one }) => one.width % 2 === 0 && one.height % 2 === 0)).toBe(true);
});

test("in a form of one thing the last part of a place names the field", () => {
  const wrongs = fieldWrongs([{ place: "sources[3].url", reason: "no" }]);
  expect(wrongs.at("url")).toBe("no");
});

describe("the head of a camera", () => {
  const [stored] = channel().sources;
  if (stored === undefined) throw new Error("a camera");
  const onvif = { protocol: "onvif" as const, device: "http://c/d", service: "http://c/p", profile: "1", settle_ms: 3000 };
  const visca = { protocol: "visca" as const, address: "192.0.2.9:52381", transport: "tcp" as const, settle_ms: 5000 };

  test("what was added with the camera is kept by saying nothing, and goes only by being taken away", () => {
    const source = { ...stored, ptz: onvif };
    const form = sourceForm("camera", source);
    expect(form.head).toBe("onvif");
    expect("ptz" in sourceBody(form, source)).toBe(false);
    expect(sourceBody({ ...form, settle_ms: 1000 }, source)).toMatchObject({ ptz: { ...onvif, settle_ms: 1000 } });
    expect(sourceBody({ ...form, head: "none" }, source)).toMatchObject({ ptz: null });
    expect("ptz" in sourceBody(sourceForm("camera", stored), stored)).toBe(false);
  });

  test("Visca has an address with a port", () => {
    const form = sourceForm("camera", { ...stored, ptz: visca });
    expect(sourceBody(form, { ...stored, ptz: visca })).toMatchObject({ ptz: visca });
    expect(sourceWrongs(form)).toEqual([]);
    for (const wrong of ["", "192.0.2.9", "a b:1"]) {
      expect(sourceWrongs({ ...form, visca: wrong }).map((one) => one.place)).toEqual(["address"]);
    }
  });
});
