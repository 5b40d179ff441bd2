import { afterAll, beforeAll, expect, test } from "vitest";
import { altered, publishing, RepositoryStage, signing } from "../../test/support/repository-stage.ts";
import { newRoleKey, type ReleaseKit } from "../../test/support/release-kit.ts";
import { randomBytes } from "node:crypto";
import type { Kitchen } from "../../test/support/kitchen.ts";
import { familyRole } from "#protocol/update.ts";
import { Metadata, MetadataKind, type Root } from "@tufjs/models";
import { newRoot, newTargets, type RootKeys, targetFile } from "./core/tuf-build.ts";
import { type RoleKey, signer, tufKeyOfHex } from "./core/tuf-keys.ts";
import { nextFamily, nextSnapshot } from "./core/tuf-next.ts";

const dayMs = 86_400_000;
let stage: RepositoryStage;
let kitchen: Kitchen;
let kit: ReleaseKit;
let timestampKey: string;
beforeAll(async () => {
  stage = await RepositoryStage.open();
  ({ kitchen, kit } = stage);
  timestampKey = (await kitchen.as("viewer", "GET", "/firmware/repository")).body.timestampKey as string;
});
afterAll(() => kitchen.close());

test("refused: metadata that no key of its role has signed", async () => {
  const { release } = await stage.ready();
  const byStranger = await kit.familyWith(release, {}, newRoleKey());
  expect(await stage.refused(signing(release), { family: byStranger.content })).toBe("metadata_not_signed");
  const byOtherFamily = await kit.familyWith(release, {}, kit.family("hob"));
  expect(await stage.refused(signing(release), { family: byOtherFamily.content })).toBe("metadata_not_signed");
  const unsigned = JSON.stringify({ ...JSON.parse((await kit.familyWith(release)).content), signatures: [] });
  expect(await stage.refused(signing(release), { family: unsigned })).toBe("metadata_not_signed");
  const good = await kit.familyWith(release);
  expect((await stage.post(signing(release), { family: good.content })).status).toBe(200);
  const snapshot = await kit.snapshotWith({ [familyRole("oven")]: good }, newRoleKey());
  expect(await stage.refused(publishing(release), { snapshot: snapshot.content })).toBe("metadata_not_signed");
  await stage.drop(release);
});

test("refused: whatever bit of signed metadata is flipped", async () => {
  const { release, family } = await stage.ready();
  const parsed = JSON.parse(family.content) as { signed: { targets: Record<string, { length: number }> } };
  const target = parsed.signed.targets[release.path];
  if (target === undefined) throw new Error("the family does not name the release");
  target.length += 1;
  expect(await stage.refused(signing(release), { family: JSON.stringify(parsed) })).toBe("metadata_not_signed");
  const signature = /"sig":"([0-9a-f])/;
  const other = family.content.replace(signature, (_all, digit) => `"sig":"${digit === "0" ? "1" : "0"}`);
  expect(await stage.refused(signing(release), { family: other })).toBe("metadata_not_signed");
  await stage.drop(release);
});

/** What the next root names, unless a test wants otherwise. */
const rootKeys = (over: Partial<RootKeys> = {}): RootKeys => ({
  root: kit.root.map(({ key }) => key),
  targets: [kit.targets.key],
  snapshot: [kit.snapshot.key],
  timestamp: [tufKeyOfHex(timestampKey)],
  ...over,
});
const nextRootText = (keys: RootKeys, by: RoleKey[] = kit.root.slice(0, 2), version = 2, lifeMs = 100 * dayMs) =>
  newRoot(keys, { version, expiresAtMs: stage.nowMs() + lifeMs }, by);

test("refused: a root that one of two keys has signed", async () => {
  expect(await stage.refused("repository/root", { root: nextRootText(rootKeys(), kit.root.slice(0, 1)) })).toBe(
    "threshold_not_met",
  );
  const strangers = [newRoleKey(), newRoleKey(), newRoleKey()];
  const theirs = rootKeys({ root: strangers.map(({ key }) => key) });
  expect(await stage.refused("repository/root", { root: nextRootText(theirs, strangers) })).toBe("metadata_not_signed");
  const [first, , third] = kit.root;
  if (first === undefined || third === undefined) throw new Error("the kit has three root keys");
  // Enough of the old root's, and one alone of those that it names itself.
  const mixed = rootKeys({ root: [third.key, ...strangers.slice(0, 2).map(({ key }) => key)] });
  expect(await stage.refused("repository/root", { root: nextRootText(mixed, [first, third]) })).toBe(
    "threshold_not_met",
  );
});

test("refused: a signature that stands there twice, and one key by two ids", async () => {
  const root = JSON.parse(nextRootText(rootKeys(), kit.root.slice(0, 1))) as { signatures: object[] };
  root.signatures = [...root.signatures, ...root.signatures];
  expect(await stage.refused("repository/root", { root: JSON.stringify(root) })).toBe("signature_twice");
  // The next root names one key as two: signed by two of the old ones, it would fall to a single key from then on.
  const metadata = Metadata.fromJSON(MetadataKind.Root, JSON.parse(nextRootText(rootKeys())));
  const raw = JSON.parse(JSON.stringify(metadata.toJSON())) as {
    signed: { keys: Record<string, object>; roles: { root: { keyids: string[] } } };
  };
  const [one = ""] = raw.signed.roles.root.keyids;
  const twin = "f".repeat(64);
  raw.signed.keys[twin] = raw.signed.keys[one] ?? {};
  raw.signed.roles.root.keyids.push(twin);
  const doubled: Metadata<Root> = Metadata.fromJSON(
    MetadataKind.Root,
    JSON.parse(JSON.stringify({ signed: raw.signed, signatures: [] })),
  );
  for (const key of kit.root) doubled.sign(signer(key));
  expect(await stage.refused("repository/root", { root: JSON.stringify(doubled.toJSON()) })).toBe("same_key_twice");
});

test("refused: a root that asks for less than it must", async () => {
  const [first, second] = kit.root;
  if (first === undefined || second === undefined) throw new Error("the kit has three root keys");
  const two = rootKeys({ root: [first.key, second.key] });
  expect(await stage.refused("repository/root", { root: nextRootText(two) })).toBe("root_not_strict");
  const online = tufKeyOfHex(timestampKey);
  expect(await stage.refused("repository/root", { root: nextRootText(rootKeys({ targets: [online] })) })).toBe(
    "root_not_strict",
  );
  const others = rootKeys({ timestamp: [newRoleKey().key] });
  expect(await stage.refused("repository/root", { root: nextRootText(others) })).toBe("timestamp_key_not_ours");
  const skipped = nextRootText(rootKeys(), kit.root.slice(0, 2), 3);
  expect(await stage.refused("repository/root", { root: skipped })).toBe("version_not_next");
  const expired = nextRootText(rootKeys(), kit.root.slice(0, 2), 2, -1_000);
  expect(await stage.refused("repository/root", { root: expired })).toBe("metadata_expired");
  expect(await stage.refused("repository/root", { root: "{}" })).toBe("metadata_malformed");
});

test("refused: a root after which the targets in force would not verify", async () => {
  const stolen = rootKeys({ targets: [newRoleKey().key] });
  expect(await stage.refused("repository/root", { root: nextRootText(stolen) })).toBe("metadata_would_not_verify");
});

test("refused: expired metadata", async () => {
  const { release } = await stage.ready();
  const by = [kit.family("oven")];
  const { path, length, sha256, model, hardwareIds, version, releaseCounter, minCounter } = release;
  const current = await kit.file("fw-oven");
  const custom = { model, hardwareIds, version, releaseCounter, minCounter };
  const expired = nextFamily({
    model,
    current,
    add: { path, length, sha256, custom },
    by,
    nowMs: stage.nowMs() - 10 * dayMs,
    lifeMs: 9 * dayMs,
  });
  expect(await stage.refused(signing(release), { family: expired.content })).toBe("metadata_expired");
  await stage.drop(release);
});

test("refused: a version that is not the next one", async () => {
  const { release, family } = await stage.ready();
  const key = kit.family("oven");
  for (const by of [-1, 1]) {
    const other = altered(family.content, key, (targets) => {
      targets["version"] = family.version + by;
    });
    expect(await stage.refused(signing(release), { family: other })).toBe("version_not_next");
  }
  const half = family.content.replace(/"version":(\d+)/, '"version":$1.5');
  expect(await stage.refused(signing(release), { family: half })).toBe("metadata_malformed");
  await stage.post(signing(release), { family: family.content });
  const skipping = nextSnapshot({
    current: await kit.file("snapshot"),
    moved: { "fw-oven": { ...family, version: family.version + 1 } },
    by: [kit.snapshot],
    nowMs: stage.nowMs(),
  });
  expect(await stage.refused(publishing(release), { snapshot: skipping.content })).toBe("version_not_next");
  await stage.drop(release);
});

test("refused: a snapshot that moves another family's entry, leaves one out, or names other contents", async () => {
  const { release, family } = await stage.signed();
  const hobs = nextFamily({
    model: "hob",
    current: await kit.file("fw-hob"),
    by: [kit.family("hob")],
    nowMs: stage.nowMs(),
  });
  const moved = await kit.snapshotWith({ "fw-oven": family, "fw-hob": hobs });
  expect(await stage.refused(publishing(release), { snapshot: moved.content })).toBe("other_family_moved");
  const unknown = await kit.snapshotWith({ "fw-oven": family, "fw-toaster": hobs });
  expect(await stage.refused(publishing(release), { snapshot: unknown.content })).toBe("other_family_moved");
  const parsed = JSON.parse((await kit.snapshotWith({ "fw-oven": family })).content) as {
    signed: { meta: Record<string, object> };
  };
  const alone = nextSnapshot({ current: null, moved: { "fw-oven": family }, by: [kit.snapshot], nowMs: stage.nowMs() });
  const version =
    (JSON.parse((await kit.file("snapshot")) ?? "") as { signed: { version: number } }).signed.version + 1;
  expect(Object.keys(parsed.signed.meta).toSorted()).toEqual(["fw-hob.json", "fw-oven.json", "targets.json"]);
  const incomplete = JSON.parse(alone.content) as { signed: { version: number } };
  incomplete.signed.version = version;
  const again = Metadata.fromJSON(MetadataKind.Snapshot, JSON.parse(JSON.stringify(incomplete)));
  again.sign(signer(kit.snapshot), false);
  expect(await stage.refused(publishing(release), { snapshot: JSON.stringify(again.toJSON()) })).toBe(
    "snapshot_incomplete",
  );
  const others = await kit.snapshotWith({ "fw-oven": { version: family.version, content: `${family.content} ` } });
  expect(await stage.refused(publishing(release), { snapshot: others.content })).toBe("metadata_hash_wrong");
  await stage.drop(release);
});

test("refused: an image outside its family's folder", async () => {
  const { release, family } = await stage.ready();
  const outside = altered(family.content, kit.family("oven"), (targets) => {
    const images = targets["targets"] as Record<string, unknown>;
    images["fw/hob/evil.img"] = images[release.path];
  });
  expect(await stage.refused(signing(release), { family: outside })).toBe("target_outside_path");
  await stage.drop(release);
  const described = kit.describe(randomBytes(10), { path: "fw/hob/x.img" });
  expect(await stage.refused("releases", described)).toBe("target_outside_path");
});

type Bent = any; // oxlint-disable-line typescript/no-explicit-any -- bends what is well-typed

test("refused: a family that is handed more than its own folder, or hands something on", async () => {
  const targets = JSON.parse((await kit.file("targets")) ?? "") as { signed: { version: number } };
  const version = targets.signed.version + 1;
  const ovenKey = kit.family("oven").key;
  const good = newTargets(
    [
      { model: "oven", keys: [ovenKey] },
      { model: "hob", keys: [kit.family("hob").key] },
    ],
    { version, expiresAtMs: stage.nowMs() + dayMs },
    [kit.targets],
  );
  const send = async (change: (signed: Bent) => void, code: string) => {
    const bent = altered(good, kit.targets, change);
    const snapshot = await kit.snapshotWith({ targets: { version, content: bent } });
    expect(await stage.refused("repository/metadata", { targets: bent, snapshot: snapshot.content })).toBe(code);
  };
  await send((all) => (all.delegations.roles[0].paths = ["fw/*"]), "delegation_not_allowed");
  await send((all) => (all.delegations.roles[0].paths = ["fw/oven/*", "fw/hob/*"]), "delegation_not_allowed");
  await send((all) => (all.delegations.roles[0].terminating = false), "delegation_not_allowed");
  await send((all) => (all.delegations.roles[0].name = "anything"), "delegation_not_allowed");
  const any = targetFile({ path: "fw/oven/x.img", length: 1, sha256: "0".repeat(64), custom: customOf() });
  await send((all) => (all.targets = { "fw/oven/x.img": any.toJSON() }), "target_outside_path");
  const { release, family } = await stage.ready();
  const handsOn = altered(family.content, kit.family("oven"), (signedPart) => {
    signedPart["delegations"] = { keys: {}, roles: [] };
  });
  expect(await stage.refused(signing(release), { family: handsOn })).toBe("delegation_not_allowed");
  await stage.drop(release);
});

const customOf = () => ({ model: "oven", hardwareIds: ["h1"], version: "9", releaseCounter: 9, minCounter: 0 });

test("refused: metadata without the snapshot that names it", async () => {
  const family = nextFamily({
    model: "hob",
    current: await kit.file("fw-hob"),
    by: [kit.family("hob")],
    nowMs: stage.nowMs(),
  });
  expect(await stage.refused("repository/metadata", { families: { hob: family.content } })).toBe("snapshot_missing");
});
