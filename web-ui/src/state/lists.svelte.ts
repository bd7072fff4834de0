// Lists that are fetched, not told by the board: uploaded files, timelines, and what platforms take.

import { api } from "../api/client";
import type { Asset, Id, Platform, PlatformName, TimelineDoc } from "../api/types";
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

export const platforms = new Platforms();
export const assets = new Assets();
export const timelines = new Timelines();
