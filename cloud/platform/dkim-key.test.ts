import { generateKeyPairSync } from "node:crypto";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { mailWithKey } from "./dkim-key.ts";

let dir: string;
beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), "hearth-dkim-"));
});
afterAll(() => rm(dir, { recursive: true }));

const mail = { url: "smtp://127.0.0.1", from: "hearth@maker.example" };
const pkcs8 = { type: "pkcs8", format: "pem" } as const;

async function withFile(name: string, text: string | null) {
  const keyFile = join(dir, name);
  if (text !== null) await writeFile(keyFile, text);
  return mailWithKey({ ...mail, dkim: { domain: "maker.example", selector: "hearth", keyFile } });
}

test("the key that signs mail is read from its file at start", async () => {
  const { privateKey } = generateKeyPairSync("rsa", { modulusLength: 2_048 });
  const settings = await withFile("good.pem", privateKey.export(pkcs8));
  expect(settings?.dkim).toMatchObject({ domain: "maker.example", selector: "hearth" });
  expect(settings?.dkim?.key.equals(privateKey)).toBe(true);
  expect(await mailWithKey({ ...mail, dkim: null })).toEqual(mail);
  expect(await mailWithKey(null)).toBeNull();
});

test("one that cannot sign mail is refused at start, by its variable and file", async () => {
  const short = generateKeyPairSync("rsa", { modulusLength: 512 }).privateKey.export(pkcs8);
  const other = generateKeyPairSync("ed25519").privateKey.export(pkcs8);
  for (const [name, text, why] of [
    ["none.pem", null, "cannot be read (ENOENT)"],
    ["words.pem", "no key", "is no private key"],
    ["other.pem", other, "is no RSA key"],
    ["short.pem", short, "has fewer than 1024 bits"],
  ] as const) {
    await expect(withFile(name, text)).rejects.toThrow(
      `HEARTH_DKIM_KEY ${join(dir, name)} ${why}, but Hearth wants a file with an RSA private key in PEM, of 1024 bits or more and without a passphrase.`,
    );
  }
});
