// The one stream of live state. It is read with fetch and not with EventSource, because EventSource hides the
// box's pings: a phone that left the Wi-Fi would wait for minutes before anybody noticed.
//
//   connecting ──first byte──► up ──error, end, or 15 s of silence──► lost ──1, 2, 3, 5 s──► connecting
//       └──────────401──────────► signed out (stays so until started again)

import { BASE } from "./client";
import { SseParser } from "./sse";
import type { Board } from "./types";

export type Link = "connecting" | "up" | "lost";

/** The box sends a ping each 10 s. */
const SILENCE_MS_MAX = 15_000;
const RETRY_MS = [1000, 2000, 3000, 5000];

export interface Listener {
  board: (board: Board) => void;
  link: (link: Link) => void;
  signedOut: () => void;
}

/** Listens until the returned function is called. */
export function listen(to: Listener): () => void {
  let stopped = false;
  let tries = 0;
  let retry: ReturnType<typeof setTimeout> | undefined;
  let current = new AbortController();

  async function once(): Promise<void> {
    current = new AbortController();
    const { signal } = current;
    let silence: ReturnType<typeof setTimeout> | undefined;
    const heard = () => {
      clearTimeout(silence);
      silence = setTimeout(() => current.abort(), SILENCE_MS_MAX);
    };
    try {
      heard();
      const answer = await fetch(`${BASE}/events`, { signal, headers: { accept: "text/event-stream" }, cache: "no-store" });
      if (answer.status === 401) {
        stopped = true;
        to.signedOut();
        return;
      }
      if (!answer.ok || answer.body === null) throw new Error(`events: ${answer.status}`);
      to.link("up");
      tries = 0;
      await read(answer.body, heard);
    } catch {
      // Whatever it was, the answer is the same: say so, and try again.
    } finally {
      clearTimeout(silence);
    }
    again();
  }

  async function read(body: ReadableStream<Uint8Array>, heard: () => void): Promise<void> {
    const parser = new SseParser();
    const decoder = new TextDecoder();
    const reader = body.getReader();
    for (;;) {
      const { value, done } = await reader.read();
      if (done) return;
      heard();
      for (const { event, data } of parser.push(decoder.decode(value, { stream: true }))) {
        if (event === "board" && !stopped) to.board(JSON.parse(data) as Board);
      }
    }
  }

  function again(): void {
    if (stopped) return;
    to.link("lost");
    clearTimeout(retry);
    retry = setTimeout(() => void once(), RETRY_MS[Math.min(tries, RETRY_MS.length - 1)]);
    tries += 1;
  }

  // A network that came back, or a page that is looked at again, is worth a try at once.
  let lost = false;
  const report = to.link;
  to = { ...to, link: (link) => ((lost = link === "lost"), report(link)) };
  const nudge = () => {
    if (stopped || !lost || document.hidden) return;
    clearTimeout(retry);
    void once();
    lost = false;
  };
  window.addEventListener("online", nudge);
  document.addEventListener("visibilitychange", nudge);
  to.link("connecting");
  void once();

  return () => {
    stopped = true;
    clearTimeout(retry);
    current.abort();
    window.removeEventListener("online", nudge);
    document.removeEventListener("visibilitychange", nudge);
  };
}
