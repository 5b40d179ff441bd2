import { type ChildProcess, spawn } from "node:child_process";
import { chmod, mkdtemp, readdir, readFile, rm } from "node:fs/promises";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import { anyPorts, until } from "./support/service-process.ts";

const folders: string[] = [];
const runs: Demo[] = [];
afterAll(async () => {
  // SIGTERM, not SIGKILL: the demo then takes what it started with it.
  for (const { child } of runs) child.kill("SIGTERM");
  await Promise.all(runs.map((run) => run.code));
  await Promise.all(folders.map((folder) => rm(folder, { recursive: true, force: true })));
});
/** For what takes seconds, on a machine that has others to serve. */
const patienceMs = 60_000;

/** Its own place for temporary folders, so that whatever a demo leaves is seen. */
async function newTemporary(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), "hearth-try-"));
  await chmod(folder, 0o755);
  folders.push(folder);
  return folder;
}

interface Demo {
  child: ChildProcess;
  temporary: string;
  lines(): string[];
  errors(): string;
  code: Promise<number | null>;
}

/** Runs `npm run demo`'s command without a terminal. */
async function demo(args: string[], env: Record<string, string> = {}): Promise<Demo> {
  const temporary = await newTemporary();
  const child = spawn(process.execPath, ["device-sim/demo/main.ts", ...args], {
    stdio: ["ignore", "pipe", "pipe"],
    env: { ...process.env, TMPDIR: temporary, ...anyPorts, ...env },
  });
  const said = { out: "", err: "" };
  child.stdout.on("data", (piece: Buffer) => (said.out += piece.toString()));
  child.stderr.on("data", (piece: Buffer) => (said.err += piece.toString()));
  const code = new Promise<number | null>((resolve) => child.once("close", resolve));
  const run = { child, temporary, lines: () => said.out.split("\n").filter(Boolean), errors: () => said.err, code };
  runs.push(run);
  return run;
}

const proc = (pid: string, file: string) => readFile(`/proc/${pid}/${file}`, "utf8").catch(() => "");

/** What a demo left in its place for temporary folders. Node's own cache of compiled files is not of its making. */
const leftIn = async (folder: string) => (await readdir(folder)).filter((name) => name !== "node-compile-cache");

/** Processes whose command line or environment names a folder: everything that a demo started. */
async function processesOf(folder: string): Promise<string[]> {
  const pids = (await readdir("/proc")).filter((name) => /^\d+$/.test(name));
  const found = await Promise.all(
    pids.map(async (pid) => [pid, (await proc(pid, "cmdline")) + (await proc(pid, "environ"))] as const),
  );
  return found.filter(([, text]) => text.includes(folder)).map(([pid]) => pid);
}

interface Line {
  cases: Record<string, number>;
  points: number;
  firmware_confirmed: number;
  rollouts: { name: string; state: string; funnel: { done: number } }[];
}

/** Whether all that the test asks for has happened. */
const isWhole = ({ cases = {}, points = 0, firmware_confirmed: confirmed = 0, rollouts = [] }: Partial<Line>) =>
  Object.values(cases).some((count) => count > 0) &&
  points > 0 &&
  confirmed > 0 &&
  rollouts.some(({ state }) => state === "halted") &&
  rollouts.some(({ state, funnel }) => state === "running" && funnel.done > 0);

type Body = any; // oxlint-disable-line typescript/no-explicit-any -- tests look into answers freely

/** Asks the demo's service as its first key may. */
async function read(run: Demo, path: string): Promise<Body> {
  const place = run
    .lines()
    .map((line) => JSON.parse(line))
    .find(({ key }) => key !== undefined);
  const answer = await fetch(`${place.console}api/v1${path}`, { headers: { authorization: `Bearer ${place.key}` } });
  expect(answer.status, path).toBe(200);
  return answer.json();
}

const itemsOf = async (run: Demo, path: string): Promise<Body[]> => (await read(run, path)).items;

const kinds = (items: readonly Body[]) => new Set(items.map(({ kind }) => kind));

const dayMs = 86_400_000;

/** Where households were in their life 30 days ago and where they are now, as the console's picture asks for it. */
const readFlows = (run: Demo): Promise<Body> =>
  read(run, `/lifecycle/flows?fromMs=${Date.now() - 30 * dayMs}&toMs=${Date.now()}`);

/** Whether somebody came new, and somebody who had an appliance already went on to another stage. */
const isMoving = ({ flows, changes }: Body): boolean =>
  flows.some(({ from, to, households }: Body) => from !== to && households > 0) &&
  changes.some(({ from, changes: count }: Body) => from !== "acquisition" && count > 0);

/** What the console's pages would show; `until` each has something. */
async function expectData(run: Demo): Promise<void> {
  const has = (what: string, path: string, holds: (items: Body[]) => boolean | Promise<boolean>) =>
    until(what, async () => holds(await itemsOf(run, path)), patienceMs);
  await has("content of every kind", "/content/items?limit=100", (items) =>
    ["recipe", "tip", "notice", "message", "offer"].every((kind) => kinds(items).has(kind)),
  );
  await has("a campaign that was seen, and a recall", "/campaigns", async (items) => {
    const funnels = await Promise.all(items.map(async ({ id }) => (await read(run, `/campaigns/${id}`)).funnel));
    return kinds(items).has("recall") && kinds(items).has("campaign") && funnels.some(({ shown }) => shown > 0);
  });
  await has("segments with somebody in them, with an appliance and without one", "/segments", (items) =>
    ["with-an-appliance", "looking-at-prices"].every((id) => items.some((one) => one.id === id && one.members > 0)),
  );
  for (const list of ["rules", "offers", "rewards", "grants", "redemptions"])
    await has(list, `/loyalty/${list}`, (items) => items.length > 0);
  await has("tasks of people", "/cases", (items) => items.length > 0);
  await has("cases that say whether the warranty holds", "/cases", async (items) => {
    const seen = await Promise.all(items.map(({ id }) => read(run, `/cases/${id}`)));
    return seen.some(({ appliance }) => typeof appliance?.underWarranty === "boolean");
  });
  for (const { id, soldAtMs, warrantyUntilMs } of await itemsOf(run, "/devices?limit=100")) {
    expect(soldAtMs, id).toBeLessThan(Date.now());
    expect(warrantyUntilMs, id).toBeGreaterThan(soldAtMs);
  }
  await has("who is at risk", "/lifecycle/at-risk", (items) => items.length > 0);
  await until("households that moved on between stages", async () => isMoving(await readFlows(run)), patienceMs);
  await has("webhooks that were told", "/webhooks", async (items) => {
    const told = await Promise.all(items.map(({ id }) => itemsOf(run, `/webhooks/${id}/deliveries`)));
    return told.some((deliveries) => deliveries.length > 0);
  });
  const [redeemed] = await itemsOf(run, "/loyalty/redemptions");
  for (const list of ["decisions", "ledger", "facts"])
    await has(`${list} of a household`, `/households/${redeemed.householdId}/${list}`, (items) => items.length > 0);
  await has("households that agreed, and some that took it back", "/households?limit=100", async (items) => {
    const told = await Promise.all(items.map(({ id }) => read(run, `/households/${id}/consents`)));
    const standings: Body[] = told.flatMap((one) => one.standings).filter(({ purpose }) => purpose !== "run");
    return [true, false].every((isGiven) => standings.some((one) => one.isGiven === isGiven));
  });
  expect(await read(run, "/loyalty/check")).toMatchObject({ ok: true, broken: [] });
}

test("with 60 appliances the whole story happens, and nothing of it is left", async () => {
  const run = await demo(["--for", "6m", "--json", "--appliances", "60", "--history-days", "2"]);
  const isOver = () => run.child.exitCode !== null || run.lines().some((line) => isWhole(JSON.parse(line)));
  await until("the story is whole", isOver, 180_000);
  await expectData(run);
  run.child.kill("SIGINT");
  expect(await run.code, run.errors()).toBe(0);
  const lines = run.lines().map((line) => JSON.parse(line));
  const last = lines.at(-1);
  expect(Object.keys(last)).toEqual([
    "ovens",
    "readings_committed",
    "deliveries",
    "cases",
    "points",
    "firmware_confirmed",
    "rollouts",
    "ready_after_ms",
  ]);
  expect(last.ovens).toBe(60);
  expect(last.ready_after_ms).toBeGreaterThan(0);
  expect(last.readings_committed).toBeGreaterThan(1_000);
  expect(last.deliveries.done).toBeGreaterThan(0);
  expect(last.firmware_confirmed).toBeGreaterThan(0);
  expect(last.points).toBeGreaterThan(0);
  expect(last.cases).toBeGreaterThanOrEqual(1);
  expect(last.rollouts).toMatchObject([
    { name: "oven-s80 1.9.0", state: "halted", funnel: { done: 0 } },
    { name: "oven-x200 2.1.0", state: "running", stages: 3, members: 30 },
  ]);
  const [halted, running] = last.rollouts;
  expect(halted.funnel.failed).toBeGreaterThan(2);
  expect(running.funnel.done).toBeGreaterThan(0);
  expect(running.funnel.failed).toBeLessThanOrEqual(2);
  for (const value of Object.values(last.deliveries)) expect(value).toBeTypeOf("number");
  // One line a second for as long as the story took, which is the machine's business, and the story in them.
  expect(lines.length).toBeGreaterThan(5);
  const story: string[] = lines.slice(0, -1).flatMap((line) => line.story);
  expect(story.length).toBeGreaterThan(10);
  // Their past came first.
  expect(story.filter((sentence) => /their past/i.test(sentence))).toEqual([
    "12 appliances tell 2 days of their past, the others 2; 2 are worn in some way.",
    expect.stringMatching(/^Their past is told: [\d,]{6,} readings/),
  ]);
  expect(lines.some((line) => line.past_share === 1)).toBe(true);
  for (const told of [/^\d+ households said what their data/, /report \d+ things/, /^Three people looked at prices/])
    expect(story.filter((sentence) => told.test(sentence))).toHaveLength(1);
  expect(await leftIn(run.temporary)).toEqual([]);
  expect(await processesOf(run.temporary)).toEqual([]);
});

const hasLine = (run: Demo, holds: (line: { connected: number }) => boolean) =>
  until("it says so", () => run.lines().some((line) => holds(JSON.parse(line))), patienceMs);

test.each([
  ["Ctrl-C, while appliances are connected,", "SIGINT", { connected: 1 }],
  ["SIGTERM, while the service still starts,", "SIGTERM", { connected: 0 }],
] as const)("%s ends all of it, with code 0", async (_name, signal, { connected }) => {
  const run = await demo(["--json", "--appliances", "20"]);
  await hasLine(run, (line) => line.connected >= connected);
  run.child.kill(signal);
  expect(await run.code, run.errors()).toBe(0);
  expect(await leftIn(run.temporary)).toEqual([]);
  expect(await processesOf(run.temporary)).toEqual([]);
});

test("it ends by itself when its time is up, wherever it is", async () => {
  const run = await demo(["--for", "4s", "--json", "--appliances", "20"]);
  expect(await run.code, run.errors()).toBe(0);
  expect(await leftIn(run.temporary)).toEqual([]);
  expect(await processesOf(run.temporary)).toEqual([]);
});

test("a demo that is killed takes its service with it", async () => {
  const run = await demo(["--json", "--appliances", "20"]);
  await hasLine(run, (line) => line.connected > 0);
  run.child.kill("SIGKILL");
  await until("it has ended", async () => (await processesOf(run.temporary)).length === 0, patienceMs);
  expect(await processesOf(run.temporary)).toEqual([]);
});

test("where the service cannot start, its one sentence is shown, and the code is 1", async () => {
  const server = createServer().listen(0, "127.0.0.1");
  await new Promise((resolve) => server.once("listening", resolve));
  const address = server.address();
  const port = String(typeof address === "object" && address !== null ? address.port : 0);
  const run = await demo(["--json"], { HEARTH_MQTT_PORT: port });
  expect(await run.code).toBe(1);
  server.close();
  expect(run.errors()).toMatch(new RegExp(`^Hearth cannot start: [^\\n]*HEARTH_MQTT_PORT ${port}[^\\n]*\\.\\n$`));
  expect(await leftIn(run.temporary)).toEqual([]);
  expect(await processesOf(run.temporary)).toEqual([]);
});

test("an option that cannot be followed is one sentence, and the code is 1", async () => {
  const run = await demo(["--for", "soon"]);
  expect(await run.code).toBe(1);
  expect(run.errors()).toBe("--for must be a time such as 45s, 2m or 1h, not 'soon'.\n");
});
