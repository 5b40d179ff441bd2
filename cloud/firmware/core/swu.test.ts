import { randomBytes } from "node:crypto";
import { readFile } from "node:fs/promises";
import fc from "fast-check";
import { afterAll, beforeAll, expect, test } from "vitest";
import { type Maker, swDescription, Workshop } from "../../../test/support/swupdate.ts";
import { parseLibconfig } from "./libconfig.ts";
import { checkSwu, type SwuCheck } from "./swu.ts";

let workshop: Workshop;
let maker: Maker;
let trusted: string;
const files = { "oven.bin": randomBytes(70_001), "boot.bin": randomBytes(7) };
const good = { version: "2.1.0", files };

beforeAll(async () => {
  workshop = await Workshop.open();
  maker = await workshop.maker("maker");
  trusted = await readFile(maker.certificate, "utf8");
});
afterAll(() => workshop.close());

/** In pieces of a size, as they come over a network. */
async function* pieces(bytes: Buffer, size: number): AsyncGenerator<Buffer> {
  for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size);
}

const check = (
  image: Buffer,
  more: { certificates?: string[]; version?: string; nowMs?: number; size?: number } = {},
) =>
  checkSwu(pieces(image, more.size ?? 65_536), {
    certificates: more.certificates ?? [trusted],
    version: more.version ?? "2.1.0",
    nowMs: more.nowMs ?? Date.now(),
  });

const ruleOf = (outcome: SwuCheck) => (outcome.kind === "refused" ? outcome.rule : outcome.kind);

test("an image that openssl signed and cpio packed is good, in whatever pieces it comes", async () => {
  const image = await workshop.swu(maker, good);
  for (const size of [1, 7, 110, 512, 1_000_000])
    expect(await check(image, { size })).toEqual({ kind: "good", version: "2.1.0" });
});

test("a description in JSON is as good as one in libconfig", async () => {
  const { createHash } = await import("node:crypto");
  const images = Object.entries(files).map(([filename, bytes]) => ({
    filename,
    sha256: createHash("sha256").update(bytes).digest("hex"),
  }));
  const description = JSON.stringify({ software: { version: "2.1.0", stable: { copy1: { images } } } });
  expect(ruleOf(await check(await workshop.swu(maker, good, description)))).toBe("good");
});

test("an image without a signature is refused", async () => {
  expect(ruleOf(await check(await workshop.swu(null, good)))).toBe("swu_not_signed");
});

test("an image that somebody else signed is refused, with their name", async () => {
  const image = await workshop.swu(await workshop.maker("somebody-else"), good);
  expect(await check(image)).toMatchObject({
    rule: "swu_signature_wrong",
    detail: expect.stringContaining("somebody-else"),
  });
});

test("a signer whose certificate is for something else, or is over, is refused", async () => {
  const server = await workshop.maker("server", { purpose: "serverAuth" });
  const image = await workshop.swu(server, good);
  expect(await check(image, { certificates: [await readFile(server.certificate, "utf8")] })).toMatchObject({
    rule: "swu_signature_wrong",
    detail: expect.stringContaining("not for emailProtection"),
  });
  const own = await workshop.swu(maker, good);
  const inTwoMonths = Date.now() + 60 * 86_400_000;
  expect(await check(own, { nowMs: inTwoMonths })).toMatchObject({
    detail: expect.stringContaining("not valid at this time"),
  });
});

test("a signer whom the maker's own authority certified is trusted by it", async () => {
  const authority = await workshop.authority("authority");
  const signer = await workshop.maker("release-team", { by: authority });
  const image = await workshop.swu(signer, good);
  expect(ruleOf(await check(image, { certificates: [await readFile(authority.certificate, "utf8")] }))).toBe("good");
  expect(ruleOf(await check(image))).toBe("swu_signature_wrong");
});

test("a description that was changed after it was signed is refused", async () => {
  const image = await workshop.swu(maker, good);
  const at = image.indexOf("Oven firmware");
  image.write("Open", at);
  // In the crc form the archive's own sum would tell; a liar mends that.
  const newc = Buffer.from(image.toString("latin1").replaceAll("070702", "070701"), "latin1");
  expect(ruleOf(await check(image))).toBe("swu_not_readable");
  expect(ruleOf(await check(newc))).toBe("swu_signature_wrong");
});

test("a signature of which one bit is wrong is none", async () => {
  const image = await workshop.swu(maker, good);
  const newc = Buffer.from(image.toString("latin1").replaceAll("070702", "070701"), "latin1");
  expect(ruleOf(await check(newc))).toBe("good");
  const head = newc.indexOf("070701", 110);
  const length = Number.parseInt(newc.toString("latin1", head + 54, head + 62), 16);
  const last = newc.indexOf("sw-description.sig", head) + "sw-description.sig\0".length;
  const end = Math.ceil(last / 4) * 4 + length - 1;
  newc[end] = newc[end]! ^ 1;
  expect(ruleOf(await check(newc))).toBe("swu_signature_wrong");
});

test("a file that is not the one that was signed, is missing, or has no hash is refused by name", async () => {
  const other = await workshop.swu(maker, { ...good, sha256: () => "0".repeat(64) });
  expect(await check(other)).toMatchObject({
    rule: "swu_file_hash_wrong",
    detail: expect.stringContaining("oven.bin"),
  });
  const lacking = await workshop.swu(
    maker,
    { version: "2.1.0", files: { "boot.bin": files["boot.bin"] } },
    swDescription(good),
  );
  expect(await check(lacking)).toMatchObject({ rule: "swu_file_missing", detail: expect.stringContaining("oven.bin") });
  const bare = swDescription(good).replaceAll(/sha256 = "[^"]*";/g, "");
  expect(ruleOf(await check(await workshop.swu(maker, good, bare)))).toBe("swu_file_not_listed_with_hash");
});

test("an image of another version than its release is refused", async () => {
  const image = await workshop.swu(maker, good);
  expect(await check(image, { version: "2.2.0" })).toMatchObject({
    rule: "swu_version_differs",
    detail: "The image says 2.1.0, the release 2.2.0.",
  });
});

test("what is no image at all, or ends in the middle, is refused", async () => {
  const image = await workshop.swu(maker, good);
  for (const bytes of [
    Buffer.from("nothing"),
    randomBytes(5_000),
    image.subarray(0, image.length - 2_000),
    image.subarray(0, 50),
  ])
    expect(ruleOf(await check(bytes))).toBe("swu_not_readable");
  expect(ruleOf(await check(await workshop.swu(maker, good, "software = {")))).toBe("swu_description_not_readable");
});

test("whatever bytes are broken, an image is refused or it is the same image", async () => {
  const small = { version: "2.1.0", files: { "boot.bin": files["boot.bin"] } };
  const image = await workshop.swu(maker, small);
  await fc.assert(
    fc.asyncProperty(fc.nat(image.length - 1), fc.integer({ min: 1, max: 255 }), async (at, by) => {
      const broken = Buffer.from(image);
      broken[at] = (broken[at]! + by) % 256;
      const outcome = await check(broken);
      if (outcome.kind === "good") expect(outcome.version).toBe("2.1.0");
      // The signed text itself can never be another one.
      const from = image.indexOf("software =");
      if (at >= from && at < from + swDescription(small).length) expect(outcome.kind).toBe("refused");
    }),
    { numRuns: 300 },
  );
});

test.each([
  [
    `a = 1; b : "x" "y"; c = [1, 2]; d = ( { e = true; } , 0x10L );`,
    { a: 1, b: "xy", c: [1, 2], d: [{ e: true }, 16] },
  ],
  [`# note\nsoftware = { /* more */ version = "1"; // end\n }`, { software: { version: "1" } }],
  [String.raw`s = "a\"b\\c\n\x41";`, { s: 'a"b\\c\nA' }],
])("libconfig's %j is read as it means", (text, meant) => {
  expect(parseLibconfig(text)).toEqual(meant);
});

test("a setting that stands twice, an include and half a text are not read at all", () => {
  for (const text of [`a = 1; a = 2;`, `@include "other.cfg"`, `a = "`, `a = {`, `a`, `= 1`, "(".repeat(10_000)])
    expect(parseLibconfig(text)).toBeNull();
});
