/**
 * Gives devices their certificates.
 *
 *   request --read--> key --facts, decided--> signed --one transaction: facts again, decided again, written--> issued
 *
 * It is decided twice, so that what will be refused costs no lock and no signature, and what is written is true as it is written.
 */
import type { EnrolFrom } from "#protocol/link/messages.ts";
import { provisioningRequest, type ProvisioningReply, refusal } from "#protocol/provisioning.ts";
import type { CertifiedDevices } from "../devices/devices.ts";
import type { Outbox } from "../events/events.ts";
import { type Authority, type IssuedCertificate, issueDevice, readCsr } from "../pki/pki.ts";
import type { Clock } from "../platform/clock.ts";
import { type Db, snapshot, transaction } from "../platform/database.ts";
import { BatchesStore } from "./batches-store.ts";
import { CertificatesStore } from "./certificates-store.ts";
import { type Decision, decideFirst, decideNext, type EnrolRule, renewFromMs, told } from "./core/enrolment.ts";
import { stepSerial } from "./core/serial-life.ts";
import { SerialsStore } from "./serials-store.ts";

/** A certificate that was refused: what our own people may know of it. */
export interface RefusedEnrolment {
  rule: EnrolRule;
  from: EnrolFrom;
  address: string;
  atMs: number;
}

export interface EnrolmentsDeps {
  db: Db;
  clock: Clock;
  outbox: Outbox;
  devices: CertifiedDevices;
  fleet: () => Authority;
  certificateValidMs: number;
  onRefused: (refused: RefusedEnrolment) => void;
}

interface Key {
  publicKey: Buffer;
  publicKeySha256: string;
}

type Outcome =
  | { kind: "issued"; certificate: { pem: string; notBeforeMs: number; notAfterMs: number } }
  | { kind: "refused"; rule: EnrolRule; detail?: string };

export class Enrolments {
  readonly #deps: EnrolmentsDeps;
  readonly #batches = new BatchesStore();
  readonly #serials = new SerialsStore();
  readonly #certificates = new CertificatesStore();

  constructor(deps: EnrolmentsDeps) {
    this.#deps = deps;
  }

  /** Answers a request as it came from a device. A refusal is told in words that give nothing away, and to `onRefused` in full. */
  async answer(from: EnrolFrom, payload: string, address: string): Promise<ProvisioningReply> {
    const { clock, fleet, onRefused } = this.#deps;
    const authority = fleet();
    const outcome = await this.#enrol(authority, from, payload);
    if (outcome.kind === "refused") {
      const { rule, detail } = outcome;
      onRefused({ rule, from, address, atMs: clock.nowMs() });
      return refusal(told[rule], detail);
    }
    const { pem, notBeforeMs, notAfterMs } = outcome.certificate;
    return {
      kind: "issued",
      certificate: pem,
      chain: authority.certificate,
      notBeforeMs,
      notAfterMs,
      renewFromMs: renewFromMs({ notBeforeMs, notAfterMs }),
    };
  }

  async #enrol(authority: Authority, from: EnrolFrom, payload: string): Promise<Outcome> {
    const { db, clock, certificateValidMs: validMs } = this.#deps;
    const request = provisioningRequest.safeParse(json(payload));
    if (!request.success) return { kind: "refused", rule: "request_invalid" };
    const key = await readCsr(request.data.csr);
    if (key.kind === "refused") return { kind: "refused", rule: "csr_invalid", detail: key.detail };
    const deviceId = from.kind === "claim" ? from.serial : from.deviceId;
    const first = answerOf(await snapshot(db, (tx) => this.#decide(tx, from, key)));
    if (first !== null) return first;
    const { publicKey } = key;
    const made = await issueDevice(authority, { deviceId, publicKey, nowMs: clock.nowMs(), validMs });
    return transaction(db, async (tx) => {
      // Always the device first: two that wait for one another could not be.
      await this.#serials.lock(tx, `device ${deviceId}`);
      await this.#serials.lock(tx, `key ${key.publicKeySha256}`);
      return answerOf(await this.#decide(tx, from, key)) ?? this.#write(tx, from, key, made);
    });
  }

  async #decide(db: Db, from: EnrolFrom, { publicKeySha256: keySha256 }: Key): Promise<Decision> {
    const { clock, devices } = this.#deps;
    const deviceId = from.kind === "claim" ? from.serial : from.deviceId;
    const facts = {
      nowMs: clock.nowMs(),
      keySha256,
      keyOwner: await this.#certificates.keyOwner(db, keySha256),
      device: await devices.standing(db, deviceId),
      certificates: await this.#certificates.facts(db, deviceId),
    };
    if (from.kind === "device") return decideNext({ ...facts, deviceId, fingerprint: from.fingerprint });
    const batch = await this.#batches.find(db, from.batch);
    const made = await this.#serials.find(db, from.serial);
    return decideFirst({ ...facts, serial: from.serial, batch, made });
  }

  async #write(tx: Db, from: EnrolFrom, { publicKeySha256 }: Key, made: IssuedCertificate): Promise<Outcome> {
    const { clock, outbox } = this.#deps;
    const atMs = clock.nowMs();
    const deviceId = from.kind === "claim" ? from.serial : from.deviceId;
    if (from.kind === "claim") {
      const refused = await this.#takeIn(tx, from, atMs);
      if (refused !== null) return refused;
    }
    const { certificate: pem, fingerprint, serialNumber, notBeforeMs, notAfterMs } = made;
    const batch = from.kind === "claim" ? from.batch : null;
    const times = { notBeforeMs, notAfterMs, issuedAtMs: atMs };
    const keySha256 = publicKeySha256;
    await this.#certificates.insert(tx, { fingerprint, deviceId, serialNumber, keySha256, pem, batch, ...times });
    const data = { fingerprint, notAfterMs, batch };
    await outbox.add(tx, [{ type: "hearth.certificate.issued", subject: `device:${deviceId}`, atMs, data }]);
    return { kind: "issued", certificate: { pem, notBeforeMs, notAfterMs } };
  }

  /** Makes a manufactured serial number a device of the registry. Nothing where it is one. */
  async #takeIn(tx: Db, from: Extract<EnrolFrom, { kind: "claim" }>, atMs: number): Promise<Outcome | null> {
    const { devices } = this.#deps;
    const made = await this.#serials.find(tx, from.serial);
    const step = made === null ? null : stepSerial(made.state, "enrolled");
    if (made === null || step?.kind !== "moved") return null;
    // The first thing that is written: a last place that two ask for at once is one's.
    if (!(await this.#batches.takePlace(tx, from.batch))) return { kind: "refused", rule: "quota_used_up" };
    await this.#serials.setState(tx, from.serial, step.to, atMs);
    const known = await devices.standing(tx, from.serial);
    const { model, country, tags } = made;
    if (known === null) await devices.admit(tx, { id: from.serial, model, country, tags });
    return null;
  }
}

/** What a decision that needs no writing answers; null where a certificate is to be written. */
function answerOf(decision: Decision): Outcome | null {
  switch (decision.kind) {
    case "issue":
      return null;
    case "same":
      return { kind: "issued", certificate: decision.certificate };
    case "refused":
      return decision;
  }
}

function json(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
