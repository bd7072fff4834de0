// Light or dark. public/look.js puts it on the page, before the first paint and whenever it changes; here it is chosen.

export const LOOKS = ["system", "light", "dark"] as const;
export type Look = (typeof LOOKS)[number];

/** Known to public/look.js, too. */
const KEEP_LOOK = "bandstand.look";

class LookState {
  choice = $state<Look>("system");

  start(): void {
    this.#read();
    window.addEventListener("storage", () => this.#read());
  }

  #read(): void {
    const kept = localStorage.getItem(KEEP_LOOK);
    this.choice = LOOKS.find((look) => look === kept) ?? "system";
  }

  choose(look: Look): void {
    this.choice = look;
    if (look === "system") localStorage.removeItem(KEEP_LOOK);
    else localStorage.setItem(KEEP_LOOK, look);
    window.dispatchEvent(new Event(KEEP_LOOK));
  }
}

export const look = new LookState();
