import fc from "fast-check";
import { expect, test } from "vitest";
import type { Campaign } from "../api/campaign-shapes.ts";
import { plannedOf, daysOf, entriesOn, stepFrom } from "./content-calendar.ts";

const nowMs = Date.UTC(2026, 9, 20, 12);

test("a month is whole weeks from Monday on, and a day is as long as its zone has it", () => {
  const { days, title } = daysOf("month", null, nowMs, "Europe/Berlin");
  expect([title, days.length % 7, days[0]?.date, days.at(-1)?.date]).toEqual([
    "October 2026",
    0,
    "2026-09-28",
    "2026-11-01",
  ]);
  const change = days.find(({ date }) => date === "2026-10-25");
  expect(((change?.toMs ?? 0) - (change?.fromMs ?? 0)) / 3_600_000).toBe(25);
  expect(new Date(change?.fromMs ?? 0).toISOString()).toBe("2026-10-24T22:00:00.000Z");
});

test("days follow one another without a gap, wherever one goes", () => {
  const zones = ["Europe/Berlin", "America/New_York", "Asia/Kolkata", "Pacific/Auckland", "UTC"];
  fc.assert(
    fc.property(
      fc.constantFrom(...zones),
      fc.constantFrom("week" as const, "month" as const),
      fc.array(fc.constantFrom(-1 as const, 1 as const), { maxLength: 8 }),
      (zone, span, moves) => {
        let { days } = daysOf(span, null, nowMs, zone);
        for (const by of moves) {
          const before = days;
          ({ days } = daysOf(span, stepFrom(days, span, by), nowMs, zone));
          expect(days[0]?.fromMs === before[0]?.fromMs).toBe(false);
        }
        for (const [at, day] of days.entries()) if (at > 0) expect(day.fromMs).toBe(days[at - 1]?.toMs);
      },
    ),
    { numRuns: 40 },
  );
});

test("what is out stands on each of its days: it begins once, ends once, and goes on in between", () => {
  const { days } = daysOf("month", null, nowMs, "Europe/Berlin");
  const [first, last] = [days[0]?.fromMs ?? 0, days.at(-1)?.toMs ?? 0];
  fc.assert(
    fc.property(
      fc.integer({ min: first, max: last - 2 }),
      fc.integer({ min: 1, max: last - first }),
      (fromMs, forMs) => {
        const untilMs = Math.min(fromMs + forMs, last);
        const entry = { fromMs, untilMs };
        const said = days.flatMap((day) => entriesOn([entry], day).map(({ is }) => is));
        const out = days.filter((day) => day.fromMs < untilMs && day.toMs > fromMs).length;
        expect(said).toHaveLength(out);
        expect(said[0]).toBe("first");
        expect(said.slice(1)).toEqual(said.slice(1).map((_, at) => (at === said.length - 2 ? "last" : "between")));
      },
    ),
  );
});

const campaign = (change: Partial<Campaign>, schedule: { date: string; minute: number } | null): Campaign => ({
  id: "1",
  kind: "campaign",
  state: "approved",
  definition: {
    kind: "campaign",
    name: "Sunday roasts",
    priority: 5,
    expiresAtMs: Date.UTC(2026, 9, 28, 12),
    itemIds: [],
    audience: { kind: "segment", segmentId: "cooks" },
    schedule,
    bestHour: true,
    goal: null,
  },
  createdAtMs: 0,
  createdBy: "",
  editedAtMs: 0,
  editedBy: "",
  approvedAtMs: Date.UTC(2026, 9, 1),
  approvedBy: "",
  startedAtMs: null,
  pausedAtMs: null,
  endedAtMs: null,
  ...change,
});
const startedAtMs = Date.UTC(2026, 9, 5, 9);
// The day on which the clock goes back, in its last minute.
const planned = { date: "2026-10-25", minute: 1_439 };

test.each([
  ["approved, with a day", campaign({}, planned), ["2026-10-25 first", "2026-10-28 last"]],
  ["approved, to be started by somebody", campaign({}, null), ["2026-10-28 last"]],
  ["under way", campaign({ state: "running", startedAtMs }, null), ["2026-10-05 first", "2026-10-28 last"]],
  [
    "started before its day",
    campaign({ state: "running", startedAtMs }, planned),
    ["2026-10-25 first", "2026-10-28 last"],
  ],
  [
    "over before it expired",
    campaign({ state: "finished", startedAtMs, endedAtMs: Date.UTC(2026, 9, 7, 9) }, null),
    ["2026-10-05 first", "2026-10-07 last"],
  ],
  ["over before its day", campaign({ state: "finished", startedAtMs, endedAtMs: Date.UTC(2026, 9, 7) }, planned), []],
])(
  "a campaign stands on the days on which it goes out, and a day that it names is that day: %s",
  (_name, one, wanted) => {
    for (const zone of ["Europe/Berlin", "America/Los_Angeles", "UTC"]) {
      const span = plannedOf(one, zone);
      const { days } = daysOf("month", null, nowMs, zone);
      const edges = days.flatMap((day) =>
        entriesOn(span === null ? [] : [span], day).flatMap(({ is }) =>
          is === "between" ? [] : [`${day.date} ${is}`],
        ),
      );
      expect(edges).toEqual(wanted);
    }
  },
);
