// Lists that are fetched, not told by the board: uploaded files, timelines, and what platforms take.

import { api } from "../api/client";
import type { Asset, Id, Platform, PlatformName, Preset, Ptz, TimelineDoc } from "../api/types";
import { report } from "./notices.svelte";

class Assets {
  list = $state.raw<Asset[] | null>(null);

  async load(): Promise<void> {
    try {
      this.list = await api.assets();
    } catch (error) {
      report(error);
    }
  }

  byId(id: Id): Asset | undefined {
    return this.list?.find((asset) => asset.id === id);
  }
}

class Timelines {
  list = $state.raw<TimelineDoc[] | null>(null);
  #of: Id | null = null;

  async load(channel: Id): Promise<void> {
    if (this.#of !== channel) this.list = null;
    this.#of = channel;
    try {
      const list = await api.timelines(channel);
      if (this.#of === channel) this.list = list;
    } catch (error) {
      report(error);
    }
  }

  byId(id: Id | null): TimelineDoc | undefined {
    return this.list?.find((timeline) => timeline.id === id);
  }
}

class Platforms {
  list = $state.raw<Platform[] | null>(null);

  /** It changes with the program alone, so it is fetched once. */
  async load(): Promise<void> {
    if (this.list !== null) return;
    try {
      this.list = await api.platforms();
    } catch (error) {
      report(error);
    }
  }

  byName(name: PlatformName): Platform | undefined {
    return this.list?.find((platform) => platform.platform === name);
  }
}

/** What a camera told of its presets. */
export type PresetList = Preset[] | "asked" | "untold";

class Presets {
  /** By channel, source and head: another head has other presets. */
  #lists = $state.raw<Record<string, PresetList>>({});

  /** The presets of a source's camera. The first look asks for them; a camera that does not tell is asked anew later. */
  async load(channel: Id, source: Id, ptz: Ptz): Promise<void> {
    const key = keyOf(channel, source, ptz);
    if (Array.isArray(this.#lists[key]) || this.#lists[key] === "asked") return;
    this.#lists = { ...this.#lists, [key]: "asked" };
    const told = await api.presets(channel, source).catch((): PresetList => "untold");
    this.#lists = { ...this.#lists, [key]: told };
  }

  of(channel: Id, source: Id, ptz: Ptz): PresetList {
    return this.#lists[keyOf(channel, source, ptz)] ?? "asked";
  }

  /** Its name, as far as it was told. */
  name(channel: Id, source: Id, ptz: Ptz, token: string): string {
    const list = this.of(channel, source, ptz);
    const named = Array.isArray(list) ? list.find((preset) => preset.token === token)?.name : undefined;
    return named ?? token;
  }
}

const keyOf = (channel: Id, source: Id, ptz: Ptz): string => JSON.stringify([channel, source, { ...ptz, settle_ms: 0 }]);

export const presets = new Presets();
export const platforms = new Platforms();
export const assets = new Assets();
export const timelines = new Timelines();
