import { afterAll, beforeAll, expect, test } from "vitest";
import { publishing, RepositoryStage, signing } from "../../test/support/repository-stage.ts";
import { newRoleKey, type ReleaseKit } from "../../test/support/release-kit.ts";
import { randomBytes } from "node:crypto";
import type { Kitchen } from "../../test/support/kitchen.ts";
import { familyRole } from "#protocol/update.ts";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { sql } from "kysely";
import { Updater } from "tuf-js";
import { tufTime } from "./core/tuf-build.ts";
import { nextFamily, nextTargets, type VersionedText } from "./core/tuf-next.ts";

const dayMs = 86_400_000;
let stage: RepositoryStage;
let kitchen: Kitchen;
let kit: ReleaseKit;

beforeAll(async () => {
  stage = await RepositoryStage.open();
  ({ kitchen, kit } = stage);
});
afterAll(() => kitchen.close());

test("an appliance's own client follows the repository to the image that was published", async () => {
  const image = randomBytes(2_000);
  const release = await kit.publish(image);
  await kitchen.app.listen({ host: "127.0.0.1", port: 0 });
  const base = `http://127.0.0.1:${(kitchen.app.server.address() as AddressInfo).port}/files/repository`;
  const dir = await mkdtemp(join(tmpdir(), "hearth-tuf-"));
  await writeFile(join(dir, "root.json"), kit.factoryRoot);
  const updater = new Updater({ metadataDir: dir, metadataBaseUrl: base });
  // The kitchen's time is another than the machine's.
  Reflect.set(Reflect.get(updater, "trustedSet") as object, "referenceTime", new Date(stage.nowMs()));
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

test("a withdrawn image goes out of the metadata and never comes back", async () => {
  const gone = await kit.publish(randomBytes(10));
  const before = await kit.file("fw-oven");
  const remove = nextFamily({
    model: "oven",
    current: before,
    remove: [gone.path],
    by: [kit.family("oven")],
    nowMs: stage.nowMs(),
  });
  const snapshot = await kit.snapshotWith({ "fw-oven": remove });
  const upload = { families: { oven: remove.content }, snapshot: snapshot.content };
  expect(await stage.refused("repository/metadata", upload)).toBe("published_target_removed");
  await kitchen.as("release", "POST", `/firmware/releases/${gone.id}/withdraw`, { reason: "burns bread" });
  expect((await stage.post("repository/metadata", upload)).status).toBe(200);
  const back = await kit.familyWith(gone);
  const named = await kit.snapshotWith({ "fw-oven": back });
  const again = { families: { oven: back.content }, snapshot: named.content };
  expect(await stage.refused("repository/metadata", again)).toBe("release_withdrawn");
});

test("a publication that fails at its last step leaves everything as it was, and can be had again", async () => {
  const { release, family } = await stage.signed();
  const { db } = kitchen.base;
  await sql`
    CREATE FUNCTION fail() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'the disk is full'; END $$`.execute(
    db,
  );
  await sql`
    CREATE CONSTRAINT TRIGGER fails AFTER UPDATE ON firmware_release DEFERRABLE INITIALLY DEFERRED
    FOR EACH ROW EXECUTE FUNCTION fail()`.execute(db);
  const { content: snapshot } = await kit.snapshotWith({ "fw-oven": family });
  expect(await stage.refused(publishing(release), { snapshot })).toBe("internal");
  await sql`DROP TRIGGER fails ON firmware_release`.execute(db);
  expect((await stage.post(publishing(release), { snapshot })).body).toMatchObject({ state: "published" });
});

test("of two that publish at once one wins, and the other is told to sign again", async () => {
  const [one, two] = [await stage.signed(), await stage.signed()];
  const both = await Promise.all(
    [one, two].map(async ({ release, family }) =>
      stage.post(publishing(release), { snapshot: (await kit.snapshotWith({ "fw-oven": family })).content }),
    ),
  );
  expect(both.map(({ status }) => status).toSorted((a, b) => a - b)).toEqual([200, 409]);
  const { body } = await kitchen.as("viewer", "GET", "/firmware/releases?state=signed");
  expect(body.items).toHaveLength(1);
  await stage.drop(body.items[0]);
});

test("a stolen family key is of no use once targets and snapshot name another", async () => {
  const stolen = kit.family("hob");
  const fresh = newRoleKey();
  const targets = nextTargets({
    current: await kit.file("targets"),
    families: [{ model: "hob", keys: [fresh.key] }],
    by: [kit.targets],
    nowMs: stage.nowMs(),
  });
  const family = nextFamily({ model: "hob", current: await kit.file("fw-hob"), by: [fresh], nowMs: stage.nowMs() });
  const snapshot = await kit.snapshotWith({ targets, "fw-hob": family });
  const upload = { targets: targets.content, families: { hob: family.content }, snapshot: snapshot.content };
  expect((await stage.post("repository/metadata", upload)).status).toBe(200);
  kit.families.set("hob", fresh);
  const release = await kit.draft(randomBytes(10), { model: "hob", hardwareIds: ["k2"], releaseCounter: 20 });
  const byThief = await kit.familyWith(release, {}, stolen);
  expect(await stage.refused(signing(release), { family: byThief.content })).toBe("metadata_not_signed");
  await stage.drop(release);
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
  expect(moved.expires).toBe(tufTime(stage.nowMs() + dayMs));
  kitchen.clock.forward(3_599_999);
  await kitchen.slices.firmware.tick();
  expect((await timestamp()).version).toBe(moved.version);
  kitchen.clock.forward(1);
  await Promise.all([kitchen.slices.firmware.tick(), kitchen.slices.firmware.tick()]);
  expect((await timestamp()).version).toBe(moved.version + 1);
  expect((await timestamp()).expires).toBe(tufTime(stage.nowMs() + dayMs));
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
  const targets = nextTargets({
    current: await kit.file("targets"),
    families: [],
    by: [kit.targets],
    nowMs: stage.nowMs(),
  });
  const moved: Record<string, VersionedText> = { targets };
  for (const [model, key] of kit.families) {
    moved[familyRole(model)] = nextFamily({
      model,
      current: await kit.file(familyRole(model)),
      by: [key],
      nowMs: stage.nowMs(),
    });
  }
  const snapshot = await kit.snapshotWith(moved);
  const families = Object.fromEntries(
    [...kit.families.keys()].map((model) => [model, moved[familyRole(model)]?.content]),
  );
  expect(
    (await stage.post("repository/metadata", { targets: targets.content, families, snapshot: snapshot.content }))
      .status,
  ).toBe(200);
  expect(await problems()).toEqual([]);
  expect(family).not.toBeNull();
  await stage.drop(stale);
});

test("a root that is missing is a 404, as TUF's clients expect, and no name leads anywhere else", async () => {
  for (const name of ["9.root.json", "0.root.json", "root.json", "1.timestamp.json", "..%2froot.json", "1.fw-.json"]) {
    const answer = await kitchen.send("viewer", "GET", `/files/repository/${name}`);
    expect([name, answer.status]).toEqual([name, 404]);
  }
});
