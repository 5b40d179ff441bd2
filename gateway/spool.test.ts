import { randomUUID } from "node:crypto";
import path from "node:path";
import { open } from "lmdb";
import { pino } from "pino";
import { afterEach, expect, test } from "vitest";
import { channelCode, decodeChunk } from "#protocol/link/up-chunk.ts";
import { type Bounds, defaultBounds } from "./bounds.ts";
import type { Publisher } from "./gathering.ts";
import { systemClock } from "./platform/clock.ts";
import { Spool } from "./spool.ts";
import { LmdbSpoolStore, type SpoolCommit, type SpoolStore } from "./spool-store.ts";
import { Sluice } from "./testing/sluice.ts";
import { closeHouses, tempDir } from "./testing/house.ts";

const logger = pino({ level: "silent" });
const id = Buffer.from("oven-1");
const code = channelCode("telemetry");
const spools: Spool[] = [];

afterEach(async () => {
  for (const spool of spools.splice(0)) await spool.close();
  await closeHouses();
});

interface SpoolSetting {
  bytesMax?: number;
  bounds?: Partial<Bounds>;
  wrap?: (store: SpoolStore) => SpoolStore;
}

async function openSpool(dir: string, { bytesMax = 67_108_864, bounds, wrap = (store) => store }: SpoolSetting = {}) {
  const store = wrap(new LmdbSpoolStore(path.join(dir, "spool"), bytesMax));
  const spool = new Spool({
    store,
    bytesMax,
    bounds: { ...defaultBounds, ...bounds },
    clock: systemClock,
    newId: randomUUID,
    logger,
  });
  spools.push(spool);
  return spool;
}

async function close(spool: Spool): Promise<void> {
  spools.splice(spools.indexOf(spool), 1);
  await spool.close();
}

function say(spool: Spool, text: string, owner: Publisher | null = null, messageId = 0): void {
  const payload = Buffer.from(text);
  spool.append(code, id, 1_000, payload, 0, payload.length, owner, messageId);
}

/** One chunk for each text. */
async function sayEach(spool: Spool, texts: string[]): Promise<void> {
  for (const text of texts) {
    say(spool, text);
    await spool.flush();
  }
}

function readAll(spool: Spool, from = spool.firstSequence): [number, string][] {
  const found: [number, string][] = [];
  let next = from;
  for (;;) {
    const batch = spool.read(next);
    if (batch === null) return found;
    next = batch.firstSequence;
    for (const chunk of batch.chunks) {
      const records = decodeChunk(chunk, next);
      for (const { sequence, payload } of records) found.push([sequence, Buffer.from(payload).toString()]);
      next += records.length;
    }
    expect(next).toBe(batch.firstSequence + batch.records);
  }
}

class Listener implements Publisher {
  readonly heard: (number | string)[] = [];
  durable(messageId: number): boolean {
    this.heard.push(messageId);
    return this.heard.length === 1;
  }
  acknowledge(): void {
    this.heard.push("acknowledge");
  }
  lost(): void {
    this.heard.push("lost");
  }
}

test("records come back in the order in which they were appended, also after a restart", async () => {
  const dir = await tempDir();
  const first = await openSpool(dir, { bounds: { chunkRecordsMax: 7 } });
  const texts = Array.from({ length: 100 }, (_, at) => `r${at}`);
  for (const text of texts) say(first, text);
  await first.flush();
  const expected = texts.map((text, at) => [at, text]);
  expect(readAll(first)).toEqual(expected);
  const { epoch } = first;
  await close(first);
  const second = await openSpool(dir);
  expect(second.epoch).toBe(epoch);
  expect([second.firstSequence, second.headSequence, second.records]).toEqual([0, 99, 100]);
  expect(readAll(second)).toEqual(expected);
  expect(readAll(second, 50)[0]?.[0]).toBe(49);
});

test("sequences are not used again after a full trim and a restart", async () => {
  const dir = await tempDir();
  const first = await openSpool(dir);
  await sayEach(first, ["a", "b", "c"]);
  first.trimTo(2);
  expect([first.firstSequence, first.headSequence, first.records]).toEqual([3, 2, 0]);
  await close(first);
  const second = await openSpool(dir);
  expect([second.firstSequence, second.headSequence, second.records]).toEqual([3, 2, 0]);
  await sayEach(second, ["d"]);
  expect(readAll(second)).toEqual([[3, "d"]]);
});

test.each([1, 60_000, 262_144])("a record of %i bytes comes back from the disk as it was", async (bytes) => {
  const dir = await tempDir();
  const first = await openSpool(dir);
  await sayEach(first, ["before", "x".repeat(bytes), "after"]);
  await close(first);
  const second = await openSpool(dir);
  expect(readAll(second)).toEqual([
    [0, "before"],
    [1, "x".repeat(bytes)],
    [2, "after"],
  ]);
});

test("a trim takes whole chunks, and the disk follows with a tick", async () => {
  const dir = await tempDir();
  const spool = await openSpool(dir, { bounds: { chunkRecordsMax: 2 } });
  for (const text of ["a", "b", "c", "d"]) say(spool, text);
  await spool.flush();
  spool.trimTo(2);
  expect(spool.firstSequence).toBe(2);
  spool.tick();
  await close(spool);
  const again = await openSpool(dir);
  expect(readAll(again)).toEqual([
    [2, "c"],
    [3, "d"],
  ]);
});

test("a spool whose name was told keeps it over a restart, also without a record", async () => {
  const dir = await tempDir();
  const first = await openSpool(dir);
  await first.keepEpoch();
  const { epoch } = first;
  await close(first);
  expect((await openSpool(dir)).epoch).toBe(epoch);
});

test("a deleted spool begins a new epoch", async () => {
  const first = await openSpool(await tempDir());
  const second = await openSpool(await tempDir());
  expect(first.epoch).not.toBe(second.epoch);
  expect([second.firstSequence, second.headSequence]).toEqual([0, -1]);
});

async function flipBit(dir: string, key: number, byte: number): Promise<void> {
  const root = open({ path: path.join(dir, "spool"), overlappingSync: false });
  const chunks = root.openDB<Buffer, number>({ name: "chunks", encoding: "binary" });
  const value = Buffer.from(chunks.get(key) ?? []);
  value[byte] = (value[byte] ?? 0) ^ 0x10;
  await chunks.put(key, value);
  await root.close();
}

test.each([
  ["in a payload", 40],
  ["in the record count", 7],
  ["in the CRC", 0],
])("a bit flipped %s is noticed at the start, set aside, and its neighbours are kept", async (_where, byte) => {
  const dir = await tempDir();
  const first = await openSpool(dir);
  await sayEach(first, ["a".repeat(50), "b".repeat(50), "c".repeat(50)]);
  await close(first);
  await flipBit(dir, 1, byte);
  const second = await openSpool(dir);
  expect(readAll(second).map(([sequence]) => sequence)).toEqual([0, 2]);
  expect(second.reasonMissing(1, 1)).toBe("damaged_chunk");
  expect(second.reasonMissing(2, 2)).toBe("missing");
  second.tick();
  await second.flush();
  await close(second);
  const third = await openSpool(dir);
  expect(readAll(third).map(([sequence]) => sequence)).toEqual([0, 2]);
});

test("a torn last chunk is dropped, its sequences are not used again, and what came before is kept", async () => {
  const dir = await tempDir();
  const first = await openSpool(dir);
  await sayEach(first, ["a", "b"]);
  await close(first);
  const root = open({ path: path.join(dir, "spool"), overlappingSync: false });
  const chunks = root.openDB<Buffer, number>({ name: "chunks", encoding: "binary" });
  await chunks.put(1, Buffer.from(chunks.get(1)?.subarray(0, 12) ?? []));
  await root.close();
  const second = await openSpool(dir);
  expect(readAll(second)).toEqual([[0, "a"]]);
  await sayEach(second, ["c"]);
  expect(readAll(second).map(([sequence]) => sequence)).toEqual([0, 2]);
  expect(second.reasonMissing(1, 1)).toBe("damaged_chunk");
});

test("a chunk that turns bad while the spool is open is never served", async () => {
  const dir = await tempDir();
  const spool = await openSpool(dir, {
    bounds: { recentBytesMax: 0 },
    wrap: (store) => {
      const sluice = new Sluice(store);
      const read = store.read.bind(store);
      sluice.read = (key) => {
        const value = Buffer.from(read(key) ?? []);
        if (key === 1) value[value.length - 1] = 0;
        return value;
      };
      return sluice;
    },
  });
  await sayEach(spool, ["a", "b", "c"]);
  expect(readAll(spool)).toEqual([
    [0, "a"],
    [2, "c"],
  ]);
  expect(spool.records).toBe(2);
});

test("nobody is told before the commit, and records that come meanwhile share the next one", async () => {
  const commits: SpoolCommit[] = [];
  let sluice: Sluice | undefined;
  const spool = await openSpool(await tempDir(), {
    wrap: (store) => {
      sluice = new Sluice(store);
      const commit = sluice.commit.bind(sluice);
      sluice.commit = async (one) => {
        commits.push(one);
        await commit(one);
      };
      sluice.holds = true;
      return sluice;
    },
  });
  const listener = new Listener();
  say(spool, "a", listener, 1);
  await new Promise((resolve) => setImmediate(resolve));
  for (let messageId = 2; messageId <= 50; messageId += 1) say(spool, "b", listener, messageId);
  await new Promise((resolve) => setImmediate(resolve));
  expect(listener.heard).toEqual([]);
  expect(spool.held).toBe(50);
  if (sluice) sluice.holds = false;
  sluice?.waiting.shift()?.();
  await spool.flush();
  expect(listener.heard.slice(0, 3)).toEqual([1, "acknowledge", 2]);
  expect(listener.heard.at(-1)).toBe(50);
  expect(commits.map(({ puts }) => puts.length)).toEqual([1, 1]);
  expect([spool.held, spool.pendingBytes]).toEqual([0, 0]);
});

test("a spool at its bound commits nothing further until it is below four fifths", async () => {
  const spool = await openSpool(await tempDir(), { bytesMax: 10_000 });
  const room: string[] = [];
  spool.listen({ onDurable() {}, onRoom: () => room.push("room"), onHealth() {}, onFull: () => room.push("full") });
  await sayEach(
    spool,
    Array.from({ length: 10 }, () => "x".repeat(950)),
  );
  expect(spool.full).toBe(true);
  const listener = new Listener();
  say(spool, "held", listener, 7);
  spool.trimTo(0);
  await spool.flush();
  expect([spool.full, listener.heard]).toEqual([true, []]);
  spool.trimTo(2);
  expect(spool.full).toBe(false);
  await spool.flush();
  expect(listener.heard).toEqual([7, "acknowledge"]);
  expect(room.filter((word) => word === "full").length).toBe(1);
  expect(room.at(-1)).toBe("room");
  expect(readAll(spool).at(-1)).toEqual([10, "held"]);
});

test("a failed write acknowledges nothing, and the spool recovers with its order and sequences whole", async () => {
  const dir = await tempDir();
  let sluice: Sluice | undefined;
  const spool = await openSpool(dir, { wrap: (store) => (sluice = new Sluice(store)) });
  const health: boolean[] = [];
  spool.listen({ onDurable() {}, onRoom() {}, onHealth: (healthy) => health.push(healthy), onFull() {} });
  await sayEach(spool, ["a"]);
  if (sluice) sluice.fails = true;
  const listener = new Listener();
  say(spool, "lost", listener, 1);
  await spool.flush();
  expect(listener.heard).toEqual(["lost"]);
  expect([spool.healthy, spool.pendingBytes, spool.held]).toEqual([false, 0, 0]);
  if (sluice) sluice.fails = false;
  spool.tick();
  await spool.flush();
  expect(spool.healthy).toBe(true);
  await sayEach(spool, ["b"]);
  expect(health).toEqual([false, true]);
  expect(readAll(spool)).toEqual([
    [0, "a"],
    [1, "b"],
  ]);
});

test("a new epoch counts what is held from 0, and keeps it over a restart", async () => {
  const dir = await tempDir();
  const spool = await openSpool(dir);
  await sayEach(spool, ["a", "b", "c"]);
  spool.trimTo(0);
  const { epoch } = spool;
  await spool.startEpoch();
  expect(spool.epoch).not.toBe(epoch);
  expect([spool.firstSequence, spool.headSequence]).toEqual([0, 1]);
  const renewed = spool.epoch;
  await close(spool);
  const again = await openSpool(dir);
  expect(again.epoch).toBe(renewed);
  await sayEach(again, ["d"]);
  expect(readAll(again)).toEqual([
    [0, "b"],
    [1, "c"],
    [2, "d"],
  ]);
});

test("the bound follows the free disk, so that it is reached before the disk's end", async () => {
  const spool = await openSpool(await tempDir(), {
    bytesMax: 1_000_000,
    wrap: (store) => {
      const sluice = new Sluice(store);
      sluice.diskFreeBytes = () => 100_000;
      return sluice;
    },
  });
  expect(spool.bytesMax).toBe(80_000);
});
