// Texts that are the page's own, in its language, and those that the box tells, which are English.

export interface FromBox {
  box: string;
}

export type Said = string | FromBox;

export function fromBox(text: string): FromBox {
  return { box: text };
}

/** The bare text, for what cannot be marked. */
export function plain(said: Said): string {
  return typeof said === "string" ? said : said.box;
}
