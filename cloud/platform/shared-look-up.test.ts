import { expect, test } from "vitest";
import { SharedLookUp } from "./shared-look-up.ts";

test("questions that come while a look-up is under way share the next, and each hears its own answer", async () => {
  const asked: string[][] = [];
  const lookUp = new SharedLookUp(async (keys) => {
    asked.push([...keys]);
    return new Map(keys.filter((key) => key !== "nobody").map((key) => [key, `found ${key}`]));
  });
  const answers = await Promise.all(["a", "b", "nobody", "b"].map((key) => lookUp.ask(key)));
  expect(answers).toEqual(["found a", "found b", null, "found b"]);
  expect(asked).toEqual([["a"], ["b", "nobody", "b"]]);
});

test("a look-up that fails is told to those who shared it, and the next one is tried", async () => {
  let isAway = true;
  const lookUp = new SharedLookUp(async (keys) => {
    if (isAway) throw new Error("away");
    return new Map(keys.map((key) => [key, key]));
  });
  const failed = await Promise.allSettled([lookUp.ask("a"), lookUp.ask("b")]);
  expect(failed.map(({ status }) => status)).toEqual(["rejected", "rejected"]);
  isAway = false;
  expect(await lookUp.ask("c")).toBe("c");
});
