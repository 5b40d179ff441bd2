import fc from "fast-check";
import { expect, test } from "vitest";
import { type MaintenanceWindow, windowState } from "#protocol/maintenance-window.ts";
import { calendar, calendarLimits } from "./calendar.ts";
import type { ScheduledRollout } from "./openings.ts";
import type { Freeze } from "./freeze.ts";

const at = (text: string): number => Temporal.Instant.from(text).epochMilliseconds;
const range = (from: string, to: string) => ({ fromMs: at(from), toMs: at(to) });
const everyDay = [1, 2, 3, 4, 5, 6, 7];
const nights: MaintenanceWindow[] = [{ weekdays: everyDay, from: "01:00", to: "05:00" }];

const rollout = (over: Partial<ScheduledRollout> = {}): ScheduledRollout => ({
  id: "r1",
  name: "2.1 to all",
  model: "oven-x200",
  windows: nights,
  timeZones: ["Europe/Berlin"],
  countries: ["DE"],
  fromMs: at("2026-06-01T00:00Z"),
  toMs: null,
  overridesFreezes: false,
  ...over,
});
const freeze = (over: Partial<Freeze> = {}): Freeze => ({
  id: "f1",
  countries: [],
  models: [],
  fromMs: at("2026-06-02T00:00Z"),
  toMs: at("2026-06-04T00:00Z"),
  reason: "stocktaking",
  ...over,
});
const week = range("2026-06-01T12:00Z", "2026-06-08T12:00Z");
const rulesOf = (rollouts: ScheduledRollout[], freezes: Freeze[]) =>
  calendar(rollouts, freezes, week).clashes.map(({ rule }) => rule);

test("a range shows the rollouts and freezes that touch it, and each window where it opens", () => {
  const zones = ["Europe/Berlin", "Europe/Madrid", "America/New_York"];
  const { items, clashes, isCut } = calendar(
    [rollout({ timeZones: zones }), rollout({ id: "later", fromMs: week.toMs }), rollout({ id: "over", toMs: 0 })],
    [freeze({ fromMs: week.toMs - 1, toMs: week.toMs + 1 }), freeze({ id: "past", toMs: week.fromMs })],
    range("2026-06-01T12:00Z", "2026-06-02T12:00Z"),
  );
  expect(
    items.map(({ kind, rolloutId, timeZones, fromMs, toMs }) => ({ kind, rolloutId, timeZones, fromMs, toMs })),
  ).toEqual([
    { kind: "rollout", rolloutId: "r1", timeZones: [], fromMs: at("2026-06-01T00:00Z"), toMs: null },
    {
      kind: "window",
      rolloutId: "r1",
      timeZones: ["Europe/Berlin", "Europe/Madrid"],
      fromMs: at("2026-06-01T23:00Z"),
      toMs: at("2026-06-02T03:00Z"),
    },
    {
      kind: "window",
      rolloutId: "r1",
      timeZones: ["America/New_York"],
      fromMs: at("2026-06-02T05:00Z"),
      toMs: at("2026-06-02T09:00Z"),
    },
  ]);
  expect(clashes).toEqual([]);
  expect(isCut).toBe(false);
});

test("a window before which the rollout has not begun, or at which it is over, is not shown", () => {
  const { items } = calendar([rollout({ fromMs: at("2026-06-03T00:00Z"), toMs: at("2026-06-04T00:00Z") })], [], week);
  // The one of the 3rd has begun by then, the one of the 4th ends after it: both are cut.
  expect(items.filter(({ kind }) => kind === "window").map(({ fromMs, toMs }) => [fromMs, toMs])).toEqual([
    [at("2026-06-03T00:00Z"), at("2026-06-03T03:00Z")],
    [at("2026-06-03T23:00Z"), at("2026-06-04T00:00Z")],
  ]);
});

test("a freeze over a window is a clash, which says when and where", () => {
  expect(calendar([rollout()], [freeze({ countries: ["FR", "DE"] })], week).clashes).toEqual([
    {
      rule: "freeze_over_window",
      sentence: 'A window of "2.1 to all" lies in the freeze "stocktaking": nothing begins then in DE.',
      fromMs: at("2026-06-02T00:00Z"),
      toMs: at("2026-06-04T00:00Z"),
      rolloutIds: ["r1"],
      freezeIds: ["f1"],
    },
  ]);
  expect(rulesOf([rollout({ windows: [] })], [freeze()])).toEqual(["freeze_over_window"]);
});

test("a freeze is none where the model or the country is another, it is overridden, or it lies between windows", () => {
  expect(rulesOf([rollout()], [freeze({ models: ["hob-i60"] })])).toEqual([]);
  expect(rulesOf([rollout()], [freeze({ countries: ["FR"] })])).toEqual([]);
  expect(rulesOf([rollout({ overridesFreezes: true })], [freeze()])).toEqual([]);
  const day = { fromMs: at("2026-06-02T03:00Z"), toMs: at("2026-06-02T23:00Z") };
  expect(rulesOf([rollout()], [freeze(day)])).toEqual([]);
  expect(rulesOf([rollout({ countries: null })], [freeze({ countries: ["FR"] })])).toEqual(["freeze_over_window"]);
});

test("two rollouts of one model clash where they have a window at the same time in the same place", () => {
  const other = (over: Partial<ScheduledRollout>) => rollout({ id: "r2", name: "beta", ...over });
  expect(calendar([rollout(), other({})], [], week).clashes).toMatchObject([
    { rule: "rollouts_in_one_window", rolloutIds: ["r1", "r2"], fromMs: at("2026-06-01T23:00Z") },
  ]);
  expect(rulesOf([rollout(), other({ model: "hob-i60" })], [])).toEqual([]);
  expect(rulesOf([rollout(), other({ windows: [{ weekdays: everyDay, from: "05:00", to: "06:00" }] })], [])).toEqual(
    [],
  );
  // Both have the night in Tokyo and Berlin at some time, but never in one place.
  expect(rulesOf([rollout(), other({ timeZones: ["Asia/Tokyo"] })], [])).toEqual([]);
  const before = other({ fromMs: at("2026-05-30T00:00Z"), toMs: at("2026-06-01T20:00Z") });
  expect(rulesOf([rollout(), before], [])).toEqual([]);
});

test("a rollout whose windows are all frozen, or lie outside its days, has no open window", () => {
  const sundays: MaintenanceWindow[] = [{ weekdays: [7], from: "01:00", to: "05:00" }];
  const june = freeze({ fromMs: at("2026-06-01T00:00Z"), toMs: at("2026-07-01T00:00Z") });
  expect(rulesOf([rollout()], [june])).toContain("no_open_window");
  expect(rulesOf([rollout()], [{ ...june, countries: ["DE"] }])).toContain("no_open_window");
  expect(rulesOf([rollout({ countries: ["DE", "AT"] })], [{ ...june, countries: ["DE"] }])).not.toContain(
    "no_open_window",
  );
  // From Monday to Saturday.
  expect(rulesOf([rollout({ windows: sundays, toMs: at("2026-06-06T12:00Z") })], [])).toEqual(["no_open_window"]);
  expect(rulesOf([rollout({ windows: sundays })], [])).toEqual([]);
  // What is asked for is the time after its last window, while it soaks.
  const soaking = rollout({ windows: sundays, fromMs: at("2026-05-30T00:00Z"), toMs: at("2026-06-06T12:00Z") });
  expect(rulesOf([soaking], [])).toEqual([]);
  // Nothing is left to begin, as while the last stage soaks.
  expect(rulesOf([rollout({ windows: sundays, timeZones: [], toMs: at("2026-06-06T12:00Z") })], [])).toEqual([]);
});

test("a look at one day does not miss that a weekly window opens later", () => {
  const day = range("2026-06-01T12:00Z", "2026-06-02T12:00Z");
  const sundays: MaintenanceWindow[] = [{ weekdays: [7], from: "02:00", to: "03:00" }];
  expect(calendar([rollout({ windows: sundays })], [], day).clashes).toEqual([]);
  // The Sunday on which Berlin skips that hour: it opens a week later.
  const march = range("2026-03-25T00:00Z", "2026-03-26T00:00Z");
  expect(calendar([rollout({ windows: sundays, fromMs: 0 })], [], march).clashes).toEqual([]);
});

test("an answer has a limit, and says that it was cut", () => {
  const many = Array.from({ length: 5 }, (_, n) => rollout({ id: `r${n}`, model: `m${n}` }));
  const few = calendar(many, [], week, { ...calendarLimits, itemsMax: 10 });
  expect([few.items.length, few.isCut]).toEqual([10, true]);
  // The rollouts themselves come before their windows.
  expect(few.items.filter(({ kind }) => kind === "rollout")).toHaveLength(5);
  const short = calendar(many, [], week, { ...calendarLimits, zoneNamesMax: 15 });
  expect(short.isCut).toBe(true);
  expect(new Set(short.items.flatMap(({ kind, rolloutId }) => (kind === "window" ? [rolloutId] : [])))).toEqual(
    new Set(["r0", "r1"]),
  );
});

const zones = ["Europe/Berlin", "America/New_York", "Pacific/Kiritimati", "Pacific/Pago_Pago", "Asia/Kathmandu"];

test("a window is shown exactly where and when an appliance may begin, through both changes of clocks", () => {
  fc.assert(
    fc.property(
      fc.constantFrom("2026-03-08T00:00Z", "2026-03-27T00:00Z", "2026-10-23T00:00Z", "2026-10-31T00:00Z"),
      fc.integer({ min: 0, max: 5 * 24 * 60 }),
      fc.constantFrom(...zones),
      (from, minutes, zone) => {
        const days = { fromMs: at(from), toMs: at(from) + 5 * 86_400_000 };
        const nowMs = days.fromMs + minutes * 60_000;
        const windows: MaintenanceWindow[] = [
          { weekdays: [5, 6, 7], from: "23:30", to: "02:30" },
          { weekdays: [7, 1], from: "02:00", to: "03:00" },
        ];
        const { items } = calendar([rollout({ windows, timeZones: zones, fromMs: 0 })], [], days);
        const isShown = items.some(
          ({ kind, fromMs, toMs, timeZones }) =>
            kind === "window" && fromMs <= nowMs && nowMs < (toMs ?? 0) && timeZones.includes(zone),
        );
        expect(isShown).toBe(nowMs < days.toMs && windowState(windows, zone, nowMs).open);
      },
    ),
    { numRuns: 300 },
  );
});
