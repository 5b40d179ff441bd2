import { readFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, expect, test } from "vitest";
import { preparedDataDir } from "../support/prepared-data-dir.ts";
import {
  freePort,
  databaseOf,
  removeDataDir,
  type RunningService,
  startServiceProcess,
  stopServiceProcess,
  until,
} from "../support/service-process.ts";
import { ackedBy, finish, speakInRounds, StubbornDevice } from "../support/stubborn-device.ts";

const devicesCount = 50;
const killsOfEachKind = 5;
const seed = Number(process.env["HEARTH_TEST_SEED"] ?? Date.now() % 1_000_000);

/** Random enough for moments to kill at, and repeatable by its printed seed. */
function randomFrom(start: number): () => number {
  let state = start;
  return () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return state / 0x1_0000_0000;
  };
}

let service: RunningService | null = null;
const dirs: string[] = [];
afterAll(async () => {
  if (service !== null) await stopServiceProcess(service);
  await Promise.all(dirs.map(removeDataDir));
});

test(
  "what got a PUBACK is in the database exactly once, whatever is killed, and the ledger balances",
  { timeout: 600_000 },
  async () => {
    const random = randomFrom(seed);
    const dataDir = await preparedDataDir();
    dirs.push(dataDir);
    const env = { HEARTH_MQTT_PORT: String(await freePort()), HEARTH_HTTP_PORT: String(await freePort()) };
    service = await startServiceProcess({ dataDir, env });
    const { key } = service;
    const model = {
      key: "oven",
      version: 1,
      brand: "B",
      name: "Oven",
      kind: "oven",
      hardwareIds: ["h"],
      locales: ["en"],
    };
    const metrics = [
      { name: "cavity_c", unit: "°C" },
      { name: "power_w", unit: "W" },
    ];
    await service.api("/api/v1/models/oven", { method: "PUT", body: { ...model, metrics, capabilities: {} } });
    const devices: StubbornDevice[] = [];
    for (let n = 0; n < devicesCount; n += 1) {
      const household = await service.api("/api/v1/households", {
        method: "POST",
        body: { name: `Household ${n}`, locale: "en", timeZone: "Europe/Berlin" },
      });
      const id = `oven-${n}`;
      const { body } = await service.api("/api/v1/devices", {
        method: "POST",
        body: { id, model: "oven", householdId: household.body.id },
      });
      devices.push(new StubbornDevice(id, body.token, () => Number(env.HEARTH_MQTT_PORT)));
    }
    const running = devices.map((device) => device.run());

    // Events lie at noon of a day gone by, so that no daily limit depends on when the test runs.
    const noonMs = Math.floor(Date.now() / 86_400_000) * 86_400_000 - 86_400_000 / 2;
    let sentReadings = 0;
    let sentEvents = 0;
    const speaking = speakInRounds(devices, 50, (device, round) => {
      const atMs = noonMs + round;
      device.send("telemetry", { atMs, m: { cavity_c: round % 250, power_w: 2_000 } });
      sentReadings += 1;
      if (round % 5 !== 0) return;
      device.send("events", { id: `e${round}`, atMs, type: "program.finished", data: { program: "HotAir" } });
      sentEvents += 1;
    });

    for (let kill = 0; kill < killsOfEachKind * 2; kill += 1) {
      await sleep(200 + random() * 1_500);
      const withDatabase = kill % 2 === 1;
      if (withDatabase) {
        const busy = await databaseOf(dataDir);
        busy.query("SELECT count(*) FROM generate_series(1, 200000000)").catch(() => {});
        await sleep(100);
        process.kill(
          Number(readFileSync(join(dataDir, "postgres", "postmaster.pid"), "utf8").split("\n")[0]),
          "SIGKILL",
        );
      }
      await stopServiceProcess(service, "SIGKILL");
      service = await startServiceProcess({ dataDir, env, key });
    }
    await speaking.stop();
    const last = service;
    await finish(devices, running);
    const acked = ackedBy(devices);
    expect(acked).toBe(sentReadings + sentEvents);
    const client = await databaseOf(dataDir);
    const one = async (query: string) => Number((await client.query<{ n: number }>(query)).rows[0]?.n);
    // Health is up to a second old, so it is the database that says when everything has arrived; what is lost never does.
    const arrived = async () =>
      (await one("SELECT count(*)::int AS n FROM reading")) >= sentReadings &&
      (await one("SELECT count(*)::int AS n FROM device_event WHERE type = 'program.finished'")) >= sentEvents;
    await until("everything acknowledged is in the database", arrived, 60_000).catch(() => {});

    const readings = await one("SELECT count(*)::int AS n FROM reading");
    const events = await one("SELECT count(*)::int AS n FROM device_event WHERE type = 'program.finished'");
    const quarantined = await one("SELECT count(*)::int AS n FROM quarantine");
    const gaps = await one("SELECT count(*)::int AS n FROM gap");
    await client.end();
    const ledger = await last.api("/api/v1/loyalty/check");
    const overview = await last.api("/api/v1/overview");
    const cuts = devices.reduce((sum, device) => sum + device.cuts, 0);
    process.stdout.write(
      `kill test, seed ${seed}: ${killsOfEachKind} kills of node, ${killsOfEachKind} of node and PostgreSQL under a busy query; ` +
        `${cuts} connections cut; ${acked} PUBACKs; ${readings} readings and ${events} events stored; ${overview.body.points} points; ` +
        `${ledger.body.transfers} transfers in the ledger\n`,
    );
    expect({ readings, events, quarantined, gaps }).toEqual({
      readings: sentReadings,
      events: sentEvents,
      quarantined: 0,
      gaps: 0,
    });
    expect(ledger.body).toMatchObject({ ok: true, broken: [] });
    // Fifty points for the first cook, ten for each of the first three of the day, fifteen for a program that is new: neither less nor twice.
    expect(overview.body.points).toBe(devicesCount * (50 + 3 * 10 + 15));
  },
);
