import { afterAll, afterEach, beforeAll, expect, test } from "vitest";
import { Metrics } from "../cloud/metrics/metrics.ts";
import { closeHouses } from "../gateway/testing/house.ts";
import { RawDevice, publish } from "../gateway/testing/raw-device.ts";
import { openTimedHouse } from "../gateway/testing/timed-house.ts";
import type { GatewayStatus } from "#protocol/link/messages.ts";
import { limitRows, snakeCase } from "#protocol/link/limits.ts";
import { parseExposition, valueOf } from "./support/exposition.ts";
import { Kitchen } from "./support/kitchen.ts";

let kitchen: Kitchen;
beforeAll(async () => {
  kitchen = await Kitchen.open();
});
afterAll(() => kitchen.close());
afterEach(closeHouses);

const scrape = async (key: string) => {
  const response = await kitchen.app.inject({ url: "/metrics", headers: { authorization: `Bearer ${key}` } });
  return { status: response.statusCode, type: response.headers["content-type"], text: response.body };
};
const monitorKey = async () =>
  (await kitchen.slices.staff.createKey({ kind: "system" }, "prometheus", "monitor")).secret;

test("what was done over MQTT is what /metrics counts", async () => {
  const house = await openTimedHouse({ limits: { bytesPerPayload: 1_000 } });
  let status: GatewayStatus | null = null;
  // The service's own metrics go on listening to its ingest.
  const ingest = { counters: kitchen.slices.ingest.counters, onCommitted() {} };
  const metrics = new Metrics({ gateway: { status: () => status, isListening: () => true }, ingest, points: null });
  const before = parseExposition(await metrics.text());
  expect(valueOf(before, "hearth_gateway_pubacks_total")).toBe(0);
  expect(valueOf(before, "hearth_puback_latency_seconds_count")).toBe(0);

  const device = await RawDevice.login(house.port, "oven-1", { clean: false });
  device.subscribe(1, "hearth/v1/devices/oven-1/inbox", "#");
  const events = "hearth/v1/devices/oven-1/events";
  device.send(...Array.from({ length: 25 }, (_, at) => publish(events, at + 1, "0123456789")), publish(events, 0, "x"));
  await device.wait("puback", 25);
  await RawDevice.login(house.port, "oven-2", { password: "wrong" });
  const loud = await RawDevice.login(house.port, "oven-3");
  loud.send(publish("hearth/v1/devices/oven-3/events", 1, "x".repeat(1_001)));
  await loud.waitClosed();
  status = await house.second();

  const families = parseExposition(await metrics.text());
  const counted = (name: string, labels?: Record<string, string>) => valueOf(families, `hearth_${name}`, labels);
  expect({
    connections: counted("gateway_connections"),
    sessions: counted("gateway_sessions"),
    logins: counted("gateway_logins_total"),
    messages: counted("gateway_messages_total"),
    bytes: counted("gateway_message_bytes_total"),
    pubacks: counted("gateway_pubacks_total"),
    latencies: counted("puback_latency_seconds_count"),
    filters: counted("gateway_subscriptions_refused_total"),
    refused: counted("gateway_refusals_total", { reason: "not_authorized" }),
    notRefused: counted("gateway_refusals_total", { reason: "protocol" }),
    disconnects: counted("gateway_disconnects_total", { reason: "packet_too_large" }),
    limit: counted("gateway_limit_hits_total", { limit: "bytes_per_payload" }),
    listening: counted("gateway_up"),
  }).toEqual({
    connections: 1,
    sessions: 1,
    logins: 2,
    messages: 26,
    bytes: 251,
    pubacks: 25,
    latencies: 25,
    filters: 1,
    refused: 1,
    notRefused: 0,
    disconnects: 1,
    limit: 1,
    listening: 1,
  });
  const limits = families.get("hearth_gateway_limit_hits_total")?.samples.map(({ labels }) => labels["limit"]);
  expect(limits?.toSorted()).toEqual([...limitRows.map(({ name }) => snakeCase(name)), "spool_bytes"].toSorted());
  // Everything that the gateway counts is there under some name.
  const samples = [...families.values()].filter(
    ({ name }) => name.startsWith("hearth_gateway_") && name.endsWith("_total"),
  );
  expect(samples.flatMap((family) => family.samples).length).toBe(Object.keys(status.counters).length);
});

test("names and help keep to Prometheus' rules, and every metric of ours says what it is", async () => {
  const { text, type } = await scrape(await monitorKey());
  expect(type).toBe("text/plain; version=0.0.4; charset=utf-8");
  const ours = [...parseExposition(text).values()].filter(({ name }) => name.startsWith("hearth_"));
  expect(ours.length).toBeGreaterThan(40);
  for (const { name, type: kind, help } of ours) {
    expect(name).toMatch(/^hearth_[a-z0-9_]+$/);
    expect([name, kind === "counter"]).toEqual([name, name.endsWith("_total")]);
    expect([name, /_(ms|kb|mb|percent)(_|$)/.test(name)]).toEqual([name, false]);
    expect([name, help.endsWith(".")]).toEqual([name, true]);
  }
});

test("readings, the time until they are stored, and requests are counted as they are, ids left out of the labels", async () => {
  const key = await monitorKey();
  await kitchen.ovens("m-1", "m-2");
  const atMs = kitchen.clock.nowMs();
  const reading = (device: string, at: number) =>
    ({
      device,
      channel: "telemetry",
      payload: { atMs: atMs - at, m: { cavity_c: 20 } },
      receivedAtMs: atMs - 3_000,
    }) as const;
  const before = parseExposition((await scrape(key)).text);
  await kitchen.say(reading("m-1", 1), reading("m-2", 2), reading("m-2", 3));
  await kitchen.say({ device: "m-1", channel: "events", payload: { wrong: true } });
  for (const id of ["m-1", "m-2", "m-3"]) await kitchen.as("viewer", "GET", `/devices/${id}`);
  await kitchen.call(null, "GET", "/devices/m-1");
  await kitchen.app.inject({ url: "/api/v1/no/such/address" });
  const after = parseExposition((await scrape(key)).text);
  const more = (name: string, labels?: Record<string, string>) =>
    (valueOf(after, name, labels) ?? 0) - (valueOf(before, name, labels) ?? 0);

  expect(more("hearth_readings_committed_total")).toBe(3);
  expect(more("hearth_ingest_records_quarantined_total")).toBe(1);
  expect(more("hearth_ingest_batches_committed_total")).toBe(2);
  expect(more("hearth_ingest_lag_seconds_count")).toBe(2);
  expect(more("hearth_ingest_lag_seconds_sum")).toBeCloseTo(3, 5);
  expect(more("hearth_ingest_lag_seconds_bucket", { le: "2.5" })).toBe(1);
  const route = { method: "GET", route: "/api/v1/devices/:id" };
  const requests = (status: string) => more("hearth_http_requests_total", { ...route, status });
  expect([requests("200"), requests("404"), requests("401")]).toEqual([2, 1, 1]);
  expect(more("hearth_http_request_duration_seconds_count", route)).toBe(4);
  expect(more("hearth_http_requests_total", { method: "GET", route: "none", status: "401" })).toBe(1);
  const routes = after.get("hearth_http_requests_total")?.samples.map(({ labels }) => labels["route"]) ?? [];
  expect(routes.filter((one) => one?.includes("m-1"))).toEqual([]);
  for (const name of ["nodejs_eventloop_lag_p99_seconds", "process_resident_memory_bytes", "process_open_fds"]) {
    expect([name, valueOf(after, name)]).toEqual([name, expect.any(Number)]);
  }
});

test("a monitor's key opens /metrics and nothing else; without one it stays shut", async () => {
  const key = await monitorKey();
  expect((await scrape(key)).status).toBe(200);
  for (const url of ["/devices", "/overview", "/households", "/audit", "/keys", "/quarantine", "/events", "/models"]) {
    const { status } = await kitchen.call(key, "GET", url);
    expect([url, status === 403 || status === 404]).toEqual([url, true]);
  }
  expect((await scrape("hearth_nobody")).status).toBe(401);
  expect((await kitchen.app.inject({ url: "/metrics" })).statusCode).toBe(401);
});
