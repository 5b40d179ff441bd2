/** An installation of each earlier landing, brought up to date with everything that is in it. */
import { execFile } from "node:child_process";
import { readdir } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { afterAll, expect, test } from "vitest";
import { readArchive } from "../cloud/backup/archive.ts";
import { type End, endName, end as endSchema } from "../cloud/backup/core/contents.ts";
import {
  databaseOf,
  newDataDir,
  removeDataDir,
  type RunningService,
  startServiceProcess,
  stopServiceProcess,
} from "./support/service-process.ts";

const run = promisify(execFile);
const landings = fileURLToPath(new URL("./fixtures/landings/", import.meta.url));
const cli = (name: string) => fileURLToPath(new URL(`../cloud/cli/${name}.ts`, import.meta.url));

const dirs: string[] = [];
const services: RunningService[] = [];
afterAll(async () => {
  await Promise.all(services.map((service) => stopServiceProcess(service)));
  await Promise.all(dirs.map(removeDataDir));
});

const names = (await readdir(landings)).filter((name) => name.endsWith(".tar.zst"));

/** What no clock adds to and no retention of this test takes from: each has as many rows as in the archive. */
const kept = [
  "consent_receipt",
  "content_item",
  "content_version",
  "delivery_receipt",
  "device",
  "device_event",
  "firmware_release",
  "household",
  "household_act",
  "loyalty_redemption",
  "outside_fact",
  "reading",
  "rollout",
  "rollout_device",
];

/** Each of them is behind a page of the console. */
const pages = [
  "/campaigns",
  "/cases/queue",
  "/consents/texts",
  "/content/items",
  "/deliveries",
  "/firmware/releases",
  "/households",
  "/incidents",
  "/lifecycle/definition",
  "/loyalty/offers",
  "/loyalty/program",
  "/loyalty/rewards",
  "/loyalty/rules",
  "/models",
  "/security/events",
  "/segments",
  "/service/firings",
  "/service/rules",
  "/webhooks",
];
const pagesOfHousehold = ["", "/consents", "/decisions", "/points", "/timeline"];

/** How many rows each table had when the archive was made. */
async function rowsWritten(path: string): Promise<End["tables"]> {
  let end = "";
  for await (const { name, pieces } of readArchive(path)) {
    for await (const piece of pieces) if (name === endName) end += piece.toString();
  }
  return endSchema.parse(JSON.parse(end)).tables;
}

test("there is an installation of each landing before", () => {
  expect(names.length).toBeGreaterThanOrEqual(2);
});

test.each(names)(
  "%s comes up with all of its rows, its ledger balances, its audit log is whole, and every page answers",
  async (name) => {
    const dataDir = await newDataDir();
    dirs.push(dataDir);
    const env = { ...process.env, HEARTH_DATA_DIR: dataDir };
    await run(process.execPath, [cli("backup"), "restore", join(landings, name)], { env });
    const { stdout } = await run(process.execPath, [cli("key"), "new"], { env });
    // However old the archive is by the day on which this runs.
    const kinds = ["READINGS", "MINUTES", "HOURS", "DAYS", "EVENTS"];
    const keepsAll = Object.fromEntries(kinds.map((kind) => [`HEARTH_RETENTION_${kind}_DAYS`, "36500"]));
    const service = await startServiceProcess({ dataDir, key: stdout.trim(), env: keepsAll });
    services.push(service);
    const get = async (path: string) => {
      const { status, body } = await service.api(`/api/v1${path}`);
      expect(status, path).toBe(200);
      return body;
    };
    expect((await get("/health")).upRoad).toMatchObject({ waitingFor: null, quarantined: 0 });
    expect(await get("/audit/verify")).toMatchObject({ brokenAt: null });
    const written = await rowsWritten(join(landings, name));
    // What households did is kept since the second of these; before, there is nothing to tell the ledger again.
    const actsKept = (written["household_act"]?.rows ?? 0) > 0;
    expect(await get(`/loyalty/check?replay=${actsKept}`)).toMatchObject({ ok: true, broken: [] });
    const client = await databaseOf(dataDir);
    const known = kept.filter((table) => written[table] !== undefined);
    const totals: Record<string, number> = {};
    for (const table of known) {
      const { rows } = await client.query<{ n: number }>(`SELECT count(*)::int AS n FROM ${table}`);
      totals[table] = rows[0]?.n ?? 0;
    }
    await client.end();
    expect(totals).toEqual(Object.fromEntries(known.map((table) => [table, written[table]?.rows])));
    expect(totals["reading"]).toBeGreaterThan(1_000);
    const devices = (await get("/devices?limit=100")).items;
    expect(devices).toHaveLength(12);
    const rollouts: { state: { kind: string } }[] = (await get("/rollouts")).items;
    expect(rollouts).toHaveLength(2);
    expect(rollouts.map(({ state }) => state.kind)).toContain("halted");
    expect((await get("/cases")).items.length).toBeGreaterThan(0);
    expect((await get("/overview")).points).toBeGreaterThan(0);
    for (const page of pages) await get(page);
    for (const { id } of devices.slice(0, 3)) {
      expect((await get(`/devices/${id}/timeline`)).items.length).toBeGreaterThan(0);
    }
    for (const { id } of (await get("/households")).items.slice(0, 3)) {
      for (const page of pagesOfHousehold) await get(`/households/${id}${page}`);
    }
  },
);
