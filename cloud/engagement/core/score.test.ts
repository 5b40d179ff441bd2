import { expect, test } from "vitest";
import { candidate, circumstances, household, noNeeds } from "../../../test/support/decision-inputs.ts";
import { Calendar } from "./calendar.ts";
import type { Candidate, HouseholdState } from "./candidate.ts";
import { scoreOf, type Term } from "./score.ts";

const hourMs = 3_600_000;
const context = (term: string, about?: string): Term => ({
  from: "context",
  term,
  points: 1,
  ...(about === undefined ? {} : { about }),
});

/** What counts for an item at a time on the household's wall, such as `2026-01-15T12:00`. */
function termsAt(wallTime: string, item: Partial<Candidate>, state: Partial<HouseholdState> = {}): Term[] {
  const to = household(state);
  const nowMs = Temporal.PlainDateTime.from(wallTime).toZonedDateTime(to.timeZone).epochMilliseconds;
  const { score, terms } = scoreOf(candidate(item), to, circumstances(), new Calendar(nowMs));
  expect(score).toBe(terms.reduce((sum, { points }) => sum + points, 0));
  return terms;
}

const topics = ["spring", "summer", "autumn", "winter"];
test.each([
  ["Europe/Berlin", "2026-11-30T23:59", "autumn"],
  ["Europe/Berlin", "2026-12-01T00:00", "winter"],
  ["Europe/Berlin", "2027-02-28T23:59", "winter"],
  ["America/New_York", "2026-03-01T00:00", "spring"],
  ["Asia/Tokyo", "2026-07-15T23:00", "summer"],
  ["America/Sao_Paulo", "2026-06-01T00:00", "winter"],
  ["Australia/Sydney", "2026-11-30T23:00", "spring"],
  ["Australia/Sydney", "2026-12-01T23:00", "summer"],
  ["Pacific/Auckland", "2027-02-28T23:59", "summer"],
  ["Africa/Johannesburg", "2026-03-01T23:00", "autumn"],
  ["Africa/Windhoek", "2026-07-15T23:00", "winter"],
  ["America/Argentina/Buenos_Aires", "2026-07-15T23:00", "winter"],
  ["America/Asuncion", "2026-07-15T23:00", "winter"],
  ["America/Lima", "2026-07-15T23:00", "winter"],
  ["America/Punta_Arenas", "2026-01-15T23:00", "summer"],
  ["Indian/Mauritius", "2026-07-15T23:00", "winter"],
  ["Pacific/Chatham", "2026-09-01T23:00", "spring"],
])("an item of the season suits the household better, in %s at %s that of %s", (timeZone, wallTime, season) => {
  expect(termsAt(wallTime, { topics }, { timeZone })).toEqual([context("season", season)]);
});

test.each([
  ["04:59", null],
  ["05:00", "breakfast"],
  ["09:59", "breakfast"],
  ["10:00", "lunch"],
  ["13:59", "lunch"],
  ["14:00", null],
  ["15:59", null],
  ["16:00", "dinner"],
  ["20:59", "dinner"],
  ["21:00", null],
])("an item for the meal of the hour suits the household better, at %s on its own wall: %s", (time, meal) => {
  for (const timeZone of ["Europe/Berlin", "Australia/Sydney", "America/Los_Angeles"]) {
    const terms = termsAt(`2026-06-15T${time}`, { topics: ["breakfast", "lunch", "dinner"] }, { timeZone });
    expect(terms).toEqual(meal === null ? [] : [context("time_of_day", meal)]);
  }
});

const [plain, steaming] = [
  { id: "oven-1", model: "oven-x200" },
  { id: "oven-2", model: "oven-s300" },
];
test.each([
  ["a probe, which its oven has", { probe: true }, [plain], ["probe"]],
  ["steam, which its oven has not", { steam: true }, [plain], []],
  ["steam, which one of its ovens has", { steam: true }, [plain, steaming], ["steam"]],
  ["both, which one oven has", { steam: true, probe: true }, [steaming], ["steam", "probe"]],
  ["nothing particular", {}, [steaming], []],
  ["a probe, of a household without an appliance", { probe: true }, [], []],
])(
  "an item that makes use of what the household's appliance can suits it better: %s",
  (_name, needs, devices, uses) => {
    const terms = termsAt("2026-06-15T23:00", { needs: { ...noNeeds, ...needs } }, { devices });
    expect(terms).toEqual(uses.map((special) => context("uses_its_appliance", special)));
  },
);

test.each([
  ["began this moment", 0, true],
  ["a roast, for three hours", 3 * hourMs, true],
  ["a minute less than twelve hours", 12 * hourMs - 60_000, true],
  ["twelve hours, after which it has ended whatever was heard", 12 * hourMs, false],
  ["two days, of an appliance that never said that it ended", 48 * hourMs, false],
])(
  "while a program runs at its appliance that counts, with consent to personalisation alone: %s",
  (_name, agoMs, counts) => {
    const wallTime = "2026-06-15T23:00";
    const nowMs = Temporal.ZonedDateTime.from(`${wallTime}[Europe/Berlin]`).epochMilliseconds;
    const cookingSinceMs = nowMs - agoMs;
    expect(termsAt(wallTime, {}, { cookingSinceMs })).toEqual(counts ? [context("cooking_now")] : []);
    expect(termsAt(wallTime, {}, { cookingSinceMs, consents: ["market"] })).toEqual([]);
  },
);
