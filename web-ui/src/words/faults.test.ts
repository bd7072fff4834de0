import { expect, test } from "vitest";
import { board, channel, destination, fault, source, status } from "./fixture";
import { faultCards } from "./faults";

const onBackup = { source: "camera-2", wanted: "camera-1", carrier: "backup" as const };
const camera1Lost = source("camera-1", { state: "lost", fault: fault("source_lost", "camera-1") });

function cards(...[now, wanted, faults]: Parameters<typeof board>) {
  const made = board(now, wanted, faults);
  return faultCards(made.board, made.channel);
}

test("nothing wrong: no card", () => expect(cards(status())).toEqual([]));

test("a lost camera with its backup on air is one card, not two", () => {
  const now = status(onBackup, {
    sources: [camera1Lost, source("camera-2")],
    faults: [fault("fallback_on_air", "camera-1")],
  });
  const [card, ...more] = cards(now);
  expect(more).toEqual([]);
  expect(card).toMatchObject({
    alarm: true,
    what: "Camera 1: source_lost.",
    audience: "Camera 2. The broadcast goes on.",
    doing: "tries again by itself and returns to Camera 1 when its picture is back.",
    you: "Do this.",
  });
});

test("the same fault told by the channel and by its status is one card", () => {
  const told = fault("slate_on_air", "");
  const now = status({ source: null, wanted: "camera-1", carrier: "slate" }, { faults: [told] });
  const list = cards(now, channel(), [told]);
  expect(list).toHaveLength(1);
  expect(list[0]).toMatchObject({ alarm: true, audience: "The slate: “Back soon”" });
});

test("the slate by hand is told, and is no alarm", () => {
  const now = status({ source: null, wanted: null, carrier: "slate_by_hand", by_hand: "pin" }, { faults: [fault("slate_by_hand", "main")] });
  expect(cards(now)[0]).toMatchObject({
    alarm: false,
    audience: "The slate: “Back soon”",
    doing: "keeps it there until somebody releases it.",
  });
});

test("the slate with its picture, and without it where it cannot be shown", () => {
  const slate = (text: string, ...more: string[]) => {
    const wanted = { ...channel(), slate_picture: "logo", messages: { ...channel().messages, slate: text } };
    const faults = ["slate_on_air", ...more].map((code) => fault(code as "slate_on_air", "main"));
    return cards(status({ source: null, wanted: "camera-1", carrier: "slate" }, { faults }), wanted);
  };
  expect(slate("Back soon")[0]?.audience).toBe("The slate with its picture: “Back soon”");
  expect(slate(" ")[0]?.audience).toBe("The slate with its picture.");
  const bad = slate("Back soon", "slate_picture");
  expect(bad.map((card) => [card.alarm, card.audience])).toEqual([
    [true, "The slate: “Back soon”"],
    [false, "The slate: “Back soon”"],
  ]);
  expect(bad[1]?.doing).toBe("shows the slate’s text instead, should the slate be needed.");
});

test("a camera that stands still on air is left there, and off air it is waited for", () => {
  const frozen = source("camera-1", { state: "frozen", fault: fault("source_frozen", "camera-1") });
  const [onAir] = cards(status({ source: "camera-1", wanted: "camera-1" }, { sources: [frozen] }));
  expect(onAir?.doing).toBe("leaves Camera 1 on air and keeps watching.");
  const [away] = cards(status(onBackup, { sources: [frozen] }));
  expect(away?.doing).toBe("tries again by itself and returns to Camera 1 when its picture is back.");
});

test("a head that fails and a movement that was left out are cards, and no alarm: the picture is there", () => {
  const head = { preset: "7", moving: false, fault: fault("preset_missing", "camera-1") };
  const now = status({}, { sources: [source("camera-1", { ptz: head })], faults: [fault("preset_skipped", "main")] });
  expect(cards(now).map((card) => [card.what, card.alarm, card.doing])).toEqual([
    ["preset_skipped.", false, "leaves the camera where it is; the cut came in time."],
    ["Camera 1: preset_missing.", false, "leaves the camera where it is; the cut came in time."],
  ]);
});

test("a camera that is lost and not wanted warns, and what needs help first stands first", () => {
  const now = status(
    {},
    {
      sources: [source("camera-1"), source("camera-2", { state: "lost", fault: fault("source_lost", "camera-2") })],
      destinations: [
        destination("youtube"),
        destination("facebook", { state: "waiting", retry_ms: 7400, attempt: 2, fault: fault("destination_lost", "") }),
      ],
    },
  );
  const list = cards(now);
  expect(list.map((card) => [card.what, card.alarm])).toEqual([
    ["Facebook: destination_lost.", true],
    ["Camera 2: source_lost.", false],
  ]);
  expect(list[0]).toMatchObject({
    audience: "Viewers on Facebook see no new picture. All others see the broadcast.",
    doing: "reconnects by itself – next try in 0:08.",
  });
});

test("no platform reached: the audience sees nothing new anywhere", () => {
  const down = (id: string) => destination(id, { state: "waiting", retry_ms: null, fault: fault("destination_unreachable", id) });
  const list = cards(status({}, { destinations: [down("youtube"), down("facebook")] }));
  expect(list.map((card) => card.audience)).toEqual(Array(2).fill("No new picture on any platform at the moment."));
});

test("nobody publishing is no fault, unless it shall be on air", () => {
  const waiting = source("obs", { state: "connecting", fault: fault("source_waiting", "obs") });
  expect(cards(status({}, { sources: [waiting] }))).toEqual([]);
  expect(cards(status({ source: "loop", wanted: "obs", carrier: "loop" }, { sources: [waiting] }))).toHaveLength(1);
});

test("off air nobody sees it, and nothing is an alarm", () => {
  const off = { ...channel(), live: null };
  const [card] = cards(status(onBackup, { live: null, sources: [camera1Lost] }), off);
  expect(card).toMatchObject({ alarm: false, audience: "Nothing yet – you are not live." });
});

test("the worker is away", () => {
  const [card] = cards(null, channel(), [fault("worker_lost", "main")]);
  expect(card).toMatchObject({ alarm: true, doing: "starts it again by itself.", audience: "The picture may stand still for a moment." });
});

test("a playlist that goes on without a file is no alarm; one that stopped is", () => {
  const list = (state: "online" | "lost") => source("loop", { state, fault: fault("media_missing", "loop") });
  const onAir = { source: "loop", wanted: "loop" };
  const [goesOn] = cards(status(onAir, { sources: [list("online")] }));
  expect(goesOn).toMatchObject({ alarm: false, doing: "leaves Loop on air and keeps watching." });
  const [stopped] = cards(status({ source: null, wanted: "loop" }, { sources: [list("lost")] }));
  expect(stopped).toMatchObject({ alarm: true, doing: "tries again by itself and returns to Loop when its picture is back." });
});
