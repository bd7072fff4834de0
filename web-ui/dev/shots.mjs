// Screenshots of every page and situation against the mock, at phone and desktop size, into target/screenshots/mock.
//   npm run mock &   npm run shots [part of a name]
//   npm run mock &   npm run docs:shots               those of docs/install.md alone, into docs/pictures

import { mkdirSync, mkdtempSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { chromium } from "playwright-core";

const URL_BASE = process.env.MOCK_URL ?? "http://127.0.0.1:5199";
const OUT = new URL("../../target/screenshots/mock/", import.meta.url).pathname;
const SIZES = { phone: { width: 390, height: 844 }, desk: { width: 1280, height: 800 } };
const DOCS = new URL("../../docs/pictures/", import.meta.url).pathname;
const forDocs = process.argv[2] === "--docs";
const only = process.argv[2] ?? "";

const program = async (page) => page.waitForFunction(() => Number(document.querySelector('[data-preview="program"]')?.dataset.frames ?? 0) > 3);
const tiles = async (page) => {
  await program(page);
  await page.waitForFunction(() => Number(document.querySelector('[data-preview="source/camera-2"]')?.dataset.frames ?? 0) > 0);
};
const head = async (page) => {
  await page.getByRole("button", { name: "Choir" }).waitFor();
  await page.waitForFunction(() => Number(document.querySelector("[data-preview]")?.dataset.frames ?? 0) > 0);
};
const heading = (page) => page.waitForSelector("main h1");

const SHOTS = [
  ["claim", "unclaimed", "", heading],
  ["claim-refused", "unclaimed", "", async (page) => (await heading(page), page.getByRole("button", { name: "Start" }).click())],
  ["sign-in", "signed-out", "", heading],
  ["off-air", "off-air", "", tiles],
  ["empty", "empty", "", program],
  [
    "countdown",
    "off-air",
    "",
    async (page) => {
      await tiles(page);
      await page.getByRole("button", { name: "GO LIVE" }).click();
      await page.waitForSelector('[data-phase="countdown"]');
    },
  ],
  ["live", "live", "", tiles],
  ["end-question", "live", "", async (page) => (await tiles(page), page.getByRole("button", { name: "END" }).click())],
  ["fault", "fault", "", tiles],
  ["slate", "slate", "", program],
  ["waiting", "waiting", "", tiles],
  ["pinned", "pinned", "", tiles],
  ["pinned-lost", "pinned-lost", "", program],
  ["emergency", "emergency", "", program],
  ["kept", "kept", "", program],
  ["worker-lost", "worker", "", async (page) => page.waitForSelector("article")],
  [
    "link-lost",
    "live",
    "",
    async (page) => {
      await tiles(page);
      await fetch(`${URL_BASE}/mock/broken`, { method: "POST" });
      await page.waitForSelector(".banner.lost");
    },
  ],
  ["sources", "fault", "#/sources", async (page) => page.waitForFunction(() => Number(document.querySelector('[data-preview="source/loop"]')?.dataset.frames ?? 0) > 0)],
  ["source-kinds", "off-air", "#/sources/new", heading],
  ["source-camera", "off-air", "#/sources/camera-1", async (page) => page.waitForFunction(() => Number(document.querySelector("[data-preview]")?.dataset.frames ?? 0) > 0)],
  ["find-cameras", "off-air", "#/sources/new/find", async (page) => page.waitForSelector("[data-camera]")],
  [
    "add-camera",
    "off-air",
    "#/sources/new/find",
    async (page) => (await page.waitForSelector("[data-camera]"), page.getByRole("button", { name: "Add Stage left" }).click()),
  ],
  [
    "add-announced-camera",
    "off-air",
    "#/sources/new/find",
    async (page) => (await page.waitForSelector("[data-camera]"), page.getByRole("button", { name: "Add Balcony" }).click()),
  ],
  ["source-head", "off-air", "#/sources/camera-2", head],
  ["source-head-on-air", "pinned", "#/sources/camera-2", head],
  [
    "editor-preset",
    "off-air",
    "#/timelines/evening",
    async (page) => {
      await page.waitForSelector(".cue");
      await page.locator('[data-cue="cue-3"] .summary').click();
      await page.getByLabel("Camera goes to").selectOption("3");
    },
  ],
  ["source-obs", "off-air", "#/sources/obs", heading],
  [
    "source-refused",
    "off-air",
    "#/sources/new/camera",
    async (page) => (await heading(page), page.getByRole("button", { name: "Add", exact: true }).click()),
  ],
  ["source-media", "off-air", "#/sources/new/media", heading],
  [
    "source-playlist",
    "off-air",
    "#/sources/new/media",
    async (page) => {
      await page.getByRole("button", { name: "several files" }).click();
      for (const nth of [1, 2, 1]) {
        const before = await page.locator("ol li .name").count();
        await page.getByLabel("Add a file").selectOption({ index: nth });
        // The second one of this name adds the source itself.
        await page.getByRole("button", { name: "Add", exact: true }).first().click();
        await page.waitForFunction((count) => document.querySelectorAll("ol li .name").length > count, before);
      }
      await page.getByRole("button", { name: ": earlier" }).nth(2).click();
    },
  ],
  ["destinations", "waiting", "#/destinations", heading],
  ["destination-new", "off-air", "#/destinations/new", async (page) => page.getByRole("button", { name: "YouTube" }).click()],
  ["destination-first", "off-air", "#/destinations/new", async (page) => page.getByRole("button", { name: "YouTube" }).waitFor()],
  ["destination-custom", "off-air", "#/destinations/new", async (page) => page.getByRole("button", { name: "Another one" }).click()],
  [
    "destination-plain",
    "capped",
    "#/destinations/new",
    async (page) => {
      await page.getByRole("button", { name: "Another one" }).click();
      await page.getByLabel("Server address").fill("rtmp://live.twitch.tv/app");
    },
  ],
  [
    "destination-no-key",
    "off-air",
    "#/destinations/new",
    async (page) => {
      await page.getByRole("button", { name: "Facebook" }).click();
      await page.getByRole("button", { name: "Add", exact: true }).click();
    },
  ],
  ["destination-edit", "capped", "#/destinations/twitch", async (page) => page.getByText("Twitch takes").waitFor()],
  ["destinations-capped", "capped", "#/destinations", heading],
  ["capped", "capped", "", tiles],
  ["settings-capped", "capped", "#/settings", heading],
  ["settings-too-low", "too-low", "#/settings", heading],
  ["timelines", "off-air", "#/timelines", async (page) => page.waitForSelector("[data-timeline]")],
  ["editor", "off-air", "#/timelines/evening", async (page) => (await page.waitForSelector(".cue"), page.locator(".cue .summary").nth(1).click())],
  [
    "editor-overlay",
    "off-air",
    "#/timelines/evening",
    async (page) => {
      await page.waitForSelector(".cue");
      await page.locator('[data-cue="cue-6"] .summary').click();
      await program(page);
    },
  ],
  [
    "editor-refused",
    "off-air",
    "#/timelines/evening",
    async (page) => {
      await page.waitForSelector(".cue");
      await page.locator('[data-cue="cue-3"] .summary').click();
      await page.getByLabel("Starts at").fill("1:10");
      await page.getByRole("button", { name: "Save" }).click();
      await page.waitForSelector('[aria-invalid="true"]');
    },
  ],
  [
    "editor-tracks",
    "off-air",
    "#/timelines/evening",
    async (page) => {
      await page.waitForSelector("[data-track]");
      await page.getByLabel("Switched on: Overlay 2").uncheck();
      await page.getByLabel("Switched on: Overlay 2").scrollIntoViewIfNeeded();
    },
  ],
  ["broadcasts", "off-air", "#/broadcasts", async (page) => page.waitForSelector("[data-broadcast]")],
  [
    "broadcasts-older",
    "off-air",
    "#/broadcasts",
    async (page) => {
      await page.getByRole("button", { name: "Show older ones" }).click();
      await page.waitForFunction(() => document.querySelectorAll("[data-broadcast]").length > 20);
      await page.locator('[data-broadcast="s-2"] summary').click();
    },
  ],
  ["library", "off-air", "#/library", async (page) => page.waitForSelector(".asset")],
  ["settings", "off-air", "#/settings", heading],
  ...["ready", "installing", "went-back", "failed", "obstacle"].map((state) => [
    `system-${state}`,
    `update-${state}`,
    "#/settings",
    async (page) => page.locator("[data-system]").scrollIntoViewIfNeeded(),
  ]),
  [
    "panel",
    "off-air",
    "#/settings",
    async (page) => {
      await page.getByLabel("Button", { exact: true }).selectOption("GPIO17");
      await page.getByLabel("Lamp", { exact: true }).selectOption("GPIO27");
      await page.getByLabel("Lamp", { exact: true }).scrollIntoViewIfNeeded();
    },
  ],
  ...["found", "waiting", "ready"].map((state) => [`disk-${state}`, `disk-${state}`, "#/settings", async (page) => page.locator("[data-disk]").scrollIntoViewIfNeeded()]),
  ["network", "off-air", "#/settings", async (page) => page.locator("[data-network]").evaluate((card) => card.scrollIntoView())],
  ...["failed", "joining"].map((state) => [
    `network-${state}`,
    `wifi-${state}`,
    "#/settings",
    async (page) => page.locator(`[data-network="${state}"]`).evaluate((card) => card.scrollIntoView()),
  ]),
  [
    "network-join",
    "off-air",
    "#/settings",
    async (page) => {
      await page.getByRole("button", { name: "Another Wi-Fi" }).click();
      await page.getByLabel("Name of the Wi-Fi").fill("Town Hall");
      await page.getByLabel("Password", { exact: true }).fill("short");
      await page.locator("[data-network]").getByRole("button", { name: "Join", exact: true }).click();
      await page.waitForSelector('[aria-invalid="true"]');
    },
  ],
  [
    "system-reset",
    "off-air",
    "#/settings",
    async (page) => (await page.getByRole("button", { name: "Back to how it was" }).click(), page.getByLabel("to confirm").scrollIntoViewIfNeeded()),
  ],
];

// What docs/install.md shows: the shot, the file's name, the window, and which parts of the page, where it is not the window.
const FOR_DOCS = [
  { shot: "claim", file: "first-sign-in", viewport: { width: 480, height: 640 } },
  { shot: "empty", file: "empty", viewport: { width: 1120, height: 700 } },
  { shot: "live", file: "on-air", viewport: { width: 1120, height: 804 } },
  { shot: "panel", file: "settings", viewport: { width: 760, height: 1500 }, parts: ["[data-system]", "[data-system] ~ form"] },
];
/** Quality of a picture in the docs, of 100: words stay sharp, and each is far below the 80 kB that it may have. */
const WEBP_QUALITY = 80;
const DOCS_BYTES_MAX = 80_000;
/** Page around the parts that a picture shows, in px. */
const AROUND = 12;
/** Room for the page's head, which stays in the window, in px. */
const HEAD = 80;

/** Opens a page in a situation and waits until it is as wished, then hands it on. What goes wrong is told. */
async function shoot(label, [, situation, hash, ready], viewport, take) {
  await fetch(`${URL_BASE}/mock/${situation}`, { method: "POST" });
  const page = await context.newPage();
  page.on("console", (message) => message.type() === "error" && problems.push(`${label}: ${message.text()}`));
  page.on("pageerror", (error) => problems.push(`${label}: ${error.message}`));
  await page.setViewportSize(viewport);
  try {
    await page.goto(`${URL_BASE}/${hash}`);
    await ready(page);
    await page.evaluate(() => document.fonts.ready);
    await take(page);
    const wide = await page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
    if (wide > 0) problems.push(`${label}: ${wide} px too wide`);
  } catch (error) {
    problems.push(`${label}: ${error.message.split("\n")[0]}`);
  }
  await page.close();
}

/** What of the window the parts take. */
async function around(page, parts, viewport) {
  if (parts === undefined) return { x: 0, y: 0, ...viewport };
  await page.locator(parts[0]).evaluate((part, head) => scrollBy(0, part.getBoundingClientRect().top - head), HEAD);
  // A clip is measured from the page's top.
  const scrolled = await page.evaluate(() => scrollY);
  const boxes = await Promise.all(parts.map((part) => page.locator(part).boundingBox()));
  const [left, top] = [Math.min(...boxes.map((box) => box.x)) - AROUND, Math.min(...boxes.map((box) => box.y)) - AROUND];
  const right = Math.max(...boxes.map((box) => box.x + box.width)) + AROUND;
  const bottom = Math.max(...boxes.map((box) => box.y + box.height)) + AROUND;
  return { x: left, y: top + scrolled, width: right - left, height: bottom - top };
}

async function takeForDocs({ file, viewport, parts }, page) {
  const clip = { ...(await around(page, parts, viewport)), scale: 1 };
  // Playwright itself writes no WebP.
  const devtools = await context.newCDPSession(page);
  const { data } = await devtools.send("Page.captureScreenshot", { format: "webp", quality: WEBP_QUALITY, clip });
  const bytes = Buffer.from(data, "base64");
  if (bytes.length > DOCS_BYTES_MAX) problems.push(`${file}: ${bytes.length} bytes, more than ${DOCS_BYTES_MAX}`);
  writeFileSync(join(DOCS, `${file}.webp`), bytes);
}

mkdirSync(OUT, { recursive: true });
const context = await chromium.launchPersistentContext(mkdtempSync(join(tmpdir(), "bandstand-shots-")), {
  executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium",
  headless: true,
  args: ["--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking", "--disable-component-update", "--disable-sync"],
});
const problems = [];
if (forDocs) {
  for (const wished of FOR_DOCS) {
    const shot = SHOTS.find(([name]) => name === wished.shot);
    await shoot(wished.file, shot, wished.viewport, (page) => takeForDocs(wished, page));
  }
} else {
  for (const [size, viewport] of Object.entries(SIZES)) {
    for (const shot of SHOTS.filter(([name]) => name.includes(only))) {
      await shoot(`${size}/${shot[0]}`, shot, viewport, async (page) => {
        await page.screenshot({ path: join(OUT, `${shot[0]}-${size}.png`) });
        if (size === "phone") await page.screenshot({ path: join(OUT, `${shot[0]}-${size}-full.png`), fullPage: true });
      });
    }
  }
}
await context.close();
console.log(problems.join("\n") || "no errors on any page");
if (forDocs && problems.length > 0) process.exitCode = 1;
