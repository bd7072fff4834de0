// Screenshots of every page and situation against the mock, at phone and desktop size, into target/screenshots/mock.
//   npm run mock &   npm run shots [part of a name]

import { mkdirSync, mkdtempSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { chromium } from "playwright-core";

const URL_BASE = process.env.MOCK_URL ?? "http://127.0.0.1:5199";
const OUT = new URL("../../target/screenshots/mock/", import.meta.url).pathname;
const SIZES = { phone: { width: 390, height: 844 }, desk: { width: 1280, height: 800 } };
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
  ["empty", "empty", "", heading],
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
  ...["ready", "installing", "went-back", "failed"].map((state) => [
    `system-${state}`,
    `update-${state}`,
    "#/settings",
    async (page) => page.locator("[data-system]").scrollIntoViewIfNeeded(),
  ]),
  [
    "panel",
    "off-air",
    "#/settings",
    async (page) => (await page.getByLabel("Button", { exact: true }).selectOption("GPIO17"), page.getByLabel("Lamp", { exact: true }).scrollIntoViewIfNeeded()),
  ],
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

mkdirSync(OUT, { recursive: true });
const context = await chromium.launchPersistentContext(mkdtempSync(join(tmpdir(), "bandstand-shots-")), {
  executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium",
  headless: true,
  args: ["--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking", "--disable-component-update", "--disable-sync"],
});
const problems = [];
for (const [size, viewport] of Object.entries(SIZES)) {
  for (const [name, situation, hash, ready] of SHOTS) {
    if (!name.includes(only)) continue;
    await fetch(`${URL_BASE}/mock/${situation}`, { method: "POST" });
    const page = await context.newPage();
    page.on("console", (message) => message.type() === "error" && problems.push(`${size}/${name}: ${message.text()}`));
    page.on("pageerror", (error) => problems.push(`${size}/${name}: ${error.message}`));
    await page.setViewportSize(viewport);
    try {
      await page.goto(`${URL_BASE}/${hash}`);
      await ready(page);
      await page.evaluate(() => document.fonts.ready);
      await page.screenshot({ path: join(OUT, `${name}-${size}.png`) });
      const wide = await page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
      if (wide > 0) problems.push(`${size}/${name}: ${wide} px too wide`);
      if (size === "phone") await page.screenshot({ path: join(OUT, `${name}-${size}-full.png`), fullPage: true });
    } catch (error) {
      problems.push(`${size}/${name}: ${error.message.split("\n")[0]}`);
    }
    await page.close();
  }
}
await context.close();
console.log(problems.join("\n") || "no errors on any page");
