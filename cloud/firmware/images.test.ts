import { createHash, randomBytes } from "node:crypto";
import { mkdtemp, readdir, rm, writeFile } from "node:fs/promises";
import { request as httpRequest } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Readable } from "node:stream";
import { afterAll, beforeAll, expect, test } from "vitest";
import { type DownRoad, downRoad, type TestApi, testApi } from "../../test/support/down-road.ts";
import { newFirmwareKeys, overHttp, ReleaseKit, type ReleaseOver } from "../../test/support/release-kit.ts";
import { until } from "../../test/support/service-process.ts";
import { createTestDatabase, type TestDatabase } from "../../test/support/postgres.ts";
import { Deliveries } from "../deliveries/deliveries.ts";
import { Firmware } from "./firmware.ts";
import { firmwareRoutes } from "./firmware-routes.ts";

let database: TestDatabase;
let road: DownRoad;
let firmware: Firmware;
let api: TestApi;
let artifactsDir: string;
let release: { authorization: string };
let origin: string;
let kit: ReleaseKit;

beforeAll(async () => {
  database = await createTestDatabase();
  artifactsDir = await mkdtemp(join(tmpdir(), "hearth-images-"));
  road = downRoad(database.db);
  const deliveries = new Deliveries(road.deps);
  await road.devices.addModel("oven-x200", { hardwareIds: ["x200-a", "x200-b"] });
  const linkSecret = randomBytes(32);
  const { timestamp, director } = newFirmwareKeys();
  const keys = { timestampKey: timestamp, directorKey: director };
  firmware = new Firmware({ ...road.deps, ...keys, deliveries, artifactsDir, linkSecret, publicUrl: () => origin });
  await firmware.load();
  api = await testApi(road.staff, (app) => firmwareRoutes(app, firmware));
  release = await api.as("release");
  await api.app.listen({ host: "127.0.0.1", port: 0 });
  origin = `http://127.0.0.1:${(api.app.server.address() as AddressInfo).port}`;
  const { authorization } = await api.as("admin");
  const send = overHttp(origin, authorization.slice("Bearer ".length));
  kit = await ReleaseKit.open(send, ["oven-x200"], () => road.clock.nowMs());
});
afterAll(async () => {
  await api.app.close();
  await database.drop();
  await rm(artifactsDir, { recursive: true, force: true });
});

const x200 = { hardwareIds: ["x200-a"] };

/** A draft that waits for its image; the address to send it to. */
async function draft(image: Buffer, over: ReleaseOver = {}): Promise<string> {
  const response = await api.app.inject({
    method: "POST",
    url: "/api/v1/firmware/releases",
    headers: release,
    payload: kit.describe(image, { ...x200, ...over }),
  });
  expect(response.statusCode).toBe(201);
  return `/api/v1/firmware/releases/${response.json<{ id: string }>().id}/image`;
}

const upload = (url: string, body: Buffer | Readable, headers = release) =>
  api.app.inject({
    method: "PUT",
    url,
    headers: { ...headers, "content-type": "application/octet-stream" },
    payload: body,
  });

/** Everything that an upload could leave behind. */
async function traces(): Promise<{ files: string[]; images: number }> {
  const files = await readdir(join(artifactsDir, "firmware"), { recursive: true });
  const releases = await firmware.releases({ model: null, state: null, beforeId: null, limit: 500 });
  return { files: files.toSorted(), images: releases.filter(({ sha1 }) => sha1 !== null).length };
}

test("an image is kept with its three digests and can be listed", async () => {
  const image = randomBytes(300_000);
  const { id } = await kit.draft(image, x200);
  const list = await api.app.inject({ method: "GET", url: "/api/v1/firmware/releases", headers: release });
  expect(list.json<{ items: object[] }>().items[0]).toMatchObject({
    id,
    state: "draft",
    length: 300_000,
    sha256: createHash("sha256").update(image).digest("hex"),
    sha1: createHash("sha1").update(image).digest("hex"),
    md5: createHash("md5").update(image).digest("hex"),
  });
  expect((await traces()).files).toContain(createHash("sha256").update(image).digest("hex"));
});

const chunked = (bytes: Buffer) => Readable.from([bytes.subarray(0, 100), bytes.subarray(100)]);

test("an image whose size or hash differs from what was said is refused and leaves nothing behind", async () => {
  const image = randomBytes(50_000);
  const other = randomBytes(50_000);
  const url = await draft(image);
  const before = await traces();
  const tries: [string, Buffer | Readable][] = [
    ["image_hash_wrong", other],
    ["image_hash_wrong", chunked(other)],
    ["image_length_wrong", image.subarray(1)],
    ["image_length_wrong", chunked(image.subarray(1))],
    ["image_length_wrong", chunked(Buffer.concat([image, other]))],
  ];
  for (const [code, body] of tries) {
    const response = await upload(url, body);
    expect(response.json()).toMatchObject({ code });
  }
  expect(await traces()).toEqual(before);
  expect((await upload(url, image)).statusCode).toBe(200);
});

test("an upload that breaks off leaves nothing behind", async () => {
  const image = randomBytes(400_000);
  const url = new URL(await draft(image), origin);
  const before = await traces();
  const headers = { ...release, "content-type": "application/octet-stream", "content-length": image.length };
  const sending = httpRequest(url, { method: "PUT", headers });
  sending.on("error", () => {});
  sending.write(image.subarray(0, 200_000));
  await until("a part of it is there", async () => (await traces()).files.some((name) => name.endsWith(".part")));
  sending.destroy();
  await until("no part of it is left", async () => !(await traces()).files.some((name) => name.endsWith(".part")));
  expect(await traces()).toEqual(before);
});

test("a refusal reaches a sender that is still sending", async () => {
  const image = randomBytes(8_000_000);
  const url = await draft(image.subarray(0, 1_000_000));
  const sent = async (address: string) => {
    const body = new Blob([image]).stream();
    const headers = { ...release, "content-type": "application/octet-stream" };
    const response = await fetch(origin + address, { method: "PUT", headers, body, duplex: "half" });
    return ((await response.json()) as { code: string }).code;
  };
  expect(await sent(url)).toBe("image_length_wrong");
  expect(await sent(url.replace(/[0-9a-f-]{36}/, "01980000-0000-7000-8000-000000000000"))).toBe("release_not_found");
});

test("what a killed process left in the folder of uploads is removed at the next start", async () => {
  await writeFile(join(artifactsDir, "firmware", "incoming", "old.part"), "half");
  await firmware.load();
  expect((await traces()).files).not.toContain("incoming/old.part");
});

const remove = (id: string) =>
  api.app.inject({ method: "DELETE", url: `/api/v1/firmware/releases/${id}`, headers: release });

test("a release that was never published is removed with its image, unless another release is the same", async () => {
  const image = randomBytes(5_000);
  const one = await kit.draft(image, x200);
  const two = await kit.draft(image, x200);
  expect((await remove(one.id)).statusCode).toBe(204);
  expect((await traces()).files).toContain(one.sha256);
  expect((await remove(two.id)).statusCode).toBe(204);
  expect((await traces()).files).not.toContain(one.sha256);
  expect((await remove(two.id)).json()).toMatchObject({ code: "release_not_found" });
});

test("a download goes on where it ended, as long as the image is the same", async () => {
  const image = randomBytes(200_000);
  const { sha256 } = await kit.publish(image, x200);
  const href = firmware.signHref("oven-1", sha256, road.clock.nowMs() + 60_000);
  const get = async (headers: Record<string, string>, method = "GET") => {
    const response = await fetch(href, { headers, method });
    return { status: response.status, headers: response.headers, body: Buffer.from(await response.arrayBuffer()) };
  };
  const rest = await get({ range: "bytes=150000-", "if-range": `"${sha256}"` });
  expect(rest.status).toBe(206);
  expect(rest.headers.get("content-range")).toBe("bytes 150000-199999/200000");
  expect(rest.body.equals(image.subarray(150_000))).toBe(true);
  const other = await get({ range: "bytes=150000-", "if-range": '"another"' });
  expect([other.status, other.body.length]).toEqual([200, 200_000]);
  const beyond = await get({ range: "bytes=200000-" });
  expect([beyond.status, beyond.headers.get("content-range")]).toEqual([416, "bytes */200000"]);
  const head = await get({}, "HEAD");
  expect([head.status, head.headers.get("content-length"), head.body.length]).toEqual([200, "200000", 0]);
  expect(head.headers.get("accept-ranges")).toBe("bytes");
});

const code = async (url: string) => ((await (await fetch(url)).json()) as { code: string }).code;

test("a link works for its device, its image and its time only", async () => {
  const { sha256 } = await kit.publish(randomBytes(1_000), x200);
  const other = await kit.publish(randomBytes(1_000), x200);
  const href = firmware.signHref("oven-1", sha256, road.clock.nowMs() + 1_000);
  expect((await fetch(href)).status).toBe(200);
  expect(await code(href.replace("oven-1", "oven-2"))).toBe("link_not_valid");
  expect(await code(href.replace(sha256, other.sha256))).toBe("link_not_valid");
  expect(await code(href.replace(/expires=\d+/, `expires=${road.clock.nowMs() + 9_000}`))).toBe("link_not_valid");
  expect(await code(href.replace(/signature=.*/, "signature=AAAA"))).toBe("link_not_valid");
  road.clock.forward(1_000);
  expect(await code(href)).toBe("link_expired");
  const missing = firmware.signHref("oven-1", "0".repeat(64), road.clock.nowMs() + 1_000);
  expect(await code(missing)).toBe("image_not_found");
});

test("no image is handed out before its release is published", async () => {
  const { sha256 } = await kit.draft(randomBytes(1_000), x200);
  expect(await code(firmware.signHref("oven-1", sha256, road.clock.nowMs() + 1_000))).toBe("image_not_found");
});

test("roots are an admin's, uploads a release manager's, and other content types are not taken", async () => {
  const viewer = await api.as("viewer");
  const image = randomBytes(100);
  const url = await draft(image);
  expect((await upload(url, image, viewer)).statusCode).toBe(403);
  const root = await api.app.inject({
    method: "POST",
    url: "/api/v1/firmware/repository/root",
    headers: release,
    payload: { root: "{}" },
  });
  expect(root.statusCode).toBe(403);
  const json = await api.app.inject({ method: "PUT", url, headers: release, payload: { image: "none" } });
  expect(json.json()).toMatchObject({ status: 415 });
});
