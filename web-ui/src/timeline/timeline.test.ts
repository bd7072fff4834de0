import { describe, expect, test } from "vitest";
import { Wrongs } from "../forms/wrongs";
import { channel } from "../words/fixture";
import { joinColour, splitColour } from "./colour";
import * as edit from "./edit";
import { timelineOf, type Cue, type Timeline } from "./model";
import { cueById, lanes, marks, playhead } from "./strip";
import { placesShown, timelineWrongs } from "./words";

const cue = (id: string, at_ms: number, duration_ms: number, source = "camera-1"): Cue => ({
  id,
  at_ms,
  duration_ms,
  action: { type: "show_camera", source },
  transition: { kind: "cut", duration_ms: 0 },
});
const times = (cues: { id: string; at_ms: number; duration_ms: number }[]) =>
  cues.map((one) => `${one.id} ${one.at_ms}+${one.duration_ms}`);
const timeline = (cues: Cue[], duration_ms = 10_000): Timeline => ({
  name: "Evening",
  description: "",
  duration_ms,
  repeat: false,
  start: { type: "go_live" },
  tracks: [{ type: "video", name: "Picture", enabled: true, cues }],
});
const text = (id: string, at_ms: number, duration_ms: number) => ({
  ...edit.newOverlayCue([], at_ms, edit.newText("Hello")),
  id,
  duration_ms,
});

describe("changes", () => {
  const row = [cue("a", 0, 1000), cue("b", 1000, 2000), cue("c", 3000, 500), cue("d", 9000, 500)];

  test("a longer cue moves those that follow without a gap, and leaves those behind a gap", () => {
    expect(times(edit.resized(row, 0, 1500))).toEqual(["a 0+1500", "b 1500+2000", "c 3500+500", "d 9000+500"]);
    expect(times(edit.resized(row, 9, 1500))).toEqual(times(row));
  });

  test("taking a cue out closes the row", () => {
    expect(times(edit.removed(row, 1))).toEqual(["a 0+1000", "c 1000+500", "d 9000+500"]);
    expect(times(edit.removed(row, 3))).toEqual(times(row.slice(0, 3)));
  });

  test("exchanged cues fill the same time, gap included", () => {
    expect(times(edit.swapped(row, 0))).toEqual(["b 0+2000", "a 2000+1000", "c 3000+500", "d 9000+500"]);
    expect(times(edit.swapped(row, 2))).toEqual(["a 0+1000", "b 1000+2000", "d 3000+500", "c 9000+500"]);
    expect(times(edit.swapped(row, 3))).toEqual(times(row));
  });

  test("a random row stays a row: no overlap is ever made", () => {
    let seed = 7;
    const next = (below: number) => (seed = (seed * 1_103_515_245 + 12_345) % 2 ** 31) % below;
    for (let round = 0; round < 300; round += 1) {
      let cues: Cue[] = [];
      for (let at = 0, n = 0; n < 6; n += 1) {
        at += next(2) * next(900);
        const duration = 100 + next(900);
        cues.push(cue(`c${n}`, at, duration));
        at += duration;
      }
      for (let step = 0; step < 5; step += 1) {
        const which = next(cues.length || 1);
        const longer = (cues[which]?.duration_ms ?? 0) - next(90);
        cues = [edit.resized(cues, which, longer), edit.removed(cues, which), edit.swapped(cues, which)][next(3)] ?? cues;
        for (const [i, one] of cues.entries()) {
          const before = cues[i - 1];
          if (before !== undefined) expect(one.at_ms, `round ${round}`).toBeGreaterThanOrEqual(edit.endOf(before));
        }
      }
    }
  });

  test("a new cue follows the last one, is as long, and has an id of its own", () => {
    const track = { type: "video" as const, name: "", enabled: true, cues: row };
    const made = edit.newCue([track], track, channel().sources[3]);
    expect(made).toMatchObject({ id: "cue-5", at_ms: 9500, duration_ms: 500, action: { type: "show_media", source: "loop" } });
    expect(edit.freshCueId([{ ...track, cues: [cue("cue-2", 0, 1)] }])).toBe("cue-3");
  });

  test("the timeline grows with its cues and shrinks only when it is told to", () => {
    expect(edit.grown(timeline([cue("a", 0, 12_000)])).duration_ms).toBe(12_000);
    expect(edit.grown(timeline([cue("a", 0, 2000)])).duration_ms).toBe(10_000);
    expect(edit.fitted(timeline([cue("a", 0, 2000)])).duration_ms).toBe(2000);
    expect(edit.fitted(timeline([])).duration_ms).toBe(edit.LENGTH_MS_MIN);
    expect(edit.grown(timeline([cue("a", 0, 9e9)])).duration_ms).toBe(edit.LENGTH_MS_MAX);
  });

  test("overlays at the same time lie on tracks of their own, later ones above", () => {
    let tracks = edit.placeOverlay([], text("a", 0, 1000));
    tracks = edit.placeOverlay(tracks, text("b", 1000, 1000));
    tracks = edit.placeOverlay(tracks, text("c", 500, 100));
    expect(tracks.map((track) => [track.type === "overlay" && track.layer, track.cues.map((one) => one.id).join()])).toEqual([
      [1, "a,b"],
      [2, "c"],
    ]);
  });

  test("what is sent is in order of time", () => {
    const [track] = edit.ordered(timeline([cue("late", 500, 10), cue("early", 0, 10)])).tracks;
    expect(track?.cues.map((one) => one.id)).toEqual(["early", "late"]);
  });
});

describe("strip", () => {
  test("blocks are shares of the length, and never stand out of it", () => {
    const [lane] = lanes(timeline([cue("a", 0, 2500), cue("b", 9000, 5000, "gone")]), channel());
    expect(lane?.blocks.map((block) => [block.left, block.width, block.label])).toEqual([
      [0, 0.25, "Camera 1"],
      [0.9, expect.closeTo(0.1), "Unknown source"],
    ]);
  });

  test.each([
    [60_000, [0, 10, 20, 30, 40, 50, 60]],
    [240_000, [0, 60, 120, 180, 240]],
    [1000, [0, 1]],
  ])("%d ms has marks at %j s", (ms, seconds) => expect(marks(ms, 6)).toEqual(seconds.map((s) => s * 1000)));

  test("the playhead moves only while the timeline runs, and stops at the end", () => {
    const status = { timeline: "t", position_ms: 4000, rounds: 0, cue: null, next: null, paused: false, running: true };
    expect(playhead(status, 10_000, 500)).toBe(4500);
    expect(playhead({ ...status, paused: true }, 10_000, 500)).toBe(4000);
    expect(playhead({ ...status, running: false }, 10_000, 500)).toBe(4000);
    expect(playhead(status, 10_000, 9e6)).toBe(10_000);
  });

  test("cues are found on video tracks only", () => {
    const made = timeline([cue("a", 0, 10)]);
    made.tracks = edit.placeOverlay(made.tracks, text("b", 0, 10));
    expect(cueById(made, "a")?.id).toBe("a");
    expect(cueById(made, "b")).toBeUndefined();
    expect(cueById(made, null)).toBeUndefined();
  });
});

test("what a document leaves out is filled in", () => {
  const { tracks, repeat, start } = timelineOf({
    name: "x",
    duration_ms: 1000,
    tracks: [
      { type: "video", name: "v", cues: [{ id: "a", at_ms: 0, duration_ms: 1, action: { type: "show_camera", source: "s" } }] },
      { type: "overlay", name: "o", layer: 3, cues: [{ id: "b", at_ms: 0, duration_ms: 1, overlay: { type: "image", asset: "i", anchor: "top", size: 100 } }] },
    ],
  });
  expect([repeat, start]).toEqual([false, { type: "go_live" }]);
  expect(tracks[0]).toMatchObject({ enabled: true, cues: [{ transition: { kind: "cut", duration_ms: 0 } }] });
  expect(tracks[1]).toMatchObject({ enabled: true, layer: 3, cues: [{ opacity: 1, fade_in_ms: 0, fade_out_ms: 0 }] });
});

test("a track that is switched off keeps its cues, is drawn as such, and leaves the main source on air", () => {
  const made = timeline([cue("a", 0, 5000)]);
  expect(edit.playsPictures(made.tracks)).toBe(true);
  const off = { ...made, tracks: made.tracks.map((track) => ({ ...track, enabled: false })) };
  expect(edit.playsPictures(off.tracks)).toBe(false);
  expect(lanes(off, channel())).toMatchObject([{ enabled: false, name: "Picture", blocks: [{ id: "a" }] }]);
  expect(edit.placeOverlay([...off.tracks, { type: "overlay", name: "Off", enabled: false, layer: 1, cues: [] }], text("t", 0, 10))).toHaveLength(3);
});

test("a cue without source and an image without file are told before the box is asked", () => {
  const made = timeline([cue("a", 0, 10, "")]);
  made.tracks = edit.placeOverlay(made.tracks, edit.newOverlayCue([], 0, edit.newImage(undefined)));
  expect(timelineWrongs(made).map((wrong) => wrong.place)).toEqual(["tracks[0].cues[0].action.source", "tracks[1].cues[0].overlay.asset"]);
  const shown = placesShown(made);
  expect(timelineWrongs(made).every((wrong) => shown.includes(wrong.place))).toBe(true);
});

test("refusals stand at their field, are known below a cue, and the rest is listed", () => {
  const wrongs = new Wrongs([
    { place: "tracks[0].cues[1].at_ms", reason: "it overlaps the cue above it, which ends at 90000 ms" },
    { place: "tracks[0].cues[10].at_ms", reason: "late" },
    { place: "tracks", reason: "a video track is missing" },
  ]);
  expect(wrongs.at("tracks[0].cues[1].at_ms")).toBe("it overlaps the cue above it, which ends at 1:30");
  expect(wrongs.under("tracks[0].cues[1]")).toBe(true);
  expect(wrongs.under("tracks[0].cues[0]")).toBe(false);
  expect(wrongs.elsewhere(["tracks[0].cues[1].at_ms", "tracks[0].cues[10].at_ms"])).toEqual(["tracks: a video track is missing"]);
});

test.each(["#ff8800", "#00000080", "#ffffff00"])("the colour %s survives", (colour) =>
  expect(joinColour(splitColour(colour))).toBe(colour),
);

test("full strength needs no alpha, and what is no colour is white", () => {
  expect(joinColour(splitColour("#FF8800ff"))).toBe("#ff8800");
  expect(splitColour("red")).toEqual({ rgb: "#ffffff", alpha: 1 });
});
