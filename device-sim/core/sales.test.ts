import { expect, test } from "vitest";
import { planFleet } from "./fleet-plan.ts";
import { saleOf } from "./sales.ts";

const dayMs = 86_400_000;
const atWorkMs = Date.UTC(2026, 6, 1);

test("every appliance was sold before it was at work, and some are under warranty and some no longer", () => {
  const fleet = planFleet({ count: 60, seed: 1, prefix: "t" });
  const sales = fleet.map((member) => saleOf(member, atWorkMs));
  for (const { soldAtMs, warrantyUntilMs } of sales) {
    expect(Number.isInteger(soldAtMs)).toBe(true);
    expect(atWorkMs - soldAtMs).toBeGreaterThanOrEqual(7 * dayMs);
    expect(atWorkMs - soldAtMs).toBeLessThanOrEqual(4 * 365 * dayMs);
    expect([2, 5]).toContain(Math.round((warrantyUntilMs - soldAtMs) / (365.25 * dayMs)));
  }
  const covered = sales.filter(({ warrantyUntilMs }) => warrantyUntilMs > atWorkMs).length;
  expect(covered).toBeGreaterThan(10);
  expect(covered).toBeLessThan(50);
  // The same fleet has the same sales.
  expect(fleet.map((member) => saleOf(member, atWorkMs))).toEqual(sales);
});
