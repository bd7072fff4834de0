// Short words at the edge of the page: what was refused, and what was done.

import { Refusal } from "../api/client";
import { t } from "../strings";
import { fromBox, plain, type Said } from "../words/said";

export interface Notice {
  id: number;
  good: boolean;
  text: Said;
  remedy: Said;
}

const GOOD_MS = 4000;
const BAD_MS = 12_000;
const NOTICES_MAX = 3;

class Notices {
  list = $state.raw<Notice[]>([]);
  #next = 1;

  good(text: string): void {
    this.#add({ good: true, text, remedy: "" }, GOOD_MS);
  }

  bad(text: Said, remedy: Said = ""): void {
    this.#add({ good: false, text, remedy }, BAD_MS);
  }

  drop(id: number): void {
    this.list = this.list.filter((notice) => notice.id !== id);
  }

  /** Another page, or another try: what was refused before is over. */
  dropBad(): void {
    if (this.list.some((notice) => !notice.good)) this.list = this.list.filter((notice) => notice.good);
  }

  #add(notice: Omit<Notice, "id">, ms: number): void {
    const id = this.#next++;
    const others = this.list.filter((one) => plain(one.text) !== plain(notice.text));
    this.list = [...others, { ...notice, id }].slice(-NOTICES_MAX);
    setTimeout(() => this.drop(id), ms);
  }
}

export const notices = new Notices();

/** Does something that the box may refuse; a refusal becomes a notice. Tells whether it was done. */
export async function attempt(action: () => Promise<unknown>): Promise<boolean> {
  try {
    await action();
    return true;
  } catch (error) {
    report(error);
    return false;
  }
}

export function report(error: unknown): void {
  if (error instanceof Refusal) {
    const reasons = error.wrongs.map((wrong) => wrong.reason).join("; ");
    const { what, remedy } = error.said;
    notices.bad(reasons === "" ? what : fromBox(`${error.message} ${reasons}`), remedy);
  } else {
    console.error(error);
    notices.bad(t.api.internal(0), t.api.internalRemedy);
  }
}
