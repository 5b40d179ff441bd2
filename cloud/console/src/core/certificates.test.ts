import { expect, test } from "vitest";
import { untilText } from "./certificates.ts";

const now = 1_800_000_000_000;
const minute = 60_000;
const day = 86_400_000;

test.each([
  [now + 12.4 * day, "in 12 days"],
  [now - 4.9 * day, "4 days ago"],
  [now + 1.5 * day, "in 1 d"],
  [now + 90 * minute, "in 1 h"],
  [now - minute, "1 min ago"],
])("%d reads %s", (atMs, text) => {
  expect(untilText(atMs, now)).toBe(text);
});
