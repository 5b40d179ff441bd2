/** Facts from outside in words: what somebody did where no appliance saw it, and who reports it. */
import { programText } from "#protocol/program-words.ts";
import { actTitle } from "./act-words.ts";
import { moneyText, originWords } from "./loyalty.ts";
import { plainText } from "./reported.ts";

const isSource = (source: string): source is keyof typeof originWords => Object.hasOwn(originWords, source);

/** `the web site` */
export const sourceText = (source: string): string => (isSource(source) ? originWords[source].toLowerCase() : source);

/** A line of the timeline: `A price looked at (the web site)`. */
export const factTitle = (type: string, source: string): string => `${actTitle(type)} (${sourceText(source)})`;

/** What a fact's data is called, where senders give names that do not say it. */
const dataWords: Readonly<Record<string, string>> = {
  order_id: "order",
  recipeId: "recipe",
  reach: "people reached:",
  words: "for",
};

/** What a fact says in one line: `order 2026-118 · 49.00 EUR`. A name that only its sender knows is written without its underscores. */
export function factDataText(data: Readonly<Record<string, unknown>>): string {
  const { amount_minor: amountMinor, currency, ...others } = data;
  const isMoney = typeof amountMinor === "number" && typeof currency === "string" && /^[A-Z]{3}$/.test(currency);
  const parts = Object.entries(isMoney ? others : data).map(([name, value]) => {
    const said = name === "program" && typeof value === "string" ? programText(value) : plainText(value);
    return `${Object.hasOwn(dataWords, name) ? dataWords[name] : name.replaceAll("_", " ")} ${said}`;
  });
  return [...parts, ...(isMoney ? [moneyText({ amountMinor, currency })] : [])].join(" · ");
}
