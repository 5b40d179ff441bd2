import { type ChildProcess, spawn } from "node:child_process";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { planAilments } from "../device-sim/history/ailing-plan.ts";
import type { BackfillRecord } from "../device-sim/history/backfill-file.ts";
import { history } from "../device-sim/history/history.ts";
import { loadModels } from "../device-sim/models.ts";
import { preparedDataDir } from "./support/prepared-data-dir.ts";
import {
  databaseOf,
  removeDataDir,
  type RunningService,
  startServiceProcess,
  stopServiceProcess,
  until,
} from "./support/service-process.ts";

const models = loadModels();
let service: RunningService;
let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "hearth-backfill-"));
  service = await startServiceProcess({ dataDir: await preparedDataDir() });
});
afterAll(async () => {
  await stopServiceProcess(service);
  await removeDataDir(service.dataDir);
  await rm(folder, { recursive: true });
});

interface Run {
  child: ChildProcess;
  code: Promise<number | null>;
  lines(): { state: string; share: number; readings: number }[];
  errors(): string;
}

/** Runs `npm run backfill`'s command without a terminal. */
function run(file: string, more: string[] = []): Run {
  const [url, broker] = [service.http, `mqtt://127.0.0.1:${service.mqttPort}`];
  const asked = [
    "--url",
    url,
    "--key",
    service.key,
    "--broker",
    broker,
    "--file",
    file,
    "--households",
    "--ailing",
    "3",
  ];
  const child = spawn(process.execPath, ["device-sim/history/main.ts", ...asked, ...more], {
    stdio: ["ignore", "pipe", "pipe"],
  });
  const said = { out: "", err: "" };
  child.stdout.on("data", (piece: Buffer) => (said.out += piece.toString()));
  child.stderr.on("data", (piece: Buffer) => (said.err += piece.toString()));
  return {
    child,
    code: new Promise((resolve) => child.once("close", resolve)),
    lines: () => said.out.split("\n").flatMap((line) => (line === "" ? [] : [JSON.parse(line)])),
    errors: () => said.err,
  };
}

const recordOf = async (file: string): Promise<BackfillRecord> => JSON.parse(await readFile(file, "utf8"));

/** What the appliances of a file should have said, counted from the pure function. */
function expected({ devices, ailing, fromMs, toMs }: BackfillRecord) {
  const fleet = devices.flatMap((one) => {
    const model = models.get(one.model);
    return model === undefined ? [] : [{ ...one, model }];
  });
  const ailments = planAilments(fleet, ailing, { fromMs, toMs });
  const counts = { readings: 0, events: 0 };
  for (const one of fleet)
    for (const { readings, events } of history(one, fromMs, toMs, ailments.get(one.id) ?? null)) {
      counts.readings += readings.length;
      counts.events += events.length;
    }
  return counts;
}

/** What the service holds, once it has committed all that it acknowledged. */
async function held() {
  await until("all of it is committed", async () => {
    const health = await service.api("/api/v1/health");
    return health.body.upRoad.behindRecords === 0;
  });
  const client = await databaseOf(service.dataDir);
  try {
    const { rows } = await client.query(
      "SELECT (SELECT count(*)::int FROM reading) AS readings, (SELECT count(*)::int FROM device_event) AS events",
    );
    const { points, cases } = (await service.api("/api/v1/overview")).body;
    return { ...rows[0], points, cases };
  } finally {
    await client.end();
  }
}

test("a back-fill that was interrupted goes on, and one that is told again from the beginning moves nothing: each reading, event and point is there once", async () => {
  const file = join(folder, "fleet.json");
  const more = ["--count", "8", "--days", "14"];
  const first = run(file, more);
  await until("some of it is there", () => first.lines().some(({ share }) => share > 0.1));
  first.child.kill("SIGINT");
  expect(await first.code, first.errors()).toBe(130);

  const second = run(file, more);
  expect(await second.code, second.errors()).toBe(0);
  const record = await recordOf(file);
  expect(record.devices.every(({ done }) => done)).toBe(true);
  const counts = expected(record);
  expect(second.lines().at(-1)).toMatchObject({ state: "done", share: 1, ...counts });
  const before = await held();
  expect(before).toMatchObject(counts);
  expect(before.points).toBeGreaterThan(0);

  await writeFile(file, JSON.stringify({ ...record, devices: record.devices.map((one) => ({ ...one, done: false })) }));
  const third = run(file, more);
  expect(await third.code, third.errors()).toBe(0);
  expect(await held()).toEqual(before);

  // All is said, and nothing is left to say.
  const fourth = run(file, more);
  expect(await fourth.code).toBe(0);
  expect(fourth.lines()).toMatchObject([{ state: "done", share: 1, readings: 0 }]);

  const other = run(file, ["--count", "9", "--days", "14"]);
  expect(await other.code).toBe(1);
  expect(other.errors()).toBe(
    `--file ${file} is of a back-fill with --count 8: ask for the same, or name another file.\n`,
  );
});

test("where the tokens are no longer good it says so, and the code is 2", async () => {
  const file = join(folder, "old.json");
  const begun = run(file, ["--count", "1", "--days", "1"]);
  expect(await begun.code, begun.errors()).toBe(0);
  const record = await recordOf(file);
  await writeFile(
    file,
    JSON.stringify({ ...record, devices: record.devices.map((one) => ({ ...one, token: "x", done: false })) }),
  );
  const refused = run(file, ["--count", "1", "--days", "1", "--patience", "2"]);
  expect(await refused.code).toBe(2);
  expect(refused.errors()).toMatch(/^mqtt:\S+ refuses the appliances: their tokens are no longer good\.\n$/);
});
