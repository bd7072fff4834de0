// The page against a real box, in a real browser: what a venue manager does on an evening, from the first sign-in to
// END. Screenshots go to target/screenshots. Ends with 1 if anything is not as it should be.
//
//   npm run e2e                                              with the demonstration venue, started here
//   BANDSTAND_URL=http://… BANDSTAND_CODE=… npm run e2e       with a box that runs and has no account yet

import { mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { chromium } from "playwright-core";
import { png } from "./png.mjs";
import { openVenue, SHOTS, until } from "./venue.mjs";

const PHONE = { width: 390, height: 844 };
const DESK = { width: 1280, height: 800 };
const NAME = "Ada";
const PASSWORD = process.env.BANDSTAND_PASSWORD ?? "an evening at the harbour";
/** Pictures that the program must show, per second. */
const RATE_MIN = 5;
/** For how long pictures are counted, milliseconds. */
const WATCH_MS = 4000;
const FLAGS = [
  "--no-sandbox",
  "--disable-gpu",
  "--no-first-run",
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-sync",
];

let passed = 0;
let failed = 0;
/** Whether a step that others stand on has failed. */
let stranded = false;

async function step(name, work, { needed = false } = {}) {
  if (stranded) return;
  const begin = Date.now();
  try {
    const found = await work();
    passed += 1;
    console.log(`ok      ${name}${found ? ` (${found})` : ""}, ${Date.now() - begin} ms`);
  } catch (error) {
    failed += 1;
    stranded ||= needed;
    console.log(`FAILED  ${name}: ${error.stack ?? error}`);
    await shot(`failed-${failed}`).catch(() => {});
  }
}

function must(condition, text) {
  if (!condition) throw new Error(text);
}

/** Counts the different pictures that a canvas shows: { shown, different } per second. */
async function watch(name) {
  return page.evaluate(
    async ([name, ms]) => {
      const canvas = document.querySelector(`[data-preview="${name}"]`);
      const small = Object.assign(document.createElement("canvas"), { width: 96, height: 54 });
      const pen = small.getContext("2d", { willReadFrequently: true });
      const seen = new Set();
      const first = Number(canvas.dataset.frames ?? 0);
      const begin = performance.now();
      let drawn = first;
      while (performance.now() - begin < ms) {
        await new Promise(requestAnimationFrame);
        if (Number(canvas.dataset.frames ?? 0) === drawn) continue;
        drawn = Number(canvas.dataset.frames);
        pen.drawImage(canvas, 0, 0, 96, 54);
        let hash = 0;
        for (const byte of pen.getImageData(0, 0, 96, 54).data) hash = (Math.imul(hash, 31) + byte) | 0;
        seen.add(hash);
      }
      const s = (performance.now() - begin) / 1000;
      return { shown: (drawn - first) / s, different: seen.size / s };
    },
    [name, WATCH_MS],
  );
}

async function shot(name) {
  for (const [size, viewport] of [["390", PHONE], ["1280", DESK]]) {
    await page.setViewportSize(viewport);
    // Two drawn pictures, and the layout of the new size stands; then what glides there has come to rest.
    await page.evaluate(async () => {
      await new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)));
      const glides = document.getAnimations().filter((one) => one instanceof CSSTransition);
      await Promise.all(glides.map((one) => one.finished.catch(() => {})));
    });
    await page.screenshot({ path: join(SHOTS, `${name}-${size}.png`) });
    const over = await page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
    must(over <= 0, `${name} at ${size} px is ${over} px too wide`);
  }
}

const board = () => page.evaluate(async () => (await fetch("/api/v1/state")).json());
const channel = async () => (await board()).channels[0];
/** The timeline that is loaded. */
const timeline = async () => {
  const { id, wanted } = await channel();
  return page.evaluate(async (path) => (await fetch(path)).json(), `/api/v1/channels/${id}/timelines/${wanted.timeline}`);
};
const button = (name, exact = true) => page.getByRole("button", { name, exact });
const open = async (tab) => {
  await page.getByRole("navigation").getByRole("link", { name: tab, exact: true }).first().click();
  await page.getByRole("heading", { level: 1, name: tab }).waitFor({ state: "attached" });
};

mkdirSync(SHOTS, { recursive: true });
const venue = await openVenue();
const profile = mkdtempSync(join(tmpdir(), "bandstand-e2e-"));
const context = await chromium.launchPersistentContext(profile, {
  executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium",
  headless: true,
  args: FLAGS,
  viewport: DESK,
  ignoreHTTPSErrors: true,
});
const page = context.pages()[0] ?? (await context.newPage());
page.setDefaultTimeout(20_000);
const errors = [];
page.on("pageerror", (error) => errors.push(error.message));
page.on("console", (message) => {
  // The browser reports each refused request itself; those that are provoked here are judged where they happen.
  if (message.type() === "error" && !message.text().startsWith("Failed to load resource")) errors.push(message.text());
});

try {
  await evening();
} finally {
  await context.close();
  rmSync(profile, { recursive: true, force: true });
  stranded = false;
  await step("Ctrl-C ends everything that was started", venue.end);
}
console.log(`${passed} passed, ${failed} failed`);
process.exit(failed === 0 ? 0 : 1);

async function evening() {
  await step("a wrong code is refused, and says so", wrongCode, { needed: true });
  await step("the code makes the first account", claim, { needed: true });
  await step("the sources come online", sourcesOnline, { needed: true });
  await step(`the program moves, ${RATE_MIN} different pictures a second at least`, programMoves);
  await step("the sources' thumbnails move", thumbnailsMove);
  await step("the sound meters move", metersMove);
  await step("take puts a source on air, release gives it back", takeAndRelease);
  await step("pin holds it", pinAndRelease);
  await step("what is on air is held", stayAndRelease);
  await step("the emergency slate, and back", slateAndRelease);
  await step("overlays are cleared and brought back", clearAndRestore);
  await step("screenshots off air", () => shot("on-air-off"));
  await step("with a phone: take, GO LIVE at once, END", () => withPhone(takeAndRelease, goLiveAtOnce, endIt));
  await step("a countdown can be cancelled", cancelCountdown);
  await step("GO LIVE counts down and goes live", goLive, { needed: true });
  await step("every destination is live with sessions: 1", sessionsOne);
  await step("what runs is named, with the seconds that an overlay has left", namedWithTimeLeft);
  await step("screenshots live", () => shot("on-air-live"));
  await step("the timeline pauses and goes on", pauseAndResume);
  await step("one destination stops and starts, the other goes on", stopOne);
  await step("the program still moves, and a take while live is seen", async () => [await programMoves(), await takeAndRelease()].join("; "));
  await step("END asks first, then ends", end);
  await step("the log of broadcasts tells of both", pastBroadcasts);
  await step("OBS gets its server and stream key", obsKey);
  await step("a camera is added with its password, edited and deleted", cameraForm);
  await step("a destination's key goes in and never comes out", destinationForm);
  await step("a file is uploaded, seen and deleted", library);
  await step("a timeline with overlapping cues is refused at the field; mended, it is stored", timelines);
  await step("the other pages look well", otherPages);
  await step("signing out and in", signOutAndIn);
  await step("./dev obs on puts the publisher on air, off takes it away", obsOnAndOff);
  await step("nothing went wrong inside the page", () => must(errors.length === 0, errors.join("\n")));
}

async function wrongCode() {
  await page.goto(venue.url);
  await page.getByLabel("First sign-in code").fill("0000-0000");
  await page.getByLabel("Your name").fill(NAME);
  await page.getByLabel("Password").fill(PASSWORD);
  await shot("first-sign-in");
  await button("Start").click();
  await page.getByRole("alert").getByText(/code or password is wrong/i).waitFor();
}

async function claim() {
  await page.getByLabel("First sign-in code").fill(venue.code.toLowerCase());
  await button("Start").click();
  await page.getByRole("navigation").first().waitFor();
}

async function sourcesOnline() {
  const found = await until("two sources online", 90_000, async () => {
    const { status } = await channel();
    const online = (status?.sources ?? []).filter((source) => source.state === "online");
    return online.length >= 2 ? online : null;
  });
  for (const source of found) await page.locator(`[data-source="${source.id}"]`).waitFor();
  return `${found.length} online`;
}

async function programMoves() {
  await page.locator('[data-preview="program"][data-frames]').waitFor();
  const { shown, different } = await watch("program");
  must(different >= RATE_MIN, `${different.toFixed(1)} different pictures a second, ${shown.toFixed(1)} shown`);
  return `${different.toFixed(1)} different pictures a second`;
}

async function thumbnailsMove() {
  const { status } = await channel();
  const camera = status.sources.find((source) => source.state === "online" && source.picture_age_ms !== null && source.width > 0);
  await page.locator(`[data-preview="source/${camera.id}"][data-frames]`).waitFor();
  const { different } = await watch(`source/${camera.id}`);
  must(different >= 1, `${different.toFixed(1)} different pictures a second`);
  return `${different.toFixed(1)} a second`;
}

async function metersMove() {
  const seen = new Set();
  await until("three different levels", 15_000, async () => {
    seen.add(await page.getByRole("meter", { name: "Sound, left" }).getAttribute("aria-valuenow"));
    return seen.size >= 3;
  });
}

/** A source that is online and not on air. */
async function spare() {
  return until("a source that is not on air", 15_000, async () => {
    const { status } = await channel();
    return status.sources.find((source) => source.state === "online" && source.id !== status.on_air.source);
  });
}

async function onAir(id) {
  await page.locator(`[data-source="${id}"][data-tally="on_air"]`).waitFor();
  await until("the program to show it", 10_000, async () => (await channel()).status.on_air.source === id);
}

async function release() {
  await page.locator(".hand").getByRole("button", { name: "Release" }).click();
  await until("nothing to be held by hand", 10_000, async () => (await channel()).wanted.manual === null);
}

async function takeAndRelease() {
  const { id } = await spare();
  const tile = page.locator(`[data-source="${id}"]`);
  const begin = Date.now();
  await tile.getByRole("button", { name: /^Take/ }).click();
  await onAir(id);
  const took = Date.now() - begin;
  await page.locator('[data-carrier="take"]').getByText(/taken by hand$/).waitFor();
  await release();
  await page.locator('[data-carrier="take"]').waitFor({ state: "detached" });
  return `on air after ${took} ms`;
}

async function stayAndRelease() {
  const before = (await channel()).status.on_air.source;
  await page.getByRole("button", { name: /^Stay on / }).click();
  const held = await until("a pin of what is on air", 10_000, async () => {
    const { wanted, status } = await channel();
    const pinned = wanted.manual?.hold === "pin" && status.on_air.by_hand === "pin";
    return pinned && wanted.manual.source === status.on_air.source && status.on_air.source;
  });
  // The timeline may have cut between the two looks, and at most once: its shortest cue has ten seconds.
  const { cues } = (await timeline()).tracks[0];
  const next = cues.filter((cue, at) => cues.at(at - 1).action.source === before).map((cue) => cue.action.source);
  must([before, ...next].includes(held), `${held} is held, and ${before} was on air`);
  await release();
}

async function slateAndRelease() {
  const begin = Date.now();
  await page.getByRole("button", { name: "Slate now" }).click();
  await page.locator('[data-carrier="slate_by_hand"]').waitFor();
  const took = Date.now() - begin;
  await page.getByText("It stays until you release it, with nothing over it.").waitFor();
  await release();
  await page.locator('[data-carrier="slate_by_hand"]').waitFor({ state: "detached" });
  return `on air after ${took} ms`;
}

async function clearAndRestore() {
  await page.getByRole("button", { name: "Clear overlays" }).click();
  await until("no overlay on air", 10_000, async () => {
    const { wanted, status } = await channel();
    return wanted.overlays_cleared && status.overlays.length === 0;
  });
  await page.getByRole("button", { name: "Show overlays" }).click();
  await until("them to be back", 10_000, async () => !(await channel()).wanted.overlays_cleared);
}

async function pinAndRelease() {
  const { id } = await spare();
  await page.locator(`[data-source="${id}"]`).getByRole("button", { name: /^Pin/ }).click();
  await onAir(id);
  await page.locator('[data-carrier="pin"]').getByText(/held by hand$/).waitFor();
  await release();
}

/** Does these things on a page as wide as a phone. */
async function withPhone(...steps) {
  await page.setViewportSize(PHONE);
  try {
    for (const one of steps) await one();
  } finally {
    await page.setViewportSize(DESK);
  }
}

async function goLiveAtOnce() {
  await page.getByText("At once", { exact: true }).click();
  await button("GO LIVE").click();
  await page.locator('.pill[data-phase="live"]').waitFor();
  // The phase is told at once, the whole status twice a second.
  const live = await until("the broadcast's status", 5_000, async () => (await channel()).status?.live);
  must(live.countdown_ms === 0, `a countdown of ${live.countdown_ms} ms`);
}

async function endIt() {
  await button("END").click();
  await button("End the broadcast").click();
  await button("GO LIVE").waitFor();
  await until("the end of the broadcast", 15_000, async () => (await channel()).status?.live == null);
  // The page keeps the choice; the next broadcast counts down.
  await page.getByText("5 s countdown", { exact: true }).click();
}

async function namedWithTimeLeft() {
  await page.getByText((await timeline()).name).first().waitFor();
  const overlays = page.locator('[aria-labelledby="overlays-title"]');
  const left = async () => Number.parseInt((await overlays.locator(".left").first().textContent()) ?? "", 10);
  const first = await left();
  await until("fewer seconds left", 10_000, async () => (await left()) < first);
  return `${first} s at first`;
}

async function obsOnAndOff() {
  if (venue.obs === undefined) return "a box of its own";
  const { wanted } = await channel();
  const { id } = wanted.sources.find((source) => source.kind === "rtmp" && source.name === "OBS");
  const state = async () => (await channel()).status.sources.find((source) => source.id === id).state;
  must((await venue.obs("on")).includes("OBS is on"), "it did not come on");
  await until("OBS online", 20_000, async () => (await state()) === "online");
  must((await venue.obs("off")).includes("OBS is off"), "it did not go off");
  await until("OBS gone", 20_000, async () => (await state()) === "lost");
  // A key that was changed on the page is told where the publisher is started.
  const changed = await page.evaluate(async (id) => {
    const path = `/api/v1/channels/main/sources/${id}/rotate-token`;
    return (await fetch(path, { method: "POST", headers: { "X-Bandstand": "1" } })).status;
  }, id);
  must(changed === 200, `the key's change answered ${changed}`);
  const answer = await venue.obs("on");
  must(/turned the publisher away.*obs\.key/.test(answer), `with an old key: ${answer}`);
}

async function cancelCountdown() {
  await button("GO LIVE").click();
  await page.locator('[data-phase="countdown"]').waitFor();
  await button("Cancel").click();
  await button("GO LIVE").waitFor();
  const { status } = await channel();
  must(status.destinations.every((one) => one.sessions === 0 || one.state === "idle"), "a destination was connected");
}

async function goLive() {
  await button("GO LIVE").click();
  await page.getByRole("timer").waitFor();
  const seen = new Set();
  await until("the end of the countdown", 15_000, async () => {
    const number = await page.locator('[role="timer"] b').first().textContent({ timeout: 500 }).catch(() => null);
    if (number !== null) seen.add(number);
    return page.locator('.pill[data-phase="live"]').isVisible();
  });
  must(seen.size >= 3, `the countdown showed only ${[...seen].join(", ")}`);
  await page.locator(".marker.live").waitFor();
  return `seen: ${[...seen].join(", ")}`;
}

async function sessionsOne() {
  const { wanted } = await channel();
  const enabled = wanted.destinations.filter((one) => one.enabled);
  must(enabled.length > 0, "the box has no destination");
  for (const { id } of enabled) {
    const row = page.locator(`[data-destination="${id}"][data-state="live"]`);
    await row.waitFor();
    await row.getByText("sessions: 1", { exact: true }).waitFor();
    await row.getByText(/[1-9][\d,]* kbps/).waitFor();
  }
  return `${enabled.length} destinations`;
}

async function pauseAndResume() {
  if ((await channel()).wanted.timeline === null) return "no timeline is loaded";
  await button("Pause").click();
  await button("Go on").waitFor();
  const position = async () => (await channel()).status.timeline.position_ms;
  await until("the timeline to stand", 10_000, async () => (await channel()).status.timeline.paused);
  const playhead = async () => Number(await page.locator('[role="slider"]').first().getAttribute("aria-valuenow"));
  const stood = await playhead();
  const first = await position();
  const seen = (await channel()).status.program.tick;
  const second = await until("a newer status", 10_000, async () => {
    const { status } = await channel();
    return status.program.tick > seen + 30 ? status.timeline.position_ms : null;
  });
  must(first === second, `it moved from ${first} to ${second} ms`);
  must((await playhead()) === stood, "the playhead moved while the timeline stood");
  await button("Go on").click();
  await button("Pause").waitFor();
  await until("the timeline to move", 10_000, async () => (await position()) > first);
  await until("the playhead to move", 10_000, async () => (await playhead()) > stood);
}

async function stopOne() {
  const { wanted } = await channel();
  const enabled = wanted.destinations.filter((one) => one.enabled);
  if (enabled.length < 2) return "there is only one";
  const [stopped, other] = enabled;
  await button(`Stop ${stopped.name}`).click();
  await button("Stop it").click();
  await page.locator(`[data-destination="${stopped.id}"][data-state="off"]`).waitFor();
  await button(`Start ${stopped.name}`).click();
  await page.locator(`[data-destination="${stopped.id}"][data-state="live"]`).waitFor();
  await page.locator(`[data-destination="${other.id}"]`).getByText("sessions: 1", { exact: true }).waitFor();
}

async function end() {
  await button("END").click();
  await page.getByRole("dialog").getByRole("heading", { name: "End the broadcast?" }).waitFor();
  await shot("end-question");
  await button("Stay live").click();
  must((await channel()).wanted.live !== null, "it ended without a yes");
  await button("END").click();
  await button("End the broadcast").click();
  await button("GO LIVE").waitFor();
  await until("the end of the broadcast", 15_000, async () => (await channel()).status?.live == null);
}

/** The one with the phone, the one that was cancelled in its countdown, and the one that has just ended. */
async function pastBroadcasts() {
  await page.getByRole("navigation").getByRole("link", { name: "Broadcasts" }).first().click();
  await page.getByRole("heading", { level: 1, name: "Past broadcasts" }).waitFor();
  const newest = page.locator("[data-broadcast]").first();
  await newest.getByText(`by ${NAME}`).waitFor();
  must((await newest.getAttribute("data-status")) === "stopped", "it did not end well");
  const { wanted } = await channel();
  for (const { name } of wanted.destinations.filter((one) => one.enabled)) await newest.getByText(`${name}: sessions:`).waitFor();
  must((await page.locator("[data-broadcast]").count()) === 3, "another number of broadcasts");
  await shot("broadcasts");
}

async function obsKey() {
  await open("Sources");
  await page.getByRole("link", { name: "Add a source" }).click();
  await page.getByRole("link", { name: /^OBS or other computer/ }).click();
  await page.getByLabel("Name", { exact: true }).fill("Laptop of the band");
  await button("Add").click();
  const key = page.getByRole("textbox", { name: "Stream key" });
  await key.waitFor();
  must(/^rtmp:\/\/.+\/live$/.test(await page.getByRole("textbox", { name: "Server" }).inputValue()), "no server address");
  const first = await key.inputValue();
  must(/\?token=/.test(first), `no token in the stream key ${first}`);
  await shot("source-obs");
  await button("Make a new key").click();
  await page.getByRole("dialog").getByRole("button", { name: "Make a new key" }).click();
  await until("another key", 10_000, async () => (await key.inputValue()) !== first);
  await remove();
}

/** Deletes what the open form is about, and waits for its list. */
async function remove() {
  await page.locator("main").getByRole("button", { name: "Delete" }).last().click();
  await page.getByRole("dialog").getByRole("button", { name: "Delete" }).click();
  await page.getByRole("dialog").waitFor({ state: "hidden" });
  await page.locator("main form").waitFor({ state: "detached" });
}

async function cameraForm() {
  await open("Sources");
  await page.getByRole("link", { name: "Add a source" }).click();
  await page.getByRole("link", { name: /^Camera/ }).click();
  await button("Add").click();
  await page.getByText("Enter the camera’s address.").waitFor();
  await shot("source-refused");
  await page.getByLabel("Name", { exact: true }).fill("Balcony");
  await page.getByLabel("Camera address").fill("rtsp://ann:balcony-secret@127.0.0.1:9/none");
  await button("Add").click();
  await page.getByRole("link", { name: "Edit Balcony" }).click();
  must((await page.getByLabel("Camera address").inputValue()) === "rtsp://127.0.0.1:9/none", "the address kept the password");
  must((await page.getByLabel("User name of the camera").inputValue()) === "ann", "the user name was lost");
  must(!JSON.stringify(await board()).includes("balcony-secret"), "the password came back");
  await page.getByLabel("Name", { exact: true }).fill("Balcony left");
  await button("Save").click();
  await page.getByRole("link", { name: "Edit Balcony left" }).click();
  await until("the camera to be named as unreachable", 30_000, async () => (await page.locator("aside .state").textContent())?.includes("Offline"));
  await remove();
}

async function destinationForm() {
  await open("Destinations");
  await page.getByRole("link", { name: "Add a destination" }).click();
  await button("Another one").click();
  await page.getByLabel("Name", { exact: true }).fill("Archive");
  await page.getByLabel("Server address").fill("rtmp://127.0.0.1:9/app");
  await page.getByLabel("Stream key").fill("archive-secret-key");
  await page.getByLabel("Takes part in the broadcast").uncheck();
  await button("Add").click();
  await page.getByRole("link", { name: "Edit Archive" }).click();
  await page.getByText("A key is stored. Leave empty to keep it.").waitFor();
  must(!JSON.stringify(await board()).includes("archive-secret-key"), "the key came back");
  await remove();
}

async function library() {
  await open("Library");
  await page.locator('input[type="file"]').setInputFiles({ name: "red wall.png", mimeType: "image/png", buffer: png() });
  const item = page.locator(".asset", { hasText: "red wall.png" });
  await item.waitFor();
  await until("its picture", 10_000, () => item.locator("img").evaluate((image) => image.naturalWidth === 160));
  await shot("library");
  await item.getByRole("button", { name: "Delete red wall.png" }).click();
  await page.getByRole("dialog").getByRole("button", { name: "Delete" }).click();
  await item.waitFor({ state: "detached" });
  await page.locator('input[type="file"]').setInputFiles({ name: "no film.mp4", mimeType: "video/mp4", buffer: Buffer.from("this is no film") });
  await page.locator(".notice", { hasText: /MP4/ }).waitFor();
  must((await page.locator(".asset", { hasText: "no film" }).count()) === 0, "a text was stored as a film");
}

async function timelines() {
  await open("Timelines");
  await page.getByRole("link", { name: "New timeline" }).click();
  await page.getByLabel("Name", { exact: true }).fill("Sound check");
  await button("Add a picture").click();
  await button("Add a picture").click();
  await page.getByLabel("Starts at").fill("0:10");
  await button("Add a text").click();
  await page.getByRole("textbox", { name: "Text" }).fill("Good evening");
  await shot("timeline-overlay");
  await button("Save").click();
  const wrong = page.locator('input[aria-invalid="true"]');
  await wrong.first().waitFor();
  must((await wrong.first().inputValue()) === "0:10", "another field is marked");
  await shot("timeline-refused");
  must(!(await stored()).includes("Sound check"), "a refused timeline was stored");
  await page.getByRole("navigation").getByRole("link", { name: "Library" }).first().click();
  await page.getByRole("dialog").getByRole("heading", { name: "Leave without saving?" }).waitFor();
  await button("Stay here").click();
  await wrong.first().fill("0:30");
  await button("Save").click();
  const item = page.locator("[data-timeline]", { hasText: "Sound check" });
  await item.waitFor();
  must((await stored()).includes("Sound check"), "it is not stored");
  await item.getByRole("link", { name: "Edit Sound check" }).click();
  await page.getByLabel("What it is for").fill("Before every show.");
  const overlays = page.locator('[data-track="Overlay 1"]');
  await overlays.getByLabel("Switched on").uncheck();
  await overlays.getByLabel("Name of the track").fill("Greeting");
  await shot("timeline-tracks");
  await button("Save").click();
  await item.getByText("switched off: Greeting").waitFor();
  await item.getByText("Before every show.").waitFor();
  const before = (await channel()).wanted.timeline;
  await item.getByRole("button", { name: "Use this one" }).click();
  await item.getByText("In use").waitFor();
  await item.getByRole("button", { name: "Use none" }).click();
  await item.getByRole("link", { name: "Edit Sound check" }).click();
  await remove();
  if (before !== null) {
    await page.locator(`[data-timeline="${before}"]`).getByRole("button", { name: "Use this one" }).click();
    await page.locator(`[data-timeline="${before}"]`).getByText("In use").waitFor();
  }
}

/** Names of the timelines that the box has stored. */
function stored() {
  return page.evaluate(async () => {
    const channels = await (await fetch("/api/v1/channels")).json();
    const list = await (await fetch(`/api/v1/channels/${channels[0].id}/timelines`)).json();
    return list.map((timeline) => timeline.name);
  });
}

async function otherPages() {
  for (const tab of ["Sources", "Destinations", "Timelines"]) {
    await open(tab);
    if (tab === "Sources") await page.locator('[data-preview][data-frames]').first().waitFor();
    await shot(tab.toLowerCase());
  }
  await page.getByRole("link", { name: "Settings" }).click();
  await page.getByRole("heading", { level: 1, name: "Settings" }).waitFor();
  await shot("settings");
}

async function signOutAndIn() {
  await button("Sign out").click();
  await page.getByRole("heading", { level: 1, name: "Sign in" }).waitFor();
  await page.getByLabel("Your name").fill(NAME);
  await page.getByLabel("Password").fill("not the password");
  await button("Sign in").click();
  await page.getByRole("alert").getByText(/code or password is wrong/i).waitFor();
  await shot("sign-in");
  await page.getByLabel("Password").fill(PASSWORD);
  await button("Sign in").click();
  await page.getByRole("heading", { level: 1, name: "Settings" }).waitFor();
}
