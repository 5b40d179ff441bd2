import type { ContentItem } from "#protocol/content.ts";
import type { Branding } from "#protocol/model.ts";
import { ownLanguage } from "../../platform/own-words.ts";
import { type LetterReason, letterWords } from "./letter-words.ts";

const escape = (text: string): string =>
  text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;").replaceAll('"', "&quot;");

const paragraphs = (text: string): string =>
  text
    .split(/\n{2,}/)
    .map((part) => `<p style="margin:0 0 16px">${escape(part).replaceAll("\n", "<br>")}</p>`)
    .join("");

/** What an item says, as text: a recipe as somebody reads it at the table. */
function wordsOf(item: ContentItem): string {
  if (item.kind !== "recipe") return item.text;
  const steps = item.steps.map(({ text }, at) => `${at + 1}. ${text}`).join("\n");
  return [item.summary, item.ingredients.map((one) => `- ${one}`).join("\n"), steps]
    .filter((part) => part !== "")
    .join("\n\n");
}

/**
 * A letter with an item, as text and as HTML that says the same. Nothing in it is fetched: no picture tells who opened it.
 *
 * @param reason said at its end, in the letter's own language
 * @param unsubscribeUrl null where the letter is no advertising, and cannot be declined
 */
export function letterOf(
  item: ContentItem,
  brand: Branding,
  reason: LetterReason,
  unsubscribeUrl: string | null,
): { subject: string; text: string; html: string } {
  const words = wordsOf(item);
  const said = letterWords[ownLanguage(item.locale)];
  const why = said.why[reason];
  const { accent, ink, paper } = brand.colours;
  const no = unsubscribeUrl === null ? [] : [`${said.noMore}: ${unsubscribeUrl}`];
  const text = [item.title, words, "--", `${brand.name}. ${why}`, ...no].join("\n\n");
  const link =
    unsubscribeUrl === null
      ? ""
      : ` <a href="${escape(unsubscribeUrl)}" style="color:${ink}">${escape(said.noMore)}</a>.`;
  const html = `<!doctype html><html lang="${escape(item.locale)}"><head><meta charset="utf-8"><title>${escape(item.title)}</title></head>
<body style="margin:0;background:${paper};color:${ink};font:16px/1.5 system-ui,sans-serif">
<main style="max-width:560px;margin:0 auto;padding:24px;border-top:4px solid ${accent}">
<h1 style="font-size:22px;line-height:1.25;margin:0 0 16px">${escape(item.title)}</h1>
${paragraphs(words)}
<p style="margin:32px 0 0;font-size:13px">${escape(brand.name)}. ${escape(why)}${link}</p>
</main></body></html>`;
  return { subject: item.title, text, html };
}
