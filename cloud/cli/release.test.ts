import { execFile } from "node:child_process";
import { randomBytes } from "node:crypto";
import { mkdtemp, readdir, readFile, rm, stat, writeFile } from "node:fs/promises";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { sql } from "kysely";
import { afterAll, beforeAll, expect, test } from "vitest";
import { Kitchen } from "../../test/support/kitchen.ts";

const cli = new URL("./release.ts", import.meta.url).pathname;

let kitchen: Kitchen;
let dir: string;
let api: string;

beforeAll(async () => {
  kitchen = await Kitchen.open();
  dir = await mkdtemp(join(tmpdir(), "hearth-release-"));
  await kitchen.app.listen({ host: "127.0.0.1", port: 0 });
  api = `http://127.0.0.1:${(kitchen.app.server.address() as AddressInfo).port}`;
});
afterAll(async () => {
  await kitchen.close();
  await rm(dir, { recursive: true, force: true });
});

interface Ran {
  code: number;
  /** The JSON on stdout. */
  data: any; // oxlint-disable-line typescript/no-explicit-any -- tests look into answers freely
  said: string;
}

/** Runs the command as a child process, as a team does. */
function release(
  args: string[],
  over: { key?: string; env?: Record<string, string>; keys?: string } = {},
): Promise<Ran> {
  const env = {
    PATH: process.env["PATH"],
    HEARTH_URL: api,
    HEARTH_RELEASE_KEYS: over.keys ?? join(dir, "keys"),
    HEARTH_KEY: over.key ?? kitchen.staffKey("admin"),
    ...over.env,
  };
  return new Promise((resolve, reject) => {
    execFile(process.execPath, [cli, ...args, "--json"], { env, cwd: dir }, (error, stdout, stderr) => {
      const code = error === null ? 0 : typeof error.code === "number" ? error.code : null;
      if (code === null) reject(error ?? new Error("it did not run"));
      else resolve({ code, data: stdout === "" ? null : JSON.parse(stdout), said: stderr });
    });
  });
}

const ok = async (...args: string[]): Promise<Ran["data"]> => {
  const ran = await release(args);
  if (ran.code !== 0) throw new Error(`${args.join(" ")}: ${ran.code} ${ran.said}`);
  return ran.data;
};

async function image(bytes = 10_000): Promise<string> {
  const file = join(dir, `${randomBytes(4).toString("hex")}.bin`);
  await writeFile(file, randomBytes(bytes));
  return file;
}

/** Signs a bundle; returns its folder. */
async function bundle(version: string, counter: number, ...more: string[]): Promise<string> {
  const file = await image();
  const about = ["--model", "oven", "--hardware", "h1", "--version", version, "--counter", String(counter)];
  const { bundle: folder } = await ok("sign", "--image", file, ...about, ...more);
  return folder as string;
}

const rolesNow = async (): Promise<Record<string, number>> => {
  const { body } = await kitchen.as("viewer", "GET", "/firmware/repository");
  return Object.fromEntries(
    (body.roles as { role: string; version: number }[]).map(({ role, version }) => [role, version]),
  );
};

test("keygen makes keys that only their owner reads, and registers the first root", async () => {
  const dry = await ok("keygen", "--model", "oven", "--dry-run");
  expect(dry).toMatchObject({ dryRun: true });
  expect(await readdir(dir)).toEqual([]);
  const made = await ok("keygen", "--model", "oven");
  expect(made).toMatchObject({ registered: true, models: ["oven"] });
  const keys = (await readdir(join(dir, "keys"))).filter((name) => name.endsWith(".key"));
  expect(keys.toSorted()).toEqual([
    "fw-oven.key",
    "root-1.key",
    "root-2.key",
    "root-3.key",
    "snapshot.key",
    "targets.key",
  ]);
  for (const name of keys) expect((await stat(join(dir, "keys", name))).mode & 0o777).toBe(0o600);
  expect(await rolesNow()).toEqual({ root: 1, targets: 1, snapshot: 1, timestamp: 1, "fw-oven": 1 });
  const served = await kitchen.send("viewer", "GET", "/files/repository/1.root.json");
  expect(JSON.parse(await readFile(made.root as string, "utf8"))).toEqual(served.body);
  expect(JSON.parse(await readFile(made.directorJwks as string, "utf8"))).toEqual(
    (await kitchen.as("viewer", "GET", "/firmware/director.jwks")).body,
  );
  expect(await ok("keygen", "--model", "oven")).toMatchObject({ made: [], root: made.root });
  expect(await rolesNow()).toMatchObject({ root: 1, targets: 1 });
});

test("a bundle that was signed without any network is published", async () => {
  const sbom = join(dir, "sbom.json");
  const components = [{ type: "library", name: "openssl", version: "3.0.1" }];
  await writeFile(sbom, JSON.stringify({ bomFormat: "CycloneDX", specVersion: "1.5", components }));
  const file = await image(3_000_000);
  const about = ["--model", "oven", "--hardware", "h1", "--version", "2.0.0", "--counter", "1", "--sbom", sbom];
  const more = ["--kind", "security", "--notes", "Crisper", "--support-ends", "2036-12-31"];
  const offline = await release(["sign", "--image", file, ...about, ...more, "--out", join(dir, "b1")], {
    env: { HEARTH_URL: "http://127.0.0.1:1", HEARTH_KEY: "" },
  });
  expect(offline.code).toBe(0);
  expect((await ok("publish", join(dir, "b1"), "--dry-run")).dryRun).toBe(true);
  expect((await kitchen.as("viewer", "GET", "/firmware/releases")).body.items).toEqual([]);
  const { release: published } = await ok("publish", join(dir, "b1"));
  expect(published).toMatchObject({
    state: "published",
    version: "2.0.0",
    kind: "security",
    notes: "Crisper",
    supportEndsAtMs: Date.UTC(2036, 11, 31),
    components: 1,
  });
  expect(await rolesNow()).toMatchObject({ "fw-oven": 2, snapshot: 2, timestamp: 2, targets: 1 });
});

test("a service that hands out what the team did not sign, or an older state, gets nothing signed", async () => {
  const folder = await bundle("9.0.0", 900);
  const newest = sql`role = 'fw-oven' AND version = (SELECT max(version) FROM repository_file WHERE role = 'fw-oven')`;
  const { rows } = await sql<{ content: string }>`SELECT content FROM repository_file WHERE ${newest}`.execute(
    kitchen.base.db,
  );
  const content = rows[0]?.content ?? "";
  const planted = content.replace(/"length":\d+/, '"length":6666');
  await sql`UPDATE repository_file SET content = ${planted} WHERE ${newest}`.execute(kitchen.base.db);
  const ran = await release(["publish", folder]);
  expect([ran.code, ran.said]).toEqual([3, expect.stringContaining("not to be trusted")]);
  await sql`UPDATE repository_file SET content = ${content} WHERE ${newest}`.execute(kitchen.base.db);
  const snapshot = (await rolesNow())["snapshot"] ?? 0;
  await ok("refresh");
  await sql`DELETE FROM repository_file WHERE role = 'snapshot' AND version > ${snapshot}`.execute(kitchen.base.db);
  await kitchen.slices.firmware.repository.tick();
  kitchen.clock.forward(3_600_000);
  await kitchen.slices.firmware.repository.tick();
  const older = await release(["publish", folder]);
  expect([older.code, older.said]).toEqual([3, expect.stringContaining("this folder has seen")]);
});

test("who has the keys and is no admin leaves the registering to one who is, and has no keys", async () => {
  const keys = join(dir, "unregistered");
  const args = ["keygen", "--model", "oven", "--timestamp-key", "00".repeat(32)];
  const made = await release([...args, "--no-register"], { keys, env: { HEARTH_URL: "http://127.0.0.1:1" } });
  expect([made.code, made.data]).toMatchObject([0, { registered: false, directorJwks: null }]);
  const upload = JSON.parse(await readFile(join(keys, "first-root.json"), "utf8"));
  expect(Object.keys(upload)).toEqual(["root", "targets", "families", "snapshot"]);
  expect(upload.root).toBe(await readFile(made.data.root as string, "utf8"));
  expect((await release(args, { keys })).code).toBe(2);
  const other = await Kitchen.open();
  await other.app.listen({ host: "127.0.0.1", port: 0 });
  const env = {
    HEARTH_URL: `http://127.0.0.1:${(other.app.server.address() as AddressInfo).port}`,
    HEARTH_KEY: other.staffKey("admin"),
  };
  const repository = await other.as("viewer", "GET", "/firmware/repository");
  const [ours, key] = [join(dir, "later"), repository.body.timestampKey as string];
  const before = ["keygen", "--model", "oven", "--timestamp-key", key, "--no-register"];
  expect((await release(before, { keys: ours, env })).code).toBe(0);
  const after = await release(["keygen", "--model", "oven"], { keys: ours, env });
  await other.close();
  expect([after.code, after.data]).toMatchObject([0, { registered: true }]);
});

test("with a passphrase the keys lie encrypted, and without it they are of no use", async () => {
  const keys = join(dir, "sealed");
  const env = { HEARTH_RELEASE_PASSPHRASE: "correct horse" };
  const args = ["keygen", "--model", "oven", "--timestamp-key", "00".repeat(32), "--no-register"];
  expect((await release(args, { keys, env })).code).toBe(0);
  expect(await readFile(join(keys, "targets.key"), "utf8")).toContain("ENCRYPTED");
  const about = ["--model", "oven", "--hardware", "h1", "--version", "1.0.0", "--counter", "1", "--dry-run"];
  const file = await image();
  expect((await release(["sign", "--image", file, ...about], { keys })).code).toBe(5);
  expect((await release(["sign", "--image", file, ...about], { keys, env })).code).toBe(0);
});
