import { provisioningRefusals } from "#protocol/provisioning.ts";
import fc from "fast-check";
import { expect, test } from "vitest";
import {
  type CertificateFacts,
  certificatesMax,
  decideFirst,
  decideNext,
  type FirstFacts,
  type NextFacts,
  renewFromMs,
  told,
} from "./enrolment.ts";

const nowMs = 1_000_000;
const young = { notBeforeMs: nowMs - 10, notAfterMs: nowMs + 89 };
const old = { notBeforeMs: nowMs - 60, notAfterMs: nowMs + 30 };
const ended = { notBeforeMs: nowMs - 90, notAfterMs: nowMs };

const certificate = (over: Partial<CertificateFacts> = {}): CertificateFacts => ({
  fingerprint: "f1",
  keySha256: "k1",
  pem: "pem",
  isRevoked: false,
  ...young,
  ...over,
});
const batch = {
  key: "b1",
  model: "oven",
  quota: 10,
  enrolled: 9,
  validFromMs: nowMs,
  validUntilMs: null,
  state: "open" as const,
};
const first: FirstFacts = {
  nowMs,
  serial: "sn-1",
  keySha256: "k1",
  keyOwner: null,
  batch,
  made: { batch: "b1", state: "manufactured" },
  device: null,
  certificates: [],
};
const device = { model: "oven", isBlocked: false, hasToken: false };
const enrolled: Partial<FirstFacts> = {
  keyOwner: "sn-1",
  made: { batch: "b1", state: "enrolled" },
  device,
  certificates: [certificate()],
};

const outcome = (decision: ReturnType<typeof decideFirst>): string =>
  decision.kind === "refused" ? decision.rule : decision.kind;

test.each<[string, Partial<FirstFacts>, string]>([
  ["made, open, room", {}, "issue"],
  ["the last second of a batch's time", { batch: { ...batch, validUntilMs: nowMs + 1 } }, "issue"],
  ["in the registry without any credential, as after a repair", { device }, "issue"],
  [
    "repaired, with its old certificate revoked",
    { device, certificates: [certificate({ keySha256: "k0", isRevoked: true })] },
    "issue",
  ],
  ["its old certificate ended", { device, certificates: [certificate({ keySha256: "k0", ...ended })] }, "issue"],
  ["the same key again", enrolled, "same"],
  ["the same key again, of a batch that is full", { ...enrolled, batch: { ...batch, enrolled: 10 } }, "same"],
  ["the same key again, of a batch that is closed", { ...enrolled, batch: { ...batch, state: "closed" } }, "same"],
  [
    "the same key again, in the last third of its certificate",
    { ...enrolled, certificates: [certificate(old)] },
    "issue",
  ],
  ["enrolled, with another key", { ...enrolled, keyOwner: null, keySha256: "k2" }, "already_enrolled"],
  ["the same key again, and its certificate ended", { ...enrolled, certificates: [certificate(ended)] }, "issue"],
  [
    "enrolled, its certificate ended, and another key",
    { ...enrolled, keyOwner: null, keySha256: "k2", certificates: [certificate(ended)] },
    "already_enrolled",
  ],
  ["enrolled and blocked", { ...enrolled, device: { ...device, isBlocked: true } }, "device_blocked"],
  ["its key was revoked", { ...enrolled, certificates: [certificate({ isRevoked: true })] }, "key_revoked"],
  [
    "its key was revoked, and it was repaired",
    { keyOwner: "sn-1", device, certificates: [certificate({ isRevoked: true })] },
    "key_revoked",
  ],
  ["another device's key", { keyOwner: "sn-2" }, "key_of_another_device"],
  ["no batch", { batch: null }, "unknown_batch"],
  ["a closed batch", { batch: { ...batch, state: "closed" } }, "batch_closed"],
  ["before the batch's time", { nowMs: nowMs - 1 }, "batch_not_valid_now"],
  ["after the batch's time", { batch: { ...batch, validUntilMs: nowMs } }, "batch_not_valid_now"],
  ["a full batch", { batch: { ...batch, enrolled: 10 } }, "quota_used_up"],
  ["a quota that was lowered", { batch: { ...batch, quota: 1 } }, "quota_used_up"],
  ["never made", { made: null }, "unknown_serial"],
  ["made in another batch", { made: { batch: "b2", state: "manufactured" } }, "serial_of_another_batch"],
  [
    "enrolled by another batch, same key",
    { ...enrolled, made: { batch: "b2", state: "enrolled" } },
    "serial_of_another_batch",
  ],
  ["blocked", { made: { batch: "b1", state: "blocked" } }, "serial_blocked"],
  ["a certificate by another way", { device, certificates: [certificate({ keySha256: "k0" })] }, "already_enrolled"],
  ["registered by hand, with a token", { device: { ...device, hasToken: true } }, "device_has_token"],
  ["registered by hand, of another model", { device: { ...device, model: "hob" } }, "device_of_another_model"],
  ["blocked in the registry", { device: { ...device, isBlocked: true } }, "device_blocked"],
])("first contact, %s", (_what, over, expected) => {
  expect(outcome(decideFirst({ ...first, ...over }))).toBe(expected);
});

const next: NextFacts = {
  nowMs,
  deviceId: "sn-1",
  keySha256: "k2",
  keyOwner: null,
  device,
  certificates: [certificate(old)],
  fingerprint: "f1",
};
const byToken: Partial<NextFacts> = { fingerprint: null, device: { ...device, hasToken: true } };
const lost = (keySha256: string) => certificate({ fingerprint: keySha256, keySha256 });

test.each<[string, Partial<NextFacts>, string]>([
  ["in the last third of its certificate, with a new key", {}, "issue"],
  ["in the last third, with its old key", { keySha256: "k1", keyOwner: "sn-1" }, "issue"],
  ["too early, with a new key", { certificates: [certificate()] }, "too_early"],
  ["too early, with the same key", { certificates: [certificate()], keySha256: "k1", keyOwner: "sn-1" }, "same"],
  [
    "the answer was lost: the new key again",
    { certificates: [certificate(old), lost("k2")], keyOwner: "sn-1" },
    "same",
  ],
  ["the new key was lost too", { certificates: [certificate(old), lost("k3")] }, "issue"],
  [
    "keys were lost again and again",
    { certificates: [certificate(old), ...["k3", "k4", "k5"].map(lost)] },
    "too_many_certificates",
  ],
  ["in by the newer one of two", { certificates: [certificate(old), lost("k3")], fingerprint: "k3" }, "too_early"],
  ["in by a certificate that is not ours to know", { fingerprint: "f9" }, "issue"],
  [
    "in by a certificate that was revoked meanwhile",
    { certificates: [certificate({ isRevoked: true })] },
    "credential_ended",
  ],
  [
    "in by a certificate that was revoked meanwhile, with the key of another one",
    { certificates: [certificate({ isRevoked: true }), lost("k2")], keyOwner: "sn-1" },
    "credential_ended",
  ],
  ["in by token, without a certificate", { ...byToken, certificates: [] }, "issue"],
  ["in by token, with a young certificate", { ...byToken, certificates: [certificate()] }, "too_early"],
  ["in by token, with an old one", byToken, "issue"],
  ["in by token, with one that ended", { ...byToken, certificates: [certificate(ended)] }, "issue"],
  ["in by a token that was taken from it meanwhile", { fingerprint: null, certificates: [] }, "credential_ended"],
  ["another device's key", { keyOwner: "sn-2" }, "key_of_another_device"],
  [
    "a revoked key",
    { keyOwner: "sn-1", certificates: [certificate({ keySha256: "k2", isRevoked: true })] },
    "key_revoked",
  ],
  ["blocked", { device: { ...device, isBlocked: true } }, "device_blocked"],
  ["gone from the registry", { device: null }, "unknown_device"],
])("the next certificate, %s", (_what, over, expected) => {
  expect(outcome(decideNext({ ...next, ...over }))).toBe(expected);
});

test("renewing is possible from two thirds of a certificate's life on, to the millisecond", () => {
  const life = { notBeforeMs: 300, notAfterMs: 600 };
  expect(renewFromMs(life)).toBe(500);
  const at = (ms: number) => outcome(decideNext({ ...next, nowMs: ms, certificates: [certificate(life)] }));
  expect([at(499), at(500)]).toEqual(["too_early", "issue"]);
});

test("what is told is a rule of the contract, and the classes that must look alike do", () => {
  for (const rule of Object.values(told)) expect(provisioningRefusals).toHaveProperty(rule);
  const hidden = [
    "unknown_serial",
    "serial_of_another_batch",
    "serial_blocked",
    "already_enrolled",
    "device_has_token",
  ] as const;
  expect(new Set(hidden.map((rule) => told[rule]))).toEqual(new Set(["not_allowed"]));
});

const someFacts: fc.Arbitrary<FirstFacts> = fc.record({
  nowMs: fc.constant(nowMs),
  serial: fc.constant("sn-1"),
  keySha256: fc.constantFrom("k1", "k2"),
  keyOwner: fc.constantFrom(null, "sn-1", "sn-2"),
  batch: fc.record({
    key: fc.constant("b1"),
    model: fc.constant("oven"),
    quota: fc.constantFrom(1, 10),
    enrolled: fc.constantFrom(0, 1, 10),
    validFromMs: fc.constantFrom(0, nowMs + 1),
    validUntilMs: fc.constantFrom(null, nowMs, nowMs + 1),
    state: fc.constantFrom("open" as const, "closed" as const),
  }),
  made: fc.option(
    fc.record({
      batch: fc.constantFrom("b1", "b2"),
      state: fc.constantFrom("manufactured" as const, "enrolled" as const, "blocked" as const),
    }),
  ),
  device: fc.option(
    fc.record({ model: fc.constantFrom("oven", "hob"), isBlocked: fc.boolean(), hasToken: fc.boolean() }),
  ),
  certificates: fc.array(
    fc.record({
      fingerprint: fc.constantFrom("f1", "f2"),
      keySha256: fc.constantFrom("k1", "k2"),
      pem: fc.constant("pem"),
      isRevoked: fc.boolean(),
      notBeforeMs: fc.constantFrom(young.notBeforeMs, old.notBeforeMs),
      notAfterMs: fc.constantFrom(young.notAfterMs, old.notAfterMs, ended.notAfterMs),
    }),
    { maxLength: 4 },
  ),
});

/** The facts as they would be if the serial number had never been made and nobody of that name were known. */
const withoutSerial = (facts: FirstFacts): FirstFacts => ({ ...facts, made: null, device: null, certificates: [] });

test("whoever does not hold an enrolled device's key is told the same of a serial number that exists and of one that does not", () => {
  fc.assert(
    fc.property(someFacts, (facts) => {
      // A key that is nobody's: a stranger's own.
      const strangers = { ...facts, keySha256: "fresh", keyOwner: null };
      const [said, unknown] = [decideFirst(strangers), decideFirst(withoutSerial(strangers))];
      if (said.kind === "refused" && unknown.kind === "refused") expect(told[said.rule]).toBe(told[unknown.rule]);
      else expect([said.kind, unknown.kind]).toEqual(["issue", "refused"]);
      // And one that an own device of theirs was enrolled with.
      const used = { ...facts, keySha256: "theirs", keyOwner: "sn-9" };
      expect(decideFirst(used)).toEqual(decideFirst(withoutSerial(used)));
    }),
    { numRuns: 2_000 },
  );
});

test("no serial number is enrolled twice, by two keys, or beyond the quota", () => {
  fc.assert(
    fc.property(someFacts, (facts) => {
      if (decideFirst(facts).kind !== "issue") return;
      expect(facts.keyOwner === null || facts.keyOwner === facts.serial).toBe(true);
      const live = facts.certificates.filter((one) => !one.isRevoked && one.notAfterMs > nowMs);
      if (facts.made?.state === "manufactured") {
        expect([live, facts.batch?.state]).toEqual([[], "open"]);
        expect(facts.batch?.enrolled).toBeLessThan(facts.batch?.quota ?? 0);
      } else {
        const counted = facts.certificates.filter((one) => !one.isRevoked);
        expect(counted.some((one) => one.keySha256 === facts.keySha256)).toBe(true);
      }
    }),
    { numRuns: 2_000 },
  );
});

test("a device never has more certificates that count than it can need", () => {
  const many = Array.from({ length: certificatesMax }, (_, at) => certificate({ ...old, fingerprint: `f${at}` }));
  expect(outcome(decideNext({ ...next, certificates: many }))).toBe("too_many_certificates");
});
