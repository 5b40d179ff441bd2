import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import { readingsOf, registerOvens } from "../support/ovens.ts";
import { preparedDataDir } from "../support/prepared-data-dir.ts";
import {
  removeDataDir,
  type RunningService,
  startServiceProcess,
  stopServiceProcess,
  until,
} from "../support/service-process.ts";
import { ackedBy, finish, speakInRounds, StubbornDevice } from "../support/stubborn-device.ts";

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

test("while the database is killed the service stays, says so, and goes on acknowledging; all of it is stored once", async () => {
  const dataDir = await preparedDataDir();
  dirs.push(dataDir);
  const running = await startServiceProcess({ dataDir });
  service = running;
  const tokens = await registerOvens(running, ids);
  const devices = ids.map((id, at) => new StubbornDevice(id, tokens[at] ?? "", () => running.mqttPort));
  const runs = devices.map((device) => device.run());
  const sent = () => devices.reduce((sum, { acked, open }) => sum + acked + open, 0);
  const sentences = new Set<string>();
  const health = async () => {
    const { status, body } = await running.api("/api/v1/health");
    for (const sentence of body.problems) sentences.add(sentence);
    return { status, body };
  };

  const startMs = Date.now() - 3_600_000;
  const speaking = speakInRounds(devices, 20, (device, round) =>
    device.send("telemetry", { atMs: startMs + round, m: { cavity_c: round % 250 } }),
  );
  await until("every device is in", () => devices.every((device) => device.acked > 5));

  let sentWhileAway = 0;
  let ackedWhileAway = 0;
  for (let kill = 0; kill < kills; kill += 1) {
    const pid = await databasePid(dataDir);
    const sentBefore = sent();
    process.kill(pid, "SIGKILL");
    const isAway = async () => {
      const { status, body } = await health();
      return status === 503 && body.database.up === false;
    };
    const isOther = async () => (await databasePid(dataDir).catch(() => pid)) !== pid;
    const seen = until("health sees that the database is away", isAway);
    await until("another server is started", isOther);
    // What was sent since the kill is in no database yet.
    ackedWhileAway += ackedBy(devices) - sentBefore;
    sentWhileAway += sent() - sentBefore;
    await seen;
    await until("the database is back and the up road moves again", async () => (await health()).status === 200);
  }
  const rounds = await speaking.stop();
  await finish(devices, runs);
  const stored = () => Promise.all(ids.map((id) => readingsOf(running, id, startMs, startMs + rounds)));
  await until("everything is readable", async () => (await stored()).every((count) => count === rounds));

  expect(running.child.exitCode).toBeNull();
  expect([...sentences].join(" ")).toContain("The database does not answer");
  // A gateway that waits for the database would have acknowledged what was under way.
  expect(ackedWhileAway).toBeGreaterThan(sentWhileAway / 2);
  // No connection was cut: devices did not notice.
  expect(devices.map((device) => device.cuts)).toEqual(devices.map(() => 1));
  const { status, body } = await health();
  expect({ status, problems: body.problems, gaps: body.upRoad.gaps }).toEqual({
    status: 200,
    problems: [],
    gaps: [],
  });
  process.stdout.write(
    `database killed ${kills} times; ${ackedBy(devices)} PUBACKs, ${ackedWhileAway} of ${sentWhileAway} that were sent while it was away; ${ids.length * rounds} readings stored; health said: ${[...sentences].join(" ")}\n`,
  );
});
