import { createPrivateKey, X509Certificate } from "node:crypto";
import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { refusal } from "#protocol/provisioning.ts";
import { newTestAuthority, type TestAuthority } from "../testing/authority.ts";
import { FolderDeviceStore, MemoryDeviceStore } from "./device-store.ts";
import { OwnCertificate } from "./own-certificate.ts";

let authority: TestAuthority;
let folder: string;
beforeAll(async () => {
  authority = await newTestAuthority();
  folder = mkdtempSync(join(tmpdir(), "hearth-identity-"));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const dayMs = 86_400_000;
const nowMs = Date.now();
const isPair = (own: OwnCertificate) =>
  new X509Certificate(own.held?.certificate ?? "").checkPrivateKey(createPrivateKey(own.held?.privateKey ?? ""));

test("a key is made, asked for, and held with its certificate; the next one after two thirds of its life has a key of its own", async () => {
  const own = new OwnCertificate("oven-1", new MemoryDeviceStore());
  expect([own.isWithout(nowMs), own.isDue(nowMs)]).toEqual([true, false]);
  expect(own.take(await authority.issue(await own.request(nowMs), "oven-1", [-2 * dayMs, dayMs]))).toBe("held");
  expect([own.isWithout(nowMs), isPair(own)]).toEqual([false, true]);
  const first = own.held;
  const renewFromMs = first?.renewFromMs ?? 0;
  expect([own.isDue(renewFromMs - 1), own.isDue(renewFromMs)]).toEqual([false, true]);
  expect(own.take(await authority.issue(await own.request(renewFromMs), "oven-1"))).toBe("held");
  expect(isPair(own)).toBe(true);
  expect(own.held?.privateKey).not.toBe(first?.privateKey);
});

test("the power may go at any moment: what is asked again is the same key, until its certificate is held", async () => {
  const store = new FolderDeviceStore(join(folder, "power"));
  const first = await new OwnCertificate("oven-1", store).request(nowMs);
  const again = new OwnCertificate("oven-1", store);
  const answer = await authority.issue(first, "oven-1");
  expect(again.held).toBeNull();
  // The answer to the first question fits what the second one asked for.
  await again.request(nowMs);
  expect(again.take(answer)).toBe("held");
  const after = new OwnCertificate("oven-1", store);
  expect([after.isWithout(nowMs), isPair(after)]).toEqual([false, true]);
  // A renewal that was cut off keeps the old certificate and the new key.
  const renewal = await after.request(nowMs);
  const restarted = new OwnCertificate("oven-1", store);
  expect(restarted.held).toEqual(after.held);
  expect(restarted.take(await authority.issue(renewal, "oven-1"))).toBe("held");
});

test("a certificate for another key or another name, or an answer that nobody asked for, is not taken", async () => {
  const own = new OwnCertificate("oven-1", new MemoryDeviceStore());
  const stranger = new OwnCertificate("oven-1", new MemoryDeviceStore());
  const foreign = await authority.issue(await stranger.request(nowMs), "oven-1");
  expect(own.take(foreign)).toBe("not_mine");
  const mine = await own.request(nowMs);
  expect(own.take(foreign)).toBe("not_mine");
  expect(own.take(await authority.issue(mine, "oven-2"))).toBe("not_mine");
  expect(
    own.take({
      ...foreign,
      kind: "issued",
      certificate: "nothing",
      chain: "",
      notBeforeMs: 0,
      notAfterMs: 0,
      renewFromMs: 0,
    }),
  ).toBe("not_mine");
  expect(own.held).toBeNull();
  expect(own.take(await authority.issue(mine, "oven-1"))).toBe("held");
});

test("where a new key is asked for one is made, and for any other refusal the key stays", async () => {
  const store = new MemoryDeviceStore();
  const own = new OwnCertificate("oven-1", store);
  await own.request(nowMs);
  const key = store.loadIdentity()?.nextKey;
  expect(own.take(refusal("try_again"))).toBe("refused");
  await own.request(nowMs);
  expect(store.loadIdentity()?.nextKey).toBe(key);
  expect(own.take(refusal("new_key_needed"))).toBe("refused");
  await own.request(nowMs);
  expect(store.loadIdentity()?.nextKey).not.toBe(key);
});

test("after a certificate has ended the old key says who this is", async () => {
  const store = new MemoryDeviceStore();
  const own = new OwnCertificate("oven-1", store);
  expect(own.take(await authority.issue(await own.request(nowMs), "oven-1", [-3 * dayMs, -dayMs]))).toBe("held");
  expect(own.isWithout(nowMs)).toBe(true);
  await own.request(nowMs);
  expect(store.loadIdentity()?.nextKey).toBe(store.loadIdentity()?.held?.privateKey);
  expect(own.take(await authority.issue(await own.request(nowMs), "oven-1"))).toBe("held");
  expect(own.isWithout(nowMs)).toBe(false);
});

test("the key lies in a file that its owner alone can read; one that cannot be read is no identity", async () => {
  const dir = join(folder, "file");
  await new OwnCertificate("oven-1", new FolderDeviceStore(dir)).request(nowMs);
  const path = join(dir, "identity.json");
  expect(statSync(path).mode & 0o777).toBe(0o600);
  expect(readFileSync(path, "utf8")).toContain("PRIVATE KEY");
  writeFileSync(path, readFileSync(path, "utf8").slice(0, 100));
  expect(new OwnCertificate("oven-1", new FolderDeviceStore(dir)).held).toBeNull();
});
