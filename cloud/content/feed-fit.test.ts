/** What a model's next version does to its feed. */
import fc from "fast-check";
import { afterAll, beforeAll, beforeEach, expect, test } from "vitest";
import { contentItem } from "#protocol/content.ts";
import { type ContentDesk, hotAirOven, hotAirUpTo, openContentDesk } from "../../test/support/content-desk.ts";
import { feedSnapshot } from "./feeds.ts";

let desk: ContentDesk;
let version = 1;
const key = "oven-fit";
const system = { kind: "system" } as const;
beforeAll(async () => {
  desk = await openContentDesk();
  await desk.road.devices.addModel(key, hotAirUpTo(250));
  await desk.road.devices.addModel("oven-other", hotAirUpTo(250));
  await desk.road.devices.add(["fit-1"], { model: key });
  await desk.road.devices.add(["other-1"], { model: "oven-other" });
});
beforeEach(() => {
  desk.changes.length = 0;
});
afterAll(() => desk.close());

const next = (setpoint: number) => hotAirOven(key, version + 1, setpoint, "Fit oven");
async function limitTo(setpoint: number): Promise<void> {
  expect(await desk.road.devices.putModel(system, next(setpoint))).toEqual({ kind: "stored" });
  version += 1;
}
const roast = (title: string, setpoint: number) => ({
  kind: "recipe",
  locales: {
    en: {
      title,
      ingredients: ["1 bird"],
      steps: [{ text: "Roast.", machine: { program: "HotAir", setpoint_c: setpoint } }],
    },
  },
});
async function live(title: string, setpoint: number): Promise<string> {
  const id = await desk.approved(roast(title, setpoint));
  expect((await desk.schedule(id, { models: [key, "oven-other"] })).body).toMatchObject({ state: "live" });
  return id;
}
/** What the feeds list, as a gateway that starts anew has it. */
async function listed(model: string): Promise<string[]> {
  const { items } = await feedSnapshot(desk.road.deps.db);
  const index = items.find(({ topic }) => topic === `hearth/v1/content/${model}/en/recipes`)?.payload;
  return index === undefined ? [] : JSON.parse(index).items.map(({ id }: { id: string }) => id);
}

test("a recipe that a model's next version can no longer do leaves that model's feed and what waits there, is told before and after, and comes back by itself", async () => {
  const [hot, mild] = [await live("Crisp duck", 240), await live("Slow lamb", 120)];
  await desk.ask("POST", `/items/${hot}/send`, { deviceIds: ["fit-1", "other-1"] });
  await desk.ask("POST", `/items/${mild}/send`, { deviceIds: ["fit-1"] });
  const before = (await desk.ask("GET", `/items/${hot}`)).body;
  const models = async (path: string, payload: object | null) => {
    const headers = await desk.api.as("admin");
    const how = payload === null ? { method: "GET" as const } : { method: "POST" as const, payload };
    return (await desk.api.app.inject({ ...how, url: `/api/v1/models/${key}/feed${path}`, headers })).json();
  };
  const why = [`step 1: Fit oven goes up to 200 °C`];
  const unfit = { id: hot, version: 1, title: "Crisp duck", why };
  // Before: said, and nothing is done.
  expect(await models("/preview", next(200))).toEqual({ leaves: [unfit], comesBack: [] });
  expect((await listed(key)).toSorted()).toEqual([hot, mild].toSorted());
  desk.changes.length = 0;
  await limitTo(200);
  expect(await listed(key)).toEqual([mild]);
  expect((await listed("oven-other")).toSorted()).toEqual([hot, mild].toSorted());
  // It is gone from where it was retained, at once, and what waits for an appliance that is away goes with it.
  expect(desk.changes.at(-1)?.items).toContainEqual({
    topic: `hearth/v1/content/${key}/en/recipes/${hot}`,
    payload: "",
  });
  const waiting = (await desk.deliveries.sendable(["fit-1", "other-1"], true, 10)).map(({ device_id, body }) => [
    device_id,
    contentItem.parse(body).id,
  ]);
  expect(waiting.toSorted(([a], [b]) => String(a).localeCompare(String(b)))).toEqual([
    ["fit-1", mild],
    ["other-1", hot],
  ]);
  // After: the model and the item say so, and it is a fact.
  expect(await models("", null)).toEqual({ kept: [unfit] });
  const kept = (await desk.ask("GET", `/items/${hot}`)).body;
  expect(kept).toEqual({ ...before, publishedTo: ["oven-other"], keptOff: [{ model: key, why }], steps: kept.steps });
  expect(kept.steps).toEqual(before.steps);
  expect(await models("/preview", next(250))).toEqual({
    leaves: [],
    comesBack: [{ id: hot, version: 1, title: "Crisp duck" }],
  });
  await limitTo(250);
  expect((await listed(key)).toSorted()).toEqual([hot, mild].toSorted());
  expect((await desk.ask("GET", `/items/${hot}`)).body).toEqual(before);
  expect(await models("", null)).toEqual({ kept: [] });
});

test("what was withdrawn while a model could not do it does not come back", async () => {
  const id = await live("Burnt sugar", 230);
  await limitTo(200);
  await desk.ask("POST", `/items/${id}/withdraw`, {});
  await limitTo(250);
  expect(await listed(key)).not.toContain(id);
});

test("whatever a model's versions allow one after the other, its feed has exactly the live recipes that it can do", async () => {
  const wanted = [100, 150, 200, 250];
  const ids = new Map<number, string>();
  for (const setpoint of wanted) ids.set(setpoint, await live(`At ${setpoint}`, setpoint));
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.constantFrom(90, 100, 160, 200, 249, 250), { minLength: 1, maxLength: 4 }),
      async (limits) => {
        for (const limit of limits) {
          await limitTo(limit);
          const on = await listed(key);
          for (const [setpoint, id] of ids) expect(on.includes(id)).toBe(setpoint <= limit);
        }
      },
    ),
    { numRuns: 12 },
  );
});
