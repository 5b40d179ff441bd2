import { expect, test } from "vitest";
import { policySentences, triedText } from "./campaigns.ts";

test("caps, room and hold-out are read as sentences, and what is not bounded says so", () => {
  expect(
    policySentences({
      caps: [
        { days: 1, max: 1, classes: ["promotional"] },
        { days: 7, max: 3, classes: ["loyalty_status", "promotional"] },
      ],
      roomMax: 2,
      holdoutShare: 0.05,
    }),
  ).toEqual([
    "At most 1 message a day that is to sell something.",
    "At most 3 messages in 7 days that are about points or to sell something.",
    "At most 2 messages unseen on a display at a time.",
    "5 % of households get no promotion in a quarter, to measure against.",
  ]);
  expect(policySentences({ caps: [], roomMax: 1, holdoutShare: 0 })).toEqual([
    "No cap: only what each household set for itself bounds how often it hears from you.",
    "At most 1 message unseen on a display at a time.",
    "Nobody is held out, so no campaign can say what it changed.",
  ]);
});

test("the ways that a decision looked at are read in words", () => {
  const line = { test: "channel", outcome: "passes" as const, says: "display" };
  const tried = ["email:not_set_up", "display:open"];
  expect(triedText({ ...line, with: { tried } })).toBe("E-mail: not set up here, The display: open");
  expect(triedText({ ...line, with: { tried: [] } })).toBeNull();
  expect(triedText(line)).toBeNull();
});
