// Every page and situation of the mock, for the tools that look at them: screenshots (shots.mjs) and rules (axe.mjs).

import { mkdtempSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { chromium } from "playwright-core";

export const MOCK_URL = process.env.MOCK_URL ?? "http://127.0.0.1:5199";
export const SIZES = { phone: { width: 390, height: 844 }, desk: { width: 1280, height: 800 } };
const FLAGS = ["--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking", "--disable-component-update", "--disable-sync"];

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

/** Name, the scene of the mock, the address, and what is done and waited for until the page is as wished. */
export const SITUATIONS = [
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
      await fetch(`${MOCK_URL}/mock/broken`, { method: "POST" });
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
    "doctor",
    "off-air",
    "#/settings",
    async (page) => {
      await page.locator("[data-doctor] button").click();
      await page.waitForSelector("[data-doctor] li");
      await page.locator("[data-doctor]").scrollIntoViewIfNeeded();
    },
  ],
  [
    "system-reset",
    "off-air",
    "#/settings",
    async (page) => (await page.getByRole("button", { name: "Back to how it was" }).click(), page.getByLabel("to confirm").scrollIntoViewIfNeeded()),
  ],
];

/** A browser with a profile of its own. What is pressed has its English name. */
export function openBrowser() {
  return chromium.launchPersistentContext(mkdtempSync(join(tmpdir(), "bandstand-page-")), {
    executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium",
    headless: true,
    args: FLAGS,
    locale: "en-GB",
  });
}

/**
 * Opens a page in a situation and waits until it is as wished, then hands it on; what is pressed until then has its
 * English name. Answers what went wrong, in sentences.
 */
export async function visit(context, [, scene, hash, ready], { viewport, look = "dark", language = "en" }, take) {
  const problems = [];
  await fetch(`${MOCK_URL}/mock/${scene}`, { method: "POST" });
  const page = await context.newPage();
  page.on("console", (message) => message.type() === "error" && problems.push(message.text()));
  page.on("pageerror", (error) => problems.push(error.message));
  try {
    await page.setViewportSize(viewport);
    await page.emulateMedia({ colorScheme: look });
    await page.goto(`${MOCK_URL}/${hash}`);
    await ready(page);
    if (language !== "en") await speak(page, language);
    await page.evaluate(() => document.fonts.ready);
    await take(page);
    const wide = await page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
    if (wide > 0) problems.push(`${wide} px too wide`);
  } catch (error) {
    problems.push(error.message.split("\n")[0]);
  }
  // The next visit begins as a new one.
  await page.evaluate(() => localStorage.clear()).catch(() => {});
  await page.close();
  return problems;
}

/** Changes the language, as another window of the same browser would do it. */
export async function speak(page, language) {
  await page.evaluate((tag) => {
    localStorage.setItem("bandstand.language", tag);
    dispatchEvent(new StorageEvent("storage", { key: "bandstand.language", newValue: tag }));
  }, language);
  await page.waitForFunction((tag) => document.documentElement.lang === tag, language);
}
