import fc from "fast-check";
import { expect, test } from "vitest";
import { FairQueue } from "./fair-queue.ts";

const anyKey = () => true;

function queueOf(...items: string[]): FairQueue<string> {
  const queue = new FairQueue<string>();
  for (const item of items) queue.add(item.slice(0, 1), item);
  return queue;
}

function drain(queue: FairQueue<string>): string[] {
  const taken: string[] = [];
  for (let item = queue.take(anyKey); item !== null; item = queue.take(anyKey)) taken.push(item);
  return taken;
}

test("keys are served by turns, and each key's own in their order", () => {
  expect(drain(queueOf("a1", "a2", "a3", "b1", "c1", "b2"))).toEqual(["a1", "b1", "c1", "a2", "b2", "a3"]);
});

test("a key that may not be served keeps its turn and holds up nobody", () => {
  const queue = queueOf("a1", "b1", "a2");
  expect(queue.take((key) => key !== "a")).toBe("b1");
  expect(queue.take((key) => key !== "a")).toBeNull();
  expect(drain(queue)).toEqual(["a1", "a2"]);
});

test("room is made by the newest of the key with most waiting, and between equals by the one that is named", () => {
  const queue = queueOf("a1", "a2", "a3", "b1", "c1");
  expect(queue.takeFromLongest("b")).toBe("a3");
  expect(queue.takeFromLongest("b")).toBe("a2");
  expect(queue.takeFromLongest("c")).toBe("c1");
  expect(drain(queue)).toEqual(["a1", "b1"]);
  expect(queue.takeFromLongest("a")).toBeNull();
});

test("whatever is added, taken and removed: nothing is lost, nothing comes twice, and the longest line is the one that is cut", () => {
  const step = fc.record({
    key: fc.constantFrom("a", "b", "c"),
    act: fc.constantFrom("add", "add", "take", "drop", "cut"),
  });
  fc.assert(
    fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
      const queue = new FairQueue<string>();
      const waiting: string[] = [];
      const gone = (item: string | null) => item !== null && waiting.splice(waiting.indexOf(item), 1);
      const countOf = (key: string) => waiting.filter((item) => item.startsWith(key)).length;
      for (const [at, { key, act }] of steps.entries()) {
        if (act === "add") {
          queue.add(key, key + at);
          waiting.push(key + at);
        } else if (act === "take") {
          gone(queue.take(anyKey));
        } else if (act === "drop") {
          const item = waiting.find((one) => one.startsWith(key));
          if (item !== undefined && queue.remove(key, item)) gone(item);
        } else {
          const longest = Math.max(...["a", "b", "c"].map(countOf));
          const cut = queue.takeFromLongest(key);
          expect(cut === null ? 0 : countOf(cut.slice(0, 1))).toBe(longest);
          gone(cut);
        }
        expect(queue.size).toBe(waiting.length);
        expect(queue.all().toSorted()).toEqual(waiting.toSorted());
      }
    }),
  );
});
