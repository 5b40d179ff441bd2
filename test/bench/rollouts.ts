/**
 * `npm run bench -- rollout`: a rollout over a large registry, from its plan to a stage that is through, beside one plain
 * `INSERT ... SELECT` of the rows that planning writes, into a table with the same columns and indexes.
 */
import { randomUUIDv7 } from "node:crypto";
import { monitorEventLoopDelay } from "node:perf_hooks";
import { setTimeout as sleep } from "node:timers/promises";
import { sql } from "kysely";
import type { SequencedRecord } from "#protocol/link/up-chunk.ts";
import { linkLimits } from "#protocol/link/messages.ts";
import { model as modelSchema } from "#protocol/model.ts";
import { planBody } from "../../cloud/rollouts/rollout-shapes.ts";
import type { Principal } from "../../cloud/staff/staff.ts";
import { CloudParts } from "./cloud-parts.ts";
import { median, perSecond, rounded, say } from "./figures.ts";
import { anonymousKb, watchMemory } from "./process-figures.ts";
import { fillRegistry, insertRelease, registryHardware, registryModel, registryTarget, ringTag } from "./registry.ts";
import { type Figures, mediansOf } from "./rounds.ts";

export interface RolloutFigures extends Figures {
  /** Appliances that the plan means. */
  members: number;
  /** A dry run: who is eligible, who is not and why, and when it would end. */
  preview_ms: number;
  /** From `start` to every member in its stage, committed. */
  plan_ms: number;
  plain_insert_ms: number;
  plan_to_insert: number;
  /** Of the database server. */
  plan_cpu_ms: number;
  plain_insert_cpu_ms: number;
  plan_to_insert_cpu: number;
  /** The ticks that offered the release to all of the stage. */
  start_ms: number;
  /** Deliveries to appliances that are here: until the gateway has written all of them. */
  sends_per_s: number;
  receipts_per_s: number;
  tick_ms: number;
  tick_ms_max: number;
  /** The first tick of a process and a database server that have just begun. */
  replan_ms: number;
  /** What the console's page of the rollout asks. */
  detail_ms: number;
  rss_anon_mb_before: number;
  rss_anon_mb_max: number;
  /** The longest time for which nothing else had its turn. */
  loop_held_ms_max: number;
}

/** Of whom the stage's sample consists, and how many of a hundred of them roll back. */
const sampleMin = 500;
const failuresInHundred = 1;
const soakMs = 3_600_000;
const settledTicks = 60;
/** Far beyond what a hundred thousand take. */
const sendMsMax = 300_000;

const by: Principal = { kind: "staff", id: "bench", name: "bench", role: "admin" };

const model = modelSchema.parse({
  key: registryModel,
  version: 1,
  brand: "Bench",
  name: "Bench oven",
  kind: "oven",
  hardwareIds: [...registryHardware, "r0"],
  locales: ["en"],
  metrics: [{ name: "cavity_c", unit: "°C" }],
  capabilities: { programs: ["HotAir"], setpoint_c_max: 250 },
});

/** Ring 0, then the stage that is measured, and four more. */
const planOf = (releaseId: string, stageSize: number) => {
  const gate = { failureShareMax: 0.05, sampleMin: Math.min(sampleMin, Math.ceil(stageSize / 10)) };
  const stage = (name: string, size: object) => ({ name, size, soakMs, gate });
  return planBody.parse({
    name: "Bench",
    releaseId,
    target: registryTarget,
    stages: [
      { ...stage("Ours", { kind: "tag", tag: ringTag }), gate: { failuresMax: 50, sampleMin: 1 } },
      stage("First", { kind: "count", count: stageSize }),
      stage("Second", { kind: "share", share: 0.2 }),
      stage("Third", { kind: "share", share: 0.3 }),
      stage("Fourth", { kind: "share", share: 0.2 }),
      stage("Rest", { kind: "rest" }),
    ],
    startsPerMinuteMax: 1_000_000,
    autoAssign: true,
  });
};

async function timed<T>(work: () => Promise<T>): Promise<{ ms: number; value: T }> {
  const sinceMs = performance.now();
  const value = await work();
  return { ms: performance.now() - sinceMs, value };
}

/** One rollout from its plan to the end of its second stage. */
class RolloutRun {
  readonly #cloud: CloudParts;
  readonly #rolloutId: string;
  #sequence: number;
  /** Of the stage that is being brought through. */
  startMs = 0;
  sends = 0;
  sendMs = 0;
  receipts = 0;
  receiptMs = 0;

  constructor(cloud: CloudParts, rolloutId: string, sequence: number) {
    this.#cloud = cloud;
    this.#rolloutId = rolloutId;
    this.#sequence = sequence;
  }

  get nextSequence(): number {
    return this.#sequence;
  }

  /** Offers a stage the release, and has each of its appliances say what became of it. */
  async bringThrough(stage: number): Promise<void> {
    for (;;) {
      this.startMs += (await timed(() => this.#cloud.slices.rollouts.tick())).ms;
      const { offered, waiting } = await this.tally(stage);
      if (offered === 0) {
        if (waiting > 0) throw new Error(`${waiting} of stage ${stage} are never offered the release`);
        return;
      }
      await this.#send();
      await this.#say(stage, "offered", () => "downloading");
      await this.#say(stage, "started", (at) => (at % 100 < failuresInHundred ? "rolled_back" : "confirmed"));
      this.#cloud.clock.forward(60_000);
    }
  }

  /** Until all that the registry calls online have been written their delivery. */
  async #send(): Promise<void> {
    const { slices, clock, db } = this.#cloud;
    const before = this.#cloud.handedDown;
    const { rows } = await sql<{ n: number }>`
      SELECT count(*) AS n FROM delivery d JOIN device v ON v.key = d.device_key WHERE d.phase = 'queued' AND v.online`.execute(
      db,
    );
    const wanted = rows[0]?.n ?? 0;
    const { ms } = await timed(async () => {
      await slices.deliveries.tick(clock.nowMs());
      const deadline = performance.now() + sendMsMax;
      while (this.#cloud.handedDown - before < wanted) {
        if (performance.now() > deadline) throw new Error("deliveries are due and do not go out");
        await sleep(2);
      }
      await slices.dispatcher.idle();
    });
    this.sends += wanted;
    this.sendMs += ms;
  }

  /** Every appliance of a stage that stands in `state` says the next step, as batches of the up road. */
  async #say(stage: number, state: "offered" | "started", step: (at: number) => string): Promise<void> {
    const { slices, source, clock, db } = this.#cloud;
    for (;;) {
      const { rows } = await sql<{ id: string; device_id: string }>`
        SELECT d.id, d.device_id FROM rollout_device rd JOIN delivery d ON d.id = rd.delivery_id
        WHERE rd.rollout_id = ${this.#rolloutId}::uuid AND rd.state = ${state} AND rd.state <> 'waiting' AND rd.stage = ${stage}
        LIMIT ${linkLimits.batchRecordsMax}`.execute(db);
      if (rows.length === 0) return;
      const atMs = clock.nowMs();
      const records = rows.map(({ id, device_id }, at): SequencedRecord => {
        const receipt = { deliveryId: id, attempt: 1, atMs, step: step(at) };
        const payload = Buffer.from(JSON.stringify(receipt));
        return { sequence: this.#sequence + at, channel: "receipts", deviceId: device_id, receivedAtMs: atMs, payload };
      });
      this.#sequence += records.length;
      this.receiptMs += (await timed(() => slices.ingest.commit(source, records))).ms;
      this.receipts += records.length;
    }
  }

  async tally(stage: number) {
    const detail = await this.#cloud.slices.rollouts.get(this.#rolloutId);
    const tally = detail?.stages[stage]?.tally;
    if (tally === undefined) throw new Error(`the rollout has no stage ${stage}`);
    return tally;
  }
}

/** A cloud whose registry is full, for one rollout after the other. */
export class RolloutBench {
  readonly #cloud: CloudParts;
  readonly #stageSize: number;
  #sequence = 0;

  private constructor(cloud: CloudParts, stageSize: number) {
    this.#cloud = cloud;
    this.#stageSize = stageSize;
  }

  static async open(devices: number): Promise<RolloutBench> {
    const cloud = await CloudParts.start();
    try {
      const put = await cloud.slices.devices.putModel(by, model);
      if (put.kind === "refused") throw new Error(put.rule);
      await cloud.preparing((db) => fillRegistry(db, devices, cloud.clock.nowMs()));
      return new RolloutBench(cloud, devices / 10);
    } catch (error) {
      // A database server outlives whoever started it.
      await cloud.stop();
      throw error;
    }
  }

  close(): Promise<void> {
    return this.#cloud.stop();
  }

  async measure(): Promise<RolloutFigures> {
    const cloud = this.#cloud;
    const releaseId = randomUUIDv7();
    await insertRelease(cloud.db, releaseId, cloud.clock.nowMs());
    const memory = watchMemory(process.pid);
    const loop = monitorEventLoopDelay({ resolution: 5 });
    loop.enable();
    const anonymousMbBefore = anonymousKb(process.pid) / 1_024;
    const { id, members, previewMs, planned, inserted } = await this.#plan(releaseId);
    const run = new RolloutRun(cloud, id, this.#sequence);
    await run.bringThrough(0);
    cloud.clock.forward(soakMs);
    await cloud.slices.rollouts.tick();
    Object.assign(run, { startMs: 0, sends: 0, sendMs: 0, receipts: 0, receiptMs: 0 });
    await run.bringThrough(1);
    this.#sequence = run.nextSequence;
    const ticks = await this.#settledTicks();
    const { ms: detailMs } = await timed(() => cloud.slices.rollouts.get(id));
    loop.disable();
    const replanMs = await this.#restarted(id);
    await this.#clear();
    return {
      members,
      preview_ms: Math.round(previewMs),
      plan_ms: Math.round(planned.ms),
      plain_insert_ms: Math.round(inserted.ms),
      plan_to_insert: rounded(planned.ms / inserted.ms, 2),
      plan_cpu_ms: Math.round(planned.cpuMs),
      plain_insert_cpu_ms: Math.round(inserted.cpuMs),
      plan_to_insert_cpu: rounded(planned.cpuMs / inserted.cpuMs, 2),
      start_ms: Math.round(run.startMs),
      sends_per_s: perSecond(run.sends, run.sendMs),
      receipts_per_s: perSecond(run.receipts, run.receiptMs),
      tick_ms: rounded(median(ticks), 1),
      tick_ms_max: rounded(Math.max(...ticks), 1),
      replan_ms: rounded(replanMs, 1),
      detail_ms: rounded(detailMs, 1),
      rss_anon_mb_before: Math.round(anonymousMbBefore),
      rss_anon_mb_max: memory(),
      loop_held_ms_max: Math.round(loop.max / 1e6),
    };
  }

  /** Plans a rollout and has it run, and writes the same rows as plainly as can be. */
  async #plan(releaseId: string) {
    const { rollouts } = this.#cloud.slices;
    const plan = planOf(releaseId, this.#stageSize);
    const { ms: previewMs, value: preview } = await timed(() => rollouts.preview(plan));
    if (preview.problems.length > 0) throw new Error(JSON.stringify(preview.problems));
    const created = await rollouts.create(by, plan);
    if (created.kind === "refused") throw new Error(created.rule);
    const { id } = created.rollout;
    const submitted = await rollouts.submit(by, id);
    if (submitted.kind === "refused") throw new Error(submitted.rule);
    await this.#settle();
    const { value: started, ...planned } = await this.#weighed(() => rollouts.start(by, id));
    if (started.kind === "refused") throw new Error(started.rule);
    const { members } = started.rollout;
    if (members !== preview.eligible) throw new Error(`${preview.eligible} were foretold and ${members} are members`);
    await this.#settle();
    const inserted = await this.#cloud.preparing(async (db) => {
      await sql`CREATE TABLE plain_member (LIKE rollout_device INCLUDING ALL)`.execute(db);
      const { value, ...plain } = await this.#weighed(() =>
        sql`INSERT INTO plain_member SELECT * FROM rollout_device`.execute(db),
      );
      if (Number(value.numAffectedRows) !== members) throw new Error("the plain table has other rows");
      await sql`DROP TABLE plain_member`.execute(db);
      return plain;
    });
    return { id, members, previewMs, planned, inserted };
  }

  /** How long it takes, and the time on processors of the database server, which depends less on what else the machine does. */
  async #weighed<T>(work: () => Promise<T>): Promise<{ ms: number; cpuMs: number; value: T }> {
    const cpuBefore = this.#cloud.databaseCpuMs;
    const { ms, value } = await timed(work);
    return { ms, cpuMs: this.#cloud.databaseCpuMs - cpuBefore, value };
  }

  /** So that no statement pays for what others left to be written. */
  async #settle(): Promise<void> {
    await this.#cloud.preparing((db) => sql`CHECKPOINT`.execute(db));
  }

  /** A minute of ticks in which one in a thousand appliances says something new. */
  async #settledTicks(): Promise<number[]> {
    const { clock, slices, db } = this.#cloud;
    await sql`UPDATE device SET facts_at_ms = ${clock.nowMs()} WHERE key % 1000 = 0`.execute(db);
    const ticks: number[] = [];
    for (let tick = 0; tick < settledTicks; tick += 1) {
      clock.forward(1_000);
      ticks.push((await timed(() => slices.rollouts.tick())).ms);
    }
    return ticks;
  }

  async #restarted(id: string): Promise<number> {
    const before = await this.#cloud.slices.rollouts.get(id);
    await this.#cloud.restart();
    this.#cloud.clock.forward(1_000);
    const { ms } = await timed(() => this.#cloud.slices.rollouts.tick());
    const after = await this.#cloud.slices.rollouts.get(id);
    if (JSON.stringify(before?.funnel) !== JSON.stringify(after?.funnel))
      throw new Error("a restart moved appliances from where they stood");
    return ms;
  }

  /** The next round begins with a registry that has seen no rollout. */
  async #clear(): Promise<void> {
    await this.#cloud.preparing(async (db) => {
      await sql`TRUNCATE rollout, rollout_stage, rollout_device, rollout_tally, rollout_start, rollout_history, delivery,
        delivery_generation, outbox CASCADE`.execute(db);
      await sql`DELETE FROM firmware_release`.execute(db);
    });
  }
}

/** Medians of all rounds. */
export async function benchRollout({ devices, rounds }: { devices: number; rounds: number }) {
  say(`filling a registry of ${devices}`);
  const bench = await RolloutBench.open(devices);
  const figures: RolloutFigures[] = [];
  try {
    for (let round = 1; round <= rounds; round += 1) {
      const measured = await bench.measure();
      say(`${round}/${rounds}: ${JSON.stringify(measured)}`);
      figures.push(measured);
    }
  } finally {
    await bench.close();
  }
  return { devices, rounds, ...mediansOf(figures) };
}
