import fc from "fast-check";
import { expect, test } from "vitest";
import { calendarDay } from "./calendar.ts";
import type { CompiledRule } from "./compiled-rule.ts";
import { decideEarnings, type EarningAct, type Known } from "./earning.ts";
import { type Limit, loyaltyDefinition } from "./rule.ts";

const rule = (key: string, points: number, limit: Limit): CompiledRule => ({
  rule: {
    key,
    version: 1,
    definition: loyaltyDefinition.parse({
      title: key,
      act: { type: "program.finished" },
      effects: [{ points }],
      limit,
    }),
    createdAtMs: 0,
    createdBy: "system",
    fromMs: 0,
  },
  when: null,
  readsProfile: false,
  untilMs: null,
});

const rules = [
  rule("finished_program", 10, { kind: "per", period: "day", count: 3 }),
  rule("first_cook", 50, { kind: "once" }),
  rule("each", 1, { kind: "none" }),
];

const nothing: Known = {
  decided: new Map(),
  counted: new Map(),
  returned: new Set(),
  marks: new Set(),
  tierAt: () => ({ key: "base", multiplierPct: 100 }),
  profileOf: () => ({}),
  expiresAfterDays: null,
  exists: () => true,
};

const anyEvent: fc.Arbitrary<EarningAct> = fc
  .record({
    n: fc.nat(30),
    household: fc.constantFrom("a", "b"),
    hour: fc.nat(72),
    type: fc.constantFrom("program.finished", "boot"),
  })
  .map(({ n, household, hour, type }) => ({
    source: `oven-${household}/${n}`,
    origin: "appliance",
    device: { key: 1, id: `oven-${household}`, model: "oven-x200" },
    householdId: household,
    type,
    atMs: hour * 3_600_000,
    data: {},
    timeZone: "Europe/Berlin",
    locale: "de-DE",
    day: calendarDay(hour * 3_600_000, "Europe/Berlin"),
    hour: hour % 24,
  }));
const events = fc.uniqueArray(anyEvent, { maxLength: 40, selector: (event) => event.source });

test("within a batch the order of arrival decides nothing", () => {
  fc.assert(
    fc.property(events, fc.infiniteStream(fc.nat()), (batch, places) => {
      const shuffled = batch
        .map((event) => ({ event, place: places.next().value ?? 0 }))
        .toSorted((a, b) => a.place - b.place)
        .map(({ event }) => event);
      expect(decideEarnings(rules, shuffled, nothing)).toEqual(decideEarnings(rules, batch, nothing));
    }),
  );
});

test("no day of a household earns more than the limit, and every earning is of another identity", () => {
  fc.assert(
    fc.property(events, (batch) => {
      const { earnings } = decideEarnings(rules, batch, nothing);
      const identities = earnings.map(({ rule: { key }, act }) => `${key} ${act.source}`);
      expect(new Set(identities).size).toBe(identities.length);
      const limited = earnings.filter((earning) => earning.rule.key === "finished_program");
      for (const { act } of limited) {
        const sameDay = limited.filter(
          (other) => other.act.householdId === act.householdId && other.act.day === act.day,
        );
        expect(sameDay.length).toBeLessThanOrEqual(3);
      }
      for (const household of ["a", "b"]) {
        const once = earnings.filter(
          (earning) => earning.rule.key === "first_cook" && earning.act.householdId === household,
        );
        expect(once.length).toBeLessThanOrEqual(1);
      }
    }),
  );
});

test("a calendar day is the household's, across the change to summer time", () => {
  const atMs = Date.UTC(2026, 2, 28, 23, 30);
  expect(calendarDay(atMs, "Europe/Berlin")).toBe("2026-03-29");
  expect(calendarDay(atMs, "America/New_York")).toBe("2026-03-28");
  expect(calendarDay(Date.UTC(2026, 2, 29, 21, 59), "Europe/Berlin")).toBe("2026-03-29");
  expect(calendarDay(Date.UTC(2026, 2, 29, 22, 0), "Europe/Berlin")).toBe("2026-03-30");
});
