/** A factory for tests: the slice on a database of its own, with a CA, a clock that a test sets, and what was said and refused. */
import { generateKeyPairSync } from "node:crypto";
import { Readable } from "node:stream";
import type { CloudMessage, EnrolFrom } from "#protocol/link/messages.ts";
import type { ProvisioningReply } from "#protocol/provisioning.ts";
import { TestRegistry } from "./registry.ts";
import { createTestDatabase, type TestDatabase } from "./postgres.ts";
import { Outbox } from "../../cloud/events/events.ts";
import { type Authority, newIntermediate, newRoot } from "../../cloud/pki/pki.ts";
import { newCsr } from "../../cloud/pki/testing/csr.ts";
import { randomIds } from "../../cloud/platform/ids.ts";
import { Staff, type Principal } from "../../cloud/staff/staff.ts";
import { Provisioning, type ProvisioningDeps, type RefusedEnrolment } from "../../cloud/provisioning/provisioning.ts";

export const system: Principal = { kind: "system" };
export const dayMs = 86_400_000;

export interface Factory {
  base: TestDatabase;
  clock: { nowMs(): number; setMs(ms: number): void };
  devices: TestRegistry;
  staff: Staff;
  fleet: Authority;
  provisioning: Provisioning;
  said: CloudMessage[];
  refused: RefusedEnrolment[];
  /** Makes a batch of the model `oven` and puts serial numbers on its list. @returns its claim secret */
  batch(key: string, serials: readonly string[], quota?: number): Promise<string>;
  importText(text: string, piece?: number): ReturnType<Provisioning["imports"]["run"]>;
  /** Asks by claim credential. */
  claim(batch: string, serial: string, csr: string): Promise<ProvisioningReply>;
  /** Asks as a device that is in. */
  renew(deviceId: string, csr: string, fingerprint?: string | null): Promise<ProvisioningReply>;
  close(): Promise<void>;
}

/** A new key's request. */
export const csrOf = (subject = "device"): Promise<string> =>
  newCsr(generateKeyPairSync("ec", { namedCurve: "P-256" }), { subject });

export async function openFactory(over: Partial<ProvisioningDeps> = {}): Promise<Factory> {
  const base = await createTestDatabase();
  let nowMs = Date.now();
  const clock = {
    nowMs: () => nowMs,
    setMs(ms: number) {
      nowMs = ms;
    },
  };
  const deps = { db: base.db, clock, ids: randomIds };
  const staff = new Staff(deps);
  const devices = new TestRegistry({ ...deps, audit: staff.audit });
  const said: CloudMessage[] = [];
  devices.onSignals({
    credentialsChanged: (name, disconnect) => said.push({ kind: "forget", name, disconnect }),
    desiredChanged() {},
  });
  await devices.addModel("oven");
  const term = { nowMs, validMs: 3_650 * dayMs };
  const name = { commonName: "Fleet", organisation: "Makers" };
  const fleet = await newIntermediate(await newRoot(name, term), name, term);
  const refused: RefusedEnrolment[] = [];
  const provisioning = new Provisioning({
    ...deps,
    audit: staff.audit,
    outbox: new Outbox(randomIds),
    devices: devices.certified,
    hasModel: async (key) => (await devices.model(key)) !== null,
    fleet: () => fleet,
    certificateValidMs: 365 * dayMs,
    announce: (message) => said.push(message),
    onRefused: (one) => refused.push(one),
    ...over,
  });
  const ask = (from: EnrolFrom, csr: string) =>
    provisioning.enrolments.answer(from, JSON.stringify({ csr }), "192.0.2.7");
  const importText = (text: string, piece = 65_536) => {
    const bytes = Buffer.from(text);
    const pieces = Array.from({ length: Math.ceil(bytes.length / piece) }, (_, at) =>
      bytes.subarray(at * piece, (at + 1) * piece),
    );
    return provisioning.imports.run(system, Readable.from(pieces));
  };
  return {
    base,
    clock,
    devices,
    staff,
    fleet,
    provisioning,
    said,
    refused,
    importText,
    async batch(key, serials, quota = 1_000) {
      const made = await provisioning.batches.create(system, { key, model: "oven", quota });
      if (made.kind === "refused") throw new Error(made.rule);
      if (serials.length > 0) {
        await importText(`serial,model,batch\n${serials.map((serial) => `${serial},oven,${key}\n`).join("")}`);
      }
      return made.secret;
    },
    claim: (batch, serial, csr) => ask({ kind: "claim", batch, serial }, csr),
    renew: (deviceId, csr, fingerprint = null) => ask({ kind: "device", deviceId, fingerprint }, csr),
    close: () => base.drop(),
  };
}
