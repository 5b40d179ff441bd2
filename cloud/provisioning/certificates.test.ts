import { X509Certificate } from "node:crypto";
import { afterAll, beforeAll, beforeEach, expect, test } from "vitest";
import type { CloudMessage } from "#protocol/link/messages.ts";
import { fingerprintOf } from "../pki/pki.ts";
import { csrOf, dayMs, type Factory, openFactory, system } from "../../test/support/factory.ts";

let factory: Factory;
beforeAll(async () => {
  factory = await openFactory();
  await factory.batch("b1", ["sn-1", "sn-2", "sn-3", "sn-4"]);
});
beforeEach(() => {
  factory.said.length = 0;
});
afterAll(() => factory.close());

async function enrol(serial: string): Promise<string> {
  const reply = await factory.claim("b1", serial, await csrOf());
  if (reply.kind === "refused") throw new Error(reply.rule);
  return reply.certificate;
}

const revoked = (message: CloudMessage | undefined): string[] =>
  message?.kind === "revoked" ? message.fingerprints : [];

async function denied(): Promise<CloudMessage[]> {
  const heard: CloudMessage[] = [];
  await factory.provisioning.certificates.denyList((message) => heard.push(message));
  return heard;
}

const list = (): Promise<Buffer> => factory.provisioning.certificates.revocationList();

const serialBytes = (certificate: string) => Buffer.from(new X509Certificate(certificate).serialNumber, "hex");

test("a revoked certificate is told at once, stands on the deny-list of every new link, and on the signed list", async () => {
  const { certificates } = factory.provisioning;
  const certificate = await enrol("sn-1");
  const fingerprint = fingerprintOf(certificate);
  expect(await denied()).toEqual([{ kind: "revoked", fingerprints: [], whole: true }]);
  expect((await list()).includes(serialBytes(certificate))).toBe(false);
  const outcome = await certificates.revoke(system, fingerprint, "key_compromise");
  expect(outcome).toMatchObject({
    certificate: { revokedAtMs: factory.clock.nowMs(), revokedReason: "key_compromise" },
  });
  expect(await denied()).toEqual([{ kind: "revoked", fingerprints: [fingerprint], whole: true }]);
  expect(factory.said).toEqual([{ kind: "revoked", fingerprints: [fingerprint], whole: false }]);
  expect((await list()).includes(serialBytes(certificate))).toBe(true);
});

test("revoking again changes nothing, and says it again", async () => {
  const { certificates } = factory.provisioning;
  const fingerprint = fingerprintOf(await enrol("sn-2"));
  const first = await certificates.revoke(system, fingerprint, "superseded");
  const lines = (await factory.staff.audit.verify(factory.base.db)).lines;
  factory.clock.setMs(factory.clock.nowMs() + 1_000);
  expect(await certificates.revoke(system, fingerprint, "key_compromise")).toEqual(first);
  expect((await factory.staff.audit.verify(factory.base.db)).lines).toBe(lines);
  await denied();
  expect(factory.said).toHaveLength(2);
  expect(await certificates.revoke(system, "0".repeat(64), "superseded")).toMatchObject({
    rule: "certificate_not_found",
  });
});

test("whatever is revoked while the whole deny-list is being read is denied at its end", async () => {
  const fingerprint = fingerprintOf(await enrol("sn-3"));
  const heard: CloudMessage[] = [];
  // One link takes both kinds of word, as the gateway's does.
  const whole = factory.provisioning.certificates.denyList((message) => factory.said.push(message));
  await Promise.all([whole, factory.provisioning.certificates.revoke(system, fingerprint, "unspecified")]);
  await denied();
  heard.push(...factory.said);
  let deniedNow = new Set<string>();
  for (const message of heard) {
    if (message.kind !== "revoked") continue;
    if (message.whole) deniedNow = new Set();
    for (const one of revoked(message)) deniedNow.add(one);
  }
  expect(deniedNow.has(fingerprint)).toBe(true);
});

test("the signed list is kept until half its time is over or something is revoked, and its numbers go up", async () => {
  const first = await list();
  expect(await list()).toBe(first);
  const many = await Promise.all([list(), list(), list()]);
  expect(new Set(many)).toEqual(new Set([first]));
  factory.clock.setMs(factory.clock.nowMs() + dayMs / 2);
  const second = await list();
  expect(second).not.toEqual(first);
  const fingerprint = fingerprintOf(await enrol("sn-4"));
  await factory.provisioning.certificates.revoke(system, fingerprint, "unspecified");
  const after = await Promise.all([list(), list(), list()]);
  expect(new Set(after).size).toBe(1);
  expect(after[0]).not.toBe(second);
});

test("certificates are listed in the order in which they end, page by page, and by what is asked of them", async () => {
  const { certificates } = factory.provisioning;
  const all = { deviceId: null, expiringBeforeMs: null, revoked: null, after: null };
  const whole = await certificates.page({ ...all, limit: 100 });
  expect(whole.map(({ notAfterMs }) => notAfterMs)).toEqual(
    whole.map(({ notAfterMs }) => notAfterMs).toSorted((a, b) => a - b),
  );
  const paged: string[] = [];
  for (let after: readonly [number, string] | null = null; ;) {
    const page = await certificates.page({ ...all, after, limit: 1 });
    const [one] = page;
    if (one === undefined) break;
    paged.push(one.fingerprint);
    after = [one.notAfterMs, one.fingerprint];
  }
  expect(paged).toEqual(whole.map(({ fingerprint }) => fingerprint));
  expect(await certificates.page({ ...all, deviceId: "sn-1", limit: 10 })).toHaveLength(1);
  expect((await certificates.page({ ...all, revoked: true, limit: 10 })).every((one) => one.revokedAtMs !== null)).toBe(
    true,
  );
  const [first] = whole;
  const endMs = first?.notAfterMs ?? 0;
  expect(await certificates.page({ ...all, expiringBeforeMs: endMs, limit: 10 })).toEqual([]);
  expect((await certificates.page({ ...all, expiringBeforeMs: endMs + 1, limit: 10 }))[0]).toEqual(first);
});

test("a revoked certificate that has ended is on no list any more", async () => {
  const [message] = await denied();
  expect(revoked(message).length).toBeGreaterThan(0);
  factory.clock.setMs(factory.clock.nowMs() + 400 * dayMs);
  expect(await denied()).toEqual([{ kind: "revoked", fingerprints: [], whole: true }]);
});
