/** What appliances say is used for the purposes that their households agreed to: the places where it is looked at together. */
import { randomUUID } from "node:crypto";
import { afterAll, beforeAll, expect, test } from "vitest";
import { Kitchen, type Person } from "../../test/support/kitchen.ts";
import { readStream } from "../../test/support/server-sent.ts";
import { until } from "../../test/support/service-process.ts";

const minute = 60_000;
const noConsent = "no_consent_to_improve";

let kitchen: Kitchen;
beforeAll(async () => {
  kitchen = await Kitchen.open();
});
afterAll(() => kitchen.close());

interface Told {
  event: string;
  data: { readings?: { deviceId: string }[] };
}

interface Home {
  device: string;
  owner: Person;
}

/** A household with one oven that has said something. */
async function home(name: string): Promise<Home> {
  const device = `${name}-${randomUUID()}`;
  await kitchen.ovens(device);
  const owner = await kitchen.newOwner(device);
  kitchen.clock.forward(minute);
  await say(device, 181.5);
  return { device, owner };
}

async function say(device: string, cavity_c: number): Promise<void> {
  await kitchen.say({ device, channel: "telemetry", payload: { m: { cavity_c } } });
  await kitchen.event(device, "program.finished", { program: "HotAir" });
}

async function speak({ owner }: Home, decision: "give" | "withdraw", purpose = "improve"): Promise<void> {
  kitchen.clock.forward(1);
  const { status } =
    decision === "give"
      ? await kitchen.call(owner.key, "POST", "/my/consents", { purpose, locale: "en", version: 1 })
      : await kitchen.call(owner.key, "POST", "/my/consents/withdrawals", { purpose });
  expect(status).toBe(201);
}

const get = async (url: string) => (await kitchen.as("support", "GET", url)).body;
const window = () => `fromMs=${kitchen.clock.nowMs() - 60 * minute}&toMs=${kitchen.clock.nowMs() + 1}`;

/** Everything that staff can ask of several appliances, and which of them are in the answer. */
async function answers(devices: readonly string[]) {
  const named = `devices=${devices.join(",")}`;
  const range = await get(`/telemetry/range?${named}&metrics=cavity_c&points=10&${window()}`);
  const latest = await get(`/telemetry/latest?${named}`);
  const counts = await get(`/telemetry/event-counts?${named}&types=program.finished&${window()}`);
  const file = await kitchen.app.inject({
    url: `/api/v1/telemetry/export?${named}&format=ndjson&${window()}`,
    headers: { authorization: `Bearer ${kitchen.staffKey("support")}` },
  });
  const lines = file.body.split("\n").filter((line) => line !== "");
  const withPoints = (range.series as { deviceId: string; points: unknown[] }[]).filter(
    ({ points }) => points.length > 0,
  );
  return {
    range: [withPoints.map(({ deviceId }) => deviceId), range.leftOut],
    latest: [(latest.devices as { deviceId: string }[]).map(({ deviceId }) => deviceId), latest.leftOut],
    counts: [(counts.types as { total: number }[]).reduce((sum, { total }) => sum + total, 0), counts.leftOut],
    export: [
      [...new Set(lines.map((line) => (JSON.parse(line) as { deviceId: string }).deviceId))],
      file.headers["hearth-left-out"],
    ],
  };
}

test("what several households' appliances say is looked at together only of those who agreed, and the answer says how many are left out and why", async () => {
  const [a, b] = [await home("a"), await home("b")];
  const devices = [a.device, b.device];
  for (const one of [a, b]) await speak(one, "give");
  expect(await answers(devices)).toEqual({
    range: [devices, null],
    latest: [devices, null],
    counts: [2, null],
    export: [devices, undefined],
  });
  await speak(b, "withdraw");
  const missing = { devices: 1, because: noConsent };
  expect(await answers(devices)).toEqual({
    range: [[a.device], missing],
    latest: [[a.device], missing],
    counts: [1, missing],
    export: [[a.device], `devices=1; because=${noConsent}`],
  });
  await speak(a, "withdraw");
  expect(await answers(devices)).toMatchObject({
    range: [[], { devices: 2 }],
    latest: [[], { devices: 2 }],
    counts: [0, { devices: 2 }],
    export: [[], `devices=2; because=${noConsent}`],
  });
});

test("looking after one household asks for no consent: its own appliances, and those of nobody", async () => {
  const one = await home("served");
  const spare = `spare-${randomUUID()}`;
  await kitchen.ovens(spare);
  await say(spare, 20);
  const devices = [one.device, spare];
  expect(await answers(devices)).toMatchObject({ range: [devices, null], export: [devices, undefined] });
  expect((await get(`/devices/${one.device}/telemetry/latest`)).items).toHaveLength(1);
});

test("an owner's own view asks for nothing, whatever was withdrawn", async () => {
  const one = await home("own");
  const range = `/my/telemetry/range?devices=${one.device}&metrics=cavity_c&points=10&${window()}`;
  const { body } = await kitchen.call(one.owner.key, "GET", range);
  expect([body.series[0].points.length, body.leftOut]).toEqual([1, null]);
});

test("what was said while somebody else had an appliance is in no answer about several, whatever its household agreed to now", async () => {
  const [a, b] = [await home("passed"), await home("stays")];
  await kitchen.call(a.owner.key, "POST", `/my/devices/${a.device}/hand-over`);
  kitchen.clock.forward(minute);
  const next = { device: a.device, owner: await kitchen.newOwner(a.device) };
  for (const one of [next, b]) await speak(one, "give");
  expect((await answers([a.device, b.device])).export).toEqual([[b.device], undefined]);
  kitchen.clock.forward(minute);
  await say(a.device, 99);
  expect((await answers([a.device, b.device])).counts).toEqual([2, null]);
});

test("a count over a model leaves out who did not agree", async () => {
  const model = `range-${randomUUID().slice(0, 8)}`;
  await kitchen.as("admin", "PUT", `/models/${model}`, {
    key: model,
    version: 1,
    brand: "B",
    name: "Range",
    kind: "oven",
    hardwareIds: ["h1"],
    locales: ["en"],
    metrics: [],
    capabilities: {},
  });
  const homes: Home[] = [];
  for (const id of [`${model}-1`, `${model}-2`]) {
    await kitchen.as("admin", "POST", "/devices", { id, model });
    homes.push({ device: id, owner: await kitchen.newOwner(id) });
    kitchen.clock.forward(1);
    await kitchen.event(id, "program.finished", { program: "HotAir" });
  }
  const [first] = homes;
  if (first !== undefined) await speak(first, "give");
  const counts = await get(`/telemetry/event-counts?model=${model}&types=program.finished&${window()}`);
  expect(counts).toMatchObject({ types: [{ total: 1 }], leftOut: { devices: 1, because: noConsent } });
});

test("a live look at several households' appliances shows those who agreed, and ends with a withdrawal", async () => {
  const [a, b] = [await home("live-a"), await home("live-b")];
  await speak(a, "give");
  const at = await kitchen.app.listen({ port: 0, host: "127.0.0.1" });
  const url = `${at}/api/v1/telemetry/live?device=${a.device}&device=${b.device}&faster=false`;
  const reader = await readStream<Told>(url, kitchen.staffKey("support"));
  await until("it is said that one is left out", () => reader.told.some(({ event }) => event === "left_out"));
  for (const { device } of [b, a]) await say(device, 60);
  await until("readings come", () => reader.told.some(({ event }) => event === "readings"));
  const seen = reader.told.flatMap(({ data }) => data.readings ?? []).map(({ deviceId }) => deviceId);
  expect(new Set(seen)).toEqual(new Set([a.device]));
  await speak(a, "withdraw");
  await until("it ends", () => reader.hasEnded());
});

test("a back-test looks at appliances of those who agreed and of nobody, and counts the others; the rule itself watches all of them", async () => {
  const [a, b] = [await home("tried"), await home("not-tried")];
  await speak(a, "give");
  for (const { device } of [a, b]) await say(device, 270);
  const definition = {
    kind: "threshold",
    title: "Hot",
    severity: "safety",
    metric: "cavity_c",
    direction: "above",
    limit: 250,
    clearAt: 240,
    holdMs: 0,
    cause: `hot-${a.device}`.slice(0, 40).replaceAll("-", "_"),
  };
  const nowMs = kitchen.clock.nowMs();
  const asked = (...deviceIds: string[]) => ({
    definition,
    fromMs: nowMs - 60 * minute,
    toMs: nowMs + 1,
    filter: { deviceIds },
  });
  const started = await kitchen.as("support", "POST", "/service/rules/backtest", asked(a.device, b.device));
  expect(started.body).toMatchObject({ matching: 2, devices: 1, leftOut: { devices: 1, because: noConsent } });
  await until("it is over", async () => (await get(`/service/backtests/${started.body.id}`)).status === "done");
  const { items } = await get(`/service/backtests/${started.body.id}/devices`);
  expect(items).toMatchObject([{ deviceId: a.device, verdict: "fired" }]);
  const nobody = await kitchen.as("support", "POST", "/service/rules/backtest", asked(b.device));
  expect([nobody.status, nobody.body.code]).toEqual([422, "backtest_no_consent"]);

  // In force it protects whoever has the appliance, whatever they agreed to.
  const rule = await kitchen.as("support", "POST", "/service/rules", definition);
  expect(rule.status).toBeLessThan(300);
  kitchen.clock.forward(minute);
  for (const { device } of [a, b]) await say(device, 280);
  for (const { device } of [a, b])
    expect((await get(`/cases?device=${device}`)).items).toMatchObject([
      { cause: definition.cause, severity: "safety" },
    ]);
});
