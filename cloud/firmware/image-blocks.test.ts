import { createHash, randomBytes } from "node:crypto";
import { type FileHandle, mkdtemp, open, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import fc from "fast-check";
import { afterAll, beforeAll, expect, test } from "vitest";
import { comesTrue } from "../../test/support/comes-true.ts";
import { ImageBlocks } from "./image-blocks.ts";

let dir: string;
let path: string;
const image = randomBytes(100_000);
beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), "hearth-blocks-"));
  path = join(dir, "image");
  await writeFile(path, image);
});
afterAll(() => rm(dir, { recursive: true, force: true }));

const isClosed = (file: FileHandle) => file.fd === -1;
const closed = (files: readonly FileHandle[]) => comesTrue(() => expect(files.every(isClosed)).toBe(true));

async function whole(blocks: ImageBlocks, range: { first: number; last: number }): Promise<Buffer> {
  const file = await open(path);
  const pieces: Buffer[] = [];
  for await (const piece of blocks.stream("image", file, image.length, range)) pieces.push(piece);
  await closed([file]);
  return Buffer.concat(pieces);
}

test("whatever part is asked for, by how many at once, each gets exactly its bytes", async () => {
  const blocks = new ImageBlocks({ blockBytes: 4_096, keptBytesMax: 20_000 });
  const range = fc
    .tuple(fc.nat(image.length - 1), fc.nat(image.length - 1))
    .map(([a, b]) => ({ first: Math.min(a, b), last: Math.max(a, b) }));
  await fc.assert(
    fc.asyncProperty(fc.array(range, { minLength: 1, maxLength: 5 }), async (ranges) => {
      const got = await Promise.all(ranges.map((one) => whole(blocks, one)));
      for (const [at, bytes] of got.entries()) {
        const { first, last } = ranges[at] ?? { first: 0, last: 0 };
        expect(bytes.equals(image.subarray(first, last + 1))).toBe(true);
      }
      expect(blocks.keptBytes).toBeLessThanOrEqual(20_000);
    }),
    { numRuns: 50 },
  );
});

test("readers who stand still share what they hold, and it stays within two blocks each", async () => {
  const blockBytes = 4_096;
  const blocks = new ImageBlocks({ blockBytes, keptBytesMax: 8_192 });
  const files = await Promise.all(Array.from({ length: 50 }, () => open(path)));
  const streams = files.map((file) => blocks.stream("image", file, image.length, { first: 0, last: image.length - 1 }));
  for (const stream of streams) stream.read(0);
  await sleep(50);
  expect(Math.max(...streams.map((stream) => stream.readableLength))).toBeLessThanOrEqual(2 * blockBytes);
  expect(blocks.keptBytes).toBeLessThanOrEqual(8_192);
  // A quick one is not held up by them.
  const all = await whole(blocks, { first: 0, last: image.length - 1 });
  expect(createHash("sha256").update(all).digest("hex")).toBe(createHash("sha256").update(image).digest("hex"));
  for (const stream of streams) stream.destroy();
  await closed(files);
});

test("an image that nobody began to read is closed all the same", async () => {
  const file = await open(path);
  new ImageBlocks().stream("image", file, image.length, { first: 0, last: 9 }).destroy();
  await comesTrue(() => expect(isClosed(file)).toBe(true));
});

test("a file that became shorter is an error for who reads it, and is read anew by the next", async () => {
  const short = join(dir, "short");
  await writeFile(short, image.subarray(0, 10));
  const blocks = new ImageBlocks({ blockBytes: 4_096 });
  const read = async () => {
    const file = await open(short);
    for await (const _ of blocks.stream("short", file, 20, { first: 0, last: 19 }));
  };
  await expect(read()).rejects.toThrow("shorter");
  expect(blocks.keptBytes).toBe(0);
  await writeFile(short, image.subarray(0, 20));
  await expect(read()).resolves.toBeUndefined();
});
