import { expect, test } from "vitest";
import { comeBackMs, type Listened, silenceUntilAt } from "./listened.ts";
import { type Happening, replay } from "./replay.ts";
import { presenceTypes, ruleDefinition } from "./rule.ts";

const minute = 60_000;
const t0 = 1_780_000_000_000;

const silent = ruleDefinition.parse({
  kind: "absence",
  title: "Silent",
  severity: "info",
  cause: "silent",
  of: { kind: "anything" },
  forMs: 30 * minute,
});
const at = (minutes: number, type = "door.opened"): Happening => ({
  kind: "event",
  event: { id: `e${minutes}`, atMs: t0 + minutes * minute, type, data: {} },
});
const raises = (happenings: Happening[], listened: Listened[] = []) =>
  replay(silent, happenings, {
    appliance: {},
    untilMs: t0 + 600 * minute,
    silenceUntilAt: (forMs, atMs) => silenceUntilAt(forMs, listened, atMs),
  }).firings.map(({ kind, atMs }) => [kind, (atMs - t0) / minute]);

test("an outage of the service is nobody's silence in a back-test, and what was silent longer than that is", () => {
  const stretch = (bootId: string, from: number, until: number): Listened => ({
    bootId,
    fromMs: t0 + from * minute,
    untilMs: t0 + until * minute,
  });
  const [down, always] = [[stretch("a", -60, 100), stretch("b", 200, 900)], [stretch("a", -60, 900)]];
  const talks = [at(90), at(210), ...Array.from({ length: 40 }, (_none, n) => at(220 + n * 10))];
  expect(raises(talks, down)).toEqual([]);
  expect(raises(talks, always)).toEqual([
    ["raise", 120],
    ["clear", 210],
  ]);
  // Ten minutes before the outage, and twenty after those in which everybody comes back: thirty.
  const backMs = 200 + comeBackMs / minute + 20;
  expect(raises([at(90), at(backMs - 1), ...talks.slice(2).filter((_none, n) => n > 1)], down)).toEqual([]);
  expect(raises([at(90), at(backMs + 1), at(240)], down).slice(0, 1)).toEqual([["raise", 120]]);
  // Of the time before the record nothing is known, and it counts.
  expect(raises([at(0), at(50), at(60)], [stretch("a", 100, 900)]).slice(0, 2)).toEqual([
    ["raise", 30],
    ["clear", 50],
  ]);
});

test("an appliance that is connected and says nothing is not silent in a back-test either", () => {
  expect(raises([at(0, presenceTypes.opened), at(400)])).toEqual([]);
  expect(raises([at(0, presenceTypes.opened), at(10, presenceTypes.closed), at(100, presenceTypes.opened)])).toEqual([
    ["raise", 40],
    ["clear", 100],
  ]);
});
