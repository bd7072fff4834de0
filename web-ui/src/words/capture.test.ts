import { expect, test } from "vitest";
import { deviceChoices, deviceWords } from "./capture";
import type { CaptureDevice } from "../api/types";

const stick: CaptureDevice = {
  id: "534d:2109:@0000:00:14.0:1.2#0",
  name: "USB Video",
  media: "video",
  formats: [{ coding: "jpeg", width: 1920, height: 1080, rate: { num: 30, den: 1 } }],
  sound: "534d:2109:@0000:00:14.0:1.2#0",
  in_use: false,
};
const desk: CaptureDevice = { id: "@platform/snd_aloop.0#1", name: "Desk", media: "sound", formats: [], sound: null, in_use: true };

test("a device is known by its name, its picture and its socket", () => {
  expect(deviceWords(stick)).toBe("USB Video, 1920 × 1080, socket 1.2");
  expect(deviceWords(desk)).toBe("Desk, socket snd_aloop.0#1, in use");
});

test("what was chosen stays a choice while it is unplugged", () => {
  expect(deviceChoices([stick, desk], "video", stick.id)).toEqual([stick]);
  expect(deviceChoices([desk], "video", stick.id).map(deviceWords)).toEqual([`Not plugged in now (${stick.id})`]);
  expect(deviceChoices([stick, desk], "sound", "auto")).toEqual([desk]);
});
