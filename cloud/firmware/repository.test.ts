import { randomBytes } from "node:crypto";
import { mkdtemp, readdir, rm, writeFile } from "node:fs/promises";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Metadata, MetadataKind, type Root, Targets } from "@tufjs/models";
import { sql } from "kysely";
import { Updater } from "tuf-js";
import { afterAll, beforeAll, expect, test } from "vitest";
import { familyRole } from "#protocol/update.ts";
import { Kitchen } from "../../test/support/kitchen.ts";
import { newRoleKey, type ReleaseKit, type ReleaseOver, type ReleaseView } from "../../test/support/release-kit.ts";
import { newRoot, newTargets, type RootKeys, targetFile, tufTime } from "./core/tuf-build.ts";
import { type RoleKey, signer, tufKeyOfHex } from "./core/tuf-keys.ts";
import { nextFamily, nextSnapshot, nextTargets, type VersionedText } from "./core/tuf-next.ts";

const dayMs = 86_400_000;
const hob = {
  ...{ key: "hob", version: 1, brand: "B", name: "Hob", kind: "other", hardwareIds: ["k1", "k2"], locales: ["en"] },
  ...{ metrics: [], capabilities: {} },
};

let kitchen: Kitchen;
let kit: ReleaseKit;
let timestampKey: string;

beforeAll(async () => {
  kitchen = await Kitchen.open();
  await kitchen.as("admin", "PUT", "/models/hob", hob);
  kit = await kitchen.releaseKit("oven", "hob");
  timestampKey = (await kitchen.as("viewer", "GET", "/firmware/repository")).body.timestampKey as string;
  await kit.publish(randomBytes(500));
});
afterAll(() => kitchen.close());

const nowMs = () => kitchen.clock.nowMs();
const post = (path: string, body: object) => kitchen.send("admin", "POST", `/api/v1/firmware/${path}`, body);

/** Everything that could be left behind: metadata, releases, images. */
async function traces(): Promise<unknown> {
  const { rows: metadata } = await sql`SELECT role, version, content FROM repository_file ORDER BY 1, 2`.execute(
    kitchen.base.db,
  );
  const { rows: releases } = await sql`SELECT * FROM firmware_release ORDER BY id`.execute(kitchen.base.db);
  const files = await readdir(join(kitchen.artifactsDir, "firmware"), { recursive: true });
  return { metadata, releases, files: files.toSorted() };
}

/** Sends what must be refused, and finds that it has left nothing. */
async function expectRefused(path: string, body: object, code: string): Promise<void> {
  const before = await traces();
  const answer = await post(path, body);
  expect([answer.status >= 400, answer.body]).toEqual([true, expect.objectContaining({ code })]);
  expect(await traces()).toEqual(before);
}

const signing = (release: ReleaseView) => `releases/${release.id}/sign`;
const publishing = (release: ReleaseView) => `releases/${release.id}/publish`;
const content = ({ content: text }: VersionedText) => text;

/** A draft that could be published, with what would publish it. */
async function ready(over: ReleaseOver = {}): Promise<{ release: ReleaseView; family: VersionedText }> {
  const release = await kit.draft(randomBytes(800), over);
  return { release, family: await kit.familyWith(release) };
}

/** As `ready`, and signed. */
async function signed(over: ReleaseOver = {}) {
  const made = await ready(over);
  const { status } = await post(signing(made.release), { family: made.family.content });
  expect(status).toBe(200);
  return made;
}

const drop = (release: ReleaseView) => kitchen.as("admin", "DELETE", `/firmware/releases/${release.id}`);

/** Metadata with some of its signed part exchanged, signed anew. */
function altered(text: string, key: RoleKey, change: (targets: { [name: string]: unknown }) => void): string {
  const parsed = JSON.parse(text) as { signed: { [name: string]: unknown } };
  change(parsed.signed);
  const metadata = new Metadata(Targets.fromJSON(JSON.parse(JSON.stringify(parsed.signed))));
  metadata.sign(signer(key));
  return JSON.stringify(metadata.toJSON());
}

test("an appliance's own client follows the repository to the image that was published", async () => {
  const image = randomBytes(2_000);
  const release = await kit.publish(image);
  await kitchen.app.listen({ host: "127.0.0.1", port: 0 });
  const base = `http://127.0.0.1:${(kitchen.app.server.address() as AddressInfo).port}/files/repository`;
  const dir = await mkdtemp(join(tmpdir(), "hearth-tuf-"));
  await writeFile(join(dir, "root.json"), kit.factoryRoot);
  const updater = new Updater({ metadataDir: dir, metadataBaseUrl: base });
  // The kitchen's time is another than the machine's.
  Reflect.set(Reflect.get(updater, "trustedSet") as object, "referenceTime", new Date(nowMs()));
  const target = await updater.getTargetInfo(release.path);
  expect(target).toMatchObject({ length: 2_000, hashes: { sha256: release.sha256 } });
  expect(target?.custom).toEqual({
    model: "oven",
    hardwareIds: ["h1"],
    version: release.version,
    releaseCounter: release.releaseCounter,
    minCounter: 0,
  });
  await rm(dir, { recursive: true });
});

test("refused: metadata that no key of its role has signed", async () => {
  const { release } = await ready();
  const byStranger = await kit.familyWith(release, {}, newRoleKey());
  await expectRefused(signing(release), { family: byStranger.content }, "metadata_not_signed");
  const byOtherFamily = await kit.familyWith(release, {}, kit.family("hob"));
  await expectRefused(signing(release), { family: byOtherFamily.content }, "metadata_not_signed");
  const unsigned = JSON.stringify({ ...JSON.parse((await kit.familyWith(release)).content), signatures: [] });
  await expectRefused(signing(release), { family: unsigned }, "metadata_not_signed");
  const good = await kit.familyWith(release);
  expect((await post(signing(release), { family: good.content })).status).toBe(200);
  const snapshot = await kit.snapshotWith({ [familyRole("oven")]: good }, newRoleKey());
  await expectRefused(publishing(release), { snapshot: snapshot.content }, "metadata_not_signed");
  await drop(release);
});

test("refused: whatever bit of signed metadata is flipped", async () => {
  const { release, family } = await ready();
  const parsed = JSON.parse(family.content) as { signed: { targets: Record<string, { length: number }> } };
  const target = parsed.signed.targets[release.path];
  if (target === undefined) throw new Error("the family does not name the release");
  target.length += 1;
  await expectRefused(signing(release), { family: JSON.stringify(parsed) }, "metadata_not_signed");
  const signature = /"sig":"([0-9a-f])/;
  const other = family.content.replace(signature, (_all, digit) => `"sig":"${digit === "0" ? "1" : "0"}`);
  await expectRefused(signing(release), { family: other }, "metadata_not_signed");
  await drop(release);
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
  newRoot(keys, { version, expiresAtMs: nowMs() + lifeMs }, by);

test("refused: a root that one of two keys has signed", async () => {
  await expectRefused("repository/root", { root: nextRootText(rootKeys(), kit.root.slice(0, 1)) }, "threshold_not_met");
  const strangers = [newRoleKey(), newRoleKey(), newRoleKey()];
  const theirs = rootKeys({ root: strangers.map(({ key }) => key) });
  await expectRefused("repository/root", { root: nextRootText(theirs, strangers) }, "metadata_not_signed");
  const [first, , third] = kit.root;
  if (first === undefined || third === undefined) throw new Error("the kit has three root keys");
  // Enough of the old root's, and one alone of those that it names itself.
  const mixed = rootKeys({ root: [third.key, ...strangers.slice(0, 2).map(({ key }) => key)] });
  await expectRefused("repository/root", { root: nextRootText(mixed, [first, third]) }, "threshold_not_met");
});

test("refused: a signature that stands there twice, and one key by two ids", async () => {
  const root = JSON.parse(nextRootText(rootKeys(), kit.root.slice(0, 1))) as { signatures: object[] };
  root.signatures = [...root.signatures, ...root.signatures];
  await expectRefused("repository/root", { root: JSON.stringify(root) }, "signature_twice");
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
  await expectRefused("repository/root", { root: JSON.stringify(doubled.toJSON()) }, "same_key_twice");
});

test("refused: a root that asks for less than it must", async () => {
  const [first, second] = kit.root;
  if (first === undefined || second === undefined) throw new Error("the kit has three root keys");
  const two = rootKeys({ root: [first.key, second.key] });
  await expectRefused("repository/root", { root: nextRootText(two) }, "root_not_strict");
  const online = tufKeyOfHex(timestampKey);
  await expectRefused("repository/root", { root: nextRootText(rootKeys({ targets: [online] })) }, "root_not_strict");
  const others = rootKeys({ timestamp: [newRoleKey().key] });
  await expectRefused("repository/root", { root: nextRootText(others) }, "timestamp_key_not_ours");
  const skipped = nextRootText(rootKeys(), kit.root.slice(0, 2), 3);
  await expectRefused("repository/root", { root: skipped }, "version_not_next");
  const expired = nextRootText(rootKeys(), kit.root.slice(0, 2), 2, -1_000);
  await expectRefused("repository/root", { root: expired }, "metadata_expired");
  await expectRefused("repository/root", { root: "{}" }, "metadata_malformed");
});

test("refused: a root after which the targets in force would not verify", async () => {
  const stolen = rootKeys({ targets: [newRoleKey().key] });
  await expectRefused("repository/root", { root: nextRootText(stolen) }, "metadata_would_not_verify");
});

test("refused: expired metadata", async () => {
  const { release } = await ready();
  const by = [kit.family("oven")];
  const { path, length, sha256, model, hardwareIds, version, releaseCounter, minCounter } = release;
  const current = await kit.file("fw-oven");
  const custom = { model, hardwareIds, version, releaseCounter, minCounter };
  const expired = nextFamily({
    model,
    current,
    add: { path, length, sha256, custom },
    by,
    nowMs: nowMs() - 10 * dayMs,
    lifeMs: 9 * dayMs,
  });
  await expectRefused(signing(release), { family: expired.content }, "metadata_expired");
  await drop(release);
});

test("refused: a version that is not the next one", async () => {
  const { release, family } = await ready();
  const key = kit.family("oven");
  for (const by of [-1, 1]) {
    const other = altered(family.content, key, (targets) => {
      targets["version"] = family.version + by;
    });
    await expectRefused(signing(release), { family: other }, "version_not_next");
  }
  const half = family.content.replace(/"version":(\d+)/, '"version":$1.5');
  await expectRefused(signing(release), { family: half }, "metadata_malformed");
  await post(signing(release), { family: family.content });
  const skipping = nextSnapshot({
    current: await kit.file("snapshot"),
    moved: { "fw-oven": { ...family, version: family.version + 1 } },
    by: [kit.snapshot],
    nowMs: nowMs(),
  });
  await expectRefused(publishing(release), { snapshot: skipping.content }, "version_not_next");
  await drop(release);
});

test("refused: a snapshot that moves another family's entry, leaves one out, or names other contents", async () => {
  const { release, family } = await signed();
  const hobs = nextFamily({ model: "hob", current: await kit.file("fw-hob"), by: [kit.family("hob")], nowMs: nowMs() });
  const moved = await kit.snapshotWith({ "fw-oven": family, "fw-hob": hobs });
  await expectRefused(publishing(release), { snapshot: moved.content }, "other_family_moved");
  const unknown = await kit.snapshotWith({ "fw-oven": family, "fw-toaster": hobs });
  await expectRefused(publishing(release), { snapshot: unknown.content }, "other_family_moved");
  const parsed = JSON.parse(content(await kit.snapshotWith({ "fw-oven": family }))) as {
    signed: { meta: Record<string, object> };
  };
  const alone = nextSnapshot({ current: null, moved: { "fw-oven": family }, by: [kit.snapshot], nowMs: nowMs() });
  const version =
    (JSON.parse((await kit.file("snapshot")) ?? "") as { signed: { version: number } }).signed.version + 1;
  expect(Object.keys(parsed.signed.meta).toSorted()).toEqual(["fw-hob.json", "fw-oven.json", "targets.json"]);
  const incomplete = JSON.parse(alone.content) as { signed: { version: number } };
  incomplete.signed.version = version;
  const again = Metadata.fromJSON(MetadataKind.Snapshot, JSON.parse(JSON.stringify(incomplete)));
  again.sign(signer(kit.snapshot), false);
  await expectRefused(publishing(release), { snapshot: JSON.stringify(again.toJSON()) }, "snapshot_incomplete");
  const others = await kit.snapshotWith({ "fw-oven": { version: family.version, content: `${family.content} ` } });
  await expectRefused(publishing(release), { snapshot: others.content }, "metadata_hash_wrong");
  await drop(release);
});

test("refused: an image outside its family's folder", async () => {
  const { release, family } = await ready();
  const outside = altered(family.content, kit.family("oven"), (targets) => {
    const images = targets["targets"] as Record<string, unknown>;
    images["fw/hob/evil.img"] = images[release.path];
  });
  await expectRefused(signing(release), { family: outside }, "target_outside_path");
  await drop(release);
  const described = kit.describe(randomBytes(10), { path: "fw/hob/x.img" });
  await expectRefused("releases", described, "target_outside_path");
});

test("refused: a family that is handed more than its own folder, or hands something on", async () => {
  const targets = JSON.parse((await kit.file("targets")) ?? "") as { signed: { version: number } };
  const version = targets.signed.version + 1;
  const ovenKey = kit.family("oven").key;
  const good = newTargets(
    [
      { model: "oven", keys: [ovenKey] },
      { model: "hob", keys: [kit.family("hob").key] },
    ],
    { version, expiresAtMs: nowMs() + dayMs },
    [kit.targets],
  );
  const send = async (change: (signed: any) => void, code: string) => {
    // oxlint-disable-line typescript/no-explicit-any -- bends what is well-typed
    const bent = altered(good, kit.targets, change);
    const snapshot = await kit.snapshotWith({ targets: { version, content: bent } });
    await expectRefused("repository/metadata", { targets: bent, snapshot: snapshot.content }, code);
  };
  await send((all) => (all.delegations.roles[0].paths = ["fw/*"]), "delegation_not_allowed");
  await send((all) => (all.delegations.roles[0].paths = ["fw/oven/*", "fw/hob/*"]), "delegation_not_allowed");
  await send((all) => (all.delegations.roles[0].terminating = false), "delegation_not_allowed");
  await send((all) => (all.delegations.roles[0].name = "anything"), "delegation_not_allowed");
  const any = targetFile({ path: "fw/oven/x.img", length: 1, sha256: "0".repeat(64), custom: customOf() });
  await send((all) => (all.targets = { "fw/oven/x.img": any.toJSON() }), "target_outside_path");
  const { release, family } = await ready();
  const handsOn = altered(family.content, kit.family("oven"), (signedPart) => {
    signedPart["delegations"] = { keys: {}, roles: [] };
  });
  await expectRefused(signing(release), { family: handsOn }, "delegation_not_allowed");
  await drop(release);
});

const customOf = () => ({ model: "oven", hardwareIds: ["h1"], version: "9", releaseCounter: 9, minCounter: 0 });

test("refused: metadata without the snapshot that names it", async () => {
  const family = nextFamily({
    model: "hob",
    current: await kit.file("fw-hob"),
    by: [kit.family("hob")],
    nowMs: nowMs(),
  });
  await expectRefused("repository/metadata", { families: { hob: family.content } }, "snapshot_missing");
});

test("refused: hardware that the model does not have, and other hardware signed than said", async () => {
  await expectRefused(
    "releases",
    kit.describe(randomBytes(10), { hardwareIds: ["h1", "h9"] }),
    "hardware_not_of_model",
  );
  const { release } = await ready();
  for (const over of [
    { hardwareIds: ["h1", "h9"] },
    { version: "9.9.9" },
    { releaseCounter: release.releaseCounter + 1 },
    { minCounter: 1 },
    { model: "hob" },
  ]) {
    const family = await kit.familyWith(release, over);
    await expectRefused(signing(release), { family: family.content }, "target_differs");
  }
  await drop(release);
});

test("refused: a model that nobody knows", async () => {
  const described = kit.describe(randomBytes(10), { model: "toaster" });
  await expectRefused("releases", described, "firmware_model_unknown");
});

test("refused: a counter that goes back, also when it was free at the time of the draft", async () => {
  const { release: early } = await signed({ releaseCounter: 100 });
  const later = await kit.publish(randomBytes(10), { releaseCounter: 101 });
  const family = await kit.familyWith(early);
  expect((await post(signing(early), { family: family.content })).status).toBe(200);
  const snapshot = await kit.snapshotWith({ "fw-oven": family });
  await expectRefused(publishing(early), { snapshot: snapshot.content }, "release_counter_not_newer");
  await drop(early);
  for (const releaseCounter of [101, 50, 1]) {
    await expectRefused("releases", kit.describe(randomBytes(10), { releaseCounter }), "release_counter_not_newer");
  }
  const draft = await kit.draft(randomBytes(10), { releaseCounter: 102 });
  await expectRefused("releases", kit.describe(randomBytes(10), { releaseCounter: 102 }), "release_counter_taken");
  const sameVersion = kit.describe(randomBytes(10), { releaseCounter: 103, version: later.version });
  await expectRefused("releases", sameVersion, "release_version_taken");
  await drop(draft);
});

test("refused: a least counter that is not below the release's own, or that nobody can have", async () => {
  const described = (over: ReleaseOver) => kit.describe(randomBytes(10), { releaseCounter: 200, ...over });
  await expectRefused("releases", described({ minCounter: 200 }), "min_counter_not_lower");
  await expectRefused("releases", described({ minCounter: 199 }), "min_counter_unreachable");
  await kitchen.ovens("oven-factory");
  await kitchen.say({
    device: "oven-factory",
    channel: "reported",
    payload: { state: { hardware: "h1", firmware: "0.9", releaseCounter: 150 } },
  });
  await expectRefused("releases", described({ minCounter: 151 }), "min_counter_unreachable");
  const { status, body } = await post("releases", described({ minCounter: 150 }));
  expect(status).toBe(201);
  await drop(body);
});

test("refused: a release behind one that must be passed through and cannot be reached", async () => {
  const of = (releaseCounter: number, over: ReleaseOver = {}) => ({
    ...{ model: "hob", hardwareIds: ["k1"], releaseCounter, version: `1.${releaseCounter}` },
    ...over,
  });
  const stone = await kit.publish(randomBytes(10), of(1));
  await kit.publish(randomBytes(10), of(2, { minCounter: 1, passThrough: true }));
  expect((await post("releases", kit.describe(randomBytes(10), of(3)))).status).toBe(201);
  // Without the first one nobody comes to the second, which nobody may skip.
  await kitchen.as("admin", "POST", `/firmware/releases/${stone.id}/withdraw`, { reason: "bricks" });
  await expectRefused("releases", kit.describe(randomBytes(10), of(4)), "pass_through_unreachable");
  // Other hardware never had to.
  const other = await post("releases", kit.describe(randomBytes(10), of(5, { hardwareIds: ["k2"] })));
  expect(other.status).toBe(201);
  expect(await kitchen.slices.firmware.passThroughs("hob")).toMatchObject([{ releaseCounter: 2, version: "1.2" }]);
});

test("refused: another size or hash signed than the image has", async () => {
  const { release } = await ready();
  const family = await kit.familyWith({ ...release, length: release.length + 1 });
  await expectRefused(signing(release), { family: family.content }, "image_length_wrong");
  const hashed = await kit.familyWith({ ...release, sha256: "0".repeat(64) });
  await expectRefused(signing(release), { family: hashed.content }, "image_hash_wrong");
  const without = nextFamily({
    model: "oven",
    current: await kit.file("fw-oven"),
    by: [kit.family("oven")],
    nowMs: nowMs(),
  });
  await expectRefused(signing(release), { family: without.content }, "target_missing");
  await drop(release);
});

test("refused: a family that leaves out, changes or sneaks in an image beside the one that is published", async () => {
  const published = await kit.publish(randomBytes(10));
  const { release, family } = await ready();
  const bend = (change: (images: Record<string, any>) => void) =>
    // oxlint-disable-line typescript/no-explicit-any -- bends what is well-typed
    altered(family.content, kit.family("oven"), (targets) => change(targets["targets"] as Record<string, object>));
  const without = bend((images) => delete images[published.path]);
  await expectRefused(signing(release), { family: without }, "published_target_removed");
  const changed = bend((images) => (images[published.path].length = 1));
  await expectRefused(signing(release), { family: changed }, "other_target_changed");
  const more = bend((images) => (images["fw/oven/evil.img"] = images[release.path]));
  await expectRefused(signing(release), { family: more }, "target_unknown");
  await drop(release);
});

test("a withdrawn image goes out of the metadata and never comes back", async () => {
  const gone = await kit.publish(randomBytes(10));
  const before = await kit.file("fw-oven");
  const remove = nextFamily({
    model: "oven",
    current: before,
    remove: [gone.path],
    by: [kit.family("oven")],
    nowMs: nowMs(),
  });
  const snapshot = await kit.snapshotWith({ "fw-oven": remove });
  const upload = { families: { oven: remove.content }, snapshot: snapshot.content };
  await expectRefused("repository/metadata", upload, "published_target_removed");
  await kitchen.as("release", "POST", `/firmware/releases/${gone.id}/withdraw`, { reason: "burns bread" });
  expect((await post("repository/metadata", upload)).status).toBe(200);
  const back = await kit.familyWith(gone);
  const named = await kit.snapshotWith({ "fw-oven": back });
  const again = { families: { oven: back.content }, snapshot: named.content };
  await expectRefused("repository/metadata", again, "release_withdrawn");
});

test("of two that publish at once one wins, and the other is told to sign again", async () => {
  const [one, two] = [await signed(), await signed()];
  const both = await Promise.all(
    [one, two].map(async ({ release, family }) =>
      post(publishing(release), { snapshot: content(await kit.snapshotWith({ "fw-oven": family })) }),
    ),
  );
  expect(both.map(({ status }) => status).toSorted((a, b) => a - b)).toEqual([200, 409]);
  const { body } = await kitchen.as("viewer", "GET", "/firmware/releases?state=signed");
  expect(body.items).toHaveLength(1);
  await drop(body.items[0]);
});

test("a stolen family key is of no use once targets and snapshot name another", async () => {
  const stolen = kit.family("hob");
  const fresh = newRoleKey();
  const targets = nextTargets({
    current: await kit.file("targets"),
    families: [{ model: "hob", keys: [fresh.key] }],
    by: [kit.targets],
    nowMs: nowMs(),
  });
  const family = nextFamily({ model: "hob", current: await kit.file("fw-hob"), by: [fresh], nowMs: nowMs() });
  const snapshot = await kit.snapshotWith({ targets, "fw-hob": family });
  const upload = { targets: targets.content, families: { hob: family.content }, snapshot: snapshot.content };
  expect((await post("repository/metadata", upload)).status).toBe(200);
  kit.families.set("hob", fresh);
  const release = await kit.draft(randomBytes(10), { model: "hob", hardwareIds: ["k2"], releaseCounter: 20 });
  const byThief = await kit.familyWith(release, {}, stolen);
  await expectRefused(signing(release), { family: byThief.content }, "metadata_not_signed");
  await drop(release);
});

const timestamp = async () => {
  const { body } = await kitchen.send("viewer", "GET", "/files/repository/timestamp.json");
  return body.signed as { version: number; expires: string; meta: { "snapshot.json": { version: number } } };
};

test("the timestamp is signed with each move and every hour, and lives a day", async () => {
  const before = await timestamp();
  await kit.publish(randomBytes(10));
  const moved = await timestamp();
  expect([moved.version, moved.meta["snapshot.json"].version]).toEqual([
    before.version + 1,
    before.meta["snapshot.json"].version + 1,
  ]);
  expect(moved.expires).toBe(tufTime(nowMs() + dayMs));
  kitchen.clock.forward(3_599_999);
  await kitchen.slices.firmware.tick();
  expect((await timestamp()).version).toBe(moved.version);
  kitchen.clock.forward(1);
  await Promise.all([kitchen.slices.firmware.tick(), kitchen.slices.firmware.tick()]);
  expect((await timestamp()).version).toBe(moved.version + 1);
  expect((await timestamp()).expires).toBe(tufTime(nowMs() + dayMs));
});

test("health warns a month before metadata expires, and says so when it has", async () => {
  const problems = async () =>
    ((await kitchen.call(null, "GET", "/health")).body.problems as string[]).filter((one) => one.includes("metadata"));
  expect(await problems()).toEqual([]);
  kitchen.clock.forward(151 * dayMs);
  await kitchen.slices.firmware.tick();
  expect((await problems()).join()).toMatch(
    /'firmware of oven' expires in \d+ days\. Run npm run release -- refresh\./,
  );
  kitchen.clock.forward(30 * dayMs);
  expect((await problems()).join()).toContain("'snapshot' expired on");
  // What has expired is not published on top of, and a refresh brings it back.
  const family = await kit.file("fw-oven");
  const stale = await kit.draft(randomBytes(10));
  const targets = nextTargets({ current: await kit.file("targets"), families: [], by: [kit.targets], nowMs: nowMs() });
  const moved: Record<string, VersionedText> = { targets };
  for (const [model, key] of kit.families) {
    moved[familyRole(model)] = nextFamily({
      model,
      current: await kit.file(familyRole(model)),
      by: [key],
      nowMs: nowMs(),
    });
  }
  const snapshot = await kit.snapshotWith(moved);
  const families = Object.fromEntries(
    [...kit.families.keys()].map((model) => [model, moved[familyRole(model)]?.content]),
  );
  expect(
    (await post("repository/metadata", { targets: targets.content, families, snapshot: snapshot.content })).status,
  ).toBe(200);
  expect(await problems()).toEqual([]);
  expect(family).not.toBeNull();
  await drop(stale);
});

test("a root that is missing is a 404, as TUF's clients expect, and no name leads anywhere else", async () => {
  for (const name of ["9.root.json", "0.root.json", "root.json", "1.timestamp.json", "..%2froot.json", "1.fw-.json"]) {
    const answer = await kitchen.send("viewer", "GET", `/files/repository/${name}`);
    expect([name, answer.status]).toEqual([name, 404]);
  }
});
