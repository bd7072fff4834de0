// Server-sent events, taken out of text as it arrives (HTML Living Standard, section 9.2.6).

export interface SseEvent {
  event: string;
  data: string;
}

/** Longest event that is kept, characters; a board of 64 sources is far below it. */
const EVENT_CHARS_MAX = 4 << 20;

export class SseParser {
  #rest = "";
  #event = "";
  #data: string[] = [];
  #chars = 0;

  /** Adds text and returns the events that are whole. Throws on an event that is too long. */
  push(text: string): SseEvent[] {
    const lines = (this.#rest + text).split(/\r\n|\n|\r(?!$)/);
    this.#rest = lines.pop() ?? "";
    if (this.#rest.length > EVENT_CHARS_MAX) throw new Error("an event is too long");
    const out: SseEvent[] = [];
    for (const line of lines) this.#line(line, out);
    return out;
  }

  #line(line: string, out: SseEvent[]): void {
    if (line === "") {
      if (this.#data.length > 0) out.push({ event: this.#event || "message", data: this.#data.join("\n") });
      this.#event = "";
      this.#data = [];
      this.#chars = 0;
      return;
    }
    const colon = line.indexOf(":");
    // A line that begins with a colon is a comment: the ping.
    if (colon === 0) return;
    const field = colon < 0 ? line : line.slice(0, colon);
    const raw = colon < 0 ? "" : line.slice(colon + 1);
    const value = raw.startsWith(" ") ? raw.slice(1) : raw;
    if (field === "event") this.#event = value;
    if (field === "data") {
      this.#chars += value.length;
      if (this.#chars > EVENT_CHARS_MAX) throw new Error("an event is too long");
      this.#data.push(value);
    }
  }
}
