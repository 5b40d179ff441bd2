import { randomBytes } from "node:crypto";
import { createLocalJWKSet, jwtVerify } from "jose";
import { afterAll, beforeAll, expect, test } from "vitest";
import { type FirmwareOffer, firmwareOffer, statementType, updateStatement } from "#protocol/update.ts";
import { hobModel, Kitchen } from "../../test/support/kitchen.ts";
import type { ReleaseKit, ReleaseView } from "../../test/support/release-kit.ts";
import { until } from "../../test/support/service-process.ts";

let kitchen: Kitchen;
let kit: ReleaseKit;

beforeAll(async () => {
  kitchen = await Kitchen.open();
  kit = await kitchen.releaseKit();
  await kitchen.ovens("oven-1", "oven-2", "oven-3", "oven-4");
});
afterAll(() => kitchen.close());

const origin = "https://hearth.example";
const fetched = (href: string) => kitchen.send("viewer", "GET", href.replace(origin, ""));
const send = (release: ReleaseView, ...deviceIds: string[]) =>
  kitchen.as("release", "POST", `/firmware/releases/${release.id}/send`, { deviceIds });
const withdraw = (release: ReleaseView) =>
  kitchen.as("release", "POST", `/firmware/releases/${release.id}/withdraw`, { reason: "burns bread" });
const releaseNow = async (release: ReleaseView) =>
  (await kitchen.as("viewer", "GET", `/firmware/releases/${release.id}`)).body;

/** What waits for a device: the delivery, and the offer as it would go over the wire. */
async function waiting(deviceId: string): Promise<{ id: string; attempt: number; offer: FirmwareOffer }> {
  const rows = await kitchen.slices.deliveries.sendable([deviceId], true, 10);
  const row = rows.find(({ kind }) => kind === "firmware");
  if (row === undefined) throw new Error(`nothing waits for ${deviceId}`);
  const { id, body, expires_at_ms: expiresAtMs, attempt } = row;
  return {
    id,
    attempt,
    offer: firmwareOffer.parse(kitchen.slices.firmware.renderBody({ id, deviceId, body, expiresAtMs })),
  };
}

const receipt = (device: string, { id, attempt }: { id: string; attempt: number }, step: string) =>
  kitchen.say({ device, channel: "receipts", payload: { deliveryId: id, attempt, step } });

/** The claims of a statement, verified as an appliance does. */
async function claimsOf(statement: string) {
  const jwks = (await kitchen.as("viewer", "GET", "/firmware/director.jwks")).body;
  const currentDate = new Date(kitchen.clock.nowMs());
  const options = { typ: statementType, algorithms: ["EdDSA"], currentDate };
  const { payload } = await jwtVerify(statement, createLocalJWKSet(jwks), options);
  return updateStatement.parse(payload);
}

test("a published release goes to an appliance as a hint with three links, and the director says which image", async () => {
  const release = await kit.publish(randomBytes(20_000), { notes: "Crisper bread", kind: "security" });
  expect((await send(release, "oven-1", "oven-1")).body).toEqual({ deliveries: 1 });
  const { id, offer } = await waiting("oven-1");
  expect(offer).toMatchObject({
    version: release.version,
    security: true,
    notes: "Crisper bread",
    consent: "automatic",
    windows: [],
    notBeforeMs: null,
    postponeUntilMsMax: null,
    metadataHref: `${origin}/files/repository/`,
  });
  const claims = await claimsOf(String((await fetched(offer.statementHref)).body));
  const iat = Math.floor(kitchen.clock.nowMs() / 1_000);
  expect(claims).toEqual({
    deviceId: "oven-1",
    deliveryId: id,
    rolloutId: null,
    path: release.path,
    sha256: release.sha256,
    length: 20_000,
    releaseCounter: release.releaseCounter,
    seq: 1,
    iat,
    exp: iat + 3_600,
  });
  expect((await fetched(offer.imageHref)).status).toBe(200);
});

test("each statement has a number above all before it, also across releases and at once", async () => {
  const before = await waiting("oven-1");
  const statements = await Promise.all(Array.from({ length: 5 }, () => fetched(before.offer.statementHref)));
  const numbers = await Promise.all(statements.map(async ({ body }) => (await claimsOf(String(body))).seq));
  expect(numbers.toSorted((a, b) => a - b)).toEqual([2, 3, 4, 5, 6]);
  await send(await kit.publish(), "oven-1", "oven-2");
  const [one, two] = [await waiting("oven-1"), await waiting("oven-2")];
  expect((await claimsOf(String((await fetched(one.offer.statementHref)).body))).seq).toBe(7);
  expect((await claimsOf(String((await fetched(two.offer.statementHref)).body))).seq).toBe(1);
  // The one before was superseded.
  expect((await fetched(before.offer.statementHref)).body).toMatchObject({ status: 410, code: "delivery_closed" });
});

test("a statement's link is of use to its own appliance and delivery alone, until it expires", async () => {
  await send(await kit.publish(), "oven-1", "oven-2");
  const [one, two] = [await waiting("oven-1"), await waiting("oven-2")];
  const { statementHref } = one.offer;
  const code = async (href: string) => (await fetched(href)).body.code as string;
  expect(await code(statementHref.replace("oven-1", "oven-2"))).toBe("link_not_valid");
  expect(await code(statementHref.replace(one.id, two.id))).toBe("link_not_valid");
  const [, signature] = one.offer.imageHref.split("signature=");
  expect(await code(statementHref.replace(/signature=.*/, `signature=${signature}`))).toBe("link_not_valid");
  await receipt("oven-1", one, "downloading");
  expect((await fetched(statementHref)).status).toBe(200);
  await receipt("oven-1", one, "failed");
  await kitchen.as("admin", "POST", `/deliveries/${two.id}/cancel`);
  expect(await code(two.offer.statementHref)).toBe("delivery_closed");
  kitchen.clock.forward(400 * 86_400_000);
  expect(await code(statementHref)).toBe("link_expired");
  kitchen.clock.forward(-400 * 86_400_000);
});

test("a withdrawn release stops at once: no statement, no image, nothing that waits, and no new offer for ever", async () => {
  const image = randomBytes(5_000);
  const release = await kit.publish(image);
  await send(release, "oven-2", "oven-3", "oven-4");
  const [two, three] = [await waiting("oven-2"), await waiting("oven-3")];
  await receipt("oven-3", three, "downloading");
  const done = await withdraw(release);
  expect(done.body).toMatchObject({ state: "withdrawn", withdrawnReason: "burns bread" });
  expect((await fetched(two.offer.statementHref)).body.code).toBe("delivery_closed");
  expect((await fetched(three.offer.statementHref)).body).toMatchObject({ status: 410, code: "release_withdrawn" });
  for (const { offer } of [two, three]) expect((await fetched(offer.imageHref)).body.code).toBe("image_not_found");
  const { items } = (await kitchen.as("viewer", "GET", "/deliveries?kind=firmware&limit=3")).body;
  const phases = Object.fromEntries(
    (items as { deviceId: string; phase: string }[]).map((one) => [one.deviceId, one.phase]),
  );
  expect(phases).toEqual({ "oven-2": "cancelled", "oven-3": "received", "oven-4": "cancelled" });
  expect((await send(release, "oven-2")).body).toMatchObject({ code: "release_not_published" });
  expect(await kitchen.slices.firmware.markOffered(kitchen.base.db, release.id, 1)).toBe(false);
  expect(await kitchen.slices.firmware.openImageOf(release.id)).toBeNull();
  expect((await withdraw(release)).body).toMatchObject({ code: "release_withdrawn" });
  // The same bytes in another release are another matter.
  const again = await kit.publish(image);
  await send(again, "oven-2");
  expect((await fetched((await waiting("oven-2")).offer.imageHref)).status).toBe(200);
});

test("a release that is not published is not sent, and one that is sent is locked", async () => {
  const draft = await kit.draft();
  expect((await send(draft, "oven-1")).body).toMatchObject({ code: "release_not_published" });
  const change = (release: ReleaseView, body: object) =>
    kitchen.as("release", "PATCH", `/firmware/releases/${release.id}`, body);
  expect((await change(draft, { notes: "New", kind: "security" })).body).toMatchObject({
    notes: "New",
    kind: "security",
  });
  await kitchen.as("release", "DELETE", `/firmware/releases/${draft.id}`);
  const release = await kit.publish();
  expect((await change(release, { supportEndsAtMs: Date.UTC(2036, 0, 1) })).status).toBe(200);
  expect(await releaseNow(release)).toMatchObject({ offeredAtMs: null, supportEndsAtMs: Date.UTC(2036, 0, 1) });
  await send(release, "oven-1");
  expect(await releaseNow(release)).toMatchObject({ offeredAtMs: kitchen.clock.nowMs() });
  expect((await change(release, { notes: "Other" })).body).toMatchObject({ code: "release_locked" });
  const drop = await kitchen.as("release", "DELETE", `/firmware/releases/${release.id}`);
  expect(drop.body).toMatchObject({ code: "release_already_published" });
});

test("sending names what is wrong with its addressees and sends nothing then", async () => {
  const release = await kit.publish();
  await kitchen.as("admin", "PUT", "/models/hob", hobModel);
  await kitchen.as("admin", "POST", "/devices", { id: "hob-1", model: "hob" });
  expect((await send(release, "oven-1", "oven-9")).body).toMatchObject({ code: "firmware_devices_unknown" });
  expect((await send(release, "oven-1", "hob-1")).body).toMatchObject({ code: "firmware_wrong_model" });
  const toModel = (model: string) => kitchen.as("release", "POST", `/firmware/releases/${release.id}/send`, { model });
  expect((await toModel("hob")).body).toMatchObject({ code: "firmware_wrong_model" });
  expect((await releaseNow(release)).offeredAtMs).toBeNull();
  expect((await toModel("oven")).body).toEqual({ deliveries: 4 });
});

test("how many appliances run a release shows beside it", async () => {
  const release = await kit.publish();
  const reports = (device: string, firmware: string) =>
    kitchen.say({ device, channel: "reported", payload: { state: { firmware } } });
  await reports("oven-1", release.version);
  await reports("oven-2", release.version);
  await reports("oven-3", "0.1");
  expect(await releaseNow(release)).toMatchObject({ running: 2 });
  const { items } = (await kitchen.as("viewer", "GET", "/firmware/releases?limit=2")).body;
  expect((items as { running: number }[]).map(({ running }) => running)).toEqual([2, 0]);
});

test("what people do to releases is in the audit log and in the outbox", async () => {
  const release = await kit.publish();
  await withdraw(release);
  const lines = (await kitchen.as("admin", "GET", "/audit?limit=20")).body.items as {
    action: string;
    subject: string;
  }[];
  const actions = lines.filter(({ subject }) => subject === `release:${release.id}`).map(({ action }) => action);
  expect(actions.toSorted()).toEqual([
    "release.drafted",
    "release.image_uploaded",
    "release.published",
    "release.signed",
    "release.withdrawn",
  ]);
  // The outbox shows what came before every transaction that is still open anywhere in the server.
  await until("the outbox tells", async () => {
    const { items } = (await kitchen.as("viewer", "GET", "/events?limit=500")).body;
    const events = items as { type: string; subject: string }[];
    const types = events.filter(({ subject }) => subject === `release:${release.id}`).map(({ type }) => type);
    return types.join() === "hearth.release.published,hearth.release.withdrawn";
  });
});
