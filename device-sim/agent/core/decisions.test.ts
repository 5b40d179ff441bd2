import fc from "fast-check";
import { expect, test } from "vitest";
import { timestampLifeMs, type UpdateStatement } from "#protocol/update.ts";
import { decideImage, type OwnFacts, type SignedTarget } from "./decide-image.ts";
import { decideStatement, type StatementContext } from "./decide-statement.ts";
import { namesDistinctKeys } from "./distinct-keys.ts";
import { freshnessNews } from "./freshness.ts";
import { holdsAgainst, remember, type RoleVersions } from "./set-facts.ts";
import { raisedFloor } from "./time-floor.ts";

// Few values each, so that they meet: what never agrees by chance would be refused for one reason only.
const path = fc.constantFrom("fw/oven/a.img", "fw/oven/b.img", "fw/hob/a.img");
const sha256 = fc.constantFrom("a".repeat(64), "b".repeat(64));
const length = fc.constantFrom(10, 11);
const counter = fc.integer({ min: 1, max: 4 });
const hardware = fc.constantFrom("r1", "r2");

const statement: fc.Arbitrary<UpdateStatement> = fc.record({
  deviceId: fc.constantFrom("oven-1", "oven-1", "oven-2"),
  deliveryId: fc.constantFrom("d1", "d1", "d2"),
  path,
  sha256,
  length,
  releaseCounter: counter,
  rolloutId: fc.constant(null),
  seq: fc.integer({ min: 1, max: 4 }),
  iat: fc.constant(100),
  exp: fc.constantFrom(199, 200, 201),
});
const target: fc.Arbitrary<SignedTarget> = fc.record({
  path,
  sha256,
  length,
  custom: fc.record({
    model: fc.constantFrom("oven", "oven", "hob"),
    hardwareIds: fc.array(hardware, { minLength: 1, maxLength: 2 }),
    version: fc.constant("1"),
    releaseCounter: counter,
    minCounter: fc.integer({ min: 0, max: 3 }),
  }),
});
const own: fc.Arbitrary<OwnFacts> = fc.record({
  model: fc.constant("oven"),
  hardwareId: hardware,
  confirmedCounter: fc.integer({ min: 0, max: 3 }),
  slotBytesMax: fc.constantFrom(10, 1_000),
});

/** Half of the time the two speak of the same image. */
const offered = fc
  .tuple(target, statement, own, fc.boolean())
  .map(([one, said, device, agree]) =>
    agree
      ? ([one, { ...said, ...one, releaseCounter: one.custom.releaseCounter }, device] as const)
      : ([one, said, device] as const),
  );

test("an image is accepted only where repository and director name the same one, for this hardware, forward and leaving out nothing", () => {
  let accepted = 0;
  fc.assert(
    fc.property(offered, ([signed, said, device]) => {
      const decision = decideImage(signed, said, device);
      const { custom } = signed;
      const may =
        signed.path === said.path &&
        signed.sha256 === said.sha256 &&
        signed.length === said.length &&
        custom.releaseCounter === said.releaseCounter &&
        custom.model === "oven" &&
        signed.path.startsWith("fw/oven/") &&
        custom.hardwareIds.includes(device.hardwareId) &&
        custom.releaseCounter > device.confirmedCounter &&
        device.confirmedCounter >= custom.minCounter &&
        signed.length <= device.slotBytesMax;
      expect(decision.kind === "accepted").toBe(may);
      accepted += may ? 1 : 0;
    }),
    { numRuns: 3_000 },
  );
  expect(accepted).toBeGreaterThan(50);
  expect(decideImage(null, { path: "fw/oven/a.img" } as UpdateStatement, {} as OwnFacts)).toMatchObject({
    rule: "target_unknown",
  });
});

test("a statement is followed only by its own appliance, for its own delivery, before it expires, and never an older one", () => {
  const followed = fc.option(fc.record({ seq: fc.integer({ min: 1, max: 4 }), sha256 }));
  let accepted = 0;
  fc.assert(
    fc.property(statement, sha256, followed, (claims, hash, before) => {
      const context: StatementContext = {
        deviceId: "oven-1",
        deliveryId: "d1",
        model: "oven",
        nowMs: 200_000,
        followed: before,
      };
      const decision = decideStatement({ claims, keyId: "k", sha256: hash }, context);
      const isNewer =
        before === null || claims.seq > before.seq || (claims.seq === before.seq && hash === before.sha256);
      const may =
        claims.deviceId === "oven-1" &&
        claims.deliveryId === "d1" &&
        claims.exp > 200 &&
        isNewer &&
        claims.path.startsWith("fw/oven/");
      expect(decision.kind === "accepted").toBe(may);
      accepted += may ? 1 : 0;
    }),
    { numRuns: 3_000 },
  );
  expect(accepted).toBeGreaterThan(50);
});

test("the time floor never goes back, and never passes what was signed offline", () => {
  fc.assert(
    fc.property(fc.nat(), fc.nat(), fc.option(fc.nat()), fc.nat(), (floorMs, expiresMs, issuedMs, offlineMs) => {
      const evidence = { timestampExpiresMs: expiresMs, statementIssuedMs: issuedMs, offlineExpiresMs: offlineMs };
      const raised = raisedFloor(floorMs, evidence);
      expect(raised).toBeGreaterThanOrEqual(floorMs);
      if (raised > floorMs) expect(raised).toBeLessThan(offlineMs);
    }),
  );
  const evidence = { timestampExpiresMs: 5 * timestampLifeMs, statementIssuedMs: null, offlineExpiresMs: 1e12 };
  expect(raisedFloor(0, evidence)).toBe(4 * timestampLifeMs);
  expect(raisedFloor(0, { ...evidence, statementIssuedMs: 4.5 * timestampLifeMs })).toBe(4.5 * timestampLifeMs);
});

const versionsAt = (root: number, timestamp: number, keys = "t"): RoleVersions => ({
  root: { version: root, keys: "other" },
  timestamp: { version: timestamp, keys },
});

test("what was seen of a role is remembered as long as its keys stay, and of the root for ever", () => {
  const seen: RoleVersions = { root: { version: 3, keys: "r" }, timestamp: { version: 9, keys: "t" } };
  expect(holdsAgainst(seen, versionsAt(3, 9))).toBe(true);
  expect(holdsAgainst(seen, versionsAt(4, 10))).toBe(true);
  expect(holdsAgainst(seen, versionsAt(3, 8))).toBe(false);
  expect(holdsAgainst(seen, versionsAt(2, 9))).toBe(false);
  expect(holdsAgainst(seen, versionsAt(3, 1, "new"))).toBe(true);
  expect(holdsAgainst({}, versionsAt(1, 1))).toBe(true);
  expect(remember(seen, { "fw-oven": { version: 1, keys: "f" } })).toHaveProperty("timestamp.version", 9);
});

const key = (text: string, keytype = "ed25519") => ({ keytype, scheme: keytype, keyval: { public: text } });
const root = (...keys: unknown[]) => ({
  signed: { keys: Object.fromEntries(keys.map((one, at) => [`k${at}`, one])) },
});

test("one key counts once, however its name and its bytes are written", () => {
  const hex = "ab".repeat(32);
  const pem = `-----BEGIN PUBLIC KEY-----\n${Buffer.from(`302a300506032b6570032100${hex}`, "hex").toString("base64")}\n-----END PUBLIC KEY-----\n`;
  expect(namesDistinctKeys(root(key(hex), key("cd".repeat(32))))).toBe(true);
  expect(namesDistinctKeys(root(key(hex), key(hex)))).toBe(false);
  expect(namesDistinctKeys(root(key(hex), key(hex.toUpperCase())))).toBe(false);
  expect(namesDistinctKeys(root(key(hex), key(pem)))).toBe(false);
  expect(namesDistinctKeys(root(key("short")))).toBe(false);
  expect(namesDistinctKeys(root(key(hex, "rsa")))).toBe(false);
  expect(namesDistinctKeys({ signed: { delegations: root(key(hex), key(hex)).signed } })).toBe(false);
  expect(namesDistinctKeys({ signed: {} })).toBe(true);
  expect(namesDistinctKeys(null)).toBe(false);
});

test("the alarm is raised once, at its time, and taken back once", () => {
  expect(freshnessNews({ freshAtMs: null, staleSaid: false }, 1e12, 100)).toBeNull();
  expect(freshnessNews({ freshAtMs: 0, staleSaid: false }, 99, 100)).toBeNull();
  expect(freshnessNews({ freshAtMs: 0, staleSaid: false }, 100, 100)).toBe("stale");
  expect(freshnessNews({ freshAtMs: 0, staleSaid: true }, 500, 100)).toBeNull();
  expect(freshnessNews({ freshAtMs: 450, staleSaid: true }, 500, 100)).toBe("fresh");
});
