import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { extname, join } from "node:path";
import type { FastifyInstance } from "fastify";
import { afterAll, beforeAll, expect, test } from "vitest";
import { createSliceHttp } from "../../test/support/slice-http.ts";
import { fromOutside, sourceHash } from "../console/source-hash.ts";
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

test("the hash of the sources changes with what is built, also where it lies outside the folder, and with nothing else", async () => {
  const root = await mkdtemp(join(tmpdir(), "hearth-sources-"));
  const sources = join(root, "cloud/console");
  const write = async (path: string, text: string) => {
    await mkdir(join(sources, path, ".."), { recursive: true });
    await writeFile(join(sources, path), text);
  };
  const files = ["main.tsx", "../../protocol/model.ts", ...fromOutside.filter((path) => extname(path) !== "")];
  for (const path of files) await write(path, "1");
  let before = await sourceHash(sources);
  for (const path of ["dist/index.html", "main.test.tsx", "../../protocol/model.test.ts"]) await write(path, "2");
  expect(await sourceHash(sources)).toBe(before);
  for (const path of files) {
    await write(path, "2");
    expect(await sourceHash(sources)).not.toBe(before);
    before = await sourceHash(sources);
  }
  await rm(root, { recursive: true });
});

test("whatever the console takes from outside its folder is in the hash", async () => {
  const consoleDir = join(import.meta.dirname, "../console");
  const files = (await readdir(join(consoleDir, "src"), { recursive: true })).filter((file) => /\.tsx?$/.test(file));
  const known = fromOutside.map((path) => join(consoleDir, path));
  const taken = new Set<string>();
  for (const file of files) {
    const path = join(consoleDir, "src", file);
    for (const [, specifier = ""] of (await readFile(path, "utf8")).matchAll(/from "(\.[^"]+)"/g)) {
      const from = join(path, "..", specifier);
      if (!from.startsWith(`${consoleDir}/`)) taken.add(from);
    }
  }
  expect(taken.size).toBeGreaterThan(0);
  expect([...taken].filter((path) => !known.some((one) => path === one || path.startsWith(`${one}/`)))).toEqual([]);
});
