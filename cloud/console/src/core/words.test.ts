import fc from "fast-check";
import { expect, test } from "vitest";
import { deliveryText, phaseShares } from "./deliveries.ts";
import { curlSend } from "./curl.ts";
import { defaultMetrics, metricsOf } from "./metrics.ts";
import { valueText } from "./numbers.ts";
import { type LiveOverview, withAnswer } from "./rates.ts";
import { reportedText } from "./reported.ts";
import { absoluteText, agoText, dayText, durationText, isTimeZone } from "./time.ts";
import { byDay, mergeTimeline, nearestItem, type TimelineItem } from "./timeline.ts";
import { deviceListSearch, deviceSearch, kindsShown, parseSearch, stringifySearch } from "./url-state.ts";

test("what is in the address survives being written and read, whatever it holds", () => {
  const word = fc.string({ unit: "grapheme", minLength: 1, maxLength: 20 }).filter((text) => text.isWellFormed());
  const list = fc.record({ q: word, model: word, online: fc.constantFrom("true", "false"), cursor: word });
  fc.assert(
    fc.property(list, (search) => {
      expect(deviceListSearch(parseSearch(stringifySearch(search)))).toEqual(search);
    }),
  );
  const device = { range: "24h", from: 5, to: 90, metrics: "a_c,b_w", kinds: "event", item: "event:x", clock: "utc" };
  expect(stringifySearch(device)).toBe("?range=24h&from=5&to=90&metrics=a_c,b_w&kinds=event&item=event:x&clock=utc");
  expect(deviceSearch(parseSearch(stringifySearch(device)))).toEqual(device);
});

test("an address that makes no sense shows what nothing chosen shows", () => {
  expect(deviceSearch({ range: "9y", from: "90", to: "5", clock: "moon" })).toEqual({});
  expect(deviceListSearch({ online: "perhaps", q: "" })).toEqual({});
  expect(kindsShown("nonsense")).toEqual(kindsShown(undefined));
  expect(kindsShown("case,event")).toEqual(["event", "case"]);
});

test.each([
  [1_000, "just now"],
  [12_000, "12 s ago"],
  [240_000, "4 min ago"],
  [3 * 3_600_000, "3 h ago"],
  [50 * 3_600_000, "2 d ago"],
  [-15_000, "just now"],
  [-300_000, "in 5 min"],
])("%d ms ago reads %s", (ms, words) => {
  expect(agoText(1_800_000_000_000 - ms, 1_800_000_000_000)).toBe(words);
});

test("a length of time is read in its two largest units", () => {
  expect([45_000, 90_000, 3_600_000, 11_520_000, 200_000_000].map(durationText)).toEqual([
    "45 s",
    "2 min",
    "1 h",
    "3 h 12 min",
    "2 d 7 h",
  ]);
});

test("a day is the day in the zone that is shown", () => {
  const lateEvening = Date.UTC(2026, 10, 23, 23, 30);
  expect(dayText(lateEvening, lateEvening, "UTC")).toBe("Today");
  expect(dayText(lateEvening, lateEvening + 3_600_000, "UTC")).toBe("Yesterday");
  expect(dayText(lateEvening, lateEvening + 3_600_000, "Europe/Berlin")).toBe("Today");
  expect(absoluteText(lateEvening, "UTC")).toBe("Mon, 23 Nov 2026, 23:30:00 UTC");
  expect([isTimeZone("Europe/Berlin"), isTimeZone("Mars/Olympus")]).toEqual([true, false]);
});

const overview = (atMs: number, readingsCommitted: number) => ({
  atMs,
  readingsCommitted,
  deliveries: {},
  firmwareConfirmed: 0,
  cases: {},
  points: 0,
  quarantined: 0,
  devices: { total: 0, online: 0, models: [] },
});

test("a rate is the difference of two answers, and none comes from a counter that began anew", () => {
  let live: LiveOverview = withAnswer(undefined, overview(0, 100));
  live = withAnswer(live, overview(2_000, 300));
  expect(live.rates).toEqual([{ atMs: 2_000, perSecond: 100 }]);
  expect(withAnswer(live, overview(2_100, 400))).toBe(live);
  expect(withAnswer(live, overview(4_000, 3)).rates).toEqual([]);
});

const item = (kind: TimelineItem["kind"], id: string, atMs: number): TimelineItem => ({
  kind,
  id,
  atMs,
  title: id,
  data: {},
});

test("one list: newest first, each entry once, and no mark from before what was read so far", () => {
  const entries = [item("event", "a", 50), item("event", "a", 50), item("case", "a", 40)];
  const merged = mergeTimeline(entries, [item("reading", "x", 45), item("reading", "y", 10)], 40);
  expect(merged.map(({ kind, id }) => `${kind}:${id}`)).toEqual(["event:a", "reading:x", "case:a"]);
  expect(nearestItem(merged, 46, 3)?.kind).toBe("reading");
  expect(nearestItem(merged, 100, 3)).toBeNull();
  expect(byDay(merged, 50, "UTC").map(({ items }) => items.length)).toEqual([3]);
});

const metric = (name: string, unit: string) => ({ name, unit, kind: "gauge" as const, personal: false });
const model = (metrics: ReturnType<typeof metric>[]) => ({
  key: "m",
  version: 1,
  brand: "B",
  name: "M",
  kind: "other" as const,
  hardwareIds: ["h"],
  locales: ["en"],
  metrics,
  capabilities: { programs: [], steam: false, probe: false },
});

test("an oven shows its temperatures, another appliance those that share the first one's unit", () => {
  const oven = metricsOf(model([metric("power_w", "W"), metric("cavity_c", "°C"), metric("probe1_c", "°C")]), []);
  expect(defaultMetrics(oven)).toEqual(["cavity_c", "probe1_c"]);
  const washer = metricsOf(model([metric("power_w", "W"), metric("water_c", "°C"), metric("inlet_c", "°C")]), []);
  expect(defaultMetrics(washer)).toEqual(["water_c", "inlet_c"]);
  expect(washer[1]?.label).toBe("Water");
});

test("phases stand in the order of a delivery's life, and one that is new is not lost", () => {
  expect(
    phaseShares({ done: 3, queued: 1, failed: 0, teleported: 2 }).map(({ words, count }) => `${words} ${count}`),
  ).toEqual(["Queued 1", "Done 3", "teleported 2"]);
  expect(deliveryText({ kind: "firmware", label: "2.1.0", step: "rolled_back" })).toBe("Firmware 2.1.0: rolled back");
});

test("values read as people say them", () => {
  expect([valueText(1.7e308, "°C"), valueText(-2.5e15, "")]).toEqual(["1.7e+308\u00A0°C", "-2.5e+15"]);
  expect([valueText(181.44, "°C"), valueText(2_140, "W"), valueText(true, ""), valueText(0, "%")]).toEqual([
    "181.4\u00A0°C",
    "2,140\u00A0W",
    "yes",
    "0\u00A0%",
  ]);
  const reported = [{ version: "2.4.1" }, "idle", { program: "HotAir" }, { program: "Bread" }, [1], {}];
  expect(reported.map(reportedText)).toEqual(["2.4.1", "idle", "Hot air", "Bread", null, null]);
});

test("a line for a terminal keeps quotes whole and the key out", () => {
  const line = curlSend("http://h", "POST", "/api/v1/devices", { id: "it's" });
  expect(line).toContain(String.raw`'{"id":"it'\''s"}'`);
  expect(line).toContain("$HEARTH_KEY");
});
