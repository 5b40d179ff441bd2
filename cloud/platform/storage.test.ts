import { mkdtemp, readFile, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, expect, test } from "vitest";
import { StartError } from "./config.ts";
import { secretFile, signingKeyFile } from "./storage.ts";

const dirs: string[] = [];
afterEach(async () => {
  for (const dir of dirs.splice(0)) await rm(dir, { recursive: true, force: true });
});

async function newDir(): Promise<string> {
  const dir = await mkdtemp(join(tmpdir(), "hearth-storage-"));
  dirs.push(dir);
  return dir;
}

test("a secret is made once, for its owner alone", async () => {
  const dir = await newDir();
  const secret = await secretFile(dir, "a.key");
  expect(secret).toHaveLength(32);
  expect(await secretFile(dir, "a.key")).toEqual(secret);
  expect((await stat(join(dir, "a.key"))).mode & 0o777).toBe(0o600);
});

test("a secret that a full disk or a kill cut short is not signed with", async () => {
  const dir = await newDir();
  await writeFile(join(dir, "a.key"), "");
  await writeFile(join(dir, "a.key.new"), "half");
  expect(await secretFile(dir, "a.key")).toHaveLength(32);
});

test("a signing key is made once, is its owner's alone, and one that cannot be read is never replaced", async () => {
  const dir = await newDir();
  const key = await signingKeyFile(dir, "director.key");
  expect((await signingKeyFile(dir, "director.key")).equals(key)).toBe(true);
  expect((await stat(join(dir, "director.key"))).mode & 0o777).toBe(0o600);
  await writeFile(join(dir, "director.key"), "torn");
  await expect(signingKeyFile(dir, "director.key")).rejects.toThrow(StartError);
  expect(await readFile(join(dir, "director.key"), "utf8")).toBe("torn");
});
