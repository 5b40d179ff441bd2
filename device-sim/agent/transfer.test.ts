import { randomBytes } from "node:crypto";
import { afterEach, beforeEach, expect, test } from "vitest";
import { systemTimers, type Timers } from "../platform/timers.ts";
import { type ImageServer, serveImage } from "../testing/image-server.ts";
import { MemoryDeviceStore } from "./device-store.ts";
import { transferLimits } from "./rate-watch.ts";
import { transfer } from "./transfer.ts";

const image = randomBytes(300_000);
let server: ImageServer;
let store: MemoryDeviceStore;
let etag: string | null;

beforeEach(async () => {
  server = await serveImage(image);
  store = new MemoryDeviceStore();
  etag = null;
});
afterEach(async () => {
  await server.close();
});

const fetchOnce = (more: Partial<Parameters<typeof transfer>[0]> = {}) =>
  transfer({
    href: server.href,
    length: image.length,
    etag,
    store,
    fetch,
    timers: systemTimers,
    signal: AbortSignal.timeout(20_000),
    limits: transferLimits,
    onStart: (started) => {
      etag = started;
    },
    onProgress: () => {},
    ...more,
  });

test("a download that was cut goes on where it was, and the whole is the same bytes", async () => {
  server.cuts = [100_000, 50_000];
  expect((await fetchOnce()).kind).toBe("cut");
  const first = store.partialBytes();
  expect(first).toBeGreaterThan(0);
  expect((await fetchOnce()).kind).toBe("cut");
  expect(await fetchOnce()).toEqual({ kind: "whole" });
  expect(server.ranges[0]).toBeNull();
  expect(server.ranges[1]).toBe(`bytes=${first}-`);
  expect(Buffer.from(store.readPartial()).equals(image)).toBe(true);
});

test("an image that changed in between comes whole again, never glued to the old one", async () => {
  server.cuts = [100_000];
  await fetchOnce();
  server.image = randomBytes(image.length);
  expect(await fetchOnce()).toEqual({ kind: "whole" });
  expect(Buffer.from(store.readPartial()).equals(server.image)).toBe(true);
});

test("not one byte more than the manifest says is kept", async () => {
  expect(await fetchOnce({ length: 1_000 })).toEqual({ kind: "wrong", reason: "image_too_long" });
  expect(store.partialBytes()).toBe(0);
});

test("a server that goes silent is given up, and what came stays for the next try", async () => {
  server.silent = true;
  // The silence that is tried is the one behind the first byte, which may take its time on a slow machine.
  let waits = 0;
  const after: Timers["after"] = (ms, work) => systemTimers.after((waits += 1) === 1 ? 20_000 : ms, work);
  const limits = { ...transferLimits, silenceMs: 50, rateAfterMs: 600_000 };
  expect(await fetchOnce({ limits, timers: { ...systemTimers, after } })).toEqual({
    kind: "cut",
    reason: "download_too_slow",
  });
  expect(store.partialBytes()).toBe(1);
});

test("a trickle below the least rate is given up", async () => {
  server.silent = true;
  const limits = { silenceMs: 20_000, rateAfterMs: 50, bytesPerSMin: 1_000 };
  expect(await fetchOnce({ limits })).toEqual({ kind: "cut", reason: "download_too_slow" });
});

test("an expired link is a reason to try later", async () => {
  server.status = 403;
  expect(await fetchOnce()).toEqual({ kind: "cut", reason: "download_http_4xx" });
});
