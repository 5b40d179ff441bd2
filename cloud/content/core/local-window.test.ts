import fc from "fast-check";
import { expect, test } from "vitest";
import { windowIn } from "./decision-item.ts";
import { windowAnywhere } from "./local-window.ts";

const zones = ["Pacific/Kiritimati", "Asia/Tokyo", "Europe/Berlin", "UTC", "America/New_York", "Etc/GMT+12"];
const minute = fc
  .integer({ min: Date.UTC(2026, 0, 1), max: Date.UTC(2027, 0, 1) })
  .map((ms) => new Date(ms).toISOString().slice(0, 16));

test("a household's own clock says when it begins, across the change of the clock", () => {
  const schedule = { from: "2026-03-29T02:30", until: "2026-10-25T02:30" };
  const { fromMs, untilMs } = windowIn({ schedule }, "Europe/Berlin");
  // 02:30 does not exist that night, and comes twice in October.
  expect(new Date(fromMs).toISOString()).toBe("2026-03-29T01:30:00.000Z");
  expect(new Date(untilMs).toISOString()).toBe("2026-10-25T00:30:00.000Z");
  expect(windowIn({ schedule: { from: null, until: null } }, "Asia/Tokyo")).toEqual({
    fromMs: 0,
    untilMs: Number.POSITIVE_INFINITY,
  });
});

test("no zone's window begins before it begins anywhere, or ends after it has ended everywhere", () => {
  fc.assert(
    fc.property(minute, minute, fc.constantFrom(...zones), (from, until, zone) => {
      const here = windowIn({ schedule: { from, until } }, zone);
      const anywhere = windowAnywhere({ from, until });
      expect(anywhere.fromMs).toBeLessThanOrEqual(here.fromMs);
      expect(anywhere.untilMs).toBeGreaterThanOrEqual(here.untilMs);
    }),
  );
});
