// What the box found wrong, by the field where it is shown.

import type { Wrong } from "../api/types";
import { fromBox, type Said } from "../words/said";
import { fieldText } from "../words/time";

/** The box counts milliseconds; people read minutes and seconds. */
export function readable(reason: string): string {
  return reason.replace(/(-?\d+) ms\b/g, (_, ms: string) => fieldText(Number(ms)));
}

export class Wrongs {
  readonly #all: Wrong[];
  /** Whether the box found them: its reasons are English. */
  readonly #told: boolean;

  constructor(all: Wrong[] = [], told = false) {
    this.#all = all.map(({ place, reason }) => ({ place, reason: readable(reason) }));
    this.#told = told;
  }

  /** The reasons at a field; nothing where it is right. */
  at(place: string): Said | null {
    const reasons = this.#all.filter((wrong) => wrong.place === place).map((wrong) => wrong.reason);
    return reasons.length === 0 ? null : this.#say(reasons.join("; "));
  }

  /** Whether anything at `place` or below it is wrong. */
  under(place: string): boolean {
    return this.#all.some(
      (wrong) => wrong.place === place || wrong.place.startsWith(`${place}.`) || wrong.place.startsWith(`${place}[`),
    );
  }

  /** Those for which no field of `places` is there, as sentences. */
  elsewhere(places: string[]): Said[] {
    return this.#all
      .filter((wrong) => !places.includes(wrong.place))
      .map((wrong) => this.#say(wrong.place === "" ? wrong.reason : `${wrong.place}: ${wrong.reason}`));
  }

  #say(text: string): Said {
    return this.#told ? fromBox(text) : text;
  }

  get all(): Wrong[] {
    return this.#all;
  }

  get empty(): boolean {
    return this.#all.length === 0;
  }
}

/** For a form of one thing: the last part of each place names the field, wherever the thing stands. */
export function fieldWrongs(wrongs: Wrong[], told = false): Wrongs {
  return new Wrongs(wrongs.map((wrong) => ({ ...wrong, place: wrong.place.split(".").at(-1) ?? "" })), told);
}
