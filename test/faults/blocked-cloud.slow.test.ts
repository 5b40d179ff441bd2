import { readFile } from "node:fs/promises";
import { setTimeout as sleep } from "node:timers/promises";
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

const blockMs = 20_000;
const ids = Array.from({ length: 50 }, (_, n) => `oven-${n}`);
const pauseMs = 50;
const lateId = "late-oven";
/** What the gateway keeps in memory for a cloud that does not take it is bounded by a few batches; the rest is runtime noise. */
const grownMbMax = 100;

let service: RunningService | null = null;
const dirs: string[] = [];
afterAll(async () => {
  if (service !== null) await stopServiceProcess(service);
  await Promise.all(dirs.map(removeDataDir));
});

async function anonymousMb(pid: number | undefined): Promise<number> {
  const status = await readFile(`/proc/${pid}/status`, "utf8");
  return Number(/RssAnon:\s+(\d+) kB/.exec(status)?.[1]) / 1_024;
}

test.skipIf(process.platform !== "linux")(
  "while the cloud's thread is blocked for 20 s the gateway acknowledges and lets known devices in; then all is stored once",
  async () => {
    const dataDir = await preparedDataDir();
    dirs.push(dataDir);
    const first = await startServiceProcess({ dataDir });
    service = first;
    const tokens = await registerOvens(first, [...ids, lateId]);
    // Known from an earlier run: its identity is in the gateway's cache, and nobody has confirmed it since.
    const early = new StubbornDevice(lateId, tokens.at(-1) ?? "", () => first.mqttPort);
    const earlyRun = early.run();
    early.send("telemetry", { atMs: Date.now() - 86_400_000, m: { cavity_c: 20 } });
    await until("the late oven was here once", () => early.acked === 1);
    early.stop();
    await earlyRun;
    await stopServiceProcess(first);

    const preload = new URL("../support/blockable.ts", import.meta.url).href;
    const running = await startServiceProcess({ dataDir, key: first.key, execArgv: ["--import", preload] });
    service = running;
    const devices = ids.map((id, at) => new StubbornDevice(id, tokens[at] ?? "", () => running.mqttPort));
    const late = new StubbornDevice(lateId, tokens.at(-1) ?? "", () => running.mqttPort);
    const runs = devices.map((device) => device.run());

    const startMs = Date.now() - 3_600_000;
    const speaking = speakInRounds(devices, pauseMs, (device, round) =>
      device.send("telemetry", { atMs: startMs + round, m: { cavity_c: round % 250 } }),
    );
    await until("every device is in", () => devices.every((device) => device.acked > 5));

    const anonymousBeforeMb = await anonymousMb(running.child.pid);
    const heard = new Set<string>();
    running.child.on("message", (message: { kind: string }) => heard.add(message.kind));
    running.child.send({ blockMs });
    await until("the cloud's thread is blocked", () => heard.has("blocked"));
    const ackedAtBlock = ackedBy(devices);
    runs.push(late.run());
    late.send("telemetry", { atMs: startMs, m: { cavity_c: 21 } });
    let ackedInBlock = 0;
    let lateAckedInBlock = 0;
    let anonymousMbMax = 0;
    let openMax = 0;
    while (!heard.has("unblocked")) {
      ackedInBlock = ackedBy(devices) - ackedAtBlock;
      lateAckedInBlock = late.acked;
      openMax = Math.max(openMax, ...devices.map((device) => device.open));
      anonymousMbMax = Math.max(anonymousMbMax, await anonymousMb(running.child.pid));
      await sleep(100);
    }
    const rounds = await speaking.stop();
    await finish([...devices, late], runs);
    const stored = () => Promise.all(ids.map((id) => readingsOf(running, id, startMs, startMs + rounds)));
    await until("everything is readable", async () => (await stored()).every((count) => count === rounds));
    process.stdout.write(
      `cloud blocked for ${blockMs} ms: ${ackedInBlock} PUBACKs meanwhile, at most ${openMax} open on a device; ` +
        `anonymous memory ${Math.round(anonymousBeforeMb)} MB before, at most ${Math.round(anonymousMbMax)} MB\n`,
    );

    // A thread that waits for the other would have acknowledged a second's worth at most.
    expect(ackedInBlock).toBeGreaterThan((ids.length * blockMs) / pauseMs / 4);
    expect(lateAckedInBlock).toBe(1);
    expect(devices.map((device) => device.cuts)).toEqual(devices.map(() => 1));
    expect(anonymousMbMax - anonymousBeforeMb).toBeLessThan(grownMbMax);
    expect(await readingsOf(running, lateId, startMs, startMs + 1)).toBe(1);
    const { status, body } = await running.api("/api/v1/health");
    expect(status).toBe(200);
    expect(body.upRoad).toMatchObject({ gaps: [], quarantined: 0 });
    expect(body.gateway.counters.cached_identities_used).toBe(1);
  },
);
