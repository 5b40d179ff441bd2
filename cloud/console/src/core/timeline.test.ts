import fc from "fast-check";
import { expect, test } from "vitest";
import { foldFlapping, itemKey, rowKey, type TimelineItem } from "./timeline.ts";

const minuteMs = 60_000;
const t0 = Date.UTC(2026, 2, 4, 9);

let made = 0;
const presence = (minute: number, state: "connected" | "disconnected" | "held"): TimelineItem => ({
  atMs: t0 + minute * minuteMs,
  kind: "presence",
  id: `p${(made += 1)}`,
  title: state,
  data: { state },
});
const other = (minute: number): TimelineItem => ({
  atMs: t0 + minute * minuteMs,
  kind: "event",
  id: `e${(made += 1)}`,
  title: "Boot",
  data: {},
});
const newestFirst = (items: readonly TimelineItem[]) => items.toSorted((a, b) => b.atMs - a.atMs);
const folded = (items: readonly TimelineItem[], timeZone = "UTC") => foldFlapping(newestFirst(items), t0, timeZone);
const told = (items: readonly TimelineItem[], timeZone = "UTC") =>
  folded(items, timeZone).map((row) =>
    row.kind === "flapping" ? `${row.times} times, ${row.offlineMs / minuteMs} min` : row.title,
  );

test("goings and comings within minutes are one line: how often, and how long in all", () => {
  const three = [0, 4, 8, 13, 20, 25].map((minute, at) =>
    presence(minute, at % 2 === 0 ? "disconnected" : "connected"),
  );
  expect(told(three)).toEqual(["3 times, 14 min"]);
  // What happened between them stays a line of its own.
  expect(told([...three, other(9), presence(5, "held")])).toEqual(["3 times, 14 min", "Boot", "held"]);
  // Still away: that is no pair yet, and it is what somebody wants to read.
  expect(told([...three, presence(28, "disconnected")])).toEqual(["disconnected", "3 times, 14 min"]);
});

test("what stands alone, lies further apart, or on another day, is told as it is", () => {
  expect(told([presence(0, "disconnected"), presence(3, "connected")])).toEqual(["connected", "disconnected"]);
  const far = [
    presence(0, "disconnected"),
    presence(3, "connected"),
    presence(30, "disconnected"),
    presence(33, "connected"),
  ];
  expect(told(far)).toHaveLength(4);
  const aroundMidnight = [0, 2, 4, 6].map((minute, at) =>
    presence(minute - 3, at % 2 === 0 ? "disconnected" : "connected"),
  );
  expect(told(aroundMidnight)).toEqual(["2 times, 4 min"]);
  // There it is midnight at this time.
  expect(told(aroundMidnight, "Pacific/Auckland")).toHaveLength(1);
  expect(told(aroundMidnight, "Asia/Kathmandu")).toHaveLength(1);
  expect(told(aroundMidnight, "Etc/GMT+9")).toHaveLength(4);
});

test("whatever happened, each entry stands in the list once, in its order, and no two rows have one key", () => {
  const state = fc.constantFrom("connected" as const, "disconnected" as const, "held" as const);
  const entry = fc.oneof(
    fc.tuple(fc.nat(200), state).map(([minute, is]) => presence(minute, is)),
    fc.nat(200).map(other),
  );
  fc.assert(
    fc.property(fc.array(entry, { maxLength: 30 }), (items) => {
      const rows = folded(items);
      const whole = rows.flatMap((row) => (row.kind === "flapping" ? row.items : [row]));
      expect(new Set(whole.map(itemKey))).toEqual(new Set(items.map(itemKey)));
      expect(whole).toHaveLength(items.length);
      expect(new Set(rows.map(rowKey)).size).toBe(rows.length);
      const times = rows.map(({ atMs }) => atMs);
      expect(times).toEqual(times.toSorted((a, b) => b - a));
      for (const row of rows) {
        if (row.kind !== "flapping") continue;
        const [last, first] = [row.items[0], row.items.at(-1)];
        expect([first?.data["state"], last?.data["state"]]).toEqual(["disconnected", "connected"]);
        expect(row.offlineMs).toBeLessThanOrEqual((last?.atMs ?? 0) - (first?.atMs ?? 0));
      }
    }),
  );
});
