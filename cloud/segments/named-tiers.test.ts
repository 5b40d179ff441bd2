/** A tier that a segment asks for stays while the segment does. */
import { afterAll, beforeAll, expect, test } from "vitest";
import { Kitchen } from "../../test/support/kitchen.ts";

let kitchen: Kitchen;
beforeAll(async () => {
  kitchen = await Kitchen.open();
  await put("silver", "gold");
});
afterAll(() => kitchen.close());

const put = (...above: string[]) =>
  kitchen.as("admin", "PUT", "/loyalty/program", {
    expiresAfterDays: null,
    returnsMayOverdraw: false,
    periodMonths: 12,
    noticeDays: 30,
    tiers: ["base", ...above].map((key, at) => ({ key, title: key, fromPoints: at * 100 })),
  });
const segment = async (id: string, expression: string) =>
  expect(await kitchen.as("admin", "PUT", `/segments/${id}`, { title: id, expression })).toMatchObject({ status: 200 });
const named = (id: string) => ({
  status: 409,
  body: { code: "tier_in_use", detail: `tiers: the condition of the segment ${id} names gold.` },
});

test("a tier that a segment's condition names is neither taken away nor called by another key, until no condition names it", async () => {
  for (const expression of [
    'tier == "gold"',
    'points > 5 && !(tier in ["silver", "gold"])',
    '"gold" != tier || points == 1',
  ]) {
    await segment("wanted", expression);
    expect(await put("silver")).toMatchObject(named("wanted"));
    expect(await put("silver", "golden")).toMatchObject(named("wanted"));
    expect(await put("silver", "gold", "platinum")).toMatchObject({ status: 200 });
    expect(await put("silver", "gold")).toMatchObject({ status: 200 });
  }
  // The same word about something else is no tier.
  await segment("others", 'locale == "gold" && tier != "silver"');
  expect(await kitchen.as("admin", "DELETE", "/segments/wanted")).toMatchObject({ status: 204 });
  expect(await put("silver")).toMatchObject({ status: 200 });
  expect(await put()).toMatchObject({ body: { detail: "tiers: the condition of the segment others names silver." } });
});
