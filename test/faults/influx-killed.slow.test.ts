import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, describe, expect, test } from "vitest";
import { hasInflux, TestInflux } from "../support/influx.ts";
import { readingsOf, registerOvens } from "../support/ovens.ts";
import { preparedDataDir } from "../support/prepared-data-dir.ts";
import {
  freePort,
  removeDataDir,
  type RunningService,
  startServiceProcess,
  stopServiceProcess,
  until,
} from "../support/service-process.ts";
import { finish, speakInRounds, StubbornDevice } from "../support/stubborn-device.ts";

const ids = Array.from({ length: 10 }, (_, n) => `oven-${n}`);

let service: RunningService | null = null;
const ends: (() => Promise<unknown>)[] = [];
afterAll(async () => {
  if (service !== null) await stopServiceProcess(service);
  for (const end of ends) await end();
});

describe.skipIf(!hasInflux)("with Debian's influxdb", () => {
  test("InfluxDB and the service are killed, each alone and together: effects go on, health says it, every reading is stored once", async () => {
    const influx = await TestInflux.open();
    ends.push(() => influx.close());
    const dataDir = await preparedDataDir();
    ends.push(() => removeDataDir(dataDir));
    const env = {
      ...influx.env,
      HEARTH_MQTT_PORT: String(await freePort()),
      HEARTH_HTTP_PORT: String(await freePort()),
    };
    let running = await startServiceProcess({ dataDir, env });
    service = running;
    const { key } = running;
    const restart = async () => {
      await stopServiceProcess(running, "SIGKILL");
      running = await startServiceProcess({ dataDir, env, key });
      service = running;
    };
    const health = async () => (await running.api("/api/v1/health")).body;
    const tokens = await registerOvens(running, ids);
    const devices = ids.map((id, at) => new StubbornDevice(id, tokens[at] ?? "", () => Number(env.HEARTH_MQTT_PORT)));
    const runs = devices.map((device) => device.run());
    const startMs = Date.now() - 3_600_000;
    let saidEvents = 0;
    const speaking = speakInRounds(devices, 20, (device, round) => {
      device.send("telemetry", { atMs: startMs + round, m: { cavity_c: round % 250 } });
      if (round % 50 !== 0) return;
      device.send("events", { id: `e${round}`, atMs: startMs + round, type: "program.finished", data: {} });
      saidEvents += 1;
    });
    const isStored = async () => (await health()).upRoad.readingsCommitted > 0 && (await storedOf(influx)) > 0;
    await until("readings are stored", isStored);
    // In the middle of everything: between InfluxDB's answer and the watermark, too.
    for (let kill = 0; kill < 2; kill += 1) {
      await sleep(300);
      await restart();
    }

    await influx.stop();
    await until("health says that it is away", async () =>
      (await health()).problems.join().includes("InfluxDB takes no"),
    );
    // Between two attempts nothing is waited for.
    await until("health says why", async () => String((await health()).telemetry.waitingFor).includes("ECONNREFUSED"));
    const { upRoad, telemetry } = await health();
    expect(telemetry).toMatchObject({ store: "influx", up: false });
    const chart = await running.api(`/api/v1/devices/${ids[0]}/telemetry?metrics=cavity_c`);
    expect(chart).toMatchObject({ status: 503, body: { code: "telemetry_store_away" } });
    // Events, and whatever follows from readings, are committed as ever, and do not wait.
    await until("effects go on", async () => (await health()).upRoad.readingsCommitted > upRoad.readingsCommitted + 50);
    await restart();
    await until("the backlog is told, with its age", async () => {
      const { telemetry: now } = await health();
      return now.behindRecords > 0 && now.behindMs > 0;
    });
    await influx.start();
    const rounds = await speaking.stop();
    await finish(devices, runs);

    const counts = () => Promise.all(ids.map((id) => readingsOf(running, id, startMs, startMs + rounds)));
    await until("everything is readable", async () => (await counts()).every((count) => count === rounds));
    expect(await storedOf(influx)).toBe(ids.length * rounds);
    await until("the backlog is drained", async () => (await health()).telemetry.behindRecords === 0);
    const last = await health();
    expect(last).toMatchObject({ status: "ok", problems: [] });
    expect(last.upRoad.gaps).toEqual([]);
    expect(last.telemetry).toMatchObject({ up: true, waitingFor: null, parked: 0 });
    const first = await running.api(`/api/v1/devices/${ids[0]}/timeline?limit=200`);
    const events = first.body.items.filter(({ kind }: { kind: string }) => kind === "event");
    expect(events.length).toBe(saidEvents / ids.length);
    process.stdout.write(`influx killed once, the service three times; ${ids.length * rounds} readings stored\n`);
  });
});

const storedOf = async (influx: TestInflux): Promise<number> =>
  Number((await influx.ask("SELECT COUNT(cavity_c) FROM readings"))[0]?.[1] ?? 0);
