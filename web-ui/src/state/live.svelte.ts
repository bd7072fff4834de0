// What the box says: the newest board, and how good the line to it is.

import { listen, type Link } from "../api/events";
import { Previews } from "../api/previews";
import type { Board, ChannelBoard, Id } from "../api/types";

const KEEP_CHANNEL = "bandstand.channel";
/** How often moving times are drawn, milliseconds. */
const CLOCK_MS = 100;

class Live {
  board = $state.raw<Board | null>(null);
  link = $state<Link>("connecting");
  /** Page time, milliseconds. */
  now = $state(performance.now());
  /** Page time at which the channel's present status arrived. */
  statusAt = $state(0);
  #chosen = $state<Id | null>(localStorage.getItem(KEEP_CHANNEL));
  #stop: (() => void) | null = null;
  #clock: ReturnType<typeof setInterval> | undefined;
  #previews: { channel: Id; previews: Previews } | null = null;

  /** The channel that the page is about. */
  readonly channel: ChannelBoard | null = $derived.by(() => {
    const channels = this.board?.channels ?? [];
    return channels.find((one) => one.id === this.#chosen) ?? channels[0] ?? null;
  });

  /** Milliseconds since the channel's status arrived. */
  readonly elapsed: number = $derived(Math.max(0, this.now - this.statusAt));

  choose(channel: Id): void {
    this.#chosen = channel;
    localStorage.setItem(KEEP_CHANNEL, channel);
  }

  start(signedOut: () => void): void {
    this.stop();
    this.#clock = setInterval(() => (this.now = performance.now()), CLOCK_MS);
    this.#stop = listen({
      board: (board) => this.#take(board),
      link: (link) => (this.link = link),
      signedOut,
    });
  }

  stop(): void {
    this.#stop?.();
    this.#stop = null;
    clearInterval(this.#clock);
    this.#previews?.previews.close();
    this.#previews = null;
    this.board = null;
  }

  /** The moving pictures of a channel. */
  previews(channel: Id): Previews {
    if (this.#previews?.channel !== channel) {
      this.#previews?.previews.close();
      this.#previews = { channel, previews: new Previews(channel) };
    }
    return this.#previews.previews;
  }

  #take(board: Board): void {
    const before = this.channel?.status?.now;
    this.board = board;
    // A board may repeat an older status: times count on from when that one came.
    if (this.channel?.status?.now !== before) this.statusAt = performance.now();
    this.now = performance.now();
  }
}

export const live = new Live();
