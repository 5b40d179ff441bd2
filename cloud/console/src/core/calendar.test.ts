import { expect, test } from "vitest";
import { calendarRows, dayLines } from "./calendar.ts";

const item = { rolloutId: null, freezeId: null, models: [], countries: [], timeZones: [], title: "x" };

test("what reaches over the edge is cut to the range, and what lies outside is not drawn", () => {
  const rows = calendarRows({
    fromMs: 100,
    toMs: 200,
    items: [
      { ...item, kind: "rollout", rolloutId: "r", fromMs: 50, toMs: null },
      { ...item, kind: "window", rolloutId: "r", fromMs: 110, toMs: 120 },
      { ...item, kind: "window", rolloutId: "r", fromMs: 150, toMs: 160 },
      { ...item, kind: "freeze", freezeId: "f", fromMs: 150, toMs: 900 },
      { ...item, kind: "freeze", freezeId: "gone", fromMs: 10, toMs: 90 },
    ],
  });
  expect(
    rows.map(({ kind, bars }) => [kind, bars.map(({ left, width, isOpenEnded }) => [left, width, isOpenEnded])]),
  ).toEqual([
    ["freeze", [[0.5, 0.5, false]]],
    ["rollout", [[0, 1, true]]],
    [
      "window",
      [
        [0.1, 0.1, false],
        [0.5, 0.1, false],
      ],
    ],
  ]);
});

test("a day begins at midnight by the reader's clock", () => {
  const from = new Date(2026, 2, 28).getTime();
  const lines = dayLines(from, new Date(2026, 2, 31).getTime());
  expect(lines.map(({ atMs }) => new Date(atMs).getDate())).toEqual([28, 29, 30]);
  expect(lines[0]?.left).toBe(0);
});
