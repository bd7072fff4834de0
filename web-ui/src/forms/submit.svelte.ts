// What every form does when it is sent: check at a glance, ask the box, show what it refuses.

import { Refusal } from "../api/client";
import type { Wrong } from "../api/types";
import { notices } from "../state/notices.svelte";
import { t } from "../strings";
import type { Said } from "../words/said";
import { fieldWrongs, Wrongs } from "./wrongs";

export class Submit {
  busy = $state(false);
  wrongs = $state.raw(new Wrongs());
  refused = $state.raw<Said | null>(null);
  remedy = $state.raw<Said>("");
  readonly #whole: boolean;

  /** `whole`: places of refusals are paths from the document's root; otherwise their last part names the field. */
  constructor(whole = false) {
    this.#whole = whole;
  }

  /** Sends, unless `glance` already shows something wrong. Answers what the box answered, or nothing. */
  async send<T>(glance: Wrong[], action: () => Promise<T>): Promise<T | undefined> {
    notices.dropBad();
    this.wrongs = new Wrongs(glance);
    this.refused = glance.length > 0 ? t.common.correct : null;
    this.remedy = " ";
    if (glance.length > 0) return this.#point();
    this.busy = true;
    try {
      return await action();
    } catch (error) {
      if (!(error instanceof Refusal)) throw error;
      this.wrongs = this.#whole ? new Wrongs(error.wrongs, true) : fieldWrongs(error.wrongs, true);
      this.refused = error.said.what;
      this.remedy = error.said.remedy;
      return this.#point();
    } finally {
      this.busy = false;
    }
  }

  at(place: string): Said | null {
    return this.wrongs.at(place);
  }

  /** Focus goes to the first field that is refused, once it is marked. */
  #point(): undefined {
    requestAnimationFrame(() => document.querySelector<HTMLElement>('main [aria-invalid="true"], main [data-wrong]')?.focus());
    return undefined;
  }
}
