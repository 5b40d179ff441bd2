import { expect, test } from "vitest";
import { forecast, type StageAhead } from "./forecast.ts";

const minuteMs = 60_000;
const hourMs = 60 * minuteMs;
/** A Monday. */
const nowMs = Date.UTC(2026, 5, 1, 12);
const pace = { windows: [], startsPerMinuteMax: 100, updateMs: 10 * minuteMs };

const stage = (count: number, over: Partial<StageAhead> = {}): StageAhead => ({
  name: "s",
  waiting: [{ timeZone: "UTC", count }],
  soakMs: 0,
  asks: false,
  ...over,
});

test("stages follow one another: starts at the rate, an update, the soak time", () => {
  const { stagesAtMs, finishAtMs } = forecast([stage(100, { soakMs: hourMs }), stage(250)], pace, nowMs);
  const first = nowMs + 11 * minuteMs + hourMs;
  expect(stagesAtMs).toEqual([first, first + 13 * minuteMs]);
  expect(finishAtMs).toBe(first + 13 * minuteMs);
});

test("a closed window is waited for in each zone, and one that closes is not started in", () => {
  const windows = [{ weekdays: [1, 2, 3, 4, 5, 6, 7], from: "02:00", to: "03:00" }];
  const waiting = [
    { timeZone: "UTC", count: 100 },
    { timeZone: "Asia/Tokyo", count: 100 },
  ];
  // 02:00 in Tokyo is 17:00 in UTC; the last to open is UTC's own at 02:00.
  expect(forecast([stage(0, { waiting })], { ...pace, windows }, nowMs).finishAtMs).toBe(
    Date.UTC(2026, 5, 2, 2) + 11 * minuteMs,
  );
  // 6,000 an hour: the second hour is tomorrow's.
  expect(forecast([stage(6_100)], { ...pace, windows }, nowMs).finishAtMs).toBe(
    Date.UTC(2026, 5, 3, 2) + 11 * minuteMs,
  );
});

test("where a person decides, or no window opens, nobody can say", () => {
  const asks = forecast([stage(100, { asks: true, name: "ring 0" }), stage(100)], pace, nowMs);
  expect(asks).toMatchObject({ finishAtMs: null, why: "After ring 0 a person decides." });
  expect(asks.stagesAtMs).toEqual([nowMs + 11 * minuteMs, null]);
  const never = [{ weekdays: [1], from: "02:00", to: "02:00" }];
  expect(forecast([stage(1)], { ...pace, windows: never }, nowMs).finishAtMs).toBeNull();
});
