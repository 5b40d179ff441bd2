/**
 * Whether a device gets a certificate: decided on what is known of it, and on nothing else.
 *
 * The order of the tests is part of the promise. Who holds the claim secret of a batch, as anybody does who opened one of its
 * appliances, may learn nothing about serial numbers: so what is said of the batch comes before the serial number is looked at, and
 * what is said of the key before that. Only who proves the key of an enrolled device hears of that device.
 */
import type { ProvisioningRefusal } from "#protocol/provisioning.ts";
import type { SerialState } from "./serial-life.ts";

export interface BatchFacts {
  key: string;
  model: string;
  quota: number;
  enrolled: number;
  validFromMs: number;
  validUntilMs: number | null;
  state: "open" | "closed";
}

export interface SerialFacts {
  batch: string;
  state: SerialState;
}

export interface DeviceFacts {
  model: string;
  isBlocked: boolean;
  /** It can log in with a token. */
  hasToken: boolean;
}

export interface CertificateFacts {
  fingerprint: string;
  keySha256: string;
  pem: string;
  notBeforeMs: number;
  notAfterMs: number;
  isRevoked: boolean;
}

/** What is known when an appliance asks by the claim credential of its batch. */
export interface FirstFacts {
  nowMs: number;
  serial: string;
  keySha256: string;
  /** The device whose key it is already. */
  keyOwner: string | null;
  batch: BatchFacts | null;
  made: SerialFacts | null;
  device: DeviceFacts | null;
  certificates: readonly CertificateFacts[];
}

/** What is known when a device asks that is in. */
export interface NextFacts {
  nowMs: number;
  deviceId: string;
  keySha256: string;
  keyOwner: string | null;
  device: DeviceFacts | null;
  certificates: readonly CertificateFacts[];
  /** Of the certificate that it came in by; null where that was a token. */
  fingerprint: string | null;
}

/** Why not, exactly: for our own people. What the device hears is in `told`. */
export type EnrolRule = keyof typeof told;

export type Decision =
  | { kind: "issue" }
  /** It was issued before, and the answer may have been lost. */
  | { kind: "same"; certificate: CertificateFacts }
  | { kind: "refused"; rule: EnrolRule };

/** What is said of each rule to the device. */
export const told = {
  request_invalid: "request_invalid",
  csr_invalid: "csr_invalid",
  key_of_another_device: "new_key_needed",
  key_revoked: "new_key_needed",
  unknown_batch: "not_allowed",
  batch_closed: "batch_closed",
  batch_not_valid_now: "batch_closed",
  quota_used_up: "quota_used_up",
  unknown_serial: "not_allowed",
  serial_of_another_batch: "not_allowed",
  serial_blocked: "not_allowed",
  already_enrolled: "not_allowed",
  device_of_another_model: "not_allowed",
  device_has_token: "not_allowed",
  unknown_device: "not_allowed",
  device_blocked: "not_allowed",
  credential_ended: "not_allowed",
  too_early: "too_early",
  too_many_certificates: "too_many_certificates",
} as const satisfies Record<string, ProvisioningRefusal>;

/** Valid certificates of one device at a time: the one in use, and next ones whose answer or key was lost. */
export const certificatesMax = 4;

const refused = (rule: EnrolRule): Decision => ({ kind: "refused", rule });

/** From when on the next certificate can be had: two thirds of its life. */
export const renewFromMs = ({ notBeforeMs, notAfterMs }: { notBeforeMs: number; notAfterMs: number }): number =>
  notBeforeMs + Math.floor(((notAfterMs - notBeforeMs) * 2) / 3);

export function decideFirst(facts: FirstFacts): Decision {
  const { nowMs, serial, batch, made, device } = facts;
  const key = keyRefusal(facts, serial);
  if (key !== null) return refused(key);
  if (batch === null) return refused("unknown_batch");
  const live = liveOf(facts);
  // Also where it has ended: an appliance that stood in a cellar for two years still has its key, and nobody else has.
  const ofThisKey = newestOf(facts.certificates.filter(({ keySha256 }) => keySha256 === facts.keySha256));
  if (ofThisKey !== null && made?.state === "enrolled" && made.batch === batch.key) {
    if (device?.isBlocked !== false) return refused("device_blocked");
    return nowMs < renewFromMs(ofThisKey) ? { kind: "same", certificate: ofThisKey } : { kind: "issue" };
  }
  if (batch.state === "closed") return refused("batch_closed");
  if (nowMs < batch.validFromMs || nowMs >= (batch.validUntilMs ?? Infinity)) return refused("batch_not_valid_now");
  if (batch.enrolled >= batch.quota) return refused("quota_used_up");
  if (made === null) return refused("unknown_serial");
  if (made.batch !== batch.key) return refused("serial_of_another_batch");
  if (made.state === "blocked") return refused("serial_blocked");
  if (made.state === "enrolled" || live.length > 0) return refused("already_enrolled");
  if (device?.isBlocked === true) return refused("device_blocked");
  if (device !== null && device.model !== batch.model) return refused("device_of_another_model");
  if (device?.hasToken === true) return refused("device_has_token");
  return { kind: "issue" };
}

export function decideNext(facts: NextFacts): Decision {
  const { nowMs, deviceId, device, fingerprint } = facts;
  const key = keyRefusal(facts, deviceId);
  if (key !== null) return refused(key);
  if (device === null) return refused("unknown_device");
  if (device.isBlocked) return refused("device_blocked");
  // Its connection may stand for a moment longer than what let it in, and must not buy it a certificate that outlives both.
  const isRevoked = facts.certificates.some((one) => one.isRevoked && one.fingerprint === fingerprint);
  if (fingerprint === null ? !device.hasToken : isRevoked) return refused("credential_ended");
  const live = liveOf(facts);
  const ofThisKey = newestOf(live.filter(({ keySha256 }) => keySha256 === facts.keySha256));
  if (ofThisKey !== null && nowMs < renewFromMs(ofThisKey)) return { kind: "same", certificate: ofThisKey };
  // By the certificate in use, not by the newest: the key of a newer one may have been lost with the power.
  const inUse = fingerprint === null ? newestOf(live) : (live.find((one) => one.fingerprint === fingerprint) ?? null);
  if (inUse !== null && nowMs < renewFromMs(inUse)) return refused("too_early");
  return live.length >= certificatesMax ? refused("too_many_certificates") : { kind: "issue" };
}

interface KeyFacts {
  nowMs: number;
  keySha256: string;
  keyOwner: string | null;
  certificates: readonly CertificateFacts[];
}

function keyRefusal(facts: KeyFacts, deviceId: string): EnrolRule | null {
  if (facts.keyOwner !== null && facts.keyOwner !== deviceId) return "key_of_another_device";
  const isRevoked = facts.certificates.some((one) => one.isRevoked && one.keySha256 === facts.keySha256);
  return isRevoked ? "key_revoked" : null;
}

const liveOf = ({ certificates, nowMs }: KeyFacts): CertificateFacts[] =>
  certificates.filter(({ isRevoked, notAfterMs }) => !isRevoked && nowMs < notAfterMs);

const newestOf = (certificates: readonly CertificateFacts[]): CertificateFacts | null =>
  certificates.reduce<CertificateFacts | null>(
    (newest, one) => (newest === null || one.notAfterMs > newest.notAfterMs ? one : newest),
    null,
  );
