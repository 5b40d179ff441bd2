import { randomBytes } from "node:crypto";
import { readdir } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { readingsOf, registerOvens } from "./support/ovens.ts";
import { newRoleKey, overHttp, ReleaseKit } from "./support/release-kit.ts";
import { RawConnection } from "./support/raw-connection.ts";
import { preparedDataDir } from "./support/prepared-data-dir.ts";
import {
  removeDataDir,
  type RunningService,
  startServiceProcess,
  stopServiceProcess,
  until,
} from "./support/service-process.ts";

const payloadBytesMax = 262_144;
const ids = ["oven-1", "large-1", "large-2", "blocked-1"];
const atMs = Date.now() - 3_600_000;
const someId = "01980000-0000-7000-8000-000000000000";

let service: RunningService;
let tokens: Map<string, string>;
beforeAll(async () => {
  service = await startServiceProcess({ dataDir: await preparedDataDir() });
  const given = await registerOvens(service, ids);
  tokens = new Map(ids.map((id, at) => [id, given[at] ?? ""]));
});
afterAll(async () => {
  await stopServiceProcess(service);
  await removeDataDir(service.dataDir);
});

const login = (id: string) => RawConnection.open(service.mqttPort, id, tokens.get(id) ?? "");
const reading = (n: number) => JSON.stringify({ atMs: atMs + n, m: { cavity_c: n } });

interface Quarantined {
  channel: string;
  reason: string;
  detail: string;
  payloadBase64: string;
}

const unusable: [channel: string, reason: string, payload: string | Buffer][] = [
  ["telemetry", "not_json", "cavity_c=181"],
  ["telemetry", "not_json", ""],
  ["telemetry", "not_json", Buffer.from([0x7b, 0xff, 0xfe, 0x7d])],
  ["telemetry", "not_json", randomBytes(payloadBytesMax)],
  ["telemetry", "wrong_shape", "[]"],
  ["telemetry", "wrong_shape", JSON.stringify({ atMs, m: { cavity_c: "hot" } })],
  ["telemetry", "wrong_shape", JSON.stringify({ atMs: 4, m: { cavity_c: 20 } })],
  ["telemetry", "wrong_shape", `{"atMs":${atMs},"m":{"cavity_c":1e999}}`],
  ["events", "not_json", `{"id":"e1",`],
  ["events", "wrong_shape", JSON.stringify({ id: "e1", atMs })],
  ["events", "wrong_shape", JSON.stringify({ id: "e2", atMs, type: "boot", data: { note: "a\u0000b" } })],
  ["events", "wrong_shape", `{"id":"e3","atMs":${atMs},"type":"boot","data":{"note":"\\ud800"}}`],
  ["events", "other_content", JSON.stringify({ id: "said-before", atMs, type: "program.finished" })],
  ["reported", "not_json", "null null"],
  ["reported", "wrong_shape", JSON.stringify({ state: { operation: "idle" } })],
  ["receipts", "not_json", "shown"],
  ["receipts", "wrong_shape", JSON.stringify({ deliveryId: "1", attempt: 1, atMs, step: "shown" })],
  ["receipts", "unknown_delivery", JSON.stringify({ deliveryId: someId, attempt: 1, atMs, step: "shown" })],
  ["replies", "not_json", "{"],
  ["replies", "wrong_shape", JSON.stringify({ commandId: someId, atMs, ok: "yes" })],
  ["replies", "unknown_delivery", JSON.stringify({ commandId: someId, atMs, ok: true })],
];

test("what cannot be used is acknowledged, kept whole with its reason, counted, on the timeline, and stops no neighbour", async () => {
  const oven = await login("oven-1");
  let packetId = 1;
  oven.publish("events", packetId, JSON.stringify({ id: "said-before", atMs, type: "boot" }));
  for (const [channel, , payload] of unusable) {
    oven.publish("telemetry", (packetId += 1), reading(packetId));
    oven.publish(channel, (packetId += 1), payload);
  }
  oven.publish("telemetry", (packetId += 1), reading(packetId));
  await until("all of it is acknowledged", () => oven.acked.length === packetId);
  expect(oven.acked).toEqual(Array.from({ length: packetId }, (_, n) => n + 1));
  await until(
    "the neighbours are stored",
    async () => (await readingsOf(service, "oven-1", atMs, atMs + 1_000)) === unusable.length + 1,
  );
  oven.close();

  const { body } = await service.api("/api/v1/quarantine?device=oven-1&limit=200");
  const kept = body.items as Quarantined[];
  const told = kept.map(({ channel, reason, payloadBase64 }) => `${channel} ${reason} ${payloadBase64}`);
  const sent = unusable.map(
    ([channel, reason, payload]) => `${channel} ${reason} ${Buffer.from(payload).toString("base64")}`,
  );
  expect(told.toSorted()).toEqual(sent.toSorted());
  for (const { detail } of kept) expect(detail).not.toBe("");
  const counted = Map.groupBy(unusable, ([, reason]) => reason);
  expect(body.counts).toEqual(Object.fromEntries([...counted].map(([reason, of]) => [reason, of.length])));
  const health = await service.api("/api/v1/health");
  expect(health.status).toBe(200);
  expect(health.body.upRoad.quarantined).toBe(unusable.length);
  const timeline = await service.api("/api/v1/devices/oven-1/timeline?kinds=quarantine&limit=500");
  expect(timeline.body.items).toHaveLength(unusable.length);
});

test("unknown device, wrong token and blocked device get the same answer, byte for byte", async () => {
  const refusals = async () =>
    ((await service.api("/api/v1/health")).body.gateway.counters.refused_not_authorized ?? 0) as number;
  expect((await service.api("/api/v1/devices/blocked-1/block", { method: "POST" })).status).toBe(204);
  const token = tokens.get("blocked-1") ?? "";
  const wrong = tokens.get("large-1") ?? "";
  const tries: [id: string, token: string][] = [
    ["nobody-1", token],
    ["oven-1", wrong],
    ["oven-1", ""],
    ["blocked-1", token],
    ["blocked-1", wrong],
    ["$SYS", token],
  ];
  const before = await refusals();
  const answers: string[] = [];
  for (const [id, secret] of tries) {
    const connection = await RawConnection.open(service.mqttPort, id, secret);
    await until("the connection ends", () => connection.closed);
    answers.push(connection.received.toString("hex"));
  }
  expect(answers).toEqual(tries.map(() => "20020005"));
  await until("each is counted as the same", async () => (await refusals()) - before === tries.length);

  expect((await service.api("/api/v1/devices/blocked-1/unblock", { method: "POST" })).status).toBe(204);
  const back = await login("blocked-1");
  expect(back.received.toString("hex")).toBe("20020000");
  back.close();
});

test("a payload of 256 KiB is taken; one byte more ends its connection and no other", async () => {
  const [offender, other] = await Promise.all([login("large-1"), login("large-2")]);
  offender.publish("events", 1, Buffer.alloc(payloadBytesMax, "x"));
  await until("the largest payload is acknowledged", () => offender.acked.length === 1);
  offender.publish("events", 2, Buffer.alloc(payloadBytesMax + 1, "x"));
  await until("the connection ends", () => offender.closed);
  expect(offender.acked).toEqual([1]);
  other.publish("telemetry", 1, reading(1));
  await until("the other is acknowledged", () => other.acked.length === 1);
  expect(other.closed).toBe(false);
  other.close();
  await until("the timeline says why it went", async () => {
    const { body } = await service.api("/api/v1/devices/large-1/timeline?kinds=presence");
    return (body.items as { title: string }[])[0]?.title === "Went offline (packet too large)";
  });
});

test("an image whose hash, length or signature is wrong is refused and leaves neither file nor release", async () => {
  const kit = await ReleaseKit.open(overHttp(service.http, service.key), ["oven"]);
  const image = randomBytes(100_000);
  const drafted = await service.api("/api/v1/firmware/releases", { method: "POST", body: kit.describe(image) });
  expect(drafted.status).toBe(201);
  const path = `/api/v1/firmware/releases/${drafted.body.id}`;
  const upload = async (body: Buffer) => {
    const { status, body: answer } = await overHttp(service.http, service.key)("PUT", `${path}/image`, body);
    return { status, code: (answer as { code?: string }).code };
  };
  const files = async () => (await readdir(join(service.dataDir, "artifacts"), { recursive: true })).toSorted();
  const before = await files();
  expect(await upload(randomBytes(image.length))).toEqual({ status: 422, code: "image_hash_wrong" });
  expect(await upload(image.subarray(1))).toEqual({ status: 422, code: "image_length_wrong" });
  expect(await upload(Buffer.concat([image, image]))).toEqual({ status: 422, code: "image_length_wrong" });
  expect(await files()).toEqual(before);

  expect((await upload(image)).status).toBe(200);
  const { content } = await kit.familyWith(drafted.body, {}, newRoleKey());
  const signed = await service.api(`${path}/sign`, { method: "POST", body: { family: content } });
  expect(signed).toMatchObject({ status: 422, body: { code: "metadata_not_signed" } });
  expect((await service.api(path)).body.state).toBe("draft");
  expect(
    (await service.api("/api/v1/audit?limit=500")).body.items.map(({ action }: { action: string }) => action),
  ).not.toContain("release.signed");
  const answer = await fetch(service.http + path, {
    method: "DELETE",
    headers: { authorization: `Bearer ${service.key}` },
  });
  expect(answer.status).toBe(204);
  expect(await files()).toEqual(before);
});
