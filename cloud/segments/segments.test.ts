import { afterAll, beforeAll, expect, test } from "vitest";
import { did, oven, SegmentHouse } from "../../test/support/segment-house.ts";

const by = { kind: "system" } as const;
const dayMs = 86_400_000;
let house: SegmentHouse;
beforeAll(async () => {
  house = await SegmentHouse.open();
});
afterAll(() => house.database.drop());

async function put(id: string, expression: string): Promise<void> {
  const outcome = await house.segments.put(by, id, { title: id, description: "", expression }, null);
  expect(outcome).toMatchObject({ kind: "put" });
  await house.segments.tick();
}
const isIn = async (id: string, household: string): Promise<boolean> =>
  ((await house.segments.membersPage(id, null, 1_000)) ?? []).some(({ householdId }) => householdId === household);

test("a profile is kept by what happens: appliances, use, consents, outside facts", async () => {
  const id = await house.home({
    appliances: [oven(), oven({ model: "dishwasher-d4", kind: "dishwasher", firmware: "1.9" })],
  });
  await house.act(
    did(id, "program.finished", house.nowMs - 2 * dayMs, { data: { program: "Steam" } }),
    did(id, "recipe.finished", house.nowMs - 2 * dayMs, { data: { recipeId: "bread" } }),
    did(id, "cart.added", house.nowMs - dayMs, { origin: "shop", source: "shop:1" }),
  );
  expect(await house.profile(id)).toMatchObject({
    appliances: 2,
    models: ["dishwasher-d4", "oven-x200"],
    kinds: ["dishwasher", "oven"],
    firmware_versions: ["1.9", "2.1.0"],
    oldest_firmware: "1.9",
    days_since_paired: 64,
    programs: 1,
    programs_7d: 1,
    steam_programs: 1,
    days_since_last_cook: 2,
    last_recipe: "bread",
    in_cart: true,
    language: "de",
    consents: ["personalise"],
  });
});

test("an event moves a household into a segment and out of it, and days do so without one", async () => {
  await put("quiet", "days_since_last_cook > 21");
  await put("busy", "programs_7d >= 2");
  const id = await house.home({ appliances: [oven()] });
  await house.act(did(id, "program.finished", house.nowMs - 5 * dayMs), did(id, "program.finished", house.nowMs));
  expect([await isIn("quiet", id), await isIn("busy", id)]).toEqual([false, true]);
  house.nowMs += 2 * dayMs;
  await house.segments.tick();
  expect([await isIn("quiet", id), await isIn("busy", id)]).toEqual([false, false]);
  house.nowMs += 20 * dayMs;
  await house.segments.tick();
  expect([await isIn("quiet", id), await isIn("busy", id)]).toEqual([true, false]);
  await house.act(did(id, "program.finished", house.nowMs));
  expect(await isIn("quiet", id)).toBe(false);
});
