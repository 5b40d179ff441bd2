import { expect, test } from "vitest";
import { type PointsState, pointsProblems, rollupsProblems } from "./points-health.ts";

const well: PointsState = {
  isUp: true,
  waitingFor: null,
  behind: { records: 3, oldestMs: 400 },
  spoolBytes: 900,
  spoolBytesMax: 10_000,
  erasuresWaiting: 0,
};

test("a store that keeps up is no problem, and neither is one that nobody has spoken to", () => {
  expect(pointsProblems(well)).toEqual([]);
  expect(pointsProblems({ ...well, behind: null, spoolBytesMax: 0 })).toEqual([]);
});

test("a store that takes nothing is told with the reason, and with how much waits for how long", () => {
  const behind = { records: 12_000, oldestMs: 25 * 60_000 };
  expect(pointsProblems({ ...well, isUp: false, waitingFor: "InfluxDB: 401", behind })).toEqual([
    "InfluxDB takes no readings (InfluxDB: 401): 12000 records wait for it, the oldest for 25 min. Charts stand still; rules, cases and safety go on.",
  ]);
  expect(pointsProblems({ ...well, isUp: false })[0]).toContain("it does not answer");
  // It is back, and has much to take.
  expect(pointsProblems({ ...well, behind })).toEqual([
    "InfluxDB is behind: 12000 records wait for it, the oldest for 25 min.",
  ]);
});

test("a spool that fills with readings is told at half of its bound, long before devices are held off", () => {
  const full = { ...well, spoolBytes: 5_100 };
  expect(pointsProblems(full)).toEqual([
    "The spool is 51 % full with readings that wait for InfluxDB; at its bound devices are held off.",
  ]);
  // Filled by what waits for the database, it is somebody else's word.
  expect(pointsProblems({ ...full, behind: { records: 0, oldestMs: 0 } })).toEqual([]);
});

test("an erasure that InfluxDB has not done is told", () => {
  expect(pointsProblems({ ...well, erasuresWaiting: 2 })[0]).toContain("has not deleted 2");
});

test("rollups that lag are told from a quarter of an hour on, with how much waits for how long", () => {
  expect(rollupsProblems({ hours: 1_000_000, behindMs: 15 * 60_000 })).toEqual([]);
  expect(rollupsProblems({ hours: 4_200, behindMs: 40 * 60_000 })).toEqual([
    "Rollups are behind: 4200 hours of appliances wait, the oldest for 40 min. Charts are right, and take longer.",
  ]);
});
