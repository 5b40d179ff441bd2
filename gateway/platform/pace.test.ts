import { setTimeout as sleep } from "node:timers/promises";
import { expect, test } from "vitest";
import { Pace } from "./pace.ts";

test("however often it is asked for, a run comes once, and after whatever was due before the rest is over", async () => {
  const pace = new Pace();
  const order: string[] = [];
  const sooner = sleep(10).then(() => order.push("sooner"));
  pace.rest(200);
  expect(pace.isResting).toBe(true);
  await new Promise<void>((resolve) => {
    for (let asked = 0; asked < 3; asked += 1)
      pace.schedule(() => {
        order.push("run");
        resolve();
      });
  });
  await sooner;
  await sleep(5);
  expect(order).toEqual(["sooner", "run"]);
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
