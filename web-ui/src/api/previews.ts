// Moving pictures: one WebSocket per channel, shared by every picture on the page. Nobody looking, or the page
// hidden: no connection, so that the box need not make them.

import { BASE } from "./client";
import type { Id } from "./types";

export type Show = (jpeg: Blob) => void;

const RETRY_MS = [500, 1000, 2000, 5000];
/** Without a picture for so long the connection is taken as dead, milliseconds. */
const SILENCE_MS_MAX = 8000;

/** Name and JPEG of a binary message: one byte length of the name, the name, the JPEG. Nothing where it is none. */
export function parsePreview(message: ArrayBuffer): { name: string; jpeg: Blob } | null {
  const bytes = new Uint8Array(message);
  const length = bytes[0];
  if (length === undefined || bytes.length < 1 + length + 1) return null;
  const name = new TextDecoder().decode(bytes.subarray(1, 1 + length));
  return { name, jpeg: new Blob([bytes.subarray(1 + length)], { type: "image/jpeg" }) };
}

export class Previews {
  readonly #channel: Id;
  readonly #shows = new Map<string, Set<Show>>();
  #socket: WebSocket | null = null;
  #retry: ReturnType<typeof setTimeout> | undefined;
  #silence: ReturnType<typeof setTimeout> | undefined;
  #tries = 0;

  constructor(channel: Id) {
    this.#channel = channel;
    document.addEventListener("visibilitychange", this.#follow);
  }

  /** Calls `show` with each picture of `name` (`program` or `source/<id>`) until the returned function is called. */
  watch(name: string, show: Show): () => void {
    const shows = this.#shows.get(name) ?? new Set();
    shows.add(show);
    this.#shows.set(name, shows);
    this.#follow();
    return () => {
      shows.delete(show);
      if (shows.size === 0) this.#shows.delete(name);
      // Going from one page to the next drops the last picture and adds another in the same breath.
      queueMicrotask(this.#follow);
    };
  }

  close(): void {
    document.removeEventListener("visibilitychange", this.#follow);
    this.#shows.clear();
    this.#follow();
  }

  readonly #follow = (): void => {
    const wanted = this.#shows.size > 0 && !document.hidden;
    if (wanted && this.#socket === null && this.#retry === undefined) this.#open();
    if (!wanted) this.#shut();
  };

  #open(): void {
    const scheme = location.protocol === "https:" ? "wss:" : "ws:";
    const socket = new WebSocket(`${scheme}//${location.host}${BASE}/channels/${encodeURIComponent(this.#channel)}/previews`);
    socket.binaryType = "arraybuffer";
    socket.onmessage = (event: MessageEvent<unknown>) => {
      this.#heard();
      if (!(event.data instanceof ArrayBuffer)) return;
      const preview = parsePreview(event.data);
      if (preview === null) return;
      this.#tries = 0;
      for (const show of this.#shows.get(preview.name) ?? []) show(preview.jpeg);
    };
    socket.onclose = () => this.#again(socket);
    this.#socket = socket;
    this.#heard();
  }

  #heard(): void {
    clearTimeout(this.#silence);
    this.#silence = setTimeout(() => {
      const socket = this.#socket;
      if (socket === null) return;
      socket.close();
      this.#again(socket);
    }, SILENCE_MS_MAX);
  }

  #again(socket: WebSocket): void {
    if (this.#socket !== socket) return;
    this.#socket = null;
    clearTimeout(this.#silence);
    this.#retry = setTimeout(() => {
      this.#retry = undefined;
      this.#follow();
    }, RETRY_MS[Math.min(this.#tries, RETRY_MS.length - 1)]);
    this.#tries += 1;
  }

  #shut(): void {
    clearTimeout(this.#retry);
    clearTimeout(this.#silence);
    this.#retry = undefined;
    const socket = this.#socket;
    this.#socket = null;
    socket?.close();
  }
}
