import { expect, test } from "vitest";
import { liftOf } from "./lift.ts";

const week = 7 * 86_400_000;

test("the interval of a difference lies around it, and says that a true difference is one", () => {
  const lift = liftOf({ households: 700, reached: 560 }, { households: 800, reached: 480 }, week);
  expect(lift).toMatchObject({ kind: "measured" });
  if (lift.kind !== "measured") return;
  expect(lift.difference).toBeCloseTo(0.2, 10);
  expect(lift.low).toBeGreaterThan(0.1);
  expect(lift.high).toBeLessThan(0.3);
});

test("few households, or a day or two, are said to be too little instead of measured", () => {
  expect(liftOf({ households: 5_000, reached: 50 }, { households: 149, reached: 1 }, week).kind).toBe("too_few");
  expect(liftOf({ households: 5_000, reached: 50 }, { households: 300, reached: 1 }, 2 * 86_400_000).kind).toBe(
    "too_soon",
  );
});

test("an arm in which nobody reached the goal still has an interval", () => {
  const lift = liftOf({ households: 4_000, reached: 0 }, { households: 200, reached: 0 }, week);
  expect(lift).toMatchObject({ kind: "measured", difference: 0 });
});
