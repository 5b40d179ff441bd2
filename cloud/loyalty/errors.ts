import { type Overtaken, overtakenProblem } from "../platform/based-on.ts";
import { Problem, problem } from "../platform/problem.ts";

/** What the loyalty slice can refuse. */
export const loyaltyProblems = {
  loyalty_household_not_found: {
    status: 404,
    title: "There is no such household",
    help: "GET /api/v1/households lists the households.",
  },
  too_many_loyalty_rules: {
    status: 409,
    title: "There are as many earning rules as this service holds",
    help: "Change a rule that is no longer needed instead of making another.",
  },
  loyalty_rule_not_found: {
    status: 404,
    title: "There is no such earning rule",
    help: "GET /api/v1/loyalty/rules lists them.",
  },
  shop_address_invalid: {
    status: 422,
    title: "That is no address of a shop",
    help: "An https:// address without user name, password or fragment.",
  },
  shop_address_private: {
    status: 422,
    title: "The shop's address is not a public one",
    help: "Orders go to public addresses alone.",
  },
  earning_predicate_refused: {
    status: 422,
    title: "The rule's condition cannot be used",
    help: "A condition in CEL over the facts that the rule declares, those of every rule (tier, locale, origin, model, hour, weekday), and those of the household: GET /api/v1/loyalty/vocabulary lists them.",
  },
  earning_fact_unknown: {
    status: 422,
    title: "The rule reads a fact that it does not declare",
    help: "Name it in `facts` with its type: text, number or flag.",
  },
  earning_fact_reserved: {
    status: 422,
    title: "A fact of the rule has the name of one that every rule has",
    help: "tier, locale, origin, model, hour and weekday are there already.",
  },
  earning_rule_does_nothing: {
    status: 422,
    title: "The rule gives nothing, or two things at once",
    help: "A rule has effects, or takes back what another gave; a streak has no limit beside it.",
  },
  earning_streak_varies: {
    status: 422,
    title: "What a streak gives would depend on which of its acts is told last",
    help: "Give a fixed number of points to the household itself, the same in every tier: a streak belongs to its period, and not to an act.",
  },
  earning_returns_nothing: {
    status: 422,
    title: "What is sent back would keep its points",
    help: "A return takes back what a rule gave once for each value of a fact: name such a rule, and keep its limit while something takes back what it gives.",
  },
  earning_without_limit: {
    status: 422,
    title: "The rule would mint without limit",
    help: "Give it a limit, such as 3 a day, or take the word of the shop and of support alone.",
  },
  earning_not_found: {
    status: 404,
    title: "There is no such earning",
    help: "GET /api/v1/households/:id/ledger lists the earnings of a household; a reversal cannot itself be reversed.",
  },
  earning_already_reversed: {
    status: 409,
    title: "The earning is reversed already",
    help: "An earning is reversed at most once.",
  },
  exceeds_balance: {
    status: 409,
    title: "The household no longer has these points",
    help: "A reversal never makes a balance negative.",
  },
  too_many_rewards: {
    status: 409,
    title: "There are as many rewards as this service holds",
    help: "Change a reward that is no longer needed instead of making another.",
  },
  tier_in_use: {
    status: 409,
    title: "A tier would be gone that a reward, an offer, an earning rule or a segment names",
    help: "Keep the tier, whose title may change as you like, or change first what names it.",
  },
  reward_tier_unknown: {
    status: 422,
    title: "The reward names a tier that the program does not have",
    help: "GET /api/v1/loyalty/program lists the tiers.",
  },
  reward_not_found: {
    status: 404,
    title: "There is no such reward",
    help: "GET /api/v1/my/rewards lists what there is.",
  },
  reward_disabled: {
    status: 409,
    title: "The reward is not to be had at the moment",
    help: "GET /api/v1/my/rewards lists what there is.",
  },
  reward_out_of_stock: {
    status: 409,
    title: "There is none left",
    help: "What somebody put aside and does not redeem comes back.",
  },
  reward_above_tier: {
    status: 409,
    title: "The reward is for a higher tier",
    help: "GET /api/v1/my/points says how far it is to the next tier.",
  },
  redemption_not_found: {
    status: 404,
    title: "There is nothing of that id put aside",
    help: "GET /api/v1/my/rewards lists what was put aside.",
  },
  redemption_released: {
    status: 409,
    title: "It is no longer put aside",
    help: "Its time was over, or it was released. The points are back.",
  },
  redemption_redeemed: {
    status: 409,
    title: "It is redeemed already",
    help: "A reward is redeemed once.",
  },
  redemption_refunded: {
    status: 409,
    title: "It was given back",
    help: "The points are back.",
  },
  redemption_not_redeemed: {
    status: 409,
    title: "It is not redeemed",
    help: "What is put aside can be released.",
  },
  offer_not_found: {
    status: 404,
    title: "There is no such offer",
    help: "GET /api/v1/loyalty/offers lists them.",
  },
  offer_disabled: {
    status: 409,
    title: "The offer is switched off",
    help: "Switch it on before it is made to a household.",
  },
  offer_not_in_force: {
    status: 409,
    title: "The offer is not made at this time",
    help: "It has a time from and until which it is made. Change that, or wait.",
  },
  offer_life_out_of_range: {
    status: 422,
    title: "The offer would end before it begins, or too late",
    help: "It ends in the future, within 366 days.",
  },
  offer_below_floor: {
    status: 422,
    title: "A price is below the offer's floor",
    help: "No household pays less than the floor. Raise the price, or lower the floor.",
  },
  offer_above_list_price: {
    status: 422,
    title: "A household's own price is above the list price",
    help: "The list price is the same for everybody, and nobody pays more.",
  },
  offer_tier_unknown: {
    status: 422,
    title: "A price names a tier that the program does not have",
    help: "GET /api/v1/loyalty/program lists the tiers.",
  },
  too_many_offers: {
    status: 409,
    title: "There are as many offers as this service holds",
    help: "Change an offer that is no longer needed instead of making another.",
  },
  offer_grant_not_found: {
    status: 404,
    title: "There is no such offer for this household",
    help: "GET /api/v1/my/offers lists what it was offered.",
  },
  offer_already_redeemed: {
    status: 409,
    title: "The offer is redeemed already",
    help: "An offer is redeemed once, from whatever place.",
  },
  offer_not_redeemed: {
    status: 409,
    title: "The offer is not redeemed",
    help: "There is nothing to take back.",
  },
  offer_not_called: {
    status: 409,
    title: "The shop was not asked yet",
    help: "The order goes to the shop when the time to take it back is over.",
  },
  offer_expired: {
    status: 409,
    title: "The offer has run out",
    help: "It could be redeemed until its end.",
  },
  offer_failed: {
    status: 409,
    title: "The shop did not take the order",
    help: "The points are back. The offer is not made again by itself.",
  },
  too_late_to_undo: {
    status: 409,
    title: "The time to take it back is over",
    help: "A touch can be taken back for ten seconds. The shop can take the order back.",
  },
  ledger_cursor_invalid: {
    status: 400,
    title: "The cursor is not one of ours",
    help: "Send `nextCursor` of the page before, unchanged, or leave it out.",
  },
} as const;

/** A definition that is refused; where its detail names a field (`prices.0.tier: ...`), with a pointer to that. */
export function refusedDefinition(
  outcome: Overtaken | { kind: "refused"; rule: keyof typeof loyaltyProblems; detail?: string },
  within = "",
): Problem {
  if (outcome.kind === "overtaken") return overtakenProblem(outcome);
  const { rule, detail } = outcome;
  const [, place, message] = /^([a-zA-Z0-9_.]+): (.+)$/s.exec(detail ?? "") ?? [];
  if (place === undefined || message === undefined) return problem(loyaltyProblems, rule, detail);
  const pointer = `${within}/${place.replaceAll(".", "/")}`;
  return new Problem(rule, loyaltyProblems[rule], detail, [{ pointer, message }]);
}
