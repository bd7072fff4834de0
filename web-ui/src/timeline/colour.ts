// Colours as the timeline writes them: `#rrggbb`, or `#rrggbbaa` with alpha 00 to ff.

export interface Colour {
  /** `#rrggbb`, as a colour field wants it. */
  rgb: string;
  /** 0 to 1. */
  alpha: number;
}

export function splitColour(text: string): Colour {
  const match = /^#([0-9a-f]{6})([0-9a-f]{2})?$/i.exec(text);
  if (match === null) return { rgb: "#ffffff", alpha: 1 };
  return { rgb: `#${match[1]}`.toLowerCase(), alpha: match[2] === undefined ? 1 : parseInt(match[2], 16) / 255 };
}

export function joinColour({ rgb, alpha }: Colour): string {
  const byte = Math.round(Math.min(1, Math.max(0, alpha)) * 255);
  return byte === 255 ? rgb : rgb + byte.toString(16).padStart(2, "0");
}
