import { sql } from "kysely";
import { expect, test } from "vitest";
import { campaignKitchen } from "../../test/support/campaign-kitchen.ts";
import type { Person } from "../../test/support/kitchen.ts";

const agreed = "Your household agreed to offers and ideas.";
const { kitchen, stage } = await campaignKitchen();

/** What goes down the wire to an appliance. */
async function bodies(device: string): Promise<Record<string, unknown>[]> {
  const { rows } = await sql<{ body: Record<string, unknown> }>`
    SELECT body FROM delivery WHERE device_id = ${device} ORDER BY id`.execute(kitchen.base.db);
  return rows.map(({ body }) => body);
}

const saved = (person: Person, itemId: string) =>
  kitchen.slices.follow(kitchen.base.db, [
    {
      householdId: person.householdId,
      source: `web:${itemId}`,
      origin: "web",
      type: "recipe.saved",
      atMs: stage.nowMs,
      data: { recipeId: itemId },
      device: null,
    },
  ]);

test("what a decision sends says why at the appliance, in the language that the item is read in there", async () => {
  const german = await stage.household("L-1");
  await kitchen.call(german.key, "PATCH", "/my/household", { locale: "de-AT" });
  const french = await stage.household("L-2");
  await kitchen.call(french.key, "PATCH", "/my/household", { locale: "fr" });
  const locales = { en: { title: "Soup", text: "Soup." }, de: { title: "Suppe", text: "Suppe." } };
  await stage.run(stage.campaign([await stage.message("Soup", { locales })], "L-0", "L-9"));
  await stage.tick();
  expect(await bodies("L-1")).toMatchObject([
    { locale: "de", title: "Suppe", why: "Ihr Haushalt hat Angeboten und Ideen zugestimmt." },
  ]);
  // There is no French text, and half a page in another language helps nobody.
  expect(await bodies("L-2")).toMatchObject([{ locale: "en", title: "Soup", why: agreed }]);
});

test("an offer and a recipe say why, too; a recall does not, and no author writes it", async () => {
  const person = await stage.household("K-1");
  const stone = { title: "Stone", article: "S-1", currency: "EUR", listPriceMinor: 2_000, floorMinor: 1_000 };
  await kitchen.as("content", "PUT", "/loyalty/offers/stone", stone);
  const text = { title: "A stone", text: "For bread." };
  const offer = await stage.item({ kind: "offer", offerKey: "stone", locales: { en: text } });
  const steps = [{ text: "Bake.", machine: { program: "HotAir", setpoint_c: 180 } }];
  const recipe = await stage.item({ kind: "recipe", locales: { en: { title: "Loaf", steps } } });
  const hinge = await stage.message("Hinge", { class: "recall" });
  await stage.run(stage.campaign([offer], "K-0", "K-9"));
  // By itself: whatever is more important would go before it.
  await stage.tick();
  await stage.run(stage.campaign([recipe], "K-0", "K-9"));
  await stage.run(stage.recall(hinge, "K-0", "K-9"));
  await stage.tick();
  const sent = new Map((await bodies("K-1")).map((body) => [body["id"], body]));
  expect(sent.get(offer)).toMatchObject({ why: agreed, price: { currency: "EUR" } });
  expect(sent.get(recipe)).toMatchObject({ why: "It concerns your appliance." });
  expect(sent.get(hinge)).not.toHaveProperty("why");
  expect(sent.size).toBe(3);
  const mine = (await kitchen.call(person.key, "GET", "/my/decisions")).body.items;
  expect(mine.find(({ itemId }: { itemId: string }) => itemId === offer).why).toBe(agreed);

  const written = { kind: "message", class: "service", locales: { en: { ...text, why: "We know you." } } };
  const refused = await kitchen.as("content", "POST", "/content/items", written);
  expect([refused.status, JSON.stringify(refused.body)]).toEqual([400, expect.stringContaining("why")]);
});

test("of what a household did its kitchen reads no more than it agreed to, and no more once that is taken back; other staff never", async () => {
  const advised = await stage.household("M-1", ["market", "personalise"]);
  const silent = await stage.household("M-2", ["market"]);
  const item = await stage.message("Meat", { topics: ["meat"] });
  for (const one of [advised, silent]) await saved(one, item);
  await stage.run(stage.campaign([item], "M-0", "M-9"));
  await stage.tick();
  const told = `${agreed} You saved this or something like it.`;
  expect(await bodies("M-1")).toMatchObject([{ why: told }]);
  expect(await bodies("M-2")).toMatchObject([{ why: agreed }]);
  const [{ id }] = await stage.inbox("M-1");
  const { body } = (await kitchen.as("viewer", "GET", `/deliveries/${id}`)).body;
  expect(body).toMatchObject({ title: "Meat" });
  expect(body).not.toHaveProperty("why");

  await stage.withdraw(advised, "personalise");
  expect((await bodies("M-1"))[0]).not.toHaveProperty("why");
  expect(await bodies("M-2")).toMatchObject([{ why: agreed }]);
});
