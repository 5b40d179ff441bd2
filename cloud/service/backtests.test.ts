import { randomUUID } from "node:crypto";
import { sql } from "kysely";
import { afterAll, beforeAll, expect, test } from "vitest";
import { comesTrue } from "../../test/support/comes-true.ts";
import { Kitchen } from "../../test/support/kitchen.ts";
import { randomIds } from "../platform/ids.ts";
import { createLogger } from "../platform/logger.ts";
import { Backtests } from "./backtests.ts";
import { defaultRules } from "./core/default-rules.ts";
import { ruleDefinition } from "./core/rule.ts";

let kitchen: Kitchen;
let made = 0;
const minute = 60_000;

beforeAll(async () => {
  kitchen = await Kitchen.open();
});
afterAll(() => kitchen.close());

async function ovens(count: number): Promise<string[]> {
  const ids = Array.from({ length: count }, () => `bt-${(made += 1)}`);
  await kitchen.ovens(...ids);
  return ids;
}

const hot = (over: object = {}) => ({
  kind: "threshold",
  title: "Hot",
  severity: "service",
  metric: "cavity_c",
  direction: "above",
  limit: 250,
  clearAt: 240,
  holdMs: 20_000,
  cause: "hot_once",
  ...over,
});

test("what is in force where nobody changed a rule is what ships", async () => {
  const { body } = await kitchen.as("viewer", "GET", "/service/rules");
  const inForce = body.items.map(({ id, definition }: { id: string; definition: object }) => ({ id, definition }));
  expect(inForce.toSorted((a: { id: string }, b: { id: string }) => (a.id < b.id ? -1 : 1))).toEqual(defaultRules);
});

/** A back-test that is over. */
async function backtest(body: object) {
  const started = await kitchen.as("support", "POST", "/service/rules/backtest", body);
  expect(started.body).toMatchObject({ status: "running" });
  for (;;) {
    const { body: now } = await kitchen.as("support", "GET", `/service/backtests/${started.body.id}`);
    if (now.status !== "running") return now;
    await new Promise((resolve) => {
      setTimeout(resolve, 20);
    });
  }
}

interface Found {
  deviceId: string;
  verdict: string;
  raises: number;
  firings: { kind: string; cause: string; atMs: number; trace: { readings: object[] } }[];
}

const devicesOf = async (id: string, query = "") =>
  (await kitchen.as("viewer", "GET", `/service/backtests/${id}/devices?limit=500${query}`)).body.items as Found[];

const read = (device: string, atMs: number, m: object) => ({
  device,
  channel: "telemetry" as const,
  payload: { atMs, m },
});

test("verdicts keep apart who fired, who never did, and of whom nothing is known", async () => {
  const [fires, calm, mute] = (await ovens(3)) as [string, string, string];
  const nowMs = kitchen.clock.nowMs();
  await kitchen.say(
    ...[270, 275, 280].map((cavity_c, at) => read(fires, nowMs - minute + at * 15_000, { cavity_c })),
    read(calm, nowMs - minute, { cavity_c: 200 }),
    read(mute, nowMs - minute, { power_w: 2_000 }),
  );
  const range = { fromMs: nowMs - 60 * minute, toMs: nowMs + 1 };
  const result = await backtest({ definition: hot(), ...range, filter: { deviceIds: [fires, calm, mute] } });
  expect(result).toMatchObject({ status: "done", devices: 3, fired: 1, neverFired: 1, noData: 1, share: null });
  const found = await devicesOf(result.id);
  expect(found.map(({ deviceId, verdict }) => [deviceId, verdict])).toEqual([
    [fires, "fired"],
    [calm, "never_fired"],
    [mute, "no_data"],
  ]);
  expect(found[0]?.firings).toMatchObject([{ kind: "raise", cause: "hot_once", atMs: nowMs - 30_000 }]);
  expect(found[0]?.firings[0]?.trace.readings.length).toBeGreaterThan(0);
  expect(await devicesOf(result.id, "&verdict=fired")).toHaveLength(1);
  // A back-test opens nothing.
  expect((await kitchen.as("support", "GET", `/cases?device=${fires}`)).body.items).toEqual([]);
});

test("a back-test finds what the rules found on the stream, at the same moments", async () => {
  const ids = await ovens(12);
  const rules = [
    hot({ cause: "hot_live" }),
    {
      kind: "count",
      title: "Stops again and again",
      severity: "service",
      cause: "stops_live",
      event: { type: "program.aborted" },
      count: 3,
      windowMs: 20 * minute,
      quietMs: 30 * minute,
      latenessMs: 0,
    },
    {
      kind: "sequence",
      title: "Opened, then broken off",
      severity: "info",
      cause: "door_live",
      events: [{ type: "door.opened" }, { type: "program.aborted" }],
      withinMs: 5 * minute,
      clearAfterMs: 10 * minute,
      latenessMs: 0,
    },
  ];
  const stored: { id: string; definition: object }[] = [];
  for (const definition of rules) {
    const { status, body } = await kitchen.as("support", "POST", "/service/rules", definition);
    expect(status).toBe(201);
    stored.push({ id: body.id, definition });
  }
  const fromMs = kitchen.clock.nowMs();
  let random = 12_345;
  const next = (below: number) => {
    random = (random * 1_103_515_245 + 12_345) % 2_147_483_648;
    return Math.floor((random / 2_147_483_648) * below);
  };
  for (let at = 0; at < 120; at += 1) {
    const nowMs = kitchen.clock.forward(15_000);
    await kitchen.say(
      ...ids.map((id) => read(id, nowMs, { cavity_c: 225 + next(40) })),
      ...ids
        .filter(() => next(12) === 0)
        .map((device) => ({
          device,
          channel: "events" as const,
          payload: {
            id: randomUUID(),
            atMs: nowMs - 1,
            type: next(2) === 0 ? "door.opened" : "program.aborted",
            data: {},
          },
        })),
    );
    if (at % 4 === 0) await kitchen.slices.service.tickRules();
  }
  const toMs = kitchen.clock.forward(60 * minute);
  await kitchen.slices.service.tickRules();
  for (const { id, definition } of stored) {
    const result = await backtest({ definition, fromMs, toMs, filter: { deviceIds: ids } });
    const found = await devicesOf(result.id);
    const { rows } = await sql<{ device: string; kind: string; atMs: number }>`
      SELECT d.id AS device, f.kind, f.at_ms AS "atMs" FROM rule_firing f JOIN device d ON d.key = f.device_key
      WHERE f.rule_id = ${id} ORDER BY f.device_key, f.at_ms`.execute(kitchen.base.database.db);
    expect(rows.length).toBeGreaterThan(10);
    for (const { deviceId, firings } of found) {
      const live = rows.filter(({ device }) => device === deviceId).map(({ kind, atMs }) => ({ kind, atMs }));
      // The first twenty of an appliance are listed.
      expect(firings.map(({ kind, atMs }) => ({ kind, atMs }))).toEqual(live.slice(0, 20));
    }
  }
});

test("a rule that fires widely in its back-test is put in force only by somebody who says so", async () => {
  const ids = await ovens(12);
  const nowMs = kitchen.clock.nowMs();
  await kitchen.say(
    ...ids.flatMap((id, at) => [
      read(id, nowMs - 40_000, { cavity_c: at < 3 ? 280 : 100 }),
      read(id, nowMs, { cavity_c: at < 3 ? 280 : 100 }),
    ]),
  );
  const definition = hot({ cause: "hot_wide", limit: 260 });
  const range = { fromMs: nowMs - 60 * minute, toMs: nowMs + 1 };
  const shadow = await kitchen.as("support", "POST", "/service/rules", { ...definition, mode: "shadow" });
  const result = await backtest({ ruleId: shadow.body.id, ...range, filter: { deviceIds: ids } });
  expect(result).toMatchObject({ fired: 3, neverFired: 9, share: 0.25, firesWidely: true });
  const live = (query: string) =>
    kitchen.as("support", "POST", `/service/rules/${shadow.body.id}/mode${query}`, { mode: "live" });
  expect((await live("")).body).toMatchObject({
    code: "service_rule_fires_widely",
    detail: "It fired on 25 % of those it looked at.",
  });
  expect((await kitchen.as("support", "POST", "/service/rules", { ...definition, title: "Other" })).status).toBe(409);
  // Another limit is another rule: nobody has tried it.
  expect((await kitchen.as("support", "POST", "/service/rules", { ...definition, limit: 280 })).status).toBe(201);
  expect((await live("?confirm=true")).status).toBe(200);
});

test("appliances are picked by model, by name and by what is known of them; what is asked for amiss is refused by name", async () => {
  const ids = await ovens(4);
  await kitchen.as("admin", "PATCH", `/devices/${ids[0]}`, { tags: ["internal"] });
  const nowMs = kitchen.clock.nowMs();
  const range = { fromMs: nowMs - minute, toMs: nowMs };
  const ask = (over: object) =>
    kitchen.as("support", "POST", "/service/rules/backtest", { definition: hot(), ...range, ...over });
  const internal = await backtest({ definition: hot(), ...range, filter: { target: '"internal" in tags' } });
  expect(internal).toMatchObject({ matching: 1, devices: 1, noData: 1 });
  const some = await backtest({ definition: hot(), ...range, filter: { model: "oven" }, devicesMax: 2 });
  expect(some).toMatchObject({ devices: 2 });
  expect(some.matching).toBeGreaterThan(2);
  expect((await ask({ filter: { target: "colour ==" } })).body.code).toBe("predicate_not_valid");
  expect((await ask({ filter: { model: "nothing" } })).body.code).toBe("backtest_no_appliances");
  expect((await ask({ fromMs: 0 })).body.code).toBe("backtest_range_too_wide");
  expect((await ask({ definition: undefined, ruleId: randomUUID() })).body.code).toBe("service_rule_not_found");
  expect((await ask({ ruleId: randomUUID() })).status).toBe(400);
});

test("each key has one back-test at a time, which it can call off; what was running when the service ended is over", async () => {
  const nowMs = kitchen.clock.nowMs();
  const body = { definition: hot(), fromMs: nowMs - 30 * 86_400_000, toMs: nowMs, filter: {}, devicesMax: 1_000 };
  const [first, second] = await Promise.all([
    kitchen.as("support", "POST", "/service/rules/backtest", body),
    kitchen.as("support", "POST", "/service/rules/backtest", body),
  ]);
  expect(new Set([first.status, second.status])).toEqual(new Set([202, 409]));
  const id = first.body.id ?? second.body.id;
  const off = await kitchen.as("support", "POST", `/service/backtests/${id}/cancel`);
  if (off.status === 200) expect(["cancelled", "done"]).toContain(off.body.status);
  else expect(off.body.code).toBe("backtest_over");
  const { db } = kitchen.base.database;
  await sql`UPDATE backtest SET status = 'running' WHERE id = ${id}`.execute(db);
  await kitchen.slices.backtests.load();
  expect((await kitchen.as("support", "GET", `/service/backtests/${id}`)).body).toMatchObject({
    status: "failed",
    reason: "The service was stopped.",
  });
});

test("appliances that said more than is read at once are looked at one by one, and of whom not all was looked at is said", async () => {
  const ids = await ovens(3);
  const nowMs = kitchen.clock.nowMs();
  const abort = (device: string, n: number) => ({
    device,
    channel: "events" as const,
    payload: { id: `${device}-${n}`, atMs: nowMs - minute + n, type: "program.aborted", data: {} },
  });
  const counts = [4, 12, 4];
  await kitchen.say(...ids.flatMap((id, at) => Array.from({ length: counts[at] ?? 0 }, (_none, n) => abort(id, n))));
  const { devices, telemetry, staff, rollouts } = kitchen.slices;
  const small = new Backtests({
    db: kitchen.base.database.db,
    clock: kitchen.clock,
    ids: randomIds,
    audit: staff.audit,
    logger: createLogger("silent"),
    appliances: devices,
    watched: devices.watched,
    telemetry,
    sample: (filter, limit) => rollouts.sample(filter, limit),
    ruleOf: () => undefined,
    silenceUntilMs: () => -Infinity,
    silenceUntilAt: (_forMs, atMs) => atMs,
    eventsAtOnceMax: 6,
  });
  const definition = ruleDefinition.parse({
    kind: "count",
    title: "Stops",
    severity: "service",
    cause: "stops_many",
    event: { type: "program.aborted" },
    count: 4,
    windowMs: minute,
    quietMs: minute,
    latenessMs: 0,
  });
  const range = { fromMs: nowMs - 60 * minute, toMs: nowMs + 1, devicesMax: 10 };
  const asked = { rule: { definition }, ...range, filter: { deviceIds: ids } };
  const started = await small.start({ kind: "system" }, asked);
  if (started.kind !== "started") throw new Error(started.rule);
  await comesTrue(async () => expect((await small.get(started.backtest.id))?.status).toBe("done"));
  const found = await small.devices(started.backtest.id, { verdict: null, afterKey: 0, limit: 10 });
  expect(found?.map(({ evaluated, verdict }) => [evaluated, verdict])).toEqual([
    [4, "fired"],
    [6, "fired"],
    [4, "fired"],
  ]);
  expect((await small.get(started.backtest.id))?.reason).toBe("Of 1 of them only the first 6 events were looked at.");
});

test("a live rule that names a model that is not there, or a metric that nobody has said, asks for a confirmation", async () => {
  const keep = (more: object, query = "") =>
    kitchen.as("support", "POST", `/service/rules${query}`, hot({ cause: "watching", ...more }));
  const noModel = await keep({ models: ["oven", "ovne"] });
  expect([noModel.status, noModel.body.code]).toEqual([409, "service_rule_watches_nothing"]);
  expect(noModel.body.detail).toBe("models[1]: there is no model ovne.");
  const noMetric = await keep({ metric: "cavty_c" });
  expect([noMetric.status, noMetric.body.code]).toEqual([409, "service_rule_watches_nothing"]);
  expect(noMetric.body.detail).toContain("metric: no model that it watches declares cavty_c");
  // Written ahead of the firmware that will say it: in its shadow, or by who means it.
  expect((await keep({ metric: "cavty_c", mode: "shadow" })).status).toBe(201);
  const { status, body } = await keep({ metric: "cavty_c" }, "?confirm=true");
  expect(status).toBe(201);
  await kitchen.as("support", "POST", `/service/rules/${body.id}/mode`, { mode: "off" });
  const live = () => kitchen.as("support", "POST", `/service/rules/${body.id}/mode`, { mode: "live" });
  expect((await live()).status).toBe(409);
  await kitchen.ovens("watched-1");
  await kitchen.say({
    device: "watched-1",
    channel: "telemetry",
    payload: { atMs: kitchen.clock.nowMs(), m: { cavty_c: 1 } },
  });
  expect((await live()).status).toBe(200);
});
