import { expect, test } from "vitest";
import { SetClock } from "../../test/support/down-road.ts";
import { pauseMsMax, StoreQuestions } from "./store-questions.ts";

const hour = 3_600_000;

test("a store that does not answer is asked less and less, never not at all, and as always once it answered", async () => {
  const clock = new SetClock();
  const questions = new StoreQuestions(clock);
  let isAway = true;
  let asked = 0;
  const ask = () =>
    questions.ask(async () => {
      asked += 1;
      if (isAway) throw new Error("away");
      return "there";
    });
  const askedInAnHour: number[] = [];
  for (let hours = 0; hours < 3; hours += 1) {
    asked = 0;
    for (let ms = 0; ms < hour; ms += 1_000) {
      expect(await ask()).toBeNull();
      clock.forward(1_000);
    }
    askedInAnHour.push(asked);
  }
  // After 0, 10, 30, 70, 150, 310 and 630 seconds, and then each ten minutes.
  expect(askedInAnHour).toEqual([11, 6, 6]);
  isAway = false;
  clock.forward(pauseMsMax);
  asked = 0;
  expect([await ask(), await ask(), asked]).toEqual(["there", "there", 2]);
  isAway = true;
  expect([await ask(), await ask(), asked]).toEqual([null, null, 3]);
  clock.forward(10_000);
  expect([await ask(), asked]).toEqual([null, 4]);
});

test("an answer that is nothing is an answer", async () => {
  const questions = new StoreQuestions(new SetClock());
  let asked = 0;
  const ask = () => questions.ask(async () => ((asked += 1), null));
  expect([await ask(), await ask(), asked]).toEqual([null, null, 2]);
});
