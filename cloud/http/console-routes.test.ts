import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { FastifyInstance } from "fastify";
import { afterAll, beforeAll, expect, test } from "vitest";
import { createSliceHttp } from "../../test/support/slice-http.ts";
import { sourceHash } from "../console/source-hash.ts";
import { consoleRoutes } from "./console-routes.ts";

let dir: string;
let app: FastifyInstance;
let waiting: string | null = null;

beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), "hearth-console-"));
  await mkdir(join(dir, "assets"));
  await writeFile(join(dir, "index.html"), "<!doctype html><title>the page</title>");
  await writeFile(join(dir, "favicon.svg"), "<svg/>");
  await writeFile(join(dir, "assets/index-4711.js"), "1");
  app = await createSliceHttp((server) => consoleRoutes(server, dir, () => waiting));
});
afterAll(async () => {
  await app.close();
  await rm(dir, { recursive: true });
});

test.each(["/", "/devices", "/devices/oven.7", "/devices/oven-1?range=24h", "/no/such/page"])(
  "the address %s is a page of the console, asked for anew each time, under a strict policy",
  async (url) => {
    const response = await app.inject(url);
    expect([response.statusCode, response.body]).toEqual([200, expect.stringContaining("the page")]);
    expect(response.headers["cache-control"]).toBe("no-cache");
    expect(response.headers["content-security-policy"]).toContain("default-src 'none'; script-src 'self';");
  },
);

test("what has its hash in its name is kept for ever", async () => {
  const response = await app.inject("/assets/index-4711.js");
  expect(response.headers["cache-control"]).toBe("public, max-age=31536000, immutable");
  expect((await app.inject("/favicon.svg")).headers["content-type"]).toContain("image/svg");
});

test.each([
  ["/api/v1/nothing", 401],
  ["/api/nothing", 404],
  ["/api", 404],
  ["/files/firmware/x/y", 404],
  ["/assets/gone-0815.js", 404],
  ["/assets/../../package.json", 404],
  ["/assets/%2e%2e/%2e%2e/package.json", 404],
  ["/nothing.png", 404],
])("the address %s is no page: %d", async (url, status) => {
  const response = await app.inject(url);
  expect(response.statusCode).toBe(status);
  expect(response.headers["content-type"]).toContain("application/problem+json");
});

test("while the console is being built the page says so and comes back by itself", async () => {
  waiting = "It takes a few seconds.";
  const response = await app.inject("/devices");
  waiting = null;
  expect(response.statusCode).toBe(503);
  expect(response.body).toContain("It takes a few seconds.");
  expect(response.body).toContain('http-equiv="refresh"');
});

test("the hash of the sources changes with what is built, and with nothing else", async () => {
  const sources = await mkdtemp(join(tmpdir(), "hearth-sources-"));
  await writeFile(join(sources, "main.tsx"), "1");
  const before = await sourceHash(sources);
  await mkdir(join(sources, "dist"));
  await writeFile(join(sources, "dist/index.html"), "built");
  await writeFile(join(sources, "main.test.tsx"), "a test");
  expect(await sourceHash(sources)).toBe(before);
  await writeFile(join(sources, "main.tsx"), "2");
  expect(await sourceHash(sources)).not.toBe(before);
  await rm(sources, { recursive: true });
});
