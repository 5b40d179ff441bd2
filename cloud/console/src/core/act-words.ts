/** What appliances and others report of households, in words: events of appliances, and facts from outside. */
import { plural } from "./numbers.ts";

/** By type, as it stands after `points for`. Of a type that is a maker's own there are no words. */
export const actWords: Readonly<Record<string, string>> = {
  boot: "a start of the appliance",
  "program.started": "a started program",
  "program.finished": "a finished program",
  "program.aborted": "a program broken off",
  "preheat.finished": "a finished preheat",
  "door.opened": "an opened door",
  "fault.raised": "a fault",
  "fault.cleared": "a fault that is over",
  "recipe.started": "a started recipe",
  "recipe.step_finished": "a finished step of a recipe",
  "recipe.finished": "a recipe cooked to its end",
  "recipe.aborted": "a recipe given up",
  "content.shown": "an item shown on the display",
  "content.acted": "an item acted on at the display",
  "offer.redeemed": "a redeemed offer",
  "feedback.given": "feedback",
  "help.requested": "a call for help",
  "share.created": "something shared",
  "share.cooked": "a share that somebody cooked",
  "pairing.opened": "a code for pairing shown",
  "pairing.closed": "a code for pairing taken away",
  "referral.paired": "an appliance paired after a referral",
  "factory.reset": "a factory reset",
  "maintenance.done": "a cleaning or descaling",
  "network.restored": "a network that is back",
  "store.overflowed": "a store that overflowed",
  "update.postponed": "a postponed update",
  "update.metadata_stale": "word of updates that is too old",
  "update.metadata_fresh": "word of updates that is fresh again",
  "firmware.confirmed": "an installed update",
  "page.viewed": "a page viewed",
  "recipe.saved": "a saved recipe",
  "recipe.searched": "a search for recipes",
  "price.checked": "a price looked at",
  "cart.added": "something put into the cart",
  "order.placed": "an order",
  "order.returned": "an order sent back",
  "mention.posted": "a public mention",
};

const hasWords = (type: string): boolean => Object.hasOwn(actWords, type);

/** `a finished program`; a maker's own type as it is. */
export const actText = (type: string): string => (hasWords(type) ? (actWords[type] ?? type) : type);

/** The same where it stands alone: `A finished program`. */
export function actTitle(type: string): string {
  const words = actText(type);
  return words === type ? type : words.charAt(0).toUpperCase() + words.slice(1);
}

/** What a campaign may be meant to bring about, the most usual first. Any other type may be named too. */
export const goalTypes: readonly string[] = [
  "program.finished",
  "recipe.finished",
  "recipe.saved",
  "content.acted",
  "maintenance.done",
  "feedback.given",
  "share.created",
  "page.viewed",
  "price.checked",
  "cart.added",
  "order.placed",
  "offer.redeemed",
  "mention.posted",
];

/** `A finished program within 7 days` */
export const goalText = ({ event, withinDays }: { event: string; withinDays: number }): string =>
  `${actTitle(event)} within ${plural(withinDays, "day")}`;
