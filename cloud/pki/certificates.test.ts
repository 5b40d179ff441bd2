import { X509Certificate } from "node:crypto";
import { beforeAll, expect, test } from "vitest";
import type { Logger } from "../platform/logger.ts";
import { Certificates } from "./certificates.ts";
import type { Material } from "./core/material.ts";
import { issueServer, newIntermediate, newKey, newRoot } from "./pki.ts";

const dayMs = 86_400_000;
const madeAtMs = Date.now();
const organisation = "Oven makers";

let makeServer: (days: number) => Promise<Material>;
beforeAll(async () => {
  const term = { nowMs: madeAtMs, validMs: 1_000 * dayMs };
  const root = await newRoot({ commonName: "Root", organisation }, term);
  const fleet = await newIntermediate(root, { commonName: "Fleet", organisation }, term);
  makeServer = async (days) => {
    const { privateKey, publicKey } = newKey();
    const validMs = days * dayMs;
    const { certificate } = await issueServer(fleet, { names: ["localhost"], publicKey, nowMs: madeAtMs, validMs });
    return { server: { cert: certificate, key: privateKey }, fleet, formerFleet: "", root: root.certificate };
  };
});

/** A set of certificates whose source and clock the test turns. */
async function newSet(first: Material) {
  const now = { material: first as Material | Error, ms: madeAtMs };
  const events: string[] = [];
  const note = ({ event }: { event: string }) => events.push(event);
  const logger = { info: note, warn: note } as unknown as Logger;
  const load = async () => {
    if (now.material instanceof Error) throw now.material;
    return now.material;
  };
  const certificates = await Certificates.open({ load, clock: { nowMs: () => now.ms }, logger });
  let renewals = 0;
  certificates.onRenewed(() => (renewals += 1));
  return { certificates, now, events, renewals: () => renewals };
}

test("what has changed is taken up and told, what has not is not", async () => {
  const [first, second] = [await makeServer(90), await makeServer(90)];
  const { certificates, now, renewals } = await newSet(first);
  await certificates.check();
  expect(renewals()).toBe(0);
  now.material = { ...first };
  await certificates.check();
  expect(renewals()).toBe(0);
  now.material = second;
  await certificates.check();
  expect(renewals()).toBe(1);
  expect(certificates.tls).toEqual({
    cert: second.server.cert,
    key: second.server.key,
    clientCa: second.fleet.certificate,
  });
});

test("files that cannot be used leave in force what was, and are told once for each reason", async () => {
  const [first, second] = [await makeServer(90), await makeServer(90)];
  const { certificates, now, events, renewals } = await newSet(first);
  now.material = new Error("HEARTH_TLS_KEY has the key of another certificate");
  for (let count = 0; count < 3; count += 1) await certificates.check();
  now.material = new Error("HEARTH_TLS_KEY cannot be read");
  await certificates.check();
  expect(events).toEqual(["certificates.refused", "certificates.refused"]);
  expect([certificates.tls.cert, renewals()]).toEqual([first.server.cert, 0]);
  now.material = second;
  await certificates.check();
  expect([certificates.tls.cert, renewals()]).toEqual([second.server.cert, 1]);
});

test("a certificate that ends soon is told of once a day, and one that has ended shows in health", async () => {
  const { certificates, now, events } = await newSet(await makeServer(90));
  for (const day of [0, 60, 70, 70.1, 70.2, 71.1]) {
    now.ms = madeAtMs + day * dayMs;
    await certificates.check();
  }
  expect(events).toEqual(["certificates.ending", "certificates.ending"]);
  expect(certificates.problems()).toEqual([]);
  now.ms = madeAtMs + 91 * dayMs;
  expect(certificates.problems()).toEqual([
    expect.stringMatching(/^The server's certificate ended on 20\d\d-\d\d-\d\d\.$/),
  ]);
});

test("the root's fingerprint is written as other tools write it", async () => {
  const { certificates } = await newSet(await makeServer(90));
  expect(certificates.rootFingerprint).toBe(new X509Certificate(certificates.root).fingerprint256);
});
