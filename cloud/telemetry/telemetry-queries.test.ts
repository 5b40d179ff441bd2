import { afterAll, beforeAll, expect, test } from "vitest";
import { ovenModel } from "../../test/support/ovens.ts";
import { Kitchen } from "../../test/support/kitchen.ts";

let kitchen: Kitchen;
const [secondMs, hourMs] = [1_000, 3_600_000];

beforeAll(async () => {
  kitchen = await Kitchen.open();
  const metrics = [
    { name: "cavity_c", label: "Cavity", unit: "°C", min: 0, max: 300 },
    { name: "power_w", unit: "W" },
    { name: "door_open", kind: "flag", personal: true },
  ];
  await kitchen.as("admin", "PUT", "/models/oven", { ...ovenModel, version: 2, metrics });
  await kitchen.ovens("q-1", "q-2", "q-3");
});
afterAll(() => kitchen.close());

const read = (device: string, atMs: number, m: object) =>
  kitchen.say({ device, channel: "telemetry", payload: { atMs, m }, receivedAtMs: kitchen.clock.nowMs() });
const get = (path: string) => kitchen.as("viewer", "GET", path);

test("a range of several appliances has each metric's unit and range, and names the buckets with values outside", async () => {
  const nowMs = kitchen.clock.nowMs();
  const hour = Math.floor(nowMs / hourMs) * hourMs - 2 * hourMs;
  await read("q-1", hour, { cavity_c: 180, power_w: 20 });
  await read("q-1", hour + hourMs, { cavity_c: 999 });
  await read("q-2", hour, { cavity_c: 20, noise_db: 40 });
  const range = `fromMs=${hour}&toMs=${hour + 2 * hourMs}&points=2`;
  const { status, body } = await get(`/telemetry/range?devices=q-1,q-2&metrics=cavity_c,noise_db&${range}`);
  expect(status).toBe(200);
  expect(body).toMatchObject({
    bucketMs: hourMs,
    series: [
      {
        deviceId: "q-1",
        metric: "cavity_c",
        label: "Cavity",
        unit: "°C",
        min: 0,
        max: 300,
        declared: true,
        points: [
          [hour, 180, 180, 180, 1],
          [hour + hourMs, 999, 999, 999, 1],
        ],
        outside: [hour + hourMs],
      },
      { deviceId: "q-1", metric: "noise_db", points: [] },
      { deviceId: "q-2", metric: "cavity_c", points: [[hour, 20, 20, 20, 1]], outside: [] },
      { deviceId: "q-2", metric: "noise_db", unit: "", declared: false, points: [[hour, 40, 40, 40, 1]] },
    ],
  });
  const latest = await get("/telemetry/latest?devices=q-2,q-1,q-3");
  expect(latest.body.devices.map((one: { deviceId: string }) => one.deviceId)).toEqual(["q-2", "q-1", "q-3"]);
  expect(latest.body.devices[1].items).toEqual(
    expect.arrayContaining([expect.objectContaining({ metric: "cavity_c", value: 999, outside: true, unit: "°C" })]),
  );
  expect(latest.body.devices[2].items).toEqual([]);
  expect((await get("/telemetry/range?devices=q-1,nobody&metrics=cavity_c")).body).toMatchObject({
    code: "device_not_found",
    detail: "The id is nobody.",
  });
});

test("a range that is too wide is refused with what would fit", async () => {
  const metrics = Array.from({ length: 20 }, (_, at) => `m${at}_c`).join(",");
  const { status, body } = await get(`/telemetry/range?devices=q-1,q-2&metrics=${metrics}&points=5000`);
  expect([status, body.code]).toEqual([422, "telemetry_range_too_wide"]);
  expect(body.detail).toContain("ask for at most 2500 points, or 10 metrics, or 1 appliances");
});

test("a question that is mistaken is refused by name, and not answered with something else", async () => {
  const nowMs = kitchen.clock.nowMs();
  for (const path of [
    "/devices/q-1/telemetry?metrics=cavity_c",
    "/telemetry/event-counts?devices=q-1",
    "/telemetry/export?devices=q-1",
  ]) {
    const backwards = await get(`${path}&fromMs=${nowMs}&toMs=${nowMs - hourMs}`);
    expect([backwards.status, backwards.body.code]).toEqual([422, "telemetry_range_backwards"]);
    expect((await get(`${path}&fromMs=${nowMs}&toMs=${nowMs}`)).status).toBe(422);
    const misspelt = await get(`${path}&from=${nowMs - hourMs}`);
    expect([misspelt.status, misspelt.body.code]).toEqual([400, "invalid_request"]);
    expect(misspelt.body.detail).toContain('"from"');
  }
  const counts = await get("/telemetry/event-counts?model=nothing");
  expect([counts.status, counts.body.code]).toEqual([404, "model_not_found"]);
});

test("events are counted by type over time, of appliances and of a model", async () => {
  const nowMs = kitchen.clock.nowMs();
  for (const [device, type, agoMs] of [
    ["q-1", "fault.raised", hourMs],
    ["q-1", "fault.raised", 3 * hourMs],
    ["q-2", "fault.raised", hourMs],
    ["q-2", "door.opened", hourMs],
    ["q-2", "door.opened", 30 * hourMs],
  ] as const)
    await kitchen.event(device, type, {}, { atMs: nowMs - agoMs });
  const ofModel = (await get("/telemetry/event-counts?model=oven&points=24")).body;
  expect(ofModel.types.map((one: { type: string; total: number }) => [one.type, one.total])).toEqual([
    ["fault.raised", 3],
    ["door.opened", 1],
  ]);
  expect(ofModel.bucketMs).toBe(hourMs);
  const own = (await get("/telemetry/event-counts?devices=q-1&types=fault.raised&points=1")).body;
  expect(own.types).toMatchObject([{ type: "fault.raised", total: 2 }]);
  expect((await get("/telemetry/event-counts")).body.code).toBe("telemetry_nothing_asked");
});

async function exported(key: string, query: string) {
  const response = await kitchen.app.inject({
    method: "GET",
    url: `/api/v1/${query}`,
    headers: { authorization: `Bearer ${key}` },
  });
  return { status: response.statusCode, type: response.headers["content-type"], text: response.body };
}

const at = (ms: number) => `${new Date(ms).toISOString()},${ms}`;

test("raw readings leave as CSV with units in the header and as NDJSON, and what is wrong with a line is in it", async () => {
  const nowMs = kitchen.clock.nowMs();
  const atMs = nowMs - 10 * secondMs;
  await read("q-3", atMs, { cavity_c: -5, door_open: true });
  await read("q-3", atMs + 1, { power_w: 0.1, noise_db: 4 });
  await read("q-3", nowMs + 24 * hourMs, { power_w: 7 });
  const query = `devices=q-3&fromMs=${atMs}&toMs=${nowMs + 48 * hourMs}`;
  const key = kitchen.staffKey("viewer");
  const csv = await exported(key, `telemetry/export?${query}`);
  expect(csv).toEqual({
    status: 200,
    type: "text/csv; charset=utf-8; header=present",
    text: [
      "device,at,at_ms,cavity_c [°C],power_w [W],door_open,outside,clock_suspect",
      `q-3,${at(atMs)},-5,,true,cavity_c,false`,
      `q-3,${at(atMs + 1)},,0.1,,,false`,
      `q-3,${at(nowMs + 24 * hourMs)},,7,,,true`,
      "",
    ].join("\r\n"),
  });
  const units = { cavity_c: "°C", power_w: "W" };
  const lines = (await exported(key, `telemetry/export?${query}&format=ndjson`)).text.trim().split("\n");
  expect(lines.map((line) => JSON.parse(line))).toEqual([
    { deviceId: "q-3", atMs, m: { cavity_c: -5, door_open: true }, outside: ["cavity_c"], units },
    { deviceId: "q-3", atMs: atMs + 1, m: { power_w: 0.1, noise_db: 4 } },
    { deviceId: "q-3", atMs: nowMs + 24 * hourMs, m: { power_w: 7 }, clockSuspect: true },
  ]);
  const audit = await kitchen.as("admin", "GET", "/audit?limit=5");
  expect(JSON.stringify(audit.body)).toContain("telemetry.exported");
});

test("an owner takes away what is theirs, from the day that it is theirs", async () => {
  await kitchen.ovens("q-own");
  await read("q-own", kitchen.clock.nowMs() - hourMs, { cavity_c: 1 });
  const { key } = await kitchen.newOwner("q-own");
  kitchen.clock.forward(10 * secondMs);
  await read("q-own", kitchen.clock.nowMs() - secondMs, { cavity_c: 2 });
  const { text } = await exported(key, "my/telemetry/export?devices=q-own&format=ndjson");
  expect(
    text
      .trim()
      .split("\n")
      .map((line) => JSON.parse(line).m.cavity_c),
  ).toEqual([2]);
  expect((await exported(key, "my/telemetry/export?devices=q-1")).status).toBe(404);
  expect(
    (await kitchen.call(key, "GET", "/my/telemetry/range?devices=q-own&metrics=cavity_c")).body.series[0].points,
  ).toHaveLength(1);
});
