/**
 * First contact: how an appliance that has nothing but its serial number and the claim credential of its production batch comes by a
 * certificate of its own, and how it gets the next one before that ends.
 *
 *   first     client id `claim:{batch}:{serial}`, user name `claim:{batch}`, password the claim secret, clean session, no will
 *             hearth/v1/provisioning/{batch}/{serial}/request   ->   .../reply
 *   next      connected as itself
 *             hearth/v1/provisioning/device/{id}/request        ->   .../reply
 *
 * The device makes its key itself and keeps it. It stores the key before it asks: the same public key again is answered with the same
 * certificate again, so that a power cut between question and answer costs nothing.
 */
import { z } from "zod";
import { deviceIdPattern } from "./ids.ts";
import { claimPrefix } from "./link/messages.ts";
import { epochMs, safeText } from "./text.ts";
import { ownBatch } from "./topics.ts";

/** A production batch: 1-64 characters like a device id, and not `device`, which stands for appliances that are in already. */
export const batchKey = z
  .string()
  .regex(deviceIdPattern, "must be 1-64 characters of A-Z a-z 0-9 . _ - and not start with '.'")
  .refine((key) => key !== ownBatch, `must not be '${ownBatch}'`);

/** A serial number, which becomes the device's id. */
export const serialNumber = z
  .string()
  .regex(deviceIdPattern, "must be 1-64 characters of A-Z a-z 0-9 . _ - and not start with '.'");

/** Under which client id an appliance of a batch asks; one connection for each. */
export const claimClientId = (batch: string, serial: string): string => `${claimPrefix}${batch}:${serial}`;

/** Most bytes of a request: a CSR for P-256 takes some 500. */
export const provisioningRequestBytesMax = 8_192;

/** PKCS #10 in PEM: an EC P-256 key, signed by itself, whose common name is the serial number or is left out. */
export const provisioningRequest = z.object({ csr: safeText(6_000).min(1) }).meta({ id: "ProvisioningRequest" });

/**
 * Why a device gets no certificate, and what it should do. `not_allowed` is one answer to much, on purpose: a claim credential lies in
 * every appliance of its batch, and its holder is not told which serial numbers there are.
 */
export const provisioningRefusals = {
  request_invalid: "The payload is not a ProvisioningRequest.",
  csr_invalid:
    "The CSR cannot be used: it must be PKCS #10 in PEM with an EC P-256 key, its common name the serial number.",
  new_key_needed:
    "This key was given a certificate that does not count any more, or is another device's. Make a new key and ask again.",
  not_allowed: "The serial number is not one that this credential can enrol, or it is enrolled with another key.",
  quota_used_up: "The batch has enrolled as many appliances as it may.",
  batch_closed: "The batch takes no enrolments now.",
  too_early: "The certificate in use is not yet in the last third of its life.",
  too_many_certificates:
    "The device has more valid certificates than it can need. Ask again when one of them has ended.",
  one_at_a_time: "A request of this connection is being answered. Wait for the reply.",
  try_again: "It could not be decided now. Ask again in a while, with the same key.",
} as const;
export type ProvisioningRefusal = keyof typeof provisioningRefusals;

const refusalRules = Object.keys(provisioningRefusals).filter((rule): rule is ProvisioningRefusal =>
  Object.hasOwn(provisioningRefusals, rule),
);

export const provisioningReply = z
  .discriminatedUnion("kind", [
    z.object({
      kind: z.literal("issued"),
      /** The device's own, PEM. */
      certificate: safeText(8_192),
      /** What leads from it to the fleet's root, PEM; sent along in the TLS handshake where the library wants it. */
      chain: safeText(32_768),
      notBeforeMs: epochMs,
      notAfterMs: epochMs,
      /** From when on the next one can be had: two thirds of its life. */
      renewFromMs: epochMs,
    }),
    z.object({ kind: z.literal("refused"), rule: z.enum(refusalRules), detail: safeText(500) }),
  ])
  .meta({ id: "ProvisioningReply" });
export type ProvisioningReply = z.infer<typeof provisioningReply>;

/** A refusal as it goes to the device. */
export const refusal = (rule: ProvisioningRefusal, detail: string = provisioningRefusals[rule]): ProvisioningReply => ({
  kind: "refused",
  rule,
  detail,
});
