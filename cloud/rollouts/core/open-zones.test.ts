import fc from "fast-check";
import { expect, test } from "vitest";
import { type MaintenanceWindow, openIntervals, windowState } from "#protocol/maintenance-window.ts";
import { openZones } from "./open-zones.ts";
import { zoneClocks } from "./zone-clocks.ts";

const everyDay = [1, 2, 3, 4, 5, 6, 7];
const nights: MaintenanceWindow[] = [{ weekdays: everyDay, from: "01:00", to: "05:00" }];
const at = (text: string): number => Temporal.Instant.from(text).epochMilliseconds;

test("zones open as night comes to them, and the next to open is known", () => {
  const zones = ["Europe/Berlin", "America/New_York", "Asia/Kathmandu", "Mars/Olympus"];
  expect(openZones(nights, zones, at("2026-06-01T00:00Z"))).toEqual({
    open: ["Europe/Berlin"],
    closed: ["America/New_York", "Asia/Kathmandu", "Mars/Olympus"],
    // An unknown zone goes by UTC.
    nextOpenMs: at("2026-06-01T01:00Z"),
    nextChangeMs: at("2026-06-01T01:00Z"),
  });
  expect(openZones(nights, zones, at("2026-06-01T19:30Z"))).toMatchObject({
    open: ["Asia/Kathmandu"],
    nextOpenMs: at("2026-06-01T23:00Z"),
    nextChangeMs: at("2026-06-01T23:00Z"),
  });
});

test("without a window every zone is open and stays so", () => {
  expect(openZones([], ["UTC", "Asia/Tokyo"], at("2026-06-01T00:00Z"))).toEqual({
    open: ["UTC", "Asia/Tokyo"],
    closed: [],
    nextOpenMs: null,
    nextChangeMs: null,
  });
  expect(openZones(nights, [], 0)).toEqual({ open: [], closed: [], nextOpenMs: null, nextChangeMs: null });
});

test("a window that lies in the skipped hour opens on the night after, and in the repeated one for twice as long", () => {
  const hour: MaintenanceWindow[] = [{ weekdays: everyDay, from: "02:00", to: "03:00" }];
  // Berlin skips 02:00 to 03:00 on 2026-03-29; Johannesburg, an hour ahead of it in winter, does not.
  const zones = ["Europe/Berlin", "Africa/Johannesburg"];
  expect(openZones(hour, zones, at("2026-03-29T00:30Z"))).toMatchObject({
    open: ["Africa/Johannesburg"],
    nextOpenMs: at("2026-03-30T00:00Z"),
    nextChangeMs: at("2026-03-29T01:00Z"),
  });
  expect(openZones(hour, zones, at("2026-10-25T00:30Z"))).toMatchObject({
    open: zones,
    nextOpenMs: null,
    nextChangeMs: at("2026-10-25T01:00Z"),
  });
  expect(openZones(hour, zones, at("2026-10-25T01:30Z"))).toMatchObject({ open: ["Europe/Berlin"] });
});

test("a day begins at one side of the date line while the day before it still lasts at the other", () => {
  const tuesdays: MaintenanceWindow[] = [{ weekdays: [2], from: "00:00", to: "24:00" }];
  const zones = ["Pacific/Kiritimati", "Pacific/Pago_Pago"];
  // 2026-06-02 is a Tuesday: it begins in Kiritimati 25 hours before it does in Pago Pago.
  expect(openZones(tuesdays, zones, at("2026-06-01T10:00Z"))).toMatchObject({
    open: ["Pacific/Kiritimati"],
    nextOpenMs: at("2026-06-02T11:00Z"),
    nextChangeMs: at("2026-06-02T10:00Z"),
  });
  expect(openZones(tuesdays, zones, at("2026-06-02T10:30Z"))).toMatchObject({ open: [] });
  expect(openZones(tuesdays, zones, at("2026-06-02T11:00Z"))).toMatchObject({ open: ["Pacific/Pago_Pago"] });
});

const allZones = [...Intl.supportedValuesOf("timeZone"), "Mars/Olympus"];
const minute = fc.integer({ min: 0, max: 1_439 });
const wall = (minutes: number) =>
  `${String(Math.floor(minutes / 60)).padStart(2, "0")}:${String(minutes % 60).padStart(2, "0")}`;
const anyWindows = fc.array(
  fc.record({
    weekdays: fc.uniqueArray(fc.integer({ min: 1, max: 7 }), { minLength: 1 }),
    from: minute.map(wall),
    to: minute.map(wall),
  }),
  { maxLength: 2 },
);
// The changes of clocks are where a shared answer would be wrong.
const anyMoment = fc.oneof(
  fc.integer({ min: at("2026-01-01T00:00Z"), max: at("2027-01-01T00:00Z") }),
  fc
    .tuple(
      fc.constantFrom("2026-03-08T07:00Z", "2026-03-29T01:00Z", "2026-04-04T15:00Z", "2026-10-25T01:00Z"),
      fc.integer({ min: -10 * 86_400_000, max: 86_400_000 }),
    )
    .map(([change, by]) => at(change) + by),
);

test("what is worked out once for a clock is true of each of its zones, all over the world", () => {
  fc.assert(
    fc.property(anyWindows, anyMoment, (windows, nowMs) => {
      const { open, closed, nextChangeMs } = openZones(windows, allZones, nowMs);
      const states = allZones.map((zone) => ({ zone, ...windowState(windows, zone, nowMs) }));
      expect(open.toSorted()).toEqual(states.flatMap(({ zone, open: isOpen }) => (isOpen ? [zone] : [])).toSorted());
      expect([...open, ...closed].toSorted()).toEqual(allZones.toSorted());
      const changes = states.flatMap(({ changesAtMs }) => changesAtMs ?? []);
      expect(nextChangeMs).toBe(changes.length === 0 ? null : Math.min(...changes));
    }),
    { numRuns: 25 },
  );
});

const range = (from: string, to: string) => ({ fromMs: at(from), toMs: at(to) });

test("zones share a clock only as long as they show the same", () => {
  // Phoenix and Denver agree in winter alone.
  const clocks = (from: string, to: string) =>
    zoneClocks(["America/Phoenix", "America/Denver"], range(from, to)).length;
  expect(clocks("2026-01-10T00:00Z", "2026-02-10T00:00Z")).toBe(1);
  expect(clocks("2026-02-10T00:00Z", "2026-03-10T00:00Z")).toBe(2);
  const year = range("2026-01-01T00:00Z", "2027-01-01T00:00Z");
  expect(zoneClocks(allZones, year).length).toBeLessThan(100);
  for (const { zone, zones } of zoneClocks(allZones, year)) {
    const oneOf = zones.at(-1) ?? zone;
    expect(openIntervals(nights, oneOf, year)).toEqual(openIntervals(nights, zone, year));
  }
});
