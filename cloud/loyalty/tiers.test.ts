/** Tiers that are reached, kept and lost. */
import fc from "fast-check";
import { expect, test } from "vitest";
import { ledgerOfTests } from "../../test/support/ledger.ts";
import type { ProgramDefinition } from "./core/program.ts";

const dayMs = 86_400_000;
/** When the ledger of a test begins. */
const t0 = Date.UTC(2026, 0, 5, 12);
const { time, database, loyalty, home, act, tell, give, alike, entries, expectSound, rule, change, facts } =
  await ledgerOfTests();

const threeTiers: ProgramDefinition["tiers"] = [
  { key: "base", title: "Member", names: {}, fromPoints: 0, multiplierPct: 100, benefits: "" },
  { key: "silver", title: "Silver", names: {}, fromPoints: 100, multiplierPct: 150, benefits: "Free filters" },
  { key: "gold", title: "Gold", names: {}, fromPoints: 300, multiplierPct: 200, benefits: "" },
];

test("a tier is reached with its points, kept for its period, kept on with points of that period, and lost only after a notice", async () => {
  await change({ tiers: threeTiers, periodMonths: 6, noticeDays: 30, expiresAfterDays: null });
  const [fades, stays] = [home(), home()];
  time.nowMs = t0 + 10 * dayMs;
  for (const id of [fades, stays]) {
    await give(id, 90, 0);
    expect((await loyalty.standing(id))?.next).toMatchObject({ key: "silver", pointsMissing: 10 });
    await give(id, 20, 10);
    expect(await facts(id, "hearth.tier.changed")).toMatchObject([{ from: "base", to: "silver", points: 110 }]);
  }
  const untilMs = Date.UTC(2026, 6, 15, 11);
  expect((await loyalty.tiers(database.db, [fades])).get(fades)).toMatchObject({ key: "silver", rank: 1, untilMs });
  await give(stays, 80, 60);
  time.nowMs = untilMs - 31 * dayMs;
  await loyalty.tick();
  expect(await facts(fades, "hearth.tier.ending")).toEqual([]);
  time.nowMs = untilMs - 20 * dayMs;
  await loyalty.tick();
  await loyalty.tick();
  expect(await facts(fades, "hearth.tier.ending")).toMatchObject([{ tier: "silver" }]);
  // Whoever was told ten days late keeps the tier ten days longer.
  time.nowMs = untilMs + 1;
  await loyalty.tick();
  expect((await loyalty.tiers(database.db, [fades])).get(fades)?.key).toBe("silver");
  time.nowMs = untilMs + 10 * dayMs;
  await loyalty.tick();
  expect((await loyalty.tiers(database.db, [fades])).get(fades)).toMatchObject({ key: "base", untilMs: null });
  expect(await facts(fades, "hearth.tier.changed")).toMatchObject([{ to: "silver" }, { from: "silver", to: "base" }]);
  await expectSound();
});

test("acts of months told late, in batches of any size, give the ledger that they would have given in time", async () => {
  await change({ tiers: threeTiers, periodMonths: 12, noticeDays: 30, expiresAfterDays: 400 });
  await rule("bought", {
    act: { type: "till.paid", from: ["shop"] },
    facts: { minor: "number" },
    effects: [{ points: { of: "minor", unit: 100, max: 500 } }],
    limit: { kind: "per", period: "day", count: 2 },
    tierMultiplied: true,
  });
  time.nowMs = t0 + 300 * dayMs;
  const days = fc.array(
    fc.record({ day: fc.nat(200), hour: fc.nat(23), minor: fc.integer({ min: 100, max: 9_000 }) }),
    {
      minLength: 5,
      maxLength: 25,
    },
  );
  await fc.assert(
    fc.asyncProperty(days, fc.infiniteStream(fc.integer({ min: 1, max: 12 })), async (bought, sizes) => {
      const acts = (id: string) =>
        bought
          .map(({ day, hour, minor }, at) =>
            act(
              id,
              "till.paid",
              0,
              { minor },
              {
                origin: "shop",
                source: `shop:${id}-${String(at).padStart(3, "0")}`,
                atMs: t0 + day * dayMs + hour * 3_600_000,
              },
            ),
          )
          .toSorted((a, b) => a.atMs - b.atMs || (a.source < b.source ? -1 : 1));
      const [inTime, late] = [home(), home()];
      for (const one of acts(inTime)) {
        time.nowMs = one.atMs;
        await tell(one);
      }
      time.nowMs = t0 + 300 * dayMs;
      const rest = acts(late);
      while (rest.length > 0) await tell(...rest.splice(0, sizes.next().value ?? 1));
      expect((await entries(late)).toSorted()).toEqual((await entries(inTime)).toSorted());
      expect(await alike(late)).toEqual(await alike(inTime));
    }),
    { numRuns: 12 },
  );
  await expectSound();
});
