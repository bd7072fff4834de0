// The language of the page. English is part of the first load; another one is fetched when it is chosen.

import type { NetworkCatalogue } from "../network/strings";
import type { Catalogue } from "../strings";
import type { SystemCatalogue } from "../system/strings";

/** Every text of the page in one language. */
export interface Texts {
  page: Catalogue;
  network: NetworkCatalogue;
  system: SystemCatalogue;
}

/** Languages by their tags (BCP 47), each with the name that its own people know it by. */
export const LANGUAGES = {
  en: { name: "English", dir: "ltr" },
  de: { name: "Deutsch", dir: "ltr" },
  ar: { name: "العربية", dir: "rtl" },
} as const;

export type Language = keyof typeof LANGUAGES;
export const TAGS = Object.keys(LANGUAGES) as Language[];

const LOADERS: Record<Exclude<Language, "en">, () => Promise<{ texts: Texts }>> = {
  de: () => import("../languages/de"),
  ar: () => import("../languages/ar"),
};

const KEEP_LANGUAGE = "bandstand.language";

/** The first language of the browser that the page has; English where it has none. */
export function spokenOf(preferred: readonly string[]): Language {
  const bases = preferred.map((tag) => tag.toLowerCase().split("-")[0]);
  return bases.map((base) => TAGS.find((tag) => tag === base)).find((tag) => tag !== undefined) ?? "en";
}

/** For numbers and dates: the browser's own kind of the language, such as `de-AT`. Digits are those of addresses and clocks. */
export function localeOf(language: Language, preferred: readonly string[]): string {
  const own = preferred.find((tag) => tag.toLowerCase().split("-")[0] === language) ?? language;
  return LANGUAGES[language].dir === "rtl" ? `${own}-u-nu-latn` : own;
}

class LanguageState {
  /** What was chosen; nothing where the browser's language is followed. */
  choice = $state<Language | null>(null);
  /** What is shown. */
  tag = $state<Language>("en");
  locale = $state("en");
  /** None for English. */
  texts = $state.raw<Texts | null>(null);
  #wish = 0;

  /** Before the page is drawn. Without its texts a language cannot be shown: then it is English. */
  async start(): Promise<void> {
    // A choice in another window of the browser holds here, too.
    window.addEventListener("storage", ({ key }) => {
      if (key === KEEP_LANGUAGE) void this.#follow().catch(() => {});
    });
    await this.#follow().catch(() => this.#put("en", null));
  }

  async #follow(): Promise<void> {
    const kept = localStorage.getItem(KEEP_LANGUAGE);
    this.choice = TAGS.find((tag) => tag === kept) ?? null;
    await this.#show(this.choice);
  }

  /** Tells whether it could be fetched; if not, all stays as it was. */
  async choose(choice: Language | null): Promise<boolean> {
    try {
      // A later choice holds, also where its texts came first.
      if (!(await this.#show(choice))) return true;
    } catch {
      return false;
    }
    this.choice = choice;
    if (choice === null) localStorage.removeItem(KEEP_LANGUAGE);
    else localStorage.setItem(KEEP_LANGUAGE, choice);
    return true;
  }

  /** Tells whether it is still the newest wish when its texts are there. */
  async #show(choice: Language | null): Promise<boolean> {
    const wish = ++this.#wish;
    const tag = choice ?? spokenOf(navigator.languages);
    const texts = tag === "en" ? null : (await LOADERS[tag]()).texts;
    if (wish === this.#wish) this.#put(tag, texts);
    return wish === this.#wish;
  }

  #put(tag: Language, texts: Texts | null): void {
    this.tag = tag;
    this.texts = texts;
    this.locale = localeOf(tag, navigator.languages);
    document.documentElement.lang = tag;
    document.documentElement.dir = LANGUAGES[tag].dir;
  }
}

export const language = new LanguageState();

/** A catalogue that speaks the language of the page: whatever is drawn from it follows a change. */
export function spoken<C extends object>(english: C, of: (texts: Texts) => C): C {
  return new Proxy(english, {
    get: (_, group) => Reflect.get(language.texts === null ? english : of(language.texts), group) as unknown,
  });
}
