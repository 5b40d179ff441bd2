import { afterAll, beforeAll, expect, test } from "vitest";
import { altered, publishing, RepositoryStage, signing } from "../../test/support/repository-stage.ts";
import type { ReleaseKit, ReleaseOver } from "../../test/support/release-kit.ts";
import { randomBytes } from "node:crypto";
import type { Kitchen } from "../../test/support/kitchen.ts";
import { nextFamily } from "./core/tuf-next.ts";

let stage: RepositoryStage;
let kitchen: Kitchen;
let kit: ReleaseKit;

beforeAll(async () => {
  stage = await RepositoryStage.open();
  ({ kitchen, kit } = stage);
});
afterAll(() => kitchen.close());

test("refused: hardware that the model does not have, and other hardware signed than said", async () => {
  expect(await stage.refused("releases", kit.describe(randomBytes(10), { hardwareIds: ["h1", "h9"] }))).toBe(
    "hardware_not_of_model",
  );
  const { release } = await stage.ready();
  for (const over of [
    { hardwareIds: ["h1", "h9"] },
    { version: "9.9.9" },
    { releaseCounter: release.releaseCounter + 1 },
    { minCounter: 1 },
    { model: "hob" },
  ]) {
    const family = await kit.familyWith(release, over);
    expect(await stage.refused(signing(release), { family: family.content })).toBe("target_differs");
  }
  await stage.drop(release);
});

test("refused: a model that nobody knows", async () => {
  const described = kit.describe(randomBytes(10), { model: "toaster" });
  expect(await stage.refused("releases", described)).toBe("firmware_model_unknown");
});

test("refused: a counter that goes back, also when it was free at the time of the draft", async () => {
  const { release: early } = await stage.signed({ releaseCounter: 100 });
  const later = await kit.publish(randomBytes(10), { releaseCounter: 101 });
  const family = await kit.familyWith(early);
  expect((await stage.post(signing(early), { family: family.content })).status).toBe(200);
  const snapshot = await kit.snapshotWith({ "fw-oven": family });
  expect(await stage.refused(publishing(early), { snapshot: snapshot.content })).toBe("release_counter_not_newer");
  await stage.drop(early);
  for (const releaseCounter of [101, 50, 1]) {
    expect(await stage.refused("releases", kit.describe(randomBytes(10), { releaseCounter }))).toBe(
      "release_counter_not_newer",
    );
  }
  const draft = await kit.draft(randomBytes(10), { releaseCounter: 102 });
  expect(await stage.refused("releases", kit.describe(randomBytes(10), { releaseCounter: 102 }))).toBe(
    "release_counter_taken",
  );
  const sameVersion = kit.describe(randomBytes(10), { releaseCounter: 103, version: later.version });
  expect(await stage.refused("releases", sameVersion)).toBe("release_version_taken");
  await stage.drop(draft);
});

const number200 = (over: ReleaseOver) => kit.describe(randomBytes(10), { releaseCounter: 200, ...over });

test("refused: a least counter that is not below the release's own, or that nobody can have", async () => {
  expect(await stage.refused("releases", number200({ minCounter: 200 }))).toBe("min_counter_not_lower");
  expect(await stage.refused("releases", number200({ minCounter: 199 }))).toBe("min_counter_unreachable");
  await kitchen.ovens("oven-factory");
  await kitchen.say({
    device: "oven-factory",
    channel: "reported",
    payload: { state: { hardware: "h1", firmware: "0.9", releaseCounter: 150 } },
  });
  expect(await stage.refused("releases", number200({ minCounter: 151 }))).toBe("min_counter_unreachable");
  const { status, body } = await stage.post("releases", number200({ minCounter: 150 }));
  expect(status).toBe(201);
  await stage.drop(body);
});

const hobNumber = (releaseCounter: number, over: ReleaseOver = {}): ReleaseOver => ({
  model: "hob",
  hardwareIds: ["k1"],
  releaseCounter,
  version: `1.${releaseCounter}`,
  ...over,
});

test("refused: a release behind one that must be passed through and cannot be reached", async () => {
  const stone = await kit.publish(randomBytes(10), hobNumber(1));
  await kit.publish(randomBytes(10), hobNumber(2, { minCounter: 1, passThrough: true }));
  expect((await stage.post("releases", kit.describe(randomBytes(10), hobNumber(3)))).status).toBe(201);
  // Without the first one nobody comes to the second, which nobody may skip.
  await kitchen.as("admin", "POST", `/firmware/releases/${stone.id}/withdraw`, { reason: "bricks" });
  expect(await stage.refused("releases", kit.describe(randomBytes(10), hobNumber(4)))).toBe("pass_through_unreachable");
  // Other hardware never had to.
  const other = await stage.post("releases", kit.describe(randomBytes(10), hobNumber(5, { hardwareIds: ["k2"] })));
  expect(other.status).toBe(201);
  expect(await kitchen.slices.firmware.passThroughs("hob")).toMatchObject([{ releaseCounter: 2, version: "1.2" }]);
});

test("refused: another size or hash signed than the image has", async () => {
  const { release } = await stage.ready();
  const family = await kit.familyWith({ ...release, length: release.length + 1 });
  expect(await stage.refused(signing(release), { family: family.content })).toBe("image_length_wrong");
  const hashed = await kit.familyWith({ ...release, sha256: "0".repeat(64) });
  expect(await stage.refused(signing(release), { family: hashed.content })).toBe("image_hash_wrong");
  const without = nextFamily({
    model: "oven",
    current: await kit.file("fw-oven"),
    by: [kit.family("oven")],
    nowMs: stage.nowMs(),
  });
  expect(await stage.refused(signing(release), { family: without.content })).toBe("target_missing");
  await stage.drop(release);
});

type Images = Record<string, any>; // oxlint-disable-line typescript/no-explicit-any -- bends what is well-typed

test("refused: a family that leaves out, changes or sneaks in an image beside the one that is published", async () => {
  const published = await kit.publish(randomBytes(10));
  const { release, family } = await stage.ready();
  const bend = (change: (images: Images) => void) =>
    altered(family.content, kit.family("oven"), (targets) => change(targets["targets"] as Images));
  const without = bend((images) => delete images[published.path]);
  expect(await stage.refused(signing(release), { family: without })).toBe("published_target_removed");
  const changed = bend((images) => (images[published.path].length = 1));
  expect(await stage.refused(signing(release), { family: changed })).toBe("other_target_changed");
  const more = bend((images) => (images["fw/oven/evil.img"] = images[release.path]));
  expect(await stage.refused(signing(release), { family: more })).toBe("target_unknown");
  await stage.drop(release);
});
