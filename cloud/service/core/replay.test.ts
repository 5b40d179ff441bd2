import fc from "fast-check";
import { expect, test } from "vitest";
import { comeBackMs, type Listened, silenceUntilAt } from "./listened.ts";
import { machineOf, type Moved } from "./machine.ts";
import { markerOf, type RuleEvent } from "./marks.ts";
import type { Effect } from "./operators/operator.ts";
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

const drops = ruleDefinition.parse({
  kind: "count",
  title: "Drops",
  severity: "info",
  cause: "drops",
  event: { type: presenceTypes.closed },
  alsoToldBy: {
    events: [{ type: "network.restored", atField: "lostAtMs" }, { type: "network.lost" }],
    withinMs: 3 * minute,
  },
  count: 3,
  windowMs: 20 * minute,
  quietMs: 30 * minute,
});

/** What the stream makes of events that come when they happen. */
function streamed(rule: typeof drops, events: readonly RuleEvent[]): Effect[] {
  if (rule.kind !== "count") return expect.fail();
  const [machine, marker] = [machineOf(rule), markerOf(rule)];
  const effects: Effect[] = [];
  let state: unknown;
  let dueMs: number | null = null;
  const take = (moved: Moved): void => {
    ({ state, dueMs } = moved);
    effects.push(...moved.effects);
  };
  const elapse = (toMs: number): void => {
    for (let due = dueMs; due !== null && due < toMs; due = dueMs) take(machine.elapse(state, due));
  };
  for (const event of events) {
    elapse(event.atMs);
    const mark = marker.markOf(event, {});
    if (mark !== null) take(machine.step(state, mark, event.atMs));
  }
  elapse(Infinity);
  return effects;
}

test("drops of a connection that the appliance tells of later, each once, are the same in a back-test as in the stream", () => {
  const told = fc.record({
    gapMs: fc.oneof(fc.integer({ min: 1, max: 90_000 }), fc.integer({ min: 1, max: 20 * minute })),
    type: fc.constantFrom(presenceTypes.closed, "network.restored", "network.lost"),
    lostMs: fc.oneof(fc.nat(200_000), fc.nat(20 * minute)),
  });
  fc.assert(
    fc.property(fc.array(told, { maxLength: 30 }), (all) => {
      let atMs = t0;
      const events = all.map(({ gapMs, type, lostMs }, place): RuleEvent => {
        atMs += gapMs;
        return { id: `e${String(place).padStart(2, "0")}`, atMs, type, data: { lostAtMs: atMs - lostMs } };
      });
      const happenings = events.map((event): Happening => ({ kind: "event", event }));
      const { firings } = replay(drops, happenings, { appliance: {}, untilMs: atMs + 100 * minute });
      expect(firings.map(({ cause: _cause, ...effect }) => effect)).toEqual(streamed(drops, events));
    }),
    { numRuns: 500 },
  );
});
