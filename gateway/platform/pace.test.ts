import { setTimeout as sleep } from "node:timers/promises";
import { expect, test } from "vitest";
import { Pace } from "./pace.ts";

test("however often it is asked for, a run comes once, and no sooner than the rest is over", async () => {
  const pace = new Pace();
  const runs: number[] = [];
  const sinceMs = performance.now();
  pace.rest(30);
  expect(pace.isResting).toBe(true);
  const done = new Promise<void>((resolve) => {
    for (let asked = 0; asked < 3; asked += 1)
      pace.schedule(() => {
        runs.push(performance.now() - sinceMs);
        resolve();
      });
  });
  await done;
  await sleep(5);
  expect(runs).toHaveLength(1);
  // A timer counts whole milliseconds.
  expect(runs[0]).toBeGreaterThanOrEqual(29);
  expect(pace.isResting).toBe(false);
});

test("what was called off does not run, and does not keep the next wish from running", async () => {
  const pace = new Pace();
  const runs: string[] = [];
  pace.rest(5);
  pace.schedule(() => runs.push("called off"));
  pace.cancel();
  await new Promise<void>((resolve) => {
    pace.schedule(() => {
      runs.push("wanted");
      resolve();
    });
  });
  await sleep(10);
  expect(runs).toEqual(["wanted"]);
});
