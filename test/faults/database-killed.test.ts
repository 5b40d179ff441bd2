import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, expect, test } from "vitest";
import { readingsOf, registerOvens } from "../support/ovens.ts";
import {
  newDataDir,
  removeDataDir,
  type RunningService,
  startServiceProcess,
  stopServiceProcess,
  until,
} from "../support/service-process.ts";
import { StubbornDevice } from "../support/stubborn-device.ts";

const ids = Array.from({ length: 20 }, (_, n) => `oven-${n}`);
const kills = 3;

let service: RunningService | null = null;
const dirs: string[] = [];
afterAll(async () => {
  if (service !== null) await stopServiceProcess(service);
  await Promise.all(dirs.map(removeDataDir));
});

const databasePid = async (dataDir: string): Promise<number> =>
  Number((await readFile(join(dataDir, "postgres", "postmaster.pid"), "utf8")).split("\n")[0]);

test(
  "while the database is killed the service stays, says so, and goes on acknowledging; all of it is stored once",
  { timeout: 90_000 },
  async () => {
    const dataDir = await newDataDir();
    dirs.push(dataDir);
    const running = await startServiceProcess({ dataDir });
    service = running;
    const tokens = await registerOvens(running, ids);
    const devices = ids.map((id, at) => new StubbornDevice(id, tokens[at] ?? "", () => running.mqttPort));
    const runs = devices.map((device) => device.run());
    const acked = () => devices.reduce((sum, device) => sum + device.acked, 0);
    const health = () => running.api("/api/v1/health");

    const startMs = Date.now() - 3_600_000;
    let rounds = 0;
    const sender = { on: true };
    const sending = (async () => {
      for (; sender.on; rounds += 1) {
        for (const device of devices)
          device.send("telemetry", { atMs: startMs + rounds, m: { cavity_c: rounds % 250 } });
        await sleep(20);
      }
    })();
    await until("every device is in", () => devices.every((device) => device.acked > 5));

    const sentences = new Set<string>();
    let ackedWhileAway = 0;
    for (let kill = 0; kill < kills; kill += 1) {
      const pid = await databasePid(dataDir);
      process.kill(pid, "SIGKILL");
      await until("health sees that the database is away", async () => {
        const { status, body } = await health();
        return status === 503 && body.database.up === false;
      });
      const before = acked();
      let awayAcks = 0;
      await until("the database is back and the up road moves again", async () => {
        const { status, body } = await health();
        if (status === 503) for (const sentence of body.problems) sentences.add(sentence);
        if (body.database.up === false) awayAcks = acked() - before;
        return status === 200 && (await databasePid(dataDir)) !== pid;
      });
      ackedWhileAway += awayAcks;
    }
    sender.on = false;
    await sending;
    await until("every reading has its PUBACK", () => devices.every((device) => device.open === 0));
    for (const device of devices) device.stop();
    await Promise.all(runs);
    const stored = () => Promise.all(ids.map((id) => readingsOf(running, id, startMs, startMs + rounds)));
    await until("everything is readable", async () => (await stored()).every((count) => count === rounds));

    expect(running.child.exitCode).toBeNull();
    expect([...sentences].join(" ")).toContain("The database does not answer");
    expect(ackedWhileAway).toBeGreaterThan(0);
    // No connection was cut: devices did not notice.
    expect(devices.map((device) => device.cuts)).toEqual(devices.map(() => 1));
    const { status, body } = await health();
    expect({ status, problems: body.problems, gaps: body.upRoad.gaps }).toEqual({
      status: 200,
      problems: [],
      gaps: [],
    });
    process.stdout.write(
      `database killed ${kills} times; ${acked()} PUBACKs, ${ackedWhileAway} of them while it was away; ${ids.length * rounds} readings stored; health said: ${[...sentences].join(" ")}\n`,
    );
  },
);
