import { execFile } from "node:child_process";
import { createPrivateKey, randomBytes } from "node:crypto";
import { chmod, cp, mkdir, mkdtemp, readdir, readFile, rm, stat, writeFile } from "node:fs/promises";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Updater } from "tuf-js";
import { afterAll, beforeAll, expect, test } from "vitest";
import { parseRoot } from "../cloud/firmware/core/tuf-parse.ts";
import { newRoot, rootLifeMs } from "../cloud/firmware/core/tuf-build.ts";
import { roleKey } from "../cloud/firmware/core/tuf-keys.ts";
import { ovenModel } from "./support/ovens.ts";
import { preparedDataDir } from "./support/prepared-data-dir.ts";
import {
  freePort,
  removeDataDir,
  type RunningService,
  startServiceProcess,
  stopServiceProcess,
} from "./support/service-process.ts";

const cli = new URL("../cloud/cli/release.ts", import.meta.url).pathname;

let service: RunningService;
let dir: string;
let keys: string;
let recorder: Server;
let api: string;
/** All that a command sent to the service. */
let sent = "";
/** All that a command said. */
let said = "";

interface Ran {
  code: number;
  data: any; // oxlint-disable-line typescript/no-explicit-any -- tests look into answers freely
  stderr: string;
}

/** Passes everything on to the service, and keeps what is sent. `meanwhile` happens before the next request of its path. */
let meanwhile: { path: RegExp; act: () => Promise<void> } | null = null;

function record(): Server {
  return createServer((request, response) => {
    const pieces: Buffer[] = [];
    request.on("data", (piece: Buffer) => pieces.push(piece));
    request.on("end", async () => {
      const body = Buffer.concat(pieces);
      sent += `${request.url} ${JSON.stringify(request.headers)} ${body.toString("latin1")}\n`;
      const pending = meanwhile;
      if (pending !== null && pending.path.test(request.url ?? "")) {
        meanwhile = null;
        await pending.act();
      }
      const { authorization, "content-type": type } = request.headers;
      const answer = await fetch(service.http + (request.url ?? ""), {
        method: request.method ?? "GET",
        headers: {
          ...(authorization === undefined ? {} : { authorization }),
          ...(type === undefined ? {} : { "content-type": type }),
        },
        ...(body.length === 0 ? {} : { body: new Uint8Array(body) }),
      });
      response.writeHead(answer.status, { "content-type": answer.headers.get("content-type") ?? "text/plain" });
      response.end(Buffer.from(await answer.arrayBuffer()));
    });
  });
}

/** Runs the command as a child process, as a team does. */
function release(args: string[], over: { keys?: string; env?: Record<string, string> } = {}): Promise<Ran> {
  const env = {
    PATH: process.env["PATH"],
    HEARTH_URL: api,
    HEARTH_KEY: service.key,
    HEARTH_RELEASE_KEYS: over.keys ?? keys,
    ...over.env,
  };
  return new Promise((resolve, reject) => {
    execFile(process.execPath, [cli, ...args, "--json"], { env, cwd: dir }, (error, stdout, stderr) => {
      said += stdout + stderr;
      const code = error === null ? 0 : typeof error.code === "number" ? error.code : null;
      if (code === null) reject(error ?? new Error("it did not run"));
      else resolve({ code, data: stdout === "" ? null : JSON.parse(stdout), stderr });
    });
  });
}

const ok = async (...args: string[]): Promise<Ran["data"]> => {
  const ran = await release(args);
  if (ran.code !== 0) throw new Error(`${args.join(" ")}: ${ran.code} ${ran.stderr}`);
  return ran.data;
};

async function image(): Promise<string> {
  const file = join(dir, `${randomBytes(4).toString("hex")}.bin`);
  await writeFile(file, randomBytes(20_000));
  return file;
}

const about = (version: string, counter: number): string[] =>
  `--model oven --hardware h1 --version ${version} --counter ${counter}`.split(" ");

async function bundle(version: string, counter: number): Promise<string> {
  const signed = await ok("sign", ...about(version, counter), "--image", await image());
  return join(dir, signed.bundle as string);
}

/** An appliance that left the factory with the first root, and looks for an image now. */
async function appliance(factoryRoot: string): Promise<(path: string) => Promise<boolean>> {
  const folder = await mkdtemp(join(dir, "appliance-"));
  await writeFile(join(folder, "root.json"), factoryRoot);
  return async (path) => {
    const updater = new Updater({ metadataDir: folder, metadataBaseUrl: `${service.http}/files/repository/` });
    await updater.refresh();
    return (await updater.getTargetInfo(path)) !== undefined;
  };
}

const rolesNow = async (): Promise<Record<string, number>> => {
  const { body } = await service.api("/api/v1/firmware/repository");
  return Object.fromEntries(
    (body.roles as { role: string; version: number }[]).map(({ role, version }) => [role, version]),
  );
};

function gone(error: NodeJS.ErrnoException): string {
  if (error.code === "ENOENT") return "";
  throw error;
}

/** Every file of a folder with its contents, to tell whether anything changed. */
async function contents(folder: string): Promise<Record<string, string>> {
  const files = await readdir(folder, { recursive: true, withFileTypes: true }).catch(() => []);
  const texts = await Promise.all(
    files
      .filter((file) => file.isFile())
      .map(async (file) => {
        const path = join(file.parentPath, file.name);
        // The database that runs there makes files and takes them away.
        return [path, await readFile(path, "latin1").catch(gone)] as const;
      }),
  );
  return Object.fromEntries(texts);
}

let factoryRoot: string;
let find: (path: string) => Promise<boolean>;
let first: { id: string; path: string };

beforeAll(async () => {
  service = await startServiceProcess({ dataDir: await preparedDataDir() });
  dir = await mkdtemp(join(tmpdir(), "hearth-release-"));
  keys = join(dir, "keys");
  recorder = record().listen(0, "127.0.0.1");
  await new Promise((resolve) => recorder.once("listening", resolve));
  api = `http://127.0.0.1:${(recorder.address() as AddressInfo).port}`;
  await service.api("/api/v1/models/oven", { method: "PUT", body: ovenModel });
  const made = await ok("keygen", "--model", "oven");
  factoryRoot = await readFile(made.root as string, "utf8");
  find = await appliance(factoryRoot);
  const published = await ok("publish", await bundle("2.0.0", 1));
  first = published.release;
});
afterAll(async () => {
  await stopServiceProcess(service);
  await new Promise((resolve) => recorder.close(resolve));
  await removeDataDir(service.dataDir);
  await rm(dir, { recursive: true, force: true });
});

test("an appliance with the factory's root finds what was signed without a network and then published", async () => {
  const away = { env: { HEARTH_URL: `http://127.0.0.1:${await freePort()}`, HEARTH_KEY: "" } };
  const args = [...about("2.1.0", 2), "--image", await image(), "--out", join(dir, "b")];
  expect((await release(["sign", ...args], away)).code).toBe(0);
  const published = await ok("publish", join(dir, "b"));
  expect(published).toMatchObject({ id: published.release.id, release: { state: "published", version: "2.1.0" } });
  expect(published.planHref).toBe(`${api}/rollouts/new?release=${published.id}`);
  expect(await find(published.release.path as string)).toBe(true);
  expect(await find(first.path)).toBe(true);
  expect(await find("fw/oven/9.9.9-9.img")).toBe(false);
});

test("publishing the same bundle once more is no second release", async () => {
  const folder = await bundle("2.1.5", 3);
  const { id } = await ok("publish", folder);
  expect((await ok("publish", folder)).id).toBe(id);
});

test("keys are read by their owner alone: a folder or a key that others can read is refused by name", async () => {
  expect((await stat(keys)).mode & 0o777).toBe(0o700);
  const file = join(keys, "fw-oven.key");
  expect((await stat(file)).mode & 0o777).toBe(0o600);
  const args = ["sign", ...about("2.9.0", 20), "--image", await image(), "--dry-run"];
  await chmod(keys, 0o750);
  const folder = await release(args);
  await chmod(keys, 0o700);
  expect([folder.code, folder.stderr]).toEqual([5, expect.stringContaining(`${keys} can be read by others`)]);
  await chmod(file, 0o644);
  const key = await release(args);
  await chmod(file, 0o600);
  expect([key.code, key.stderr]).toEqual([5, expect.stringContaining(`${file} can be read by others`)]);
  expect((await release(args)).code).toBe(0);
});

const refused = async (code: number, names: string, args: string[], over: { keys?: string } = {}): Promise<void> => {
  const ran = await release(args, over);
  expect([ran.code, ran.stderr]).toEqual([code, expect.stringContaining(names)]);
  expect(
    ran.stderr
      .trim()
      .split("\n")
      .filter((line) => !line.startsWith("(--help")),
  ).toHaveLength(1);
};

test("every refusal says in one sentence which option or file it is about, and has its exit code", async () => {
  const file = await image();
  await refused(2, "--counter 1 is not above", ["sign", ...about("3.0.0", 1), "--image", file]);
  await refused(2, "--counter is 'x'", ["sign", ...about("3.0.0", 1), "--image", file, "--counter", "x"]);
  await refused(2, "--min-counter 9", ["sign", ...about("3.0.0", 9), "--image", file, "--min-counter", "9"]);
  await refused(2, "--version is not right", ["sign", ...about("three/0", 9), "--image", file]);
  await refused(2, "--image", ["sign", ...about("3.0.0", 9), "--image", join(dir, "nothing")]);
  await refused(2, "--support-ends", ["sign", ...about("3.0.0", 9), "--image", file, "--support-ends", "soon"]);
  await refused(2, "--sbom", ["sign", ...about("3.0.0", 9), "--image", file, "--sbom", file]);
  await refused(2, "--image", ["sign", ...about("3.0.0", 9)]);
  await refused(2, "--yes", ["withdraw", "2.0.0", "--model", "oven", "--reason", "burns"]);
  await refused(2, "--yes", ["rotate", "root"]);
  await refused(2, "ROLE is 'toot'", ["rotate", "toot"]);
  await refused(3, "--key (or HEARTH_KEY)", ["refresh", "--key", "hearth_wrong"]);
  const folder = await bundle("3.0.0", 9);
  await refused(4, "--api (or HEARTH_URL)", ["publish", folder, "--api", `http://127.0.0.1:${await freePort()}`]);
  await refused(5, "release.json", ["publish", join(dir, "nothing")]);
  await refused(5, "repository", ["publish", folder], { keys: join(dir, "no-keys") });
  const odd = join(dir, "odd");
  await ok("sign", ...about("3.0.0", 9), "--hardware", "h99", "--image", file, "--out", odd);
  await refused(3, "--hardware (hardware_not_of_model)", ["publish", odd]);
  const drafts = await service.api("/api/v1/firmware/releases?state=draft");
  expect(drafts.body.items).toEqual([]);
});

test("a dry run changes nothing: no file, no key, no metadata, no release", async () => {
  const folder = await bundle("3.1.0", 10);
  const before = [await rolesNow(), await contents(dir), (await service.api("/api/v1/firmware/releases")).body];
  const runs = [
    ["keygen", "--model", "hob"],
    ["sign", ...about("3.2.0", 11), "--image", join(folder, "image")],
    ["publish", folder],
    ["refresh"],
    ...["root", "targets", "snapshot", "timestamp"].map((role) => ["rotate", role]),
    ["rotate", "family", "oven"],
    ["withdraw", "2.0.0", "--model", "oven", "--reason", "burns"],
  ];
  for (const args of runs) expect(await ok(...args, "--dry-run")).toMatchObject({ dryRun: true });
  expect((await release(["keygen", "--model", "oven", "--dry-run"], { keys: join(dir, "new-keys") })).code).toBe(5);
  const after = [await rolesNow(), await contents(dir), (await service.api("/api/v1/firmware/releases")).body];
  expect(after).toEqual(before);
});

test("what others publish between signing and sending is kept: the command signs again on top of it", async () => {
  const other = await bundle("4.0.0", 40);
  const mine = await bundle("4.1.0", 41);
  meanwhile = {
    path: /\/publish$/,
    act: async () => {
      const elsewhere = { env: { HEARTH_URL: service.http } };
      const ran = await release(["publish", other], elsewhere);
      if (ran.code !== 0) throw new Error(ran.stderr);
    },
  };
  const ran = await release(["publish", mine]);
  expect([ran.code, ran.stderr]).toEqual([0, expect.stringContaining("signing again on top of that")]);
  expect(await find("fw/oven/4.0.0-40.bin")).toBe(true);
  expect(await find("fw/oven/4.1.0-41.bin")).toBe(true);
});

test("a machine without the model's key publishes what was signed elsewhere, as long as nothing came between", async () => {
  const desk = join(dir, "desk");
  const [first_, second] = [await bundle("4.2.0", 42), await bundle("4.3.0", 43)];
  await mkdir(desk, { mode: 0o700 });
  await cp(join(keys, "snapshot.key"), join(desk, "snapshot.key"));
  await cp(join(keys, "repository"), join(desk, "repository"), { recursive: true });
  await chmod(join(desk, "snapshot.key"), 0o600);
  expect((await release(["publish", first_], { keys: desk })).code).toBe(0);
  const late = await release(["publish", second], { keys: desk });
  expect([late.code, late.stderr]).toEqual([5, expect.stringContaining("moved since the bundle was signed")]);
});

test("a bundle that was changed on its way is neither sent nor signed again", async () => {
  const folder = await bundle("4.4.0", 44);
  // The family moves on, so that the model's key would be asked to sign again.
  await ok("refresh");
  const file = join(folder, "release.json");
  const text = await readFile(file, "utf8");
  await writeFile(file, text.replace('"h1"', '"h2"'));
  const other = await release(["publish", folder]);
  expect([other.code, other.stderr]).toEqual([5, expect.stringContaining("does not sign what release.json says")]);
  await writeFile(file, text);
  const honest = await readFile(join(folder, "image"));
  await writeFile(join(folder, "image"), randomBytes(20_000));
  expect((await release(["publish", folder])).code).toBe(5);
  await writeFile(join(folder, "image"), honest);
  expect((await release(["publish", folder])).code).toBe(0);
});

test("refresh gives everything that is signed offline another version and no earlier end, and appliances follow", async () => {
  const before = (await service.api("/api/v1/firmware/repository")).body.roles;
  expect((await ok("refresh", "--within", "30")).signed).toEqual([]);
  const { signed, left } = await ok("refresh");
  expect(left).toEqual([]);
  const names = (signed as { role: string }[]).map(({ role }) => role);
  expect(names).toEqual(["targets", "fw-oven", "snapshot"]);
  for (const { role, version, expiresAtMs } of signed) {
    const old = before.find((one: { role: string }) => one.role === role);
    expect(version).toBe(old.version + 1);
    expect(expiresAtMs).toBeGreaterThanOrEqual(old.expiresAtMs);
  }
  expect(await find(first.path)).toBe(true);
});

test("a further model has a key of its own, and what it publishes leaves the others as they are", async () => {
  await service.api("/api/v1/models/hob", { method: "PUT", body: { ...ovenModel, key: "hob", hardwareIds: ["k1"] } });
  await ok("keygen", "--model", "hob");
  const args = ["--model", "hob", "--hardware", "k1", "--version", "1.0.0", "--counter", "1", "--image", await image()];
  const { bundle: folder } = await ok("sign", ...args);
  const { release: hob } = await ok("publish", folder as string);
  expect(await find(hob.path as string)).toBe(true);
  expect(await find(first.path)).toBe(true);
});

test("a root key that was stolen counts for nothing after its rotation, and appliances of the first root follow", async () => {
  const stolen = roleKey(createPrivateKey(await readFile(join(keys, "root-2.key"))));
  await ok("rotate", "root", "--replace", "root-2", "--yes");
  const now = (await rolesNow())["root"] ?? 0;
  const { body } = await service.api(`/files/repository/${now}.root.json`);
  const { metadata } = parseRoot(JSON.stringify(body));
  expect(metadata.signed.roles["root"]?.keyIDs).not.toContain(stolen.key.keyID);
  expect(metadata.signed.roles["root"]?.keyIDs).toHaveLength(3);
  // The thief has it and one more, which would have been enough before.
  const keyOf = (role: string) =>
    (metadata.signed.roles[role]?.keyIDs ?? []).flatMap((id) => metadata.signed.keys[id] ?? []);
  const other = roleKey(createPrivateKey(await readFile(join(keys, "root-1.key"))));
  const forged = newRoot(
    { root: keyOf("root"), targets: keyOf("targets"), snapshot: keyOf("snapshot"), timestamp: keyOf("timestamp") },
    { version: now + 1, expiresAtMs: Date.now() + rootLifeMs },
    [stolen, other],
  );
  const answer = await service.api("/api/v1/firmware/repository/root", { method: "POST", body: { root: forged } });
  expect([answer.status, answer.body.code]).toEqual([422, "threshold_not_met"]);
  expect(await find(first.path)).toBe(true);
  expect(await (await appliance(factoryRoot))(first.path)).toBe(true);
});

test.each([["root"], ["targets"], ["snapshot"], ["timestamp"], ["family", "oven"]])(
  "rotate %s: the next release is signed with the new key, and appliances of the first root take it",
  async (...what: string[]) => {
    await ok("rotate", ...what, "--yes");
    const counter = 100 + ((await rolesNow())["snapshot"] ?? 0) * 3 + ((await rolesNow())["root"] ?? 0);
    const { release: published } = await ok("publish", await bundle(`5.${counter}.0`, counter));
    expect(await (await appliance(factoryRoot))(published.path as string)).toBe(true);
  },
);

test("a rotation that was cut off after the service took it is brought to its end by the same command", async () => {
  const before = await readFile(join(keys, "snapshot.key"), "utf8");
  await ok("rotate", "snapshot", "--yes");
  const after = await readFile(join(keys, "snapshot.key"), "utf8");
  const moved = await rolesNow();
  // As the folder was when the answer did not come.
  await writeFile(join(keys, "snapshot.next"), after, { mode: 0o600 });
  await writeFile(join(keys, "snapshot.key"), before, { mode: 0o600 });
  const ran = await release(["rotate", "snapshot", "--yes"]);
  expect([ran.code, ran.stderr]).toEqual([0, expect.stringContaining("had been taken")]);
  expect(await readFile(join(keys, "snapshot.key"), "utf8")).toBe(after);
  expect(await rolesNow()).toEqual(moved);
});

test("what is withdrawn is named by no signed metadata any more", async () => {
  expect(await find(first.path)).toBe(true);
  const done = await ok("withdraw", "2.0.0", "--model", "oven", "--reason", "burns bread", "--yes");
  expect(done.id).toBe(first.id);
  expect(await find(first.path)).toBe(false);
  const { body } = await service.api(`/api/v1/firmware/releases/${first.id}`);
  expect(body).toMatchObject({ state: "withdrawn", withdrawnReason: "burns bread" });
});

test("no private key is ever said or sent", async () => {
  const files = (await readdir(keys)).filter((name) => /\.(key|next|retired-\d+)$/.test(name));
  expect(files.length).toBeGreaterThan(10);
  expect(Math.min(said.length, sent.length)).toBeGreaterThan(1_000);
  // The data folder with database and images; what is sent in pieces is looked for there as well.
  const stored = Object.values(await contents(service.dataDir)).join("");
  for (const name of files) {
    const pem = await readFile(join(keys, name), "utf8");
    const { d = "" } = createPrivateKey(pem).export({ format: "jwk" });
    const seed = Buffer.from(d, "base64url");
    const forms = [d, seed.toString("hex"), seed.toString("base64"), seed.toString("latin1"), pem.split("\n")[1] ?? ""];
    for (const form of forms) expect([said, sent, stored].some((where) => where.includes(form))).toBe(false);
  }
  expect(sent + said).not.toContain("PRIVATE KEY");
});
