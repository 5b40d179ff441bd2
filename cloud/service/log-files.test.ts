import { randomUUID } from "node:crypto";
import { mkdtemp, readdir, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Readable } from "node:stream";
import { gzipSync } from "node:zlib";
import { afterAll, beforeAll, expect, test } from "vitest";
import { LogFiles } from "./log-files.ts";

const bytesMax = 65_536;
let dir: string;
let files: LogFiles;

beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), "hearth-logs-"));
  files = new LogFiles(dir, bytesMax);
});
afterAll(() => rm(dir, { recursive: true, force: true }));

async function receive(body: Readable, isGzip: boolean) {
  const id = randomUUID();
  const received = await files.receive(id, body, isGzip);
  const names = (await readdir(join(dir, "logs"))).filter((name) => name.startsWith(id));
  expect(names).toEqual(received.kind === "stored" ? [`${id}.log`] : []);
  return received;
}

/** A gzip of many parts, each of which unpacks to the same. */
const bomb = (unpacked: string) =>
  Readable.from([
    Buffer.concat(Array.from({ length: 20 }, () => gzipSync(unpacked.repeat(bytesMax / unpacked.length)))),
  ]);

test("a bomb is cut where it unpacks, and one line without an end comes to nothing", async () => {
  const lines = await receive(bomb("0 1 2 3\n"), true);
  expect(lines).toMatchObject({ kind: "stored", log: { isCut: true, bytes: bytesMax } });
  const line = await receive(bomb("x"), true);
  expect(line).toMatchObject({ kind: "stored", log: { isCut: true } });
  if (line.kind === "stored") expect(line.log.bytes).toBeLessThan(100);
});

async function* half(bytes: Buffer): AsyncGenerator<Buffer> {
  yield bytes;
  throw new Error("gone");
}

test("a log that breaks off, packed or not, leaves no part of itself", async () => {
  const text = "a line of a log\n".repeat(100);
  expect(await receive(Readable.from(half(Buffer.from(text))), false)).toMatchObject({ rule: "upload_broken" });
  const packed = gzipSync(text).subarray(0, 40);
  expect((await receive(Readable.from(half(packed)), true)).kind).toBe("refused");
});
