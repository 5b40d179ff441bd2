import { afterAll, beforeAll, expect, test } from "vitest";
import { Kitchen } from "../../test/support/kitchen.ts";
import { ovenModel } from "../../test/support/ovens.ts";

let kitchen: Kitchen;
beforeAll(async () => {
  kitchen = await Kitchen.open();
});
afterAll(() => kitchen.close());

const next = (version: number, capabilities: object, more: object = {}) =>
  kitchen.as("admin", "PUT", "/models/oven", { ...ovenModel, version, capabilities, ...more });

test("a model that learns to steam brings its households into the segment that asks for it, with no event of theirs", async () => {
  await kitchen.ovens("s-1");
  const { householdId } = await kitchen.newOwner("s-1");
  const definition = { title: "Steam", description: "", expression: "has_steam" };
  expect((await kitchen.as("content", "PUT", "/segments/steam", definition)).status).toBe(200);
  await kitchen.slices.segments.tick();
  const members = async () => (await kitchen.as("content", "GET", "/segments/steam/members")).body.items;
  expect(await members()).toEqual([]);
  expect((await next(ovenModel.version + 1, { ...ovenModel.capabilities, steam: true })).status).toBe(200);
  await kitchen.slices.segments.tick();
  expect(await members()).toMatchObject([{ householdId }]);
  expect((await next(ovenModel.version + 2, { ...ovenModel.capabilities, steam: false })).status).toBe(200);
  await kitchen.slices.segments.tick();
  expect(await members()).toEqual([]);
});

test("a version that says nothing else of its appliances has no household looked at", async () => {
  const looked: string[] = [];
  kitchen.slices.devices.onModelChanged(async (_tx, model) => void looked.push(model));
  const { body } = await kitchen.as("admin", "GET", "/models/oven");
  const { version, capabilities } = body;
  expect((await next(version + 1, capabilities, { name: "Another name" })).status).toBe(200);
  expect(looked).toEqual([]);
  expect((await next(version + 2, { ...capabilities, probe: capabilities.probe !== true })).status).toBe(200);
  expect(looked).toEqual(["oven"]);
});
