import { sql } from "kysely";
import { afterAll, beforeAll, expect, test } from "vitest";
import { Kitchen } from "../../test/support/kitchen.ts";
import { CaseMeasures } from "./case-measures.ts";
import { keyMetrics } from "./core/evidence-plan.ts";

let kitchen: Kitchen;
const hour = 3_600_000;
const day = 24 * hour;

beforeAll(async () => {
  kitchen = await Kitchen.open();
});
afterAll(() => kitchen.close());

const get = async (path: string) => (await kitchen.as("support", "GET", path)).body;
const raise = (device: string, code: string) => kitchen.event(device, "fault.raised", { code });
const read = (device: string, cavity_c: number) =>
  kitchen.say({ device, channel: "telemetry", payload: { m: { cavity_c } } });
const newest = async (device: string) => (await get(`/cases?device=${device}`)).items[0];

test("a case keeps what the appliance did for three days before and an hour after, when its readings are gone too", async () => {
  const device = await kitchen.newOven();
  const { evidence } = kitchen.slices.service;
  await kitchen.say({ device, channel: "reported", payload: { state: { firmware: "2.0.3", releaseCounter: 3 } } });
  for (const temperature of [20, 180, 240]) {
    await read(device, temperature);
    kitchen.clock.forward(10 * hour);
  }
  await kitchen.event(device, "program.started", { program: "HotAir" });
  await raise(device, "heating_element");
  await evidence.tick();
  const { id } = await newest(device);
  const first = (await get(`/cases/${id}`)).evidence;
  expect(first).toMatchObject({ whole: false, firmware: { version: "2.0.3", releaseCounter: 3 } });
  expect(first.series[0]).toMatchObject({ metric: "cavity_c", unit: "°C" });
  expect(first.series[0].points.map((point: number[]) => point[3])).toEqual([20, 180, 240]);
  expect(first.events.map(({ type }: { type: string }) => type)).toEqual(
    expect.arrayContaining(["program.started", "fault.raised"]),
  );
  kitchen.clock.forward(1_800_000);
  await read(device, 90);
  await kitchen.say({ device, channel: "reported", payload: { state: { firmware: "2.0.4", releaseCounter: 4 } } });
  kitchen.clock.forward(hour);
  await evidence.tick();
  await sql`DELETE FROM reading`.execute(kitchen.base.db);
  const { evidence: last, readingsHref } = await get(`/cases/${id}`);
  expect(last).toMatchObject({ whole: true, firmware: { version: "2.0.3" } });
  expect(last.series[0].points.map((point: number[]) => point[3])).toEqual([20, 180, 240, 90]);
  const readings = await get(readingsHref.slice("/api/v1".length));
  expect(readings).toMatchObject({ fromMs: last.fromMs, toMs: last.toMs });
  const { rows } = await sql`SELECT 1 FROM service_case WHERE evidence_due_at_ms IS NOT NULL AND id = ${id}`.execute(
    kitchen.base.db,
  );
  expect(rows).toEqual([]);
});

test("the metrics that a rule looked at come first, and there is a bound", () => {
  expect(keyMetrics({ metric: "power_w" }, ["cavity_c", "power_w"])).toEqual(["power_w", "cavity_c"]);
  expect(keyMetrics({ trace: { readings: [{ metric: "b" }, { metric: "b" }] } }, ["a"])).toEqual(["b", "a"]);
  expect(
    keyMetrics(
      { metric: 3, trace: "x" },
      Array.from({ length: 30 }, (_none, at) => `m${at}`),
    ),
  ).toHaveLength(8);
});

test("a case shows dates, what is known of its cause for its model, similar appliances and past cases", async () => {
  const [device, other] = [await kitchen.newOven(), await kitchen.newOven()];
  const soldAtMs = kitchen.clock.nowMs() - 100 * day;
  await kitchen.as("support", "PATCH", `/devices/${device}`, { soldAtMs, warrantyUntilMs: soldAtMs + 730 * day });
  expect(await get(`/devices/${device}`)).toMatchObject({ soldAtMs, warrantyUntilMs: soldAtMs + 730 * day });
  for (const id of [device, other]) {
    await kitchen.say({ device: id, channel: "reported", payload: { state: { firmware: "2.0.3" } } });
    await raise(id, "door_seal");
  }
  await raise(device, "no_water");
  await kitchen.slices.service.evidence.tick();
  const sealed = (await get(`/cases?device=${device}&cause=fault:door_seal`)).items[0];
  const seen = await get(`/cases/${sealed.id}`);
  expect(seen.appliance).toMatchObject({ serial: device, firmware: "2.0.3", soldAtMs, underWarranty: true });
  expect(seen.causeArticle).toMatchObject({ version: 1, part: { number: "DS-3305" } });
  expect(seen.causeArticle.article.de.text.length).toBeGreaterThan(50);
  expect(seen.similar).toMatchObject({ devices: 1, open: 1, sameModel: 1, sameFirmware: 1 });
  expect(seen.similar.cases).toMatchObject([{ deviceId: other, firmware: "2.0.3" }]);
  expect(seen.past).toMatchObject([{ cause: "fault:no_water" }]);
  const own = { title: "Seal", fix: "Look", article: { en: { title: "Ours", text: "Ours" } } };
  await kitchen.as("content", "PUT", "/causes/fault:door_seal?model=oven", own);
  expect((await get(`/cases/${sealed.id}`)).causeArticle).toMatchObject({ title: "Seal", part: null });
  await kitchen.as("content", "DELETE", "/causes/fault:door_seal?model=oven");
  expect((await get(`/cases/${sealed.id}`)).causeArticle.part.number).toBe("DS-3305");
  const { items } = await get("/causes/fault:door_seal/versions?model=oven");
  expect(items.map(({ definition }: { definition: unknown }) => definition === null)).toEqual([true, false]);
});

test("answers are filled in for a case in its household's language, those for its cause first", async () => {
  const device = await kitchen.newOven();
  const owner = await kitchen.newOwner(device);
  await kitchen.call(owner.key, "PATCH", "/my/household", { locale: "de" });
  kitchen.clock.forward(1_000);
  await kitchen.event(device, "program.started", { program: "HotAir" });
  await raise(device, "door_seal");
  const { id } = await newest(device);
  const { items } = await get(`/cases/${id}/answers`);
  expect(items[0]).toMatchObject({ key: "part_on_its_way", suggested: true, locale: "de", missing: [] });
  expect(items[0].text).toContain("DS-3305");
  const asked = items.find(({ key }: { key: string }) => key === "how_was_it");
  expect(asked.text).toContain("HotAir");
  const waits = items.find(({ key }: { key: string }) => key === "fixed_by_update");
  expect(waits.missing).toEqual(["release"]);
  expect((await get(`/cases/${id}/answers?locale=en`)).items[0].text).toMatch(/^Hello/);
});

test("evidence waits for a store of readings that is away, and nothing else does", async () => {
  const device = await kitchen.newOven();
  await raise(device, "no_water");
  const { store } = kitchen.slices.telemetry;
  const range = store.range.bind(store);
  Object.defineProperty(store, "range", { configurable: true, value: () => Promise.reject(new Error("away")) });
  await kitchen.slices.service.evidence.tick();
  const { id } = await newest(device);
  expect((await get(`/cases/${id}`)).evidence).toBeNull();
  Object.defineProperty(store, "range", { configurable: true, value: range });
  await kitchen.slices.service.evidence.tick();
  expect((await get(`/cases/${id}`)).evidence).toBeNull();
  kitchen.clock.forward(61_000);
  await kitchen.slices.service.evidence.tick();
  expect((await get(`/cases/${id}`)).evidence).not.toBeNull();
});

test("a case of those who have the appliance keeps nothing of those who had it the day before, nor the other way round", async () => {
  const device = await kitchen.newOven();
  const before = await kitchen.newOwner(device);
  const say = async (temperature: number) => {
    kitchen.clock.forward(1_000);
    await read(device, temperature);
    await kitchen.event(device, "program.started", { program: `P${temperature}` });
    kitchen.clock.forward(60_000);
  };
  await say(111);
  await raise(device, "no_water");
  expect((await kitchen.call(before.key, "POST", `/my/devices/${device}/hand-over`)).status).toBe(204);
  kitchen.clock.forward(60_000);
  await kitchen.newOwner(device);
  await say(222);
  await raise(device, "door_seal");
  kitchen.clock.forward(2 * hour);
  await kitchen.slices.service.evidence.tick();
  const found = (await get(`/cases?device=${device}`)).items as { id: string; cause: string }[];
  const told = async (cause: string) => {
    const { evidence } = await get(`/cases/${found.find((one) => one.cause === cause)?.id}`);
    const points = evidence.series.flatMap((one: { points: number[][] }) => one.points.map((point) => point[2]));
    return [points, evidence.events.filter(({ type }: { type: string }) => type === "program.started").length];
  };
  expect(await told("fault:door_seal")).toEqual([[222], 1]);
  expect(await told("fault:no_water")).toEqual([[111], 1]);
});

test("nothing of an erased household is left in the evidence, and none is taken of it", async () => {
  const device = await kitchen.newOven();
  const owner = await kitchen.newOwner(device);
  kitchen.clock.forward(1_000);
  await raise(device, "no_water");
  await kitchen.slices.service.evidence.tick();
  const { id } = await newest(device);
  await kitchen.base.db
    .transaction()
    .execute((tx) => kitchen.slices.service.forgetHousehold(tx, owner.householdId, []));
  kitchen.clock.forward(2 * hour);
  await kitchen.slices.service.evidence.tick();
  expect((await get(`/cases/${id}`)).evidence).toBeNull();
});

test("measures say by week what was answered, solved, reopened, solved without staff and promised", async () => {
  await sql`TRUNCATE service_case CASCADE`.execute(kitchen.base.db);
  kitchen.clock.forward(21 * day);
  const { weeks: before } = await get("/cases/measures?weeks=3");
  expect(before.map(({ opened }: { opened: number }) => opened)).toEqual([0, 0, 0]);
  const answer = async (id: string) =>
    kitchen.base.db.transaction().execute(async (tx) => {
      const { service } = kitchen.slices;
      const held = await service.holdCase(tx, id);
      if (held === null) throw new Error("there is no case");
      const line = {
        direction: "to_owner",
        by: "system",
        text: "Look here",
        atMs: kitchen.clock.nowMs(),
        data: {},
      } as const;
      await service.cases.say(tx, held, line, "any");
    });
  // One that automation answers and the appliance clears; one that staff resolve late; one that returns; one that nobody touches.
  const [cleared, late, again, left] = [
    await kitchen.newOven(),
    await kitchen.newOven(),
    await kitchen.newOven(),
    await kitchen.newOven(),
  ];
  for (const device of [cleared, late, again, left]) await raise(device, "no_water");
  kitchen.clock.forward(hour);
  await answer((await newest(cleared)).id);
  await kitchen.event(cleared, "fault.cleared", { code: "no_water" });
  await kitchen.event(again, "fault.cleared", { code: "no_water" });
  kitchen.clock.forward(hour);
  await raise(again, "no_water");
  kitchen.clock.forward(6 * day);
  await answer((await newest(late)).id);
  await kitchen.as("support", "POST", `/cases/${(await newest(late)).id}/resolve`, { note: "Valve replaced" });
  const { weeks } = await get("/cases/measures?weeks=3&severity=service");
  const week = weeks.find(({ opened }: { opened: number }) => opened > 0);
  expect(weeks).toHaveLength(3);
  expect(new Date(week.weekAtMs).toISOString()).toMatch(/T00:00:00.000Z$/);
  expect(new Date(week.weekAtMs).getUTCDay()).toBe(1);
  expect(week).toMatchObject({
    opened: 4,
    answered: 2,
    resolved: 3,
    resolveMs: { median: hour },
    firstAnswerMs: { median: Math.round((hour + 2 * hour + 6 * day) / 2) },
    firstAnswerPromise: { kept: 1, missed: 2 },
    resolvePromise: { kept: 2, missed: 2 },
  });
  expect(week.reopenedShare).toBeCloseTo(1 / 3);
  expect(week.automationShare).toBeCloseTo(1 / 3);
  expect(await new CaseMeasures({ db: kitchen.base.db, clock: kitchen.clock }).weekly(3, "safety")).toHaveLength(3);
});

test("each cause is counted by how often it was found lately, and by how many of its cases are open, however old", async () => {
  await sql`TRUNCATE service_case CASCADE`.execute(kitchen.base.db);
  const [old, twice, once] = [await kitchen.newOven(), await kitchen.newOven(), await kitchen.newOven()];
  await raise(old, "door_seal");
  kitchen.clock.forward(31 * day);
  for (const device of [twice, once]) await raise(device, "no_water");
  await kitchen.event(twice, "fault.cleared", { code: "no_water" });
  const { items, sinceMs } = await get("/cases/causes?days=30");
  expect(sinceMs).toBe(kitchen.clock.nowMs() - 30 * day);
  expect(items).toEqual([
    { cause: "fault:no_water", cases: 2, incidents: 0, open: 1 },
    { cause: "fault:door_seal", cases: 0, incidents: 0, open: 1 },
  ]);
  expect((await get("/cases/causes?days=60")).items[1]).toMatchObject({ cases: 1, open: 1 });
});
