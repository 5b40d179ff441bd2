import { expect, test } from "vitest";
import { SetClock } from "../../test/support/down-road.ts";
import { KeptLookUp } from "./kept-look-up.ts";

const settled = () => new Promise((done) => setImmediate(done));

/** A question whose answer is a number that grows with each look, each of which takes a time. */
function asking(takesMs: number) {
  const clock = new SetClock();
  const kept = new KeptLookUp<number>(clock);
  let looks = 0;
  const look = async () => {
    clock.forward(takesMs);
    looks += 1;
    if (looks === 99) throw new Error("no database");
    return looks;
  };
  return { clock, ask: async () => (await kept.ask("recall", look)).answer, fail: () => (looks = 98) };
}

test("what is quick is looked up at each question", async () => {
  const { ask } = asking(49);
  expect([await ask(), await ask(), await ask()]).toEqual([1, 2, 3]);
});

test("what is dear is kept for twenty times as long as it took, and then made again while who asks has the old one", async () => {
  const { clock, ask } = asking(1_000);
  expect([await ask(), await ask()]).toEqual([1, 1]);
  clock.forward(19_999);
  expect(await ask()).toBe(1);
  clock.forward(1);
  expect(await ask()).toBe(1);
  await settled();
  expect(await ask()).toBe(2);
});

test("who asks after a long time gets an answer of now, and who asks after one that failed hears of it", async () => {
  const { clock, ask, fail } = asking(1_000);
  expect(await ask()).toBe(1);
  clock.forward(60_000);
  expect(await ask()).toBe(2);
  clock.forward(20_000);
  fail();
  expect(await ask()).toBe(2);
  await settled();
  fail();
  await expect(ask()).rejects.toThrow("no database");
});
