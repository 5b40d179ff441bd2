import { expect, test } from "vitest";
import { loadModels } from "../models.ts";
import { planFleet } from "./fleet-plan.ts";
import { localDay, personaNames, planDay } from "./household.ts";

const models = loadModels();
const model = models.get("oven-x200");
if (model === undefined) throw new Error("no oven");

const days = Array.from({ length: 60 }, (_none, at) =>
  Temporal.PlainDate.from("2026-03-01").add({ days: at }).toString(),
);

test("a household cooks at its own local hours, also on the days when the clocks change", () => {
  for (const timeZone of ["Europe/Berlin", "America/Sao_Paulo", "Asia/Tokyo"])
    for (const day of days)
      for (const { atMs } of planDay({ persona: "family", seed: 5, timeZone, model }, day)) {
        const local = Temporal.Instant.fromEpochMilliseconds(atMs).toZonedDateTimeISO(timeZone);
        expect(local.toPlainDate().toString()).toBe(day);
        expect([11, 12, 17, 18]).toContain(local.hour);
        expect(localDay(atMs, timeZone)).toBe(day);
      }
});

const plans = (persona: (typeof personaNames)[number], seed: number) =>
  JSON.stringify(days.flatMap((day) => planDay({ persona, seed, timeZone: "Europe/Paris", model }, day)));

test("the same household has the same plan, another has another, and who is away does not cook", () => {
  for (const persona of personaNames) expect(plans(persona, 1)).toBe(plans(persona, 1));
  expect(plans("baker", 1)).not.toBe(plans("baker", 2));
  expect(plans("away", 1)).toBe("[]");
});

test("a fleet is planned by its seed, and every member's model speaks its language", () => {
  const fleet = planFleet({ count: 200, seed: 7, prefix: "sim" });
  expect(planFleet({ count: 200, seed: 7, prefix: "sim" })).toEqual(fleet);
  expect(new Set(fleet.map(({ id }) => id)).size).toBe(200);
  for (const member of fleet) expect(models.get(member.model)?.locales).toContain(member.locale);
  expect(new Set(fleet.map((member) => member.timeZone)).size).toBeGreaterThan(3);
});
