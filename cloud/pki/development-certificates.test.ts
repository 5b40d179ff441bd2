import { createPrivateKey, X509Certificate } from "node:crypto";
import { mkdir, mkdtemp, readdir, readFile, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { serverNames } from "./server-names.ts";
import { developmentMaterial, developmentRootFile, type Names } from "./development-certificates.ts";

const dayMs = 86_400_000;
const nowMs = Date.now();
const names: Names = ["localhost", "127.0.0.1", "::1"];

let dataDir = "";
beforeEach(async () => {
  dataDir = await mkdtemp(join(tmpdir(), "hearth-development-"));
});
afterEach(() => rm(dataDir, { recursive: true, force: true }));

const open = (atMs = nowMs, wanted: Names = names) => developmentMaterial(dataDir, wanted, atMs);
const inDir = (name: string) => join(dataDir, "pki", name);

test("the first start makes a CA and a server's certificate; the root's key is nowhere, other keys are their owner's alone", async () => {
  const made = await open();
  expect((await readdir(join(dataDir, "pki"))).toSorted()).toEqual([
    "fleet-ca.key",
    "fleet-ca.pem",
    "root.pem",
    "server.pem",
  ]);
  for (const name of ["fleet-ca.key", "server.pem"]) expect((await stat(inDir(name))).mode & 0o777).toBe(0o600);
  const texts = await Promise.all((await readdir(join(dataDir, "pki"))).map((name) => readFile(inDir(name), "utf8")));
  expect(texts.join("").match(/PRIVATE KEY-----\n[^-]/g), "of the fleet CA and of the server").toHaveLength(2);
  const root = new X509Certificate(await readFile(developmentRootFile(dataDir)));
  for (const key of [made.fleet.privateKey, made.server.key]) {
    expect(made.root).not.toContain(key);
    expect(root.checkPrivateKey(createPrivateKey(key))).toBe(false);
  }
  expect(made.root).toBe(root.toString());
  expect(root.subject).toContain("not for production");
});

test("the next start finds what the first made", async () => {
  expect(await open()).toEqual(await open(nowMs + dayMs));
});

test("a server's certificate is made anew a month before its end, and the CA stays", async () => {
  const first = await open();
  expect(await open(nowMs + 59 * dayMs)).toEqual(first);
  const second = await open(nowMs + 61 * dayMs);
  expect(second.server.cert).not.toBe(first.server.cert);
  expect(second.server.key).not.toBe(first.server.key);
  expect([second.fleet, second.root]).toEqual([first.fleet, first.root]);
  expect(await open(nowMs + 61 * dayMs)).toEqual(second);
});

test("other names are another certificate, which has them", async () => {
  const first = await open();
  const second = await open(nowMs, [...names, "192.0.2.7", "fd00::7", "hearth.example"]);
  expect(second.fleet).toEqual(first.fleet);
  const read = new X509Certificate(second.server.cert);
  expect(read.checkHost("hearth.example")).toBe("hearth.example");
  for (const address of ["127.0.0.1", "192.0.2.7", "fd00::7"]) expect(read.checkIP(address)).toBe(address);
});

test("what a kill left half made is made good", async () => {
  await mkdir(join(dataDir, "pki.new"));
  await writeFile(join(dataDir, "pki.new", "root.pem"), "half");
  const made = await open();
  await writeFile(inDir("server.pem"), (await readFile(inDir("server.pem"))).subarray(0, 300));
  await writeFile(inDir("server.pem.new"), "half");
  const again = await open();
  expect(again.fleet).toEqual(made.fleet);
  expect(again.server.cert).not.toBe(made.server.cert);
  expect((await readdir(dataDir)).filter((name) => name.endsWith(".new"))).toEqual([]);
  expect((await readdir(join(dataDir, "pki"))).filter((name) => name.endsWith(".new"))).toEqual([]);
});

test("a CA that cannot be used is refused and not replaced, since boards believe its root", async () => {
  await open();
  const key = await readFile(inDir("fleet-ca.key"), "utf8");
  const refusal = /^HEARTH_DATA_DIR [^\n]+pki that cannot be used \([^\n]+\.$/;
  await writeFile(inDir("fleet-ca.key"), "");
  await expect(open()).rejects.toThrow(refusal);
  await rm(inDir("fleet-ca.key"));
  await expect(open()).rejects.toThrow(refusal);
  await writeFile(inDir("fleet-ca.key"), key);
  await expect(open(nowMs + 3_651 * dayMs)).rejects.toThrow(refusal);
  expect((await open()).fleet.privateKey).toBe(key);
});

test("the names are this machine's, its neighbours', and the public address's; what is no name is left out", () => {
  const of = { hostname: "Bench-7", publicUrl: "https://hearth.example:8443/x", addresses: ["192.0.2.7", "fd00::7"] };
  expect(serverNames(of)).toEqual([
    "localhost",
    "127.0.0.1",
    "::1",
    "bench-7",
    "bench-7.local",
    "hearth.example",
    "192.0.2.7",
    "fd00::7",
  ]);
  const odd = { hostname: "my_board", publicUrl: "http://[fd00::8]:80", addresses: [] };
  expect(serverNames(odd)).toEqual(["localhost", "127.0.0.1", "::1", "fd00::8"]);
});
