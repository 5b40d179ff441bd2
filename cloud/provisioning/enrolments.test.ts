import { createHash, generateKeyPairSync, X509Certificate } from "node:crypto";
import { sql } from "kysely";
import { afterAll, beforeAll, beforeEach, expect, test } from "vitest";
import { provisioningReply } from "#protocol/provisioning.ts";
import type { ProvisioningReply } from "#protocol/provisioning.ts";
import { fingerprintOf } from "../pki/pki.ts";
import { newCsr } from "../pki/testing/csr.ts";
import { csrOf, dayMs, type Factory, openFactory, system } from "../../test/support/factory.ts";

let factory: Factory;
beforeAll(async () => {
  factory = await openFactory();
});
beforeEach(() => {
  factory.refused.length = 0;
  factory.said.length = 0;
  factory.clock.setMs(Date.now());
});
afterAll(() => factory.close());

function issued(reply: ProvisioningReply): Extract<ProvisioningReply, { kind: "issued" }> {
  expect(provisioningReply.parse(reply)).toEqual(reply);
  if (reply.kind === "refused") throw new Error(`refused: ${reply.rule}`);
  return reply;
}
/** What a device was told, and what is known of why. */
async function refusal(asking: Promise<ProvisioningReply>): Promise<[string, string | undefined]> {
  const before = factory.refused.length;
  const reply = await asking;
  expect(provisioningReply.parse(reply)).toEqual(reply);
  if (reply.kind === "issued") return ["issued", undefined];
  expect(factory.refused).toHaveLength(before + 1);
  return [reply.rule, factory.refused.at(-1)?.rule];
}

const hash = (secret: string): string => createHash("sha256").update(secret).digest("hex");
const enrolled = async (batch: string) => (await factory.provisioning.batches.get(batch))?.enrolled;

test("an appliance that was made gets a certificate of its own, and is a device of the registry without a token", async () => {
  await factory.batch("b1", ["b1-1", "b1-2"]);
  const keys = generateKeyPairSync("ec", { namedCurve: "P-256" });
  const reply = issued(await factory.claim("b1", "b1-1", await newCsr(keys, { subject: "b1-1" })));
  const read = new X509Certificate(reply.certificate);
  expect(read.subject).toBe("CN=b1-1");
  expect(read.checkPrivateKey(keys.privateKey)).toBe(true);
  expect(read.verify(new X509Certificate(factory.fleet.certificate).publicKey)).toBe(true);
  expect(reply.chain).toBe(factory.fleet.certificate);
  expect(read.validToDate.getTime()).toBe(reply.notAfterMs);
  expect(reply.notAfterMs - factory.clock.nowMs()).toBeGreaterThan(364.9 * dayMs);
  const device = await factory.devices.get("b1-1");
  expect(device).toMatchObject({ id: "b1-1", serial: "b1-1", model: "oven" });
  expect(await factory.devices.identity("b1-1")).toMatchObject({ tokens: [] });
  expect(await factory.provisioning.certificates.ofDevice("b1-1")).toMatchObject([
    { fingerprint: fingerprintOf(reply.certificate), batch: "b1", revokedAtMs: null },
  ]);
  expect(await factory.provisioning.serial("b1-1")).toMatchObject({ state: "enrolled" });
  expect([await enrolled("b1"), factory.refused]).toEqual([1, []]);
  expect(await factory.provisioning.serial("b1-2")).toMatchObject({ state: "manufactured" });
});

test("the same key again gets the same certificate again, also where the answer was lost many times", async () => {
  await factory.batch("b2", ["b2-1"], 1);
  const keys = generateKeyPairSync("ec", { namedCurve: "P-256" });
  const first = issued(await factory.claim("b2", "b2-1", await newCsr(keys)));
  for (let n = 0; n < 3; n += 1) expect(await factory.claim("b2", "b2-1", await newCsr(keys))).toEqual(first);
  expect([await enrolled("b2"), (await factory.provisioning.certificates.ofDevice("b2-1")).length]).toEqual([1, 1]);
});

test("the same key from many sides at once is one certificate", async () => {
  await factory.batch("b3", ["b3-1"]);
  const csr = await csrOf();
  const replies = await Promise.all(Array.from({ length: 6 }, () => factory.claim("b3", "b3-1", csr)));
  expect(new Set(replies.map((reply) => issued(reply).certificate)).size).toBe(1);
  expect(await enrolled("b3")).toBe(1);
});

test("of many keys for one serial number at once one is enrolled", async () => {
  await factory.batch("b4", ["b4-1"]);
  const csrs = await Promise.all(Array.from({ length: 5 }, () => csrOf()));
  const replies = await Promise.all(csrs.map((csr) => factory.claim("b4", "b4-1", csr)));
  expect(replies.filter(({ kind }) => kind === "issued")).toHaveLength(1);
  expect(factory.refused.map(({ rule }) => rule)).toEqual(Array.from({ length: 4 }, () => "already_enrolled"));
  expect(await factory.provisioning.certificates.ofDevice("b4-1")).toHaveLength(1);
});

test("of many appliances that ask for the last places at once so many get one as there are", async () => {
  const serials = Array.from({ length: 6 }, (_, at) => `b5-${at}`);
  await factory.batch("b5", serials, 2);
  const replies = await Promise.all(serials.map(async (serial) => factory.claim("b5", serial, await csrOf())));
  expect(replies.filter(({ kind }) => kind === "issued")).toHaveLength(2);
  expect(new Set(factory.refused.map(({ rule }) => rule))).toEqual(new Set(["quota_used_up"]));
  expect(await enrolled("b5")).toBe(2);
  expect((await factory.provisioning.batches.get("b5"))?.serials).toEqual({ manufactured: 4, enrolled: 2, blocked: 0 });
});

test("one key for two appliances at once is one appliance's", async () => {
  await factory.batch("b6", ["b6-1", "b6-2"]);
  const csr = await csrOf();
  const replies = await Promise.all([factory.claim("b6", "b6-1", csr), factory.claim("b6", "b6-2", csr)]);
  expect(replies.filter(({ kind }) => kind === "issued")).toHaveLength(1);
  expect(factory.refused.map(({ rule }) => rule)).toEqual(["key_of_another_device"]);
  // The loser makes a new key, and is in.
  const loser = replies[0]?.kind === "issued" ? "b6-2" : "b6-1";
  issued(await factory.claim("b6", loser, await csrOf()));
  expect(await enrolled("b6")).toBe(2);
});

test("the holder of a claim credential is not told which serial numbers there are", async () => {
  await factory.batch("b7", ["b7-enrolled", "b7-blocked", "b7-token"]);
  await factory.batch("b7x", ["b7x-other"]);
  await factory.devices.add(["b7-token"], { model: "oven" });
  issued(await factory.claim("b7", "b7-enrolled", await csrOf()));
  await factory.provisioning.setSerialBlocked(system, "b7-blocked", true);
  const answers = new Map<string, ProvisioningReply>();
  for (const serial of ["b7-nobody", "b7x-other", "b7-enrolled", "b7-blocked", "b7-token"]) {
    answers.set(serial, await factory.claim("b7", serial, await csrOf()));
  }
  expect(new Set([...answers.values()].map((reply) => JSON.stringify(reply))).size).toBe(1);
  expect(answers.get("b7-nobody")).toMatchObject({ rule: "not_allowed" });
  expect(factory.refused.map(({ rule }) => rule)).toEqual([
    "unknown_serial",
    "serial_of_another_batch",
    "already_enrolled",
    "serial_blocked",
    "device_has_token",
  ]);
  expect(factory.refused[0]).toMatchObject({
    from: { kind: "claim", batch: "b7", serial: "b7-nobody" },
    address: "192.0.2.7",
    atMs: factory.clock.nowMs(),
  });
  // Nor by the key of an appliance of their own, nor by a batch that is full.
  const own = await csrOf();
  await factory.batch("b7y", ["b7y-1", "b7y-2"], 1);
  issued(await factory.claim("b7y", "b7y-1", own));
  for (const serial of ["b7y-2", "b7y-9"]) {
    expect(await refusal(factory.claim("b7y", serial, own))).toEqual(["new_key_needed", "key_of_another_device"]);
    expect(await refusal(factory.claim("b7y", serial, await csrOf()))).toEqual(["quota_used_up", "quota_used_up"]);
  }
});

test("a refusal leaves nothing behind", async () => {
  const everything = async () => {
    const tables = ["device", "device_public_key", "device_certificate", "outbox", "audit_entry", "production_batch"];
    const texts = await Promise.all(
      tables.map((name) =>
        sql
          .raw<{ text: string | null }>(`SELECT string_agg(t::text, ' ') AS text FROM ${name} t`)
          .execute(factory.base.db),
      ),
    );
    return texts.map(({ rows }) => rows[0]?.text);
  };
  const before = await everything();
  expect(await refusal(factory.claim("b1", "nobody", await csrOf()))).toEqual(["not_allowed", "unknown_serial"]);
  expect(await refusal(factory.claim("b1", "b1-1", await csrOf()))).toEqual(["not_allowed", "already_enrolled"]);
  expect(await refusal(factory.claim("nowhere", "b1-2", await csrOf()))).toEqual(["not_allowed", "unknown_batch"]);
  expect(await everything()).toEqual(before);
});

test.each<[string, string]>([
  ["no JSON", "hello"],
  ["no object", "[]"],
  ["no CSR", "{}"],
  ["a CSR that is too long", JSON.stringify({ csr: "x".repeat(7_000) })],
  ["a CSR with NUL", JSON.stringify({ csr: "a\u0000b" })],
])("a request that is %s is refused as that", async (_what, payload) => {
  const from = { kind: "claim", batch: "b1", serial: "b1-2" } as const;
  expect(await refusal(factory.provisioning.enrolments.answer(from, payload, "192.0.2.7"))).toEqual([
    "request_invalid",
    "request_invalid",
  ]);
});

test("a CSR that cannot be used is refused before anything is looked up, with the reason", async () => {
  const weak = await newCsr(generateKeyPairSync("rsa", { modulusLength: 1_024 }));
  for (const [batch, serial] of [
    ["b1", "b1-2"],
    ["b1", "nobody"],
    ["nowhere", "nobody"],
  ] as const) {
    const reply = await factory.claim(batch, serial, weak);
    expect(reply).toMatchObject({ rule: "csr_invalid", detail: expect.stringContaining("RSA of 2048") });
    expect(await factory.claim(batch, serial, "-----BEGIN")).toMatchObject({ rule: "csr_invalid" });
  }
});

test("the next certificate comes with a new key from two thirds of the life on, and the one before stays valid", async () => {
  await factory.batch("c1", ["c1-1"]);
  const first = issued(await factory.claim("c1", "c1-1", await csrOf()));
  const fingerprint = fingerprintOf(first.certificate);
  const csr = await csrOf();
  expect(await refusal(factory.renew("c1-1", csr, fingerprint))).toEqual(["too_early", "too_early"]);
  factory.clock.setMs(first.renewFromMs);
  const second = issued(await factory.renew("c1-1", csr, fingerprint));
  expect(second.notAfterMs).toBeGreaterThan(first.notAfterMs);
  expect(new X509Certificate(second.certificate).subject).toBe("CN=c1-1");
  // The answer was lost, and asked for again with the same key.
  expect(await factory.renew("c1-1", csr, fingerprint)).toEqual(second);
  const known = await factory.provisioning.certificates.ofDevice("c1-1");
  expect(known).toMatchObject([
    { fingerprint: fingerprintOf(second.certificate), batch: null, revokedAtMs: null },
    { fingerprint, batch: "c1", revokedAtMs: null },
  ]);
  // By the new one it is too early again.
  const renewed = fingerprintOf(second.certificate);
  expect(await refusal(factory.renew("c1-1", await csrOf(), renewed))).toEqual(["too_early", "too_early"]);
});

test("an appliance that lost its new key before it could use it is not locked out", async () => {
  await factory.batch("c2", ["c2-1"]);
  const first = issued(await factory.claim("c2", "c2-1", await csrOf()));
  const fingerprint = fingerprintOf(first.certificate);
  factory.clock.setMs(first.renewFromMs);
  for (let n = 0; n < 3; n += 1) issued(await factory.renew("c2-1", await csrOf(), fingerprint));
  expect(await refusal(factory.renew("c2-1", await csrOf(), fingerprint))).toEqual([
    "too_many_certificates",
    "too_many_certificates",
  ]);
});

test("an appliance whose one key is burnt into it gets its next certificate for that key", async () => {
  await factory.batch("c3", ["c3-1"]);
  const keys = generateKeyPairSync("ec", { namedCurve: "P-256" });
  const first = issued(await factory.claim("c3", "c3-1", await newCsr(keys)));
  const fingerprint = fingerprintOf(first.certificate);
  expect(await factory.renew("c3-1", await newCsr(keys), fingerprint)).toEqual(first);
  factory.clock.setMs(first.renewFromMs);
  const second = issued(await factory.renew("c3-1", await newCsr(keys), fingerprint));
  expect(second.notAfterMs).toBeGreaterThan(first.notAfterMs);
  expect(await factory.renew("c3-1", await newCsr(keys), fingerprint)).toEqual(second);
});

test("a device that came by token gets a certificate by asking, and keeps its token", async () => {
  await factory.devices.add(["by-hand"], { model: "oven" });
  const reply = issued(await factory.renew("by-hand", await csrOf()));
  expect(new X509Certificate(reply.certificate).subject).toBe("CN=by-hand");
  expect((await factory.devices.identity("by-hand"))?.tokens).toHaveLength(1);
});

test("a blocked device gets no certificate, and its certificates stay what they are", async () => {
  await factory.batch("c4", ["c4-1"]);
  const keys = generateKeyPairSync("ec", { namedCurve: "P-256" });
  const first = issued(await factory.claim("c4", "c4-1", await newCsr(keys)));
  await factory.devices.setBlocked(system, "c4-1", true);
  expect(await refusal(factory.claim("c4", "c4-1", await newCsr(keys)))).toEqual(["not_allowed", "device_blocked"]);
  factory.clock.setMs(first.renewFromMs);
  expect(await refusal(factory.renew("c4-1", await csrOf()))).toEqual(["not_allowed", "device_blocked"]);
  expect(await factory.devices.identity("c4-1")).toBeNull();
  expect(await factory.provisioning.certificates.ofDevice("c4-1")).toMatchObject([{ revokedAtMs: null }]);
});

test("after a repair a serial number can be enrolled again, with a new key, and nothing of before lets anybody in", async () => {
  await factory.batch("d1", ["d1-1"], 1);
  const keys = generateKeyPairSync("ec", { namedCurve: "P-256" });
  const first = issued(await factory.claim("d1", "d1-1", await newCsr(keys)));
  const fingerprint = fingerprintOf(first.certificate);
  factory.said.length = 0;
  expect(await factory.provisioning.reProvision(system, "d1-1")).toEqual({ kind: "done", revoked: [fingerprint] });
  await factory.provisioning.certificates.denyList(() => {});
  expect(factory.said).toEqual([
    { kind: "forget", name: "d1-1", disconnect: true },
    { kind: "revoked", fingerprints: [fingerprint], whole: false },
  ]);
  expect(await enrolled("d1")).toBe(0);
  expect(await refusal(factory.claim("d1", "d1-1", await newCsr(keys)))).toEqual(["new_key_needed", "key_revoked"]);
  issued(await factory.claim("d1", "d1-1", await csrOf()));
  expect(await enrolled("d1")).toBe(1);
  expect((await factory.devices.get("d1-1"))?.model).toBe("oven");
});

test("an appliance that was registered by hand can be moved to certificates", async () => {
  await factory.batch("d2", ["d2-1"]);
  await factory.devices.add(["d2-1"], { model: "oven" });
  expect(await refusal(factory.claim("d2", "d2-1", await csrOf()))).toEqual(["not_allowed", "device_has_token"]);
  expect(await factory.provisioning.reProvision(system, "d2-1")).toEqual({ kind: "done", revoked: [] });
  issued(await factory.claim("d2", "d2-1", await csrOf()));
  expect(await factory.devices.identity("d2-1")).toMatchObject({ tokens: [] });
  expect(await factory.provisioning.reProvision(system, "nobody")).toMatchObject({
    rule: "provisioned_device_not_found",
  });
  expect(await factory.provisioning.reProvision(system, "by-hand")).toMatchObject({ rule: "serial_not_found" });
});

test("a connection that outlives its certificate or its token by a moment gets no certificate out of it", async () => {
  await factory.batch("d3", ["d3-1", "d3-2"]);
  const first = issued(await factory.claim("d3", "d3-1", await csrOf()));
  const fingerprint = fingerprintOf(first.certificate);
  await factory.provisioning.certificates.revoke(system, fingerprint, "key_compromise");
  expect(await refusal(factory.renew("d3-1", await csrOf(), fingerprint))).toEqual(["not_allowed", "credential_ended"]);
  await factory.devices.add(["d3-2"], { model: "oven" });
  await factory.provisioning.reProvision(system, "d3-2");
  expect(await refusal(factory.renew("d3-2", await csrOf()))).toEqual(["not_allowed", "credential_ended"]);
  // The place is still free for the appliance itself.
  issued(await factory.claim("d3", "d3-2", await csrOf()));
});

test("a batch that is closed, not begun or over enrols nobody and lets nobody in", async () => {
  const { provisioning, clock } = factory;
  await factory.batch("e1", ["e1-1"]);
  const nowMs = clock.nowMs();
  expect(await provisioning.batches.identity("e1")).toMatchObject({ tokens: [{ validUntilMs: null }] });
  await provisioning.batches.change(system, "e1", { state: "closed" });
  expect(await provisioning.batches.identity("e1")).toBeNull();
  expect(factory.said).toContainEqual({ kind: "forget", name: "claim:e1", disconnect: true });
  expect(await refusal(factory.claim("e1", "e1-1", await csrOf()))).toEqual(["batch_closed", "batch_closed"]);
  await provisioning.batches.change(system, "e1", { state: "open", validUntilMs: nowMs + dayMs });
  expect(await provisioning.batches.identity("e1")).toMatchObject({ tokens: [{ validUntilMs: nowMs + dayMs }] });
  clock.setMs(nowMs + dayMs);
  expect(await provisioning.batches.identity("e1")).toBeNull();
  expect(await refusal(factory.claim("e1", "e1-1", await csrOf()))).toEqual(["batch_closed", "batch_not_valid_now"]);
  expect(await provisioning.batches.identity("nowhere")).toBeNull();
});

test("a rotated claim secret works with the one before, until its grace is over or at once", async () => {
  const { provisioning, clock } = factory;
  const first = await factory.batch("e2", []);
  const rotate = (graceMs: number) => provisioning.batches.rotateSecret(system, "e2", graceMs);
  const rotated = await rotate(dayMs);
  if (rotated.kind === "refused") throw new Error(rotated.rule);
  const tokens = (await provisioning.batches.identity("e2"))?.tokens;
  const endsAtMs = clock.nowMs() + dayMs;
  expect(new Set(tokens?.map(({ sha256, validUntilMs }) => `${sha256} ${validUntilMs}`))).toEqual(
    new Set([`${hash(rotated.secret)} null`, `${hash(first)} ${endsAtMs}`]),
  );
  clock.setMs(endsAtMs);
  expect(await provisioning.batches.identity("e2")).toMatchObject({ tokens: [{ sha256: hash(rotated.secret) }] });
  factory.said.length = 0;
  const now = await rotate(0);
  expect(now).toMatchObject({ kind: "rotated", graceEndsAtMs: null });
  expect((await provisioning.batches.identity("e2"))?.tokens).toHaveLength(1);
  expect(factory.said).toEqual([{ kind: "forget", name: "claim:e2", disconnect: true }]);
  for (let n = 0; n < 4; n += 1) expect(await rotate(dayMs)).toMatchObject({ kind: "rotated" });
  expect(await rotate(dayMs)).toEqual({ kind: "refused", rule: "too_many_claim_secrets" });
});

test("no secret and no private key stands anywhere in the database", async () => {
  const secret = await factory.batch("f1", ["f1-1"]);
  issued(await factory.claim("f1", "f1-1", await csrOf()));
  const { rows } = await sql<{ name: string }>`
    SELECT format('%I', table_name) AS name FROM information_schema.tables
    WHERE table_schema = 'public' AND table_type = 'BASE TABLE'`.execute(factory.base.db);
  for (const { name } of rows) {
    const all = await sql
      .raw<{ text: string | null }>(`SELECT string_agg(t::text, ' ') AS text FROM ${name} t`)
      .execute(factory.base.db);
    expect([name, all.rows[0]?.text?.includes(secret) ?? false]).toEqual([name, false]);
    expect([name, all.rows[0]?.text?.includes("PRIVATE KEY") ?? false]).toEqual([name, false]);
  }
});
