import { sql } from "kysely";
import { afterAll, beforeAll, expect, test } from "vitest";
import { Kitchen } from "../../test/support/kitchen.ts";
import type { ReleaseKit, ReleaseView } from "../../test/support/release-kit.ts";
import { readSbom } from "./core/sbom.ts";

let kitchen: Kitchen;
let kit: ReleaseKit;

beforeAll(async () => {
  kitchen = await Kitchen.open();
  kit = await kitchen.releaseKit();
  await kitchen.ovens("oven-1", "oven-2", "oven-3", "oven-4");
});
afterAll(() => kitchen.close());

const sbomOf = (...components: object[]) => ({ bomFormat: "CycloneDX", specVersion: "1.6", components });
const lib = (name: string, version?: string, more: object = {}) => ({ type: "library", name, version, ...more });
const put = (release: ReleaseView, sbom: object) =>
  kitchen.send("release", "PUT", `/api/v1/firmware/releases/${release.id}/sbom`, sbom);
const runs = (device: string, release: ReleaseView) => {
  // Of two reports of one moment the first counts.
  kitchen.clock.forward(1);
  return kitchen.say({ device, channel: "reported", payload: { state: { firmware: release.version } } });
};

interface Answer {
  items: { deviceId: string; component: { version: string | null }; certain: boolean }[];
  releases: { version: string; devices: number }[] | null;
  nextCursor: string | null;
}
const ask = async (query: string): Promise<Answer> =>
  (await kitchen.as("viewer", "GET", `/firmware/components/devices?${query}`)).body;
const devices = async (query: string) => (await ask(query)).items.map(({ deviceId }) => deviceId);

test("which appliances run a component below a version is one question", async () => {
  const [old, fixed, other] = [await kit.publish(), await kit.publish(), await kit.publish()];
  await put(old, sbomOf(lib("OpenSSL", "1.1.1k"), lib("zlib", "1.2.11")));
  await put(fixed, sbomOf(lib("app", "1", { components: [lib("openssl", "1.1.1l"), lib("zlib", "1.3")] })));
  await put(other, sbomOf(lib("openssl", "git-4f3a"), lib("commons", "2.0", { group: "org.apache" })));
  await runs("oven-1", old);
  await runs("oven-2", fixed);
  await runs("oven-3", other);
  expect(await devices("name=openssl")).toEqual(["oven-1", "oven-2", "oven-3"]);
  const below = await ask("name=openssl&below=1.1.1l");
  expect(below.items).toMatchObject([
    { deviceId: "oven-1", component: { version: "1.1.1k" }, certain: true },
    // Nobody knows, and whoever looks for a weakness must hear of it.
    { deviceId: "oven-3", component: { version: "git-4f3a" }, certain: false },
  ]);
  expect(below.releases).toMatchObject([
    { version: other.version, devices: 1 },
    { version: old.version, devices: 1 },
  ]);
  expect(await devices("name=zlib&below=1.2.12")).toEqual(["oven-1"]);
  expect(await devices("name=org.apache/commons&below=3")).toEqual(["oven-3"]);
  expect(await devices("name=commons&below=2.0.0")).toEqual([]);
  const unknown = await kitchen.as("viewer", "GET", "/firmware/components/devices?name=zlib&below=newest");
  expect(unknown.body).toMatchObject({ code: "component_version_not_comparable" });
  // A withdrawn release still runs where it runs; an update moves an appliance out of the answer.
  await kitchen.as("release", "POST", `/firmware/releases/${old.id}/withdraw`, { reason: "CVE" });
  expect(await devices("name=zlib&below=1.2.12")).toEqual(["oven-1"]);
  await runs("oven-1", fixed);
  expect(await devices("name=zlib&below=1.2.12")).toEqual([]);
});

test("the answer comes in pages, and each appliance once", async () => {
  const release = await kit.publish();
  await put(release, sbomOf(lib("busybox", "1.30"), lib("busybox", "1.31"), lib("busybox")));
  for (const device of ["oven-1", "oven-2", "oven-4"]) await runs(device, release);
  const first = await ask("name=busybox&below=2&limit=2");
  expect(first.items.map(({ deviceId }) => deviceId)).toEqual(["oven-1", "oven-2"]);
  const rest = await ask(`name=busybox&below=2&limit=2&cursor=${first.nextCursor}`);
  expect([rest.items.map(({ deviceId }) => deviceId), rest.releases, rest.nextCursor]).toEqual([
    ["oven-4"],
    null,
    null,
  ]);
});

test("an SBOM is handed out as it came, replaced until the first offer, and taken late where there was none", async () => {
  const [release, late] = [await kit.publish(), await kit.publish()];
  const sbom = sbomOf(lib("a", "1", { licenses: [{ license: { id: "MIT" } }] }));
  expect((await put(release, sbom)).body).toMatchObject({ components: 1 });
  const given = await kitchen.app.inject({
    url: `/api/v1/firmware/releases/${release.id}/sbom`,
    headers: { authorization: `Bearer ${kitchen.staffKey("viewer")}` },
  });
  expect([given.headers["content-type"], given.json()]).toEqual([
    expect.stringContaining("application/vnd.cyclonedx+json"),
    sbom,
  ]);
  expect((await put(release, sbomOf(lib("a"), lib("b")))).body).toMatchObject({ components: 2 });
  const missing = await kitchen.as("viewer", "GET", `/firmware/releases/${late.id}/sbom`);
  expect(missing.body).toMatchObject({ code: "sbom_not_found" });
  for (const { id } of [release, late]) {
    await kitchen.as("release", "POST", `/firmware/releases/${id}/send`, { deviceIds: ["oven-1"] });
  }
  expect((await put(release, sbomOf())).body).toMatchObject({ code: "release_locked" });
  expect((await put(late, sbomOf(lib("a")))).body).toMatchObject({ components: 1 });
});

test("what is no SBOM is refused with the field, and changes nothing", async () => {
  const release = await kit.publish();
  const deep = (depth: number): object => (depth === 0 ? lib("x") : lib("x", "1", { components: [deep(depth - 1)] }));
  const tries: [object, string][] = [
    [{}, "sbom_not_valid"],
    [{ ...sbomOf(), bomFormat: "SPDX" }, "sbom_not_valid"],
    [{ ...sbomOf(), specVersion: "1.3" }, "sbom_not_valid"],
    [sbomOf({ type: "library" }), "sbom_not_valid"],
    [sbomOf(lib("a\u0000b")), "sbom_not_valid"],
    [sbomOf(deep(16)), "sbom_too_large"],
    [sbomOf(lib("app", "1", { components: Array.from({ length: 20_000 }, () => lib("x")) })), "sbom_too_large"],
  ];
  for (const [sbom, code] of tries) expect((await put(release, sbom)).body).toMatchObject({ code });
  const { rows } = await sql`SELECT 1 FROM release_component WHERE release_id = ${release.id}`.execute(kitchen.base.db);
  expect(rows).toEqual([]);
  expect(readSbom("[".repeat(100_000))).toMatchObject({ kind: "refused" });
  expect(readSbom(" ".repeat(8_388_609))).toMatchObject({ rule: "sbom_too_large" });
  expect(readSbom(JSON.stringify(sbomOf(deep(15))))).toMatchObject({ kind: "read" });
});
