/** What a rule had sent and a limit took back: it goes again while the rule still would. */
import { expect, test } from "vitest";
import { campaignKitchen } from "../../test/support/campaign-kitchen.ts";
import { hotOvenRule } from "../../test/support/ovens.ts";

const { kitchen, stage } = await campaignKitchen();
let made = 0;

/** A rule that sends a hot recipe to whoever's oven is hot. */
async function rule(): Promise<string> {
  const steps = [{ text: "Bake.", machine: { program: "HotAir", setpoint_c: 220 } }];
  const itemId = await stage.item({ kind: "recipe", class: "service", locales: { en: { title: "Loaf", steps } } });
  const { status, body } = await kitchen.as(
    "admin",
    "POST",
    "/service/rules",
    hotOvenRule(`hot_${(made += 1)}`, [{ kind: "send_content", itemId }]),
  );
  expect(status).toBe(201);
  return body.id;
}
const off = (id: string) => kitchen.as("admin", "POST", `/service/rules/${id}/mode`, { mode: "off" });

async function newOven(): Promise<string> {
  const id = `sent-${(made += 1)}`;
  await stage.household(id, []);
  return id;
}
async function measure(device: string, cavity_c: number): Promise<void> {
  kitchen.clock.forward(60_000);
  await kitchen.say({ device, channel: "telemetry", payload: { atMs: kitchen.clock.nowMs(), m: { cavity_c } } });
  await kitchen.slices.service.tickRules();
}
const stories = async (device: string) =>
  (await stage.inbox(device))
    .toReversed()
    .map(({ generation, phase, cause }) => `${generation} ${phase}${cause === null ? "" : `: ${cause}`}`);

test("what a rule had sent goes again once its limit is raised, unless the rule is switched off by then", async () => {
  const [one, two] = [await newOven(), await newOven()];
  const first = await rule();
  await measure(one, 250);
  expect(await stories(one)).toEqual(["1 queued"]);
  await stage.limitTo("oven", 200);
  await off(first);
  await stage.limitTo("oven", 250);
  expect(await stories(one)).toEqual(["1 cancelled: limit"]);
  const second = await rule();
  await measure(two, 250);
  await stage.limitTo("oven", 200);
  await stage.limitTo("oven", 250);
  expect(await stories(two)).toEqual(["1 cancelled: limit", "2 queued"]);
  // What followed is the rule's as well.
  await stage.limitTo("oven", 200);
  await off(second);
  await stage.limitTo("oven", 250);
  expect(await stories(two)).toEqual(["1 cancelled: limit", "2 cancelled: limit"]);
  expect(await stories(one)).toEqual(["1 cancelled: limit"]);
});

test("what a rule found and is over is told by no recipe any more", async () => {
  const device = await newOven();
  const id = await rule();
  await measure(device, 250);
  await stage.limitTo("oven", 200);
  await measure(device, 150);
  await stage.limitTo("oven", 250);
  expect(await stories(device)).toEqual(["1 cancelled: limit"]);
  await off(id);
});
