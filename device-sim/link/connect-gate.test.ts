import { expect, test } from "vitest";
import type { Timers } from "../platform/timers.ts";
import { ConnectGate } from "./connect-gate.ts";

/** Timers of which a test turns the one that repeats. */
function turnedTimers() {
  const works = new Set<() => void>();
  const timers: Timers = {
    after: () => () => {},
    every: (_ms, work) => {
      works.add(work);
      return () => {
        works.delete(work);
      };
    },
  };
  const turn = () => {
    for (const work of works) work();
  };
  return { timers, turn, running: () => works.size };
}

test("so many connect per tick and no more, in the order in which they asked", () => {
  const { timers, turn, running } = turnedTimers();
  const gate = new ConnectGate({ perSecond: 60, timers });
  const letIn: number[] = [];
  for (let at = 0; at < 8; at += 1)
    gate.enter(() => {
      letIn.push(at);
    });
  expect(letIn).toEqual([0, 1, 2]);
  turn();
  expect(letIn).toEqual([0, 1, 2, 3, 4, 5]);
  turn();
  turn();
  expect(letIn).toHaveLength(8);
  expect(running()).toBe(0);
});

test("who leaves the queue is not connected, and an empty queue keeps no timer", () => {
  const { timers, turn, running } = turnedTimers();
  const gate = new ConnectGate({ perSecond: 1, timers });
  const letIn: string[] = [];
  gate.enter(() => {
    letIn.push("first");
  });
  const leave = gate.enter(() => {
    letIn.push("second");
  });
  leave();
  turn();
  turn();
  expect(letIn).toEqual(["first"]);
  expect(running()).toBe(0);
});
