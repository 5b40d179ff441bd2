/** An erasure where InfluxDB keeps the readings and a real gateway the spool: looked at with the stores' own tools. */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { open } from "lmdb";
import { afterAll, describe, expect, test } from "vitest";
import { copySpool } from "../cloud/backup/spool-copy.ts";
import { hasInflux, TestInflux } from "./support/influx.ts";
import { readingsOf, registerOvens } from "./support/ovens.ts";
import { preparedDataDir } from "./support/prepared-data-dir.ts";
import {
  freePort,
  removeDataDir,
  type RunningService,
  startServiceProcess,
  stopServiceProcess,
  until,
} from "./support/service-process.ts";
import { finish, StubbornDevice } from "./support/stubborn-device.ts";

const ends: (() => Promise<unknown>)[] = [];
afterAll(async () => {
  for (const end of ends.toReversed()) await end();
});

const said = 40;
const startMs = Date.now() - 3_600_000;

/** What the gateway's spool holds: as much as it says by itself. */
async function inSpool(dataDir: string, word: string): Promise<number> {
  const copy = await mkdtemp(join(tmpdir(), "hearth-spool-"));
  try {
    await copySpool(join(dataDir, "spool"), copy);
    const root = open<unknown, string>({ path: join(copy, "spool"), readOnly: true });
    let found = 0;
    for (const name of ["chunks", "damaged"]) {
      const store = root.openDB<Uint8Array, number>({ name, encoding: "binary" });
      for (const { value } of store.getRange()) if (Buffer.from(value).includes(word)) found += 1;
    }
    await root.close();
    return found;
  } finally {
    await rm(copy, { recursive: true, force: true });
  }
}

const inInflux = async (influx: TestInflux, value: number): Promise<number> =>
  Number((await influx.ask(`SELECT COUNT(cavity_c) FROM readings WHERE cavity_c = ${value}`))[0]?.[1] ?? 0);

interface House {
  service: RunningService;
  influx: TestInflux;
  devices: [gone: StubbornDevice, stays: StubbornDevice];
  runs: Promise<void>[];
  gone: string;
}

/** Two households with an oven each, that measure different things. */
async function live(): Promise<House> {
  const influx = await TestInflux.open();
  ends.push(() => influx.close());
  const dataDir = await preparedDataDir();
  ends.push(() => removeDataDir(dataDir));
  const port = await freePort();
  const service = await startServiceProcess({ dataDir, env: { ...influx.env, HEARTH_MQTT_PORT: String(port) } });
  ends.push(() => stopServiceProcess(service));
  const ids = ["oven-gone", "oven-stays"];
  const tokens = await registerOvens(service, ids);
  const households: string[] = [];
  for (const id of ids) {
    const body = { name: id, locale: "en", timeZone: "UTC" };
    const made = await service.api("/api/v1/households", { method: "POST", body });
    households.push(made.body.id);
    await service.api(`/api/v1/households/${made.body.id}/devices/${id}`, { method: "PUT" });
  }
  const [gone, stays] = ids.map((id, at) => new StubbornDevice(id, tokens[at] ?? "", () => port));
  if (gone === undefined || stays === undefined) throw new Error("two ids are two devices");
  const devices: House["devices"] = [gone, stays];
  const runs = devices.map((device) => device.run());
  return { service, influx, devices, runs, gone: households[0] ?? "" };
}

describe.skipIf(!hasInflux)("with Debian's influxdb", () => {
  test("what a household's appliance said is gone from InfluxDB and from the spool, also what waited there when InfluxDB was away, and the report says where it looked", async () => {
    const { service, influx, devices, runs, gone } = await live();
    const [erased, stays] = devices;
    const say = (fromRound: number) => {
      for (let at = fromRound; at < fromRound + said; at += 1) {
        erased.send("telemetry", { atMs: startMs + at, m: { cavity_c: 111.25 } });
        stays.send("telemetry", { atMs: startMs + at, m: { cavity_c: 77.5 } });
      }
    };
    say(0);
    const stored = (value: number, count: number) => async () => (await inInflux(influx, value)) === count;
    await until("InfluxDB has it", stored(111.25, said));
    // What comes now waits in the spool, with its PUBACK.
    await influx.stop();
    say(said);
    await until("it waits", async () => (await inSpool(service.dataDir, "111.25")) > 0);
    const answer = await service.api(`/api/v1/households/${gone}/erase`, {
      method: "POST",
      body: { confirm: "oven-gone" },
    });
    expect(answer.status).toBe(200);
    const report = async () => (await service.api(`/api/v1/erasures/${answer.body.id}`)).body;
    const waiting = async () =>
      (await report()).report.stores.filter(({ state }: { state: string }) => state === "waiting");
    await until("it was tried", async () => (await waiting()).length < 10);
    expect((await waiting()).map(({ store }: { store: string }) => store)).toEqual(
      expect.arrayContaining(["telemetry store (PostgreSQL and InfluxDB)", "gateway's spool"]),
    );
    await influx.start();
    await finish(devices, runs);
    await until("it is done", async () => (await report()).doneAtMs !== null, 240_000);

    expect(await inInflux(influx, 111.25)).toBe(0);
    expect(await inSpool(service.dataDir, "oven-gone")).toBe(0);
    expect((await report()).report.scan).toMatchObject({
      found: [],
      elsewhere: [
        { place: "series of InfluxDB", found: 0 },
        { place: "files of the spool", found: 0 },
      ],
    });
    expect(await inInflux(influx, 77.5)).toBe(2 * said);
    expect(await readingsOf(service, "oven-stays", startMs, startMs + 2 * said)).toBe(2 * said);
  });
});
