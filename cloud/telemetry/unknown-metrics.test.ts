import { afterAll, beforeAll, expect, test } from "vitest";
import { Kitchen } from "../../test/support/kitchen.ts";

let kitchen: Kitchen;
const [minuteMs, hourMs] = [60_000, 3_600_000];
beforeAll(async () => {
  kitchen = await Kitchen.open();
});
afterAll(() => kitchen.close());

const read = (device: string, atMs: number, m: object) =>
  kitchen.say({ device, channel: "telemetry", payload: { atMs, m }, receivedAtMs: kitchen.clock.nowMs() });

test("a metric that no model declares is listed with what is known of it, and adopted it is one series with what was before", async () => {
  const ids = Array.from({ length: 30 }, (_, at) => `u-${at}`);
  await kitchen.ovens(...ids);
  const firstMs = kitchen.clock.nowMs();
  // On the hour, so that one hour has it both ways.
  const hour = Math.floor(firstMs / hourMs) * hourMs - 3 * hourMs;
  for (const [at, id] of ids.entries()) await read(id, hour, { noise_db: 30 + at, lamp_on: true, cavity_c: 20 });
  kitchen.clock.forward(minuteMs);
  await read("u-0", hour + minuteMs, { noise_db: 10 });
  const listed = await kitchen.as("viewer", "GET", "/models/oven/metrics");
  expect(listed.body.declared.map(({ name }: { name: string }) => name)).toEqual(["cavity_c", "power_w"]);
  const [noise, lamp] = listed.body.unknown;
  expect(noise).toMatchObject({
    name: "noise_db",
    kind: "gauge",
    min: 10,
    max: 59,
    firstSeenMs: firstMs,
    lastSeenMs: firstMs + minuteMs,
  });
  expect(Math.abs(noise.devicesAbout - 30)).toBeLessThanOrEqual(3);
  expect(lamp).toMatchObject({ name: "lamp_on", kind: "flag", min: null, max: null });

  // Rolled up by name, and from then on by position.
  kitchen.clock.forward(hourMs);
  await kitchen.slices.telemetry.follow();
  const declaration = { name: "noise_db", label: "Noise", unit: "dB", min: 0, max: 50 };
  expect((await kitchen.as("support", "POST", "/models/oven/metrics/adopt", declaration)).status).toBe(403);
  const adopted = await kitchen.as("release", "POST", "/models/oven/metrics/adopt", declaration);
  expect(adopted).toMatchObject({ status: 200, body: { version: 2 } });
  await read("u-0", hour + 2 * minuteMs, { noise_db: 20 });
  await read("u-0", hour + hourMs, { noise_db: 40 });
  const range = `metrics=noise_db&fromMs=${hour - 24 * hourMs}&toMs=${hour + 24 * hourMs}&points=2`;
  for (const followed of [false, true]) {
    if (followed) {
      kitchen.clock.forward(hourMs);
      await kitchen.slices.telemetry.follow();
    }
    const [series] = (await kitchen.as("viewer", "GET", `/devices/u-0/telemetry?${range}`)).body.series;
    expect(series).toMatchObject({ label: "Noise", unit: "dB", max: 50 });
    const sum = series.points.reduce((total: number, point: number[]) => total + (point[2] ?? 0) * (point[4] ?? 0), 0);
    expect(sum).toBe(30 + 10 + 20 + 40);
  }
  const after = (await kitchen.as("viewer", "GET", "/models/oven/metrics")).body;
  expect(after.unknown.map(({ name }: { name: string }) => name)).toEqual(["lamp_on"]);
  expect((await kitchen.as("release", "POST", "/models/oven/metrics/adopt", declaration)).body.code).toBe(
    "metric_declared_already",
  );
  expect((await kitchen.as("viewer", "GET", "/devices/u-9/telemetry/latest")).body.items).toEqual(
    expect.arrayContaining([expect.objectContaining({ metric: "noise_db", value: 39, unit: "dB", declared: true })]),
  );
});

test("names that appliances make up without end fill neither memory nor the table", async () => {
  await kitchen.ovens("babbler");
  for (let batch = 0; batch < 30; batch += 1) {
    const m = Object.fromEntries(Array.from({ length: 100 }, (_, at) => [`made_up_${batch}_${at}`, at]));
    await read("babbler", kitchen.clock.nowMs() - batch, m);
    if (batch % 10 === 9) await kitchen.slices.telemetry.unknownMetrics.flush();
  }
  const { unknown } = (await kitchen.as("viewer", "GET", "/models/oven/metrics")).body;
  expect(unknown.length).toBeLessThanOrEqual(500);
  expect(unknown.length).toBeGreaterThan(400);
});

test("what an erased household's appliance said is forgotten, also what it kept and says late", async () => {
  await kitchen.ovens("home", "elsewhere");
  const dayMs = 24 * hourMs;
  for (const id of ["home", "elsewhere"]) await read(id, kitchen.clock.nowMs() - hourMs, { cavity_c: 1 });
  kitchen.clock.forward(minuteMs);
  const owner = await kitchen.newOwner("home");
  kitchen.clock.forward(2 * hourMs);
  const theirsMs = kitchen.clock.nowMs() - hourMs;
  for (const id of ["home", "elsewhere"]) {
    await read(id, theirsMs, { cavity_c: 2, noise_db: 3 });
    await kitchen.event(id, "program.finished", { program: "HotAir" }, { atMs: theirsMs });
  }
  kitchen.clock.forward(2 * hourMs);
  await kitchen.slices.telemetry.follow();
  expect((await kitchen.call(owner.key, "DELETE", "/my/household")).status).toBe(200);
  await kitchen.slices.telemetry.erase();
  const [fromMs, toMs] = [theirsMs - dayMs, kitchen.clock.nowMs()];
  const counts = async (id: string) => {
    const path = `/devices/${id}/telemetry?metrics=cavity_c,noise_db&fromMs=${fromMs}&toMs=${toMs}&points=30`;
    const series: { points: number[][] }[] = (await kitchen.as("viewer", "GET", path)).body.series;
    return series.map(({ points }) => points.reduce((sum, point) => sum + (point[4] ?? 0), 0));
  };
  const events = async (id: string) =>
    (await kitchen.as("viewer", "GET", `/telemetry/event-counts?devices=${id}&types=program.finished&fromMs=${fromMs}`))
      .body.types.length;
  // From before it was theirs, and nothing else.
  expect(await counts("home")).toEqual([1, 0]);
  expect(await counts("elsewhere")).toEqual([2, 1]);
  expect([await events("home"), await events("elsewhere")]).toEqual([0, 1]);

  await read("home", theirsMs + 1, { cavity_c: 5 });
  expect(await counts("home")).toEqual([2, 0]);
  kitchen.clock.forward(dayMs + 1);
  await kitchen.slices.telemetry.erase();
  await kitchen.slices.telemetry.follow();
  expect(await counts("home")).toEqual([1, 0]);
  expect((await kitchen.as("viewer", "GET", "/loyalty/check")).body).toMatchObject({ ok: true });
});
