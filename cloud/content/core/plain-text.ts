const entities: Record<string, string> = {
  amp: "&",
  lt: "<",
  gt: ">",
  quot: '"',
  apos: "'",
  nbsp: " ",
  deg: "°",
  frac12: "½",
  frac14: "¼",
  frac34: "¾",
  auml: "ä",
  ouml: "ö",
  uuml: "ü",
  Auml: "Ä",
  Ouml: "Ö",
  Uuml: "Ü",
  szlig: "ß",
  eacute: "é",
  egrave: "è",
  ndash: "–",
  mdash: "—",
  hellip: "…",
  rsquo: "’",
  lsquo: "‘",
};

const unsafeCodes = (code: number): boolean => code === 0 || code > 0x10_ff_ff || (code >= 0xd8_00 && code <= 0xdf_ff);

/** Characters that entities stand for, once: what a decoded text spells out stays text. */
const decoded = (text: string): string =>
  text.replaceAll(
    /&(?:#(\d{1,7})|#x([0-9a-f]{1,6})|([a-z0-9]{1,10}));/gi,
    (all, decimal, hex, name: string | undefined) => {
      if (name !== undefined) return entities[name] ?? all;
      const code = decimal === undefined ? Number.parseInt(String(hex), 16) : Number(decimal);
      return unsafeCodes(code) ? "" : String.fromCodePoint(code);
    },
  );

/** What opens a tag that ends a line for a reader. */
const breaks = /<\s*(?:br|\/p|\/li|\/div|\/h[1-6])\b[^<>]*>/gi;
/** Parts that are no text at all, with what is in them. */
const hidden = /<(script|style|head|template)\b[^>]*>[\s\S]*?<\/\1\s*>/gi;
const tag = /<\/?[a-z!][^<>]*>/gi;

/** A text without its HTML: tags go, the ends of paragraphs become line breaks, entities their characters. */
export function plainText(html: string): string {
  const text = html.replaceAll("\u0000", "").replaceAll(hidden, " ").replaceAll(breaks, "\n").replaceAll(tag, "");
  return decoded(text)
    .replaceAll(/[^\S\n]+/g, " ")
    .replaceAll(/ ?\n ?/g, "\n")
    .replaceAll(/\n{3,}/g, "\n\n")
    .toWellFormed()
    .trim();
}
