/** The rules on a database of their own, with the registry and the readings that they need, and a clock that a test sets. */
import { randomUUID } from "node:crypto";
import { sql } from "kysely";
import { afterAll, beforeEach } from "vitest";
import type { DeviceRef, EventFact, PresenceFact, ReadingFact } from "../../cloud/devices/devices.ts";
import { Outbox } from "../../cloud/events/events.ts";
import { bindDb } from "../../cloud/platform/database.ts";
import { randomIds } from "../../cloud/platform/ids.ts";
import { createLogger } from "../../cloud/platform/logger.ts";
import { problem } from "../../cloud/platform/problem.ts";
import type { CauseChange } from "../../cloud/service/cases.ts";
import { type RuleDefinition, ruleDefinition, type RuleMode } from "../../cloud/service/core/rule.ts";
import { RuleEngine } from "../../cloud/service/rule-engine.ts";
import { Audit } from "../../cloud/staff/staff.ts";
import type { StoredReading } from "../../cloud/telemetry/telemetry-store.ts";
import {
  type InfluxConfig,
  InfluxReadings,
  ParkedReadings,
  type PointsSink,
  Telemetry,
  telemetryProblems,
} from "../../cloud/telemetry/telemetry.ts";
import { SetClock } from "./down-road.ts";
import { createTestDatabase, type TestDatabase } from "./postgres.ts";
import { TestRegistry } from "./registry.ts";

const system = { kind: "system" } as const;
const [minute, day] = [60_000, 86_400_000];
const gatewayId = randomUUID();
const bootId = randomUUID();

interface Said {
  readings?: ReadingFact[];
  events?: EventFact[];
  presence?: PresenceFact[];
}

/** The house of a file of tests: each begins in another month of it. @param influx where its readings are stored, if not in its database */
export async function houseOfTests(influx?: InfluxConfig): Promise<RuleHouse> {
  const house = await RuleHouse.open(influx);
  afterAll(() => house.close());
  beforeEach(() => house.begin());
  return house;
}

class RuleHouse {
  /** Causes that came and went for cases: device, kind, cause, minutes since the test began. */
  changes: [string, string, string, number][] = [];
  /** Tags and commands. */
  done: string[] = [];
  t0 = 0;
  silenceUntilMs = -Infinity;
  /** Not all readings are stored yet. */
  isBehind = false;
  /** The store of readings takes the question and never answers. */
  hangs = false;
  engine!: RuleEngine;
  readonly base: TestDatabase;
  readonly clock: SetClock;
  readonly devices: TestRegistry;
  /** With InfluxDB: whether a batch is stored before it is judged, and not after. */
  pointsAreAhead = false;
  /** With InfluxDB: whether a batch waits to be stored until `storeWaiting`. */
  pointsWait = false;
  readonly #waiting: ReadingFact[] = [];
  readonly #influx: InfluxConfig | undefined;
  #telemetry!: Telemetry;
  #points: PointsSink | undefined;
  #ovens = 0;
  #connections = 0;

  private constructor(base: TestDatabase, clock: SetClock, devices: TestRegistry, influx: InfluxConfig | undefined) {
    this.base = base;
    this.clock = clock;
    this.devices = devices;
    this.#influx = influx;
  }

  static async open(influx?: InfluxConfig): Promise<RuleHouse> {
    const base = await createTestDatabase();
    const clock = new SetClock();
    const devices = new TestRegistry({ db: base.db, clock, ids: randomIds, audit: new Audit(clock) });
    await devices.addModel("oven-x200", { metrics: [{ name: "cavity_c" }, { name: "power_w" }] });
    await devices.load();
    return new RuleHouse(base, clock, devices, influx);
  }

  /** Its readings, with nothing remembered of before. */
  async #openTelemetry(): Promise<void> {
    const { base, clock, devices } = this;
    const deps = { db: base.db, clock, ids: randomIds, layoutOf: (model: string) => devices.layout(model) };
    const influx =
      this.#influx &&
      new InfluxReadings({
        ...deps,
        parked: new ParkedReadings(deps),
        logger: createLogger("silent"),
        config: this.#influx,
        oldestWaitingMs: () => Math.min(clock.nowMs(), ...this.#waiting.map(({ receivedAtMs }) => receivedAtMs)),
      });
    this.#points = influx?.points;
    this.#telemetry = new Telemetry({ ...deps, modelsOf: (keys) => devices.modelsOf(keys), influx });
    await this.#telemetry.load();
  }

  close(): Promise<void> {
    return this.base.drop();
  }

  /** Another month, with none of the rules that ship and nothing of what was found before. */
  async begin(): Promise<void> {
    await sql`TRUNCATE service_rule, rule_state, rule_firing, rule_late`.execute(this.base.db);
    this.t0 = this.clock.forward(30 * day);
    [this.changes, this.done, this.silenceUntilMs] = [[], [], -Infinity];
    await this.restart();
    for (const { rule } of await this.engine.rules.list()) await this.switchMode(rule.id, "off");
  }

  /** The same service after a restart: nothing but the database. */
  async restart(): Promise<void> {
    const { base, clock, devices } = this;
    if (this.#influx !== undefined || this.#telemetry === undefined) await this.#openTelemetry();
    const { store, cameBefore } = this.#telemetry;
    this.engine = new RuleEngine({
      db: base.db,
      clock,
      ids: randomIds,
      audit: new Audit(clock),
      outbox: new Outbox(randomIds),
      find: (ids) => devices.find(ids),
      refsByKey: (keys) => devices.refsByKey(keys),
      watched: devices.watched,
      readings: store,
      cameBefore,
      completeReadings: {
        readings: (query) => {
          if (this.isBehind) throw problem(telemetryProblems, "telemetry_store_away");
          return this.hangs ? never() : store.readings(query);
        },
      },
      silenceUntilMs: () => this.silenceUntilMs,
      tools: {
        tag: async (deviceId, tag, on) => void this.done.push(`${deviceId} ${on ? "+" : "-"}${tag}`),
        command: async (_tx, device, name) => () => void this.done.push(`${device.id} ${name}`),
        award: async () => ({ kind: "earned" }),
        contentOf: async () => new Map(),
        sendContent: async () => ({ kind: "refused", rule: "not_sendable" }),
      },
      apply: async (_tx, found: readonly CauseChange[]) => {
        for (const { kind, device, cause, atMs } of found)
          this.changes.push([device.id, kind, cause, (atMs - this.t0) / minute]);
      },
    });
    await this.engine.load();
  }

  async newOven(model = "oven-x200"): Promise<DeviceRef> {
    const [ref] = await this.devices.add([`oven-${(this.#ovens += 1)}`], { model });
    if (ref === undefined) throw new Error("it was not registered");
    return ref;
  }

  /** One batch of the up road. `fails`: the connection breaks before the commit. */
  async say({ readings = [], events = [], presence = [] }: Said, fails = false): Promise<void> {
    const prepared = await this.#telemetry.prepare(readings);
    const client = await this.base.database.connect();
    const tx = bindDb(client);
    const kept = this.changes.length;
    if (this.pointsWait) this.#waiting.push(...readings);
    else if (this.pointsAreAhead) await this.#points?.write(readings);
    try {
      await client.query("BEGIN");
      await this.devices.presence.ingest(tx, presence, bootId);
      await this.#telemetry.ingestReadings(client, prepared);
      const { repeated } = prepared;
      const afterCommit = await this.engine.ingest(tx, { readings, repeated, events, presence });
      await client.query(fails ? "ROLLBACK" : "COMMIT");
      if (fails) this.changes.length = kept;
      else {
        prepared.learn?.();
        afterCommit();
      }
      if (!fails && !this.pointsAreAhead && !this.pointsWait) await this.#points?.write(readings);
    } finally {
      await client.end();
    }
  }

  /** What waits is stored. */
  async storeWaiting(): Promise<void> {
    this.pointsWait = false;
    await this.#points?.write(this.#waiting.splice(0));
  }

  reading(device: DeviceRef, atMin: number, metrics: Record<string, number | boolean>): ReadingFact {
    const atMs = this.t0 + Math.round(atMin * minute);
    return { device, atMs, receivedAtMs: atMs, metrics };
  }

  event(device: DeviceRef, atMin: number, type: string, data = {}): EventFact {
    const orderAtMs = this.t0 + Math.round(atMin * minute);
    const receivedAtMs = this.clock.nowMs();
    const event = { id: randomUUID(), atMs: orderAtMs, type, data };
    return { device, event, receivedAtMs, orderAtMs, clockSuspect: false };
  }

  presence(device: DeviceRef, atMin: number, state: "connected" | "disconnected"): PresenceFact {
    if (state === "connected") this.#connections += 1;
    const presence = { bootId, connectionId: this.#connections, state };
    return { device, receivedAtMs: this.t0 + atMin * minute, gatewayId, presence };
  }

  async create(definition: object): Promise<string> {
    const rule = await this.engine.rules.create(system, ruleDefinition.parse(definition) satisfies RuleDefinition);
    if ("kind" in rule) throw new Error(rule.rule);
    return rule.id;
  }

  async switchMode(ruleId: string, mode: RuleMode): Promise<void> {
    await this.engine.rules.switchMode(system, ruleId, mode);
  }

  async passes(minutes: number): Promise<void> {
    this.clock.forward(minutes * minute);
    await this.engine.tick();
  }

  /** Oldest first. */
  async firings(ruleId: string | null = null) {
    const newestFirst = await this.engine.rules.firings({ ruleId, deviceId: null, beforeId: null, limit: 100 });
    return newestFirst.toReversed();
  }

  /** What came and went on one oven. */
  foundOn(device: DeviceRef) {
    return this.changes.filter(([id]) => id === device.id).map(([, ...what]) => what);
  }

  async tooLate(ruleId: string): Promise<number | undefined> {
    return (await this.engine.rules.list()).find(({ rule }) => rule.id === ruleId)?.tooLate;
  }
}

// oxlint-disable-next-line require-yield -- it never comes that far
async function* never(): AsyncGenerator<StoredReading[]> {
  await new Promise(() => {});
}
