import fc from "fast-check";
import { expect, test } from "vitest";
import { planFleet } from "../../core/fleet-plan.ts";
import { planHomes } from "./homes.ts";

const isOven = (model: string): boolean => model.startsWith("oven");

test("every appliance has one home, of its own locale and time zone, and no kitchen has two ovens", () => {
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 300 }), fc.nat(1_000), (count, seed) => {
      const members = planFleet({ count, seed, prefix: "t" });
      const homes = planHomes(members, isOven);
      const inHomes = homes.flatMap((home) => home.appliances);
      expect(inHomes.toSorted()).toEqual(members.map(({ id }) => id).toSorted());
      for (const home of homes) {
        const here = members.filter(({ id }) => home.appliances.includes(id));
        expect(here.filter(({ model }) => isOven(model)).length).toBeLessThanOrEqual(1);
        for (const { locale, timeZone } of here)
          expect({ locale, timeZone }).toEqual({ locale: home.locale, timeZone: home.timeZone });
      }
    }),
    { numRuns: 30 },
  );
});
