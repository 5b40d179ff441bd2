import fc from "fast-check";
import { expect, test } from "vitest";
import {
  type MaintenanceWindow,
  maintenanceWindow,
  neverOpens,
  openIntervals,
  windowState,
} from "./maintenance-window.ts";

const everyDay = [1, 2, 3, 4, 5, 6, 7];
const nights = (from: string, to: string, weekdays = everyDay): MaintenanceWindow[] => [{ weekdays, from, to }];
const at = (text: string): number => Temporal.Instant.from(text).epochMilliseconds;
const isOpen = (windows: MaintenanceWindow[], zone: string, text: string) => windowState(windows, zone, at(text)).open;
const texts = (windows: MaintenanceWindow[], zone: string, from: string, to: string) =>
  openIntervals(windows, zone, { fromMs: at(from), toMs: at(to) }).map(({ fromMs, toMs }) =>
    [fromMs, toMs].map((ms) => Temporal.Instant.fromEpochMilliseconds(ms).toString()).join(" "),
  );

test("no window at all is always open", () => {
  expect(windowState([], "Europe/Berlin", at("2026-06-01T12:00Z"))).toEqual({ open: true, changesAtMs: null });
});

test("a window is open by the clock on the wall of its zone, and says when that changes", () => {
  const windows = nights("01:00", "05:00");
  expect(windowState(windows, "Europe/Berlin", at("2026-06-01T00:00Z"))).toEqual({
    open: true,
    changesAtMs: at("2026-06-01T03:00Z"),
  });
  expect(windowState(windows, "Europe/Berlin", at("2026-06-01T03:00Z"))).toEqual({
    open: false,
    changesAtMs: at("2026-06-01T23:00Z"),
  });
  expect(isOpen(windows, "Asia/Kolkata", "2026-06-01T19:29Z")).toBe(false);
  expect(isOpen(windows, "Asia/Kolkata", "2026-06-01T19:30Z")).toBe(true);
});

test("a window over midnight belongs to the day on which it begins", () => {
  const fridays = nights("22:00", "04:00", [5]);
  // 2026-06-05 is a Friday.
  expect(texts(fridays, "UTC", "2026-06-01T00:00Z", "2026-06-09T00:00Z")).toEqual([
    "2026-06-05T22:00:00Z 2026-06-06T04:00:00Z",
  ]);
  expect(isOpen(fridays, "UTC", "2026-06-05T03:00Z")).toBe(false);
});

test("in the night that skips an hour, a window within it does not open, and one that begins in it begins after it", () => {
  // Berlin, 2026-03-29: 02:00 becomes 03:00 at 01:00Z.
  const range = ["2026-03-28T23:00Z", "2026-03-29T22:00Z"] as const;
  expect(texts(nights("02:00", "03:00"), "Europe/Berlin", ...range)).toEqual([]);
  expect(texts(nights("02:30", "05:00"), "Europe/Berlin", ...range)).toEqual([
    "2026-03-29T01:00:00Z 2026-03-29T03:00:00Z",
  ]);
  expect(texts(nights("01:00", "02:30"), "Europe/Berlin", ...range)).toEqual([
    "2026-03-29T00:00:00Z 2026-03-29T01:00:00Z",
  ]);
  // The night before it is as long as ever.
  expect(isOpen(nights("02:00", "03:00"), "Europe/Berlin", "2026-03-28T01:30Z")).toBe(true);
});

test("in the night that has an hour twice, a window in that hour is open for both", () => {
  // Berlin, 2026-10-25: 03:00 becomes 02:00 at 01:00Z.
  expect(texts(nights("02:00", "02:59"), "Europe/Berlin", "2026-10-24T22:00Z", "2026-10-25T22:00Z")).toEqual([
    "2026-10-25T00:00:00Z 2026-10-25T01:59:00Z",
  ]);
  expect(texts(nights("01:00", "05:00"), "America/New_York", "2026-11-01T04:00Z", "2026-11-02T04:00Z")).toEqual([
    "2026-11-01T05:00:00Z 2026-11-01T10:00:00Z",
  ]);
});

test("on both sides of the date line the same moment is another day", () => {
  // A Monday noon in Pago Pago is a Tuesday in Kiritimati.
  const moment = "2026-06-01T23:00Z";
  const mondays = nights("00:00", "24:00", [1]);
  expect(isOpen(mondays, "Pacific/Pago_Pago", moment)).toBe(true);
  expect(isOpen(mondays, "Pacific/Kiritimati", moment)).toBe(false);
  expect(isOpen(nights("00:00", "24:00", [2]), "Pacific/Kiritimati", moment)).toBe(true);
});

test("a day that a country left out has no window", () => {
  // Samoa had no 30 December 2011, a Friday.
  const range = ["2011-12-29T10:00Z", "2012-01-01T10:00Z"] as const;
  expect(texts(nights("01:00", "05:00", [5]), "Pacific/Apia", ...range)).toEqual([]);
  expect(texts(nights("01:00", "05:00", [6]), "Pacific/Apia", ...range)).toEqual([
    "2011-12-30T11:00:00Z 2011-12-30T15:00:00Z",
  ]);
});

test("an unknown zone counts as UTC", () => {
  expect(isOpen(nights("01:00", "02:00"), "Mars/Olympus", "2026-06-01T01:30Z")).toBe(true);
});

test("windows that never open are known, and the whole day is 00:00 to 24:00", () => {
  expect(neverOpens(nights("03:00", "03:00"))).toBe(true);
  expect(neverOpens([])).toBe(false);
  expect(windowState(nights("00:00", "24:00"), "Europe/Berlin", at("2026-06-01T12:00Z"))).toEqual({
    open: true,
    changesAtMs: null,
  });
  expect(maintenanceWindow.safeParse({ weekdays: [1, 1], from: "01:00", to: "02:00" }).success).toBe(false);
  expect(maintenanceWindow.safeParse({ weekdays: [1], from: "24:00", to: "02:00" }).success).toBe(false);
});

const zones = [
  "UTC",
  "Europe/Berlin",
  "America/New_York",
  "Australia/Lord_Howe",
  "Pacific/Kiritimati",
  "Asia/Kathmandu",
];
const minute = fc.integer({ min: 0, max: 1_439 });
const wall = (minutes: number) =>
  `${String(Math.floor(minutes / 60)).padStart(2, "0")}:${String(minutes % 60).padStart(2, "0")}`;
const anyWindow = fc.record({
  weekdays: fc.uniqueArray(fc.integer({ min: 1, max: 7 }), { minLength: 1 }),
  from: minute.map(wall),
  to: minute.map(wall),
});

test("what is said of now agrees with the intervals around it, in every zone at every time", () => {
  fc.assert(
    fc.property(
      fc.array(anyWindow, { minLength: 1, maxLength: 3 }),
      fc.constantFrom(...zones),
      fc.integer({ min: at("2025-01-01T00:00Z") / 60_000, max: at("2027-01-01T00:00Z") / 60_000 }),
      (windows, zone, minutes) => {
        const nowMs = minutes * 60_000;
        const state = windowState(windows, zone, nowMs);
        const around = openIntervals(windows, zone, { fromMs: nowMs - 3 * 86_400_000, toMs: nowMs + 9 * 86_400_000 });
        const holding = around.find(({ fromMs, toMs }) => fromMs <= nowMs && nowMs < toMs);
        expect(state.open).toBe(holding !== undefined);
        const next = holding?.toMs ?? around.find(({ fromMs }) => fromMs > nowMs)?.fromMs;
        if (state.changesAtMs !== null) expect(state.changesAtMs).toBe(next);
      },
    ),
  );
});
