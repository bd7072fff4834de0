// The log of broadcasts, as far as it has been fetched.

import { api } from "../api/client";
import type { Execution, Id } from "../api/types";
import { report } from "./notices.svelte";

/** Broadcasts that are fetched at a time. */
const PAGE = 20;

class Broadcasts {
  list = $state.raw<Execution[] | null>(null);
  /** Whether there are older ones. */
  more = $state(false);
  #of: Id | null = null;

  /** The newest ones, in place of what is there. */
  async load(channel: Id): Promise<void> {
    if (this.#of !== channel) this.list = null;
    this.#of = channel;
    await this.#fetch(channel, undefined);
  }

  /** Adds older ones. */
  async older(): Promise<void> {
    const last = this.list?.at(-1);
    if (this.#of !== null && last !== undefined) await this.#fetch(this.#of, last.session);
  }

  async #fetch(channel: Id, before: Id | undefined): Promise<void> {
    try {
      const page = await api.executions(channel, PAGE, before);
      // Another list may have come meanwhile: another channel's, or a newer one that ends elsewhere.
      if (this.#of !== channel || (before !== undefined && this.list?.at(-1)?.session !== before)) return;
      this.list = before === undefined ? page : [...(this.list ?? []), ...page];
      this.more = page.length === PAGE;
    } catch (error) {
      report(error);
    }
  }
}

export const broadcasts = new Broadcasts();
