import { createHash, generateKeyPairSync, type KeyObject, randomBytes, sign } from "node:crypto";
import { mkdtemp, readdir, rm, writeFile } from "node:fs/promises";
import { request as httpRequest } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Readable } from "node:stream";
import { afterAll, beforeAll, expect, test } from "vitest";
import { firmwareOffer } from "#protocol/delivery.ts";
import { type DownRoad, downRoad, type TestApi, testApi } from "../../test/support/down-road.ts";
import { until } from "../../test/support/service-process.ts";
import { createTestDatabase, type TestDatabase } from "../../test/support/postgres.ts";
import { Deliveries } from "../deliveries/deliveries.ts";
import { Firmware } from "./firmware.ts";
import { firmwareRoutes } from "./firmware-routes.ts";

let database: TestDatabase;
let road: DownRoad;
let deliveries: Deliveries;
let firmware: Firmware;
let api: TestApi;
let artifactsDir: string;
let release: { authorization: string };
let origin: string;
let privateKey: KeyObject;
let keyId: string;

beforeAll(async () => {
  database = await createTestDatabase();
  artifactsDir = await mkdtemp(join(tmpdir(), "hearth-images-"));
  road = downRoad(database.db);
  deliveries = new Deliveries(road.deps);
  await road.devices.addModel("oven-x200", { hardwareIds: ["x200-a", "x200-b"] });
  const linkSecret = randomBytes(32);
  firmware = new Firmware({ ...road.deps, deliveries, artifactsDir, linkSecret, publicUrl: () => origin });
  await firmware.load();
  api = await testApi(road.staff, (app) => firmwareRoutes(app, firmware));
  release = await api.as("release");
  await api.app.listen({ host: "127.0.0.1", port: 0 });
  origin = `http://127.0.0.1:${(api.app.server.address() as AddressInfo).port}`;
  const pair = generateKeyPairSync("ed25519");
  privateKey = pair.privateKey;
  const { x } = pair.publicKey.export({ format: "jwk" });
  const added = await api.app.inject({
    method: "POST",
    url: "/api/v1/firmware/keys",
    headers: await api.as("admin"),
    payload: { publicKey: x, name: "release key" },
  });
  keyId = added.json<{ keyId: string }>().keyId;
});
afterAll(async () => {
  await api.app.close();
  await database.drop();
  await rm(artifactsDir, { recursive: true, force: true });
});

let counter = 0;
const nextManifest = (image: Buffer, over: object = {}) => ({
  model: "oven-x200",
  hardwareIds: ["x200-a"],
  version: `2.${(counter += 1)}.0`,
  releaseCounter: counter,
  length: image.length,
  sha256: createHash("sha256").update(image).digest("hex"),
  ...over,
});

function uploadUrl(manifest: object, key = privateKey): string {
  const payload = Buffer.from(JSON.stringify(manifest));
  const signature = sign(null, payload, key).toString("base64url");
  return `/api/v1/firmware/releases?keyId=${keyId}&payload=${payload.toString("base64url")}&signature=${signature}`;
}

const upload = (url: string, body: Buffer | Readable, headers = release) =>
  api.app.inject({
    method: "POST",
    url,
    headers: { ...headers, "content-type": "application/octet-stream" },
    payload: body,
  });

interface ReleaseView {
  id: string;
  sha256: string;
}

async function uploaded(image: Buffer): Promise<ReleaseView> {
  const response = await upload(uploadUrl(nextManifest(image)), image);
  expect(response.statusCode).toBe(201);
  return response.json<ReleaseView>();
}

/** Everything that an upload could leave behind. */
async function traces(): Promise<{ files: string[]; releases: number }> {
  const files = await readdir(join(artifactsDir, "firmware"), { recursive: true });
  const releases = await firmware.releases({ model: null, beforeId: null, limit: 500 });
  return { files: files.toSorted(), releases: releases.length };
}

test("a signed image is kept with its three digests and can be listed", async () => {
  const image = randomBytes(300_000);
  const { id } = await uploaded(image);
  const list = await api.app.inject({ method: "GET", url: "/api/v1/firmware/releases", headers: release });
  expect(list.json<{ items: object[] }>().items[0]).toMatchObject({
    id,
    length: 300_000,
    sha256: createHash("sha256").update(image).digest("hex"),
    sha1: createHash("sha1").update(image).digest("hex"),
    md5: createHash("md5").update(image).digest("hex"),
    keyId,
  });
  expect((await traces()).files).toContain(createHash("sha256").update(image).digest("hex"));
});

const chunked = (bytes: Buffer) => Readable.from([bytes.subarray(0, 100), bytes.subarray(100)]);

test("what is not what was signed is refused with its own code and leaves nothing behind", async () => {
  const image = randomBytes(50_000);
  const other = randomBytes(50_000);
  const before = await traces();
  const stranger = generateKeyPairSync("ed25519").privateKey;
  const good = nextManifest(image);
  const tries: [string, string, Buffer | Readable][] = [
    ["signature_wrong", uploadUrl(good, stranger), image],
    ["signing_key_unknown", uploadUrl(good).replace(keyId, "0123456789abcdef"), image],
    ["manifest_not_valid", uploadUrl({ ...good, length: -1 }), image],
    ["firmware_model_unknown", uploadUrl({ ...good, model: "toaster" }), image],
    ["hardware_not_of_model", uploadUrl({ ...good, hardwareIds: ["x200-a", "x999"] }), image],
    ["release_counter_not_newer", uploadUrl({ ...good, releaseCounter: 1 }), image],
    ["image_hash_wrong", uploadUrl(good), other],
    ["image_hash_wrong", uploadUrl(good), chunked(other)],
    ["image_length_wrong", uploadUrl(good), image.subarray(1)],
    ["image_length_wrong", uploadUrl(good), chunked(image.subarray(1))],
    ["image_length_wrong", uploadUrl(good), chunked(Buffer.concat([image, other]))],
  ];
  for (const [code, url, body] of tries) {
    const response = await upload(url, body);
    expect(response.json()).toMatchObject({ code });
  }
  expect(await traces()).toEqual(before);
  expect((await upload(uploadUrl(good), image)).statusCode).toBe(201);
});

test("an upload that breaks off leaves nothing behind", async () => {
  const image = randomBytes(400_000);
  const before = await traces();
  const url = new URL(uploadUrl(nextManifest(image)), origin);
  const headers = { ...release, "content-type": "application/octet-stream", "content-length": image.length };
  const sending = httpRequest(url, { method: "POST", headers });
  sending.on("error", () => {});
  sending.write(image.subarray(0, 200_000));
  await until("a part of it is there", async () => (await traces()).files.some((name) => name.endsWith(".part")));
  sending.destroy();
  await until("no part of it is left", async () => !(await traces()).files.some((name) => name.endsWith(".part")));
  expect(await traces()).toEqual(before);
});

test("a refusal reaches a sender that is still sending", async () => {
  const image = randomBytes(8_000_000);
  const sent = async (manifest: object, key = privateKey) => {
    const body = new Blob([image]).stream();
    const headers = { ...release, "content-type": "application/octet-stream" };
    const response = await fetch(origin + uploadUrl(manifest, key), { method: "POST", headers, body, duplex: "half" });
    return ((await response.json()) as { code: string }).code;
  };
  const manifest = nextManifest(image);
  expect(await sent(manifest, generateKeyPairSync("ed25519").privateKey)).toBe("signature_wrong");
  expect(await sent({ ...manifest, length: 1_000_000 })).toBe("image_length_wrong");
});

test("what a killed process left in the folder of uploads is removed at the next start", async () => {
  await writeFile(join(artifactsDir, "firmware", "incoming", "old.part"), "half");
  await firmware.load();
  expect((await traces()).files).not.toContain("incoming/old.part");
});

test("of two uploads with one counter at once, one wins, and the other's image is not kept", async () => {
  const [one, two] = [randomBytes(10_000), randomBytes(10_000)];
  const first = nextManifest(one);
  const second = { ...nextManifest(two), releaseCounter: first.releaseCounter };
  const before = await traces();
  const both = await Promise.all([upload(uploadUrl(first), one), upload(uploadUrl(second), two)]);
  expect(both.map(({ statusCode }) => statusCode).toSorted((a, b) => a - b)).toEqual([201, 409]);
  const after = await traces();
  expect(after.releases - before.releases).toBe(1);
  expect(after.files.length - before.files.length).toBe(1);
});

test("a release goes to appliances of its model as deliveries whose link fetches the image", async () => {
  const image = randomBytes(100_000);
  const { id, sha256 } = await uploaded(image);
  await road.devices.add(["oven-1", "oven-2", "oven-3"]);
  await road.devices.add(["washer-1"], { model: "dishwasher-d1" });
  const send = (payload: object) =>
    api.app.inject({ method: "POST", url: `/api/v1/firmware/releases/${id}/send`, headers: release, payload });
  expect((await send({ deviceIds: ["oven-1", "oven-9"] })).json()).toMatchObject({ code: "firmware_devices_unknown" });
  expect((await send({ deviceIds: ["oven-1", "washer-1"] })).json()).toMatchObject({ code: "firmware_wrong_model" });
  expect((await send({ model: "dishwasher-d1" })).json()).toMatchObject({ code: "firmware_wrong_model" });
  expect((await send({ deviceIds: ["oven-1", "oven-1"] })).json()).toEqual({ deliveries: 1 });
  expect((await send({ model: "oven-x200" })).json()).toEqual({ deliveries: 3 });
  const [row] = await deliveries.sendable(["oven-1"], true, 10);
  expect(row).toMatchObject({ kind: "firmware", generation: 2 });
  const body = firmware.renderBody({
    deviceId: "oven-1",
    body: row?.body ?? {},
    expiresAtMs: row?.expires_at_ms ?? 0,
  });
  const fetched = await fetch(firmwareOffer.parse(body).href);
  expect(fetched.headers.get("etag")).toBe(`"${sha256}"`);
  expect(Buffer.from(await fetched.arrayBuffer()).equals(image)).toBe(true);
});

test("a download goes on where it ended, as long as the image is the same", async () => {
  const image = randomBytes(200_000);
  const { sha256 } = await uploaded(image);
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
  const { sha256 } = await uploaded(randomBytes(1_000));
  const other = await uploaded(randomBytes(1_000));
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

test("keys are an admin's, uploads a release manager's, and other content types are not taken", async () => {
  const viewer = await api.as("viewer");
  const image = randomBytes(100);
  expect((await upload(uploadUrl(nextManifest(image)), image, viewer)).statusCode).toBe(403);
  const key = { publicKey: Buffer.alloc(31).toString("base64url"), name: "short" };
  const addKey = (headers: object) =>
    api.app.inject({ method: "POST", url: "/api/v1/firmware/keys", headers: { ...headers }, payload: key });
  expect((await addKey(release)).statusCode).toBe(403);
  expect((await addKey(await api.as("admin"))).json()).toMatchObject({ code: "signing_key_not_valid" });
  const json = await api.app.inject({
    method: "POST",
    url: uploadUrl(nextManifest(image)),
    headers: release,
    payload: { image: "none" },
  });
  expect(json.json()).toMatchObject({ status: 415 });
});
