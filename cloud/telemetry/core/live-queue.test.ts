import fc from "fast-check";
import { expect, test } from "vitest";
import { type LiveEvent, LiveQueue, type LiveReading, type Sampling } from "./live-queue.ts";

const waitingMax = 5;
const reading = (atMs: number): LiveReading => ({
  deviceId: "oven-1",
  atMs,
  receivedAtMs: atMs,
  metrics: {},
  outside: [],
  undeclared: [],
  clockSuspect: false,
});
const event = (atMs: number): LiveEvent => ({
  deviceId: "oven-1",
  id: String(atMs),
  atMs,
  receivedAtMs: atMs,
  type: "boot",
  data: {},
  clockSuspect: false,
});

test("whatever comes and however slowly it is taken, what is told and what is missed are all of it, in order, and no more than the bound waits", () => {
  const turn = fc.oneof(fc.record({ readings: fc.nat(8), events: fc.nat(3) }), fc.constant("take" as const));
  fc.assert(
    fc.property(fc.array(turn), (turns) => {
      const queue = new LiveQueue(waitingMax);
      let next = 0;
      let [told, missed] = [0, 0];
      const take = () => {
        const word = queue.shift();
        if (word?.kind === "missed") {
          missed += word.readings + word.events;
        } else if (word !== undefined && word.kind !== "sampling") {
          for (const { atMs } of word.kind === "readings" ? word.readings : word.events) {
            // Everything before this one was told or is counted as missed already.
            expect(atMs).toBe(told + missed);
            told += 1;
          }
        }
        return word;
      };
      for (const step of turns) {
        if (step === "take") {
          take();
        } else {
          const readings = Array.from({ length: step.readings }, (_none, at) => reading(next + at));
          const events = Array.from({ length: step.events }, (_none, at) => event(next + step.readings + at));
          next += step.readings + step.events;
          queue.push(readings, events);
          expect(queue.length).toBeLessThanOrEqual(waitingMax);
        }
      }
      while (take() !== undefined);
      expect(told + missed).toBe(next);
    }),
  );
});

const word = (deviceId: string, reason: "asked" | "offline"): Sampling => ({
  deviceId,
  sampling: "usual",
  everyMs: null,
  untilMs: null,
  reason,
});

test("how a device samples is told first, and only as it is at last", () => {
  const queue = new LiveQueue(waitingMax);
  queue.push([reading(1)], []);
  queue.say(word("oven-1", "asked"));
  queue.say(word("oven-2", "asked"));
  queue.say(word("oven-1", "offline"));
  expect([queue.shift(), queue.shift(), queue.shift()?.kind, queue.shift()]).toEqual([
    { kind: "sampling", sampling: word("oven-2", "asked") },
    { kind: "sampling", sampling: word("oven-1", "offline") },
    "readings",
    undefined,
  ]);
});
