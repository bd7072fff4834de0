// Who sits before the page.

import { api, onSignedOut } from "../api/client";
import { live } from "./live.svelte";

type Stage = "asking" | "unreachable" | "claim" | "sign-in" | "in";

/** Between questions while the box does not answer, milliseconds. */
const RETRY_MS = 2000;

class SessionState {
  stage = $state<Stage>("asking");
  user = $state<string | null>(null);

  start(): void {
    onSignedOut(() => this.#left());
    void this.ask();
  }

  async ask(): Promise<void> {
    try {
      const session = await api.session();
      if (session.user !== null) this.entered(session.user);
      else this.stage = session.claimed ? "sign-in" : "claim";
    } catch {
      this.stage = "unreachable";
      setTimeout(() => void this.ask(), RETRY_MS);
    }
  }

  entered(user: string): void {
    this.user = user;
    this.stage = "in";
    live.start(() => this.#left());
  }

  async signOut(): Promise<void> {
    await api.signOut();
    this.#left();
  }

  #left(): void {
    if (this.stage !== "in") return;
    live.stop();
    this.user = null;
    this.stage = "sign-in";
  }
}

export const session = new SessionState();
