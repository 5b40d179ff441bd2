import type { actOrigins, LoyaltyDefinition } from "./rule.ts";

/** Something that households do and that may earn, as it is offered to whoever writes a rule. Any other type may be named too. */
export interface KnownAct {
  type: string;
  /** Who reports it as a rule. */
  from: (typeof actOrigins)[number][];
  /** What its data says; `words` come before `is at least 5`. */
  facts: Record<string, { type: LoyaltyDefinition["facts"][string]; help: string; words: string }>;
}

const program = { type: "text", help: "The program's name, such as HotAir", words: "the program" } as const;
const energy_wh = { type: "number", help: "Energy used, in Wh", words: "the energy used in Wh" } as const;
const ranMs = {
  type: "number",
  help: "How long it ran, in milliseconds",
  words: "the running time in milliseconds",
} as const;
const recipeId = { type: "text", help: "The recipe's id", words: "the recipe" } as const;
const article = { type: "text", help: "The article looked at", words: "the article" } as const;
const order = {
  order_id: { type: "text", help: "The order's number", words: "the order" },
  amount_minor: {
    type: "number",
    help: "What it cost, in the currency's smallest unit",
    words: "the price in the currency's smallest unit",
  },
} as const;
const outside: KnownAct["from"] = ["web", "app", "shop"];

export const knownActs: readonly KnownAct[] = [
  {
    type: "program.finished",
    from: ["appliance"],
    facts: { program, ranMs, energy_wh, recipeId },
  },
  {
    type: "recipe.finished",
    from: ["appliance", "app"],
    facts: { recipeId },
  },
  {
    type: "maintenance.done",
    from: ["appliance"],
    facts: {
      kind: { type: "text", help: "clean or descale", words: "what was done" },
      programs: {
        type: "number",
        help: "Programs since the last time",
        words: "the number of programs since the last time",
      },
    },
  },
  {
    type: "firmware.confirmed",
    from: ["appliance"],
    facts: {
      waited_h: {
        type: "number",
        help: "Hours from the offer to the confirmed boot",
        words: "the number of hours from its offer to its start",
      },
    },
  },
  {
    type: "feedback.given",
    from: [],
    facts: { rating: { type: "number", help: "From 1 to 5", words: "the rating from 1 to 5" } },
  },
  { type: "share.created", from: ["appliance", "app"], facts: {} },
  { type: "share.cooked", from: ["app"], facts: {} },
  {
    type: "referral.paired",
    from: ["app", "support"],
    facts: {
      referrer: { type: "text", help: "Id of the household that referred", words: "the household that referred them" },
    },
  },
  { type: "recipe.saved", from: outside, facts: { recipe: recipeId } },
  {
    type: "recipe.searched",
    from: outside,
    facts: { words: { type: "text", help: "What was searched for", words: "what was searched for" } },
  },
  {
    type: "page.viewed",
    from: outside,
    facts: { page: { type: "text", help: "Its address", words: "the page" } },
  },
  { type: "price.checked", from: outside, facts: { article } },
  { type: "cart.added", from: ["shop"], facts: { article } },
  { type: "order.placed", from: ["shop"], facts: order },
  { type: "order.returned", from: ["shop"], facts: order },
  {
    type: "mention.posted",
    from: ["social"],
    facts: { reach: { type: "number", help: "How many people it reached", words: "the number of people reached" } },
  },
];
