import { sql } from "kysely";
import { afterEach, beforeEach, expect, test } from "vitest";
import { minuteMs, Yard } from "../../test/support/rollout-yard.ts";
import type { Deliveries } from "../deliveries/deliveries.ts";
import { randomIds } from "../platform/ids.ts";
import { Outbox } from "../events/events.ts";
import { Rollouts } from "./rollouts.ts";

let yard: Yard;
const errors: unknown[] = [];
beforeEach(async () => {
  yard = await Yard.open();
  errors.length = 0;
});
afterEach(() => yard.close());

type Sets = Pick<Deliveries, "createForSet" | "cancelForSet" | "onMoved">;

/** Another process on the same database. */
function anotherCloud(over: Partial<Sets> = {}): Rollouts {
  const { slices, base, clock } = yard.kitchen;
  const { deliveries, devices, firmware, telemetry, staff, updateNotices } = slices;
  const sets: Sets = {
    createForSet: (tx, set, fact) => deliveries.createForSet(tx, set, fact),
    cancelForSet: (tx, ids, andThen) => deliveries.cancelForSet(tx, ids, andThen),
    // Receipts come in at the first one.
    onMoved() {},
    ...over,
  };
  return new Rollouts({
    db: base.db,
    clock,
    ids: randomIds,
    outbox: new Outbox(randomIds),
    audit: staff.audit,
    models: devices,
    deliveries: sets,
    firmware,
    telemetry,
    notices: updateNotices,
    onError: (error) => errors.push(error),
  });
}

/** The counts that triggers keep, against the members themselves. */
async function expectTrueTally(): Promise<void> {
  const { rows: kept } = await sql`
    SELECT rollout_id, stage, state, time_zone, country, n FROM rollout_tally WHERE n <> 0 ORDER BY 1, 2, 3, 4, 5`.execute(
    yard.kitchen.base.db,
  );
  const { rows: counted } = await sql`
    SELECT rollout_id, stage, state, time_zone, coalesce(country, '') AS country, count(*)::int AS n FROM rollout_device
    GROUP BY 1, 2, 3, 4, 5 ORDER BY 1, 2, 3, 4, 5`.execute(yard.kitchen.base.db);
  expect(kept).toEqual(counted);
}

const thirds = [
  {
    name: "a third",
    size: { kind: "share", share: 1 / 3 },
    soakMs: minuteMs,
    gate: { failureShareMax: 0.5, sampleMin: 3 },
  },
  { name: "another", size: { kind: "share", share: 1 / 3 }, soakMs: 0, gate: { failureShareMax: 0.5, sampleMin: 3 } },
  { name: "all", size: { kind: "rest" }, soakMs: 0 },
];

/** Who is in which stage, in which order they were offered it, and what the rollout did. */
async function outcome(id: string) {
  const { rows } = await sql`
    SELECT device_key, stage, state FROM rollout_device WHERE rollout_id = ${id}::uuid ORDER BY stage, bucket`.execute(
    yard.kitchen.base.db,
  );
  const history = (await yard.get(id)).history.map(({ what, stage }: { what: string; stage: number }) => [what, stage]);
  return { rows, history };
}

test("several clouds tick at once: no appliance is offered twice, and the start rate holds", async () => {
  const release = await yard.publish();
  await yard.ovens(40);
  const id = await yard.running(release, { startsPerMinuteMax: 7 });
  const clouds = [anotherCloud(), anotherCloud(), anotherCloud(), yard.kitchen.slices.rollouts];
  for (let minute = 1; minute <= 7; minute += 1) {
    for (let at = 0; at < 3; at += 1) await Promise.all(clouds.map((cloud) => cloud.tick()));
    expect(await yard.idsIn(id, "offered")).toHaveLength(Math.min(40, 7 * minute));
    await expectTrueTally();
    yard.kitchen.clock.forward(minuteMs);
  }
  const { rows } = await sql<{ n: number }>`
    SELECT count(*) AS n FROM delivery WHERE kind = 'firmware' GROUP BY device_key HAVING count(*) > 1`.execute(
    yard.kitchen.base.db,
  );
  expect(rows).toEqual([]);
  expect(errors).toEqual([]);
});

test("several clouds may be told to start the same rollout: it begins once", async () => {
  const release = await yard.publish();
  await yard.ovens(10);
  const { id } = (await yard.create(yard.plan(release))).body;
  await yard.done(id, "submit");
  const answers = await Promise.all([yard.act(id, "start"), yard.act(id, "start"), yard.act(id, "start")]);
  expect(answers.map(({ status }) => status).toSorted((a, b) => a - b)).toEqual([200, 409, 409]);
  expect(await yard.devices(id)).toHaveLength(10);
});

test("a rollout that is planned by a new process at every step comes out the same", async () => {
  const release = await yard.publish();
  await yard.ovens(18);
  const id = await yard.running(release, { stages: thirds });
  const before = (await outcome(id)).rows.map((row) => ({ ...(row as object), state: "" }));
  for (let at = 0; at < 12; at += 1) {
    await anotherCloud().tick();
    await yard.update(await yard.idsIn(id, "offered"), release);
    await anotherCloud().tick();
    yard.kitchen.clock.forward(minuteMs);
  }
  const after = await outcome(id);
  expect(after.rows.map((row) => ({ ...(row as object), state: "" }))).toEqual(before);
  expect((await yard.get(id)).state.kind).toBe("finished");
  expect(after.history.toReversed()).toEqual([
    ["created", null],
    ["submitted", null],
    ["begun", null],
    ["soaking", 0],
    ["stage_passed", 0],
    ["soaking", 1],
    ["stage_passed", 1],
    ["soaking", 2],
    ["finished", null],
  ]);
  await expectTrueTally();
});

test("a process that dies in the middle of a step leaves nothing of it, and the next one does it whole", async () => {
  const release = await yard.publish();
  await yard.ovens(12);
  const id = await yard.running(release, { stages: thirds });
  const { deliveries } = yard.kitchen.slices;
  const dies = anotherCloud({
    async createForSet(tx, set, fact) {
      await deliveries.createForSet(tx, set, fact);
      throw new Error("killed");
    },
  });
  await dies.tick();
  expect(errors.map(String)).toEqual(["Error: killed"]);
  expect(await yard.idsIn(id, "offered")).toEqual([]);
  await expectTrueTally();
  await anotherCloud().tick();
  expect(await yard.idsIn(id, "offered")).toHaveLength(4);
  await yard.fail((await yard.idsIn(id, "offered")).slice(0, 3), "health_check_failed");
  const diesHalting = anotherCloud({
    async cancelForSet(tx, ids, andThen) {
      await deliveries.cancelForSet(tx, ids, andThen);
      throw new Error("killed again");
    },
  });
  await diesHalting.tick();
  expect((await yard.get(id)).state.kind).toBe("running");
  expect(await yard.idsIn(id, "offered")).toHaveLength(1);
  await anotherCloud().tick();
  expect((await yard.get(id)).state.kind).toBe("halted");
  expect(await yard.idsIn(id, "cancelled")).toHaveLength(1);
  await expectTrueTally();
});

test("a rollout that cannot be carried on keeps no other from going on", async () => {
  const [one, other] = [await yard.publish(), await yard.publish()];
  await yard.ovens(2, { country: "DE" });
  await yard.ovens(2, { country: "AT" });
  const bad = await yard.running(other, { target: 'country == "DE"' });
  const good = await yard.running(one, { target: 'country == "AT"' });
  await sql`UPDATE rollout SET plan = jsonb_set(plan, '{stages,0,gate}', '{"metric": 5}') WHERE id = ${bad}`.execute(
    yard.kitchen.base.db,
  );
  await anotherCloud().tick();
  expect(errors.length).toBeGreaterThan(0);
  expect(await yard.idsIn(good, "offered")).toHaveLength(2);
});

test("an event of a gate's metric is compared between those who have it and those who have not, and halts", async () => {
  const release = await yard.publish();
  await yard.ovens(12);
  const metric = { source: { kind: "event", type: "fault.raised" }, increaseMax: 2, devicesMin: 3 };
  const id = await yard.running(release, {
    stages: [
      { name: "four", size: { kind: "count", count: 4 }, soakMs: 24 * 60 * minuteMs, gate: { sampleMin: 4, metric } },
      { name: "all", size: { kind: "rest" }, soakMs: 0 },
    ],
  });
  await yard.tick();
  const treated = await yard.idsIn(id, "offered");
  await yard.update(treated, release);
  const untreated = (await yard.devices(id)).filter(({ state }) => state === "waiting").map(({ deviceId }) => deviceId);
  for (const oven of untreated) await yard.kitchen.event(oven, "fault.raised", { code: "E1" });
  await yard.tick(12 * 60 * minuteMs);
  expect((await yard.get(id)).stages[0].gates).toMatchObject([
    { gate: "metric", sample: 4, line: 2, verdict: "within" },
  ]);
  for (const oven of treated)
    for (let at = 0; at < 3; at += 1) await yard.kitchen.event(oven, "fault.raised", { code: "E1" });
  await yard.tick(minuteMs);
  const { state, haltedBy } = await yard.get(id);
  expect(state).toMatchObject({ kind: "halted", stage: 0 });
  expect(haltedBy.value).toBeGreaterThan(4);
});
