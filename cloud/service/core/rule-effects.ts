/** What rules do to households, beside cases: whether it may be done, and what it would come to. */
import type { actionKinds, RuleDefinition } from "./rule.ts";

/** What a rule may send. What is wrong with an appliance is no occasion to sell something. */
export const ruleContentClasses: readonly string[] = ["safety", "security", "recall", "service"];

/** What the firings of the same rule, appliance and cause say around one that came. */
export interface FiringAround {
  /** The last before it that counts: a live one, or a clearing in whichever mode. */
  before: "raise" | "clear" | null;
  /** It has cleared since. */
  clearedAfter: boolean;
}

/** How old what is found may be for something to be sent about it: an appliance that was away for a season tells of it only now. */
export const contentAgeMsMax = 7 * 86_400_000;
/** How long what is sent waits for its appliance. */
export const contentLifeMs = 14 * 86_400_000;

/** Why nothing is earned; null where it may be. A rule that is switched off and on finds anew what stands: that is no new occasion. */
export const whyNoPoints = ({ before }: FiringAround): "stood_already" | null =>
  before === "raise" ? "stood_already" : null;

/** Why nothing is sent; null where it may be. */
export function whyNoContent(around: FiringAround, ageMs: number): "stood_already" | "cleared" | "too_old" | null {
  if (around.before === "raise") return "stood_already";
  // Told of what is over, people would look for what is not there.
  if (around.clearedAfter) return "cleared";
  return ageMs > contentAgeMsMax ? "too_old" : null;
}

/** What a rule would have done, as far as its actions say. */
export interface WouldBe {
  kind: (typeof actionKinds)[number];
  /** How often. Cases of one cause on one appliance are one as long as it stands. */
  times: number;
  /** Of points alone: all of them together. */
  points?: number;
  /** The tag, the command, the item. */
  what?: string;
}

/** @param raises how often its cause came, over all appliances */
export const wouldBe = ({ actions }: Pick<RuleDefinition, "actions">, raises: number): WouldBe[] =>
  actions.map((action): WouldBe => {
    const { kind } = action;
    switch (action.kind) {
      case "case":
      case "event":
        return { kind, times: raises };
      case "tag":
        return { kind, times: raises, what: action.tag };
      case "command":
        return { kind, times: raises, what: action.name };
      case "award_points":
        return { kind, times: raises, points: raises * action.points };
      case "send_content":
        return { kind, times: raises, what: action.itemId };
    }
  });
