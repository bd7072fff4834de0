// The router: the part of the address after `#/`, cut at slashes. Every page has an address that can be kept.

export type PageName = "on-air" | "sources" | "destinations" | "timelines" | "broadcasts" | "library" | "settings";

export interface Route {
  page: PageName;
  rest: string[];
}

const PAGES: PageName[] = ["on-air", "sources", "destinations", "timelines", "broadcasts", "library", "settings"];

export function parseRoute(hash: string): Route {
  const parts = hash
    .replace(/^#\/?/, "")
    .split("/")
    .filter((part) => part !== "")
    .map(decode);
  const page = PAGES.find((name) => name === parts[0]);
  return page === undefined ? { page: "on-air", rest: [] } : { page, rest: parts.slice(1) };
}

function decode(part: string): string {
  try {
    return decodeURIComponent(part);
  } catch {
    return part;
  }
}

export function href(page: PageName, ...rest: string[]): string {
  return `#/${[page, ...rest].map(encodeURIComponent).join("/")}`;
}

type Guard = () => Promise<boolean>;

class Router {
  current = $state.raw<Route>(parseRoute(""));
  #hash = "";
  #guard: Guard | null = null;

  start(): void {
    this.#hash = location.hash;
    this.current = parseRoute(location.hash);
    window.addEventListener("hashchange", () => void this.#changed());
    window.addEventListener("beforeunload", (event) => {
      if (this.#guard !== null) event.preventDefault();
    });
  }

  /** Asks `guard` before the page is left; nothing takes it away again. */
  guard(guard: Guard | null): void {
    this.#guard = guard;
  }

  /** Goes there without asking: what was typed has been saved. */
  go(page: PageName, ...rest: string[]): void {
    this.#guard = null;
    location.hash = href(page, ...rest);
  }

  async #changed(): Promise<void> {
    const wanted = location.hash;
    if (wanted === this.#hash) return;
    if (this.#guard !== null) {
      history.replaceState(null, "", this.#hash === "" ? "#/" : this.#hash);
      if (!(await this.#guard())) return;
      this.#guard = null;
      history.pushState(null, "", wanted);
    }
    this.#hash = wanted;
    this.current = parseRoute(wanted);
    window.scrollTo(0, 0);
    // A screen reader goes on at the new page's heading.
    requestAnimationFrame(() => document.querySelector<HTMLElement>("main h1")?.focus({ preventScroll: true }));
  }
}

export const route = new Router();
