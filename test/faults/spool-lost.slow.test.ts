import { execFile } from "node:child_process";
import { rm } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";
import { afterAll, beforeAll, expect, test } from "vitest";
import { readingsOf, registerOvens } from "../support/ovens.ts";
import { preparedDataDir } from "../support/prepared-data-dir.ts";
import {
  databaseOf,
  removeDataDir,
  type RunningService,
  startServiceProcess,
  stopServiceProcess,
  until,
} from "../support/service-process.ts";
import { StubbornDevice } from "../support/stubborn-device.ts";

const readingsPerRun = 50;
const startMs = Date.now() - 3_600_000;

interface Gap {
  spoolEpoch: string;
  fromSequence: number;
  toSequence: number | null;
  reason: string;
}

/** One data folder over several runs of the service, and one oven that goes on where it ended. */
class House {
  readonly dataDir: string;
  #service: RunningService | null = null;
  #key = "";
  #token = "";
  #sent = 0;

  constructor(dataDir: string) {
    this.dataDir = dataDir;
  }

  get service(): RunningService {
    if (this.#service === null) throw new Error("it does not run");
    return this.#service;
  }

  async start(): Promise<void> {
    this.#service = await startServiceProcess({ dataDir: this.dataDir, key: this.#key });
    this.#key = this.#service.key;
    if (this.#token === "") [this.#token = ""] = await registerOvens(this.#service, ["oven-1"]);
  }

  async stop(): Promise<void> {
    if (this.#service !== null) await stopServiceProcess(this.#service);
    this.#service = null;
  }

  /** The oven connects, sends its next readings, goes, and all of that is committed. */
  async cook(): Promise<void> {
    const { mqttPort } = this.service;
    const oven = new StubbornDevice("oven-1", this.#token, () => mqttPort);
    const run = oven.run();
    for (let n = 0; n < readingsPerRun; n += 1) {
      oven.send("telemetry", { atMs: startMs + this.#sent, m: { cavity_c: this.#sent } });
      this.#sent += 1;
    }
    await until("every reading has its PUBACK", () => oven.open === 0);
    const stoppedAtMs = Date.now();
    oven.stop();
    await run;
    // Its disconnect is the last record: what came before it is committed too.
    await until("the oven is seen to be gone", async () => {
      const { body } = await this.service.api("/api/v1/devices/oven-1");
      return !body.online && body.presenceAtMs >= stoppedAtMs;
    });
  }

  stored(fromRun = 0, toRun = this.#sent / readingsPerRun): Promise<number> {
    const at = (run: number) => startMs + run * readingsPerRun;
    return readingsOf(this.service, "oven-1", at(fromRun), at(toRun));
  }

  async gaps(): Promise<Gap[]> {
    return (await this.service.api("/api/v1/health")).body.upRoad.gaps as Gap[];
  }

  async recordsCommitted(): Promise<number> {
    return (await this.service.api("/api/v1/health")).body.upRoad.recordsCommitted as number;
  }

  /** Where the newest spool stands in the database. */
  async watermark(): Promise<{ epoch: string; sequence: number }> {
    const client = await databaseOf(this.dataDir);
    const { rows } = await client.query<{ epoch: string; sequence: number }>(
      "SELECT spool_epoch AS epoch, sequence::int FROM watermark ORDER BY first_seen_at_ms DESC LIMIT 1",
    );
    await client.end();
    const [row] = rows;
    if (row === undefined) throw new Error("there is no watermark");
    return row;
  }

  /** Keeps a copy of a folder; the answer puts it back. As `cp -a`, since the cluster's owner is not ours. */
  async copyOf(folder: string): Promise<() => Promise<void>> {
    const path = join(this.dataDir, folder);
    const copy = `${path}.copy`;
    await promisify(execFile)("cp", ["-a", path, copy]);
    return async () => {
      await rm(path, { recursive: true });
      await promisify(execFile)("mv", [copy, path]);
    };
  }
}

/** The gap of a spool of which nobody knows how far it went beyond what was committed. */
const endOf = ({ epoch, sequence }: { epoch: string; sequence: number }) => ({
  spoolEpoch: epoch,
  fromSequence: sequence + 1,
  toSequence: null,
  reason: "spool_replaced",
});

/** The tests are one story, in this order: a start takes seconds, and every run of it would be made for one test alone. */
let home: House;
let oldDatabaseBack: () => Promise<void>;
let oldSpoolBack: () => Promise<void>;
beforeAll(async () => {
  home = new House(await preparedDataDir());
  await home.start();
  await home.cook();
  await home.stop();
  oldDatabaseBack = await home.copyOf("postgres");
  oldSpoolBack = await home.copyOf("spool");
});
afterAll(async () => {
  await home.stop();
  await removeDataDir(home.dataDir);
});

test("a spool that was trimmed to empty goes on counting after a restart: nothing new is taken for known", async () => {
  await home.start();
  const before = await home.watermark();
  await home.cook();
  const after = await home.watermark();
  expect(after.epoch).toBe(before.epoch);
  expect(after.sequence - before.sequence).toBe(await home.recordsCommitted());
  expect(await home.stored()).toBe(2 * readingsPerRun);
  expect(await home.gaps()).toEqual([]);
});

test("an older database put back is a gap with exactly the range it lacks, and what is new is taken in", async () => {
  const lost = await home.recordsCommitted();
  expect(lost).toBeGreaterThanOrEqual(readingsPerRun);
  const latest = await home.watermark();
  await home.stop();
  await oldDatabaseBack();
  await home.start();
  await home.cook();
  const stored = await Promise.all([home.stored(0, 1), home.stored(1, 2), home.stored(2, 3)]);
  expect(stored).toEqual([readingsPerRun, 0, readingsPerRun]);
  const { epoch, sequence } = latest;
  expect(await home.gaps()).toMatchObject([
    { spoolEpoch: epoch, fromSequence: sequence - lost + 1, toSequence: sequence, reason: "missing" },
  ]);
});

test("an older spool put back begins a new epoch: health shows the gap, and nothing new is taken for known", async () => {
  const before = await home.watermark();
  await home.stop();
  await oldSpoolBack();
  await home.start();
  await home.cook();
  expect(await home.stored(3, 4)).toBe(readingsPerRun);
  expect((await home.watermark()).epoch).not.toBe(before.epoch);
  expect((await home.gaps())[0]).toMatchObject(endOf(before));
});

test("a spool that was deleted between two runs is a gap that health shows, and the new one is taken in whole", async () => {
  const before = await home.watermark();
  await home.stop();
  await rm(join(home.dataDir, "spool"), { recursive: true });
  await home.start();
  await home.cook();
  expect(await home.stored(4, 5)).toBe(readingsPerRun);
  expect((await home.gaps())[0]).toMatchObject(endOf(before));
});
