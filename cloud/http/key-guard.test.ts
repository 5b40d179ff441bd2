import { expect, test } from "vitest";
import { createLogger } from "../platform/logger.ts";
import type { Principal } from "../staff/staff.ts";
import { createHttp } from "./http.ts";
import { KeyGuard } from "./key-guard.ts";

const viewer: Principal = { kind: "staff", id: "1", name: "V", role: "viewer" };

async function service() {
  let nowMs = 0;
  const noted: string[] = [];
  const keyGuard = new KeyGuard({
    clock: { nowMs: () => nowMs },
    note: ({ kind, reason, address, name = "", principal = "" }) =>
      noted.push([kind, reason, address, name, principal].join(" ").trim()),
    wrongKeysPerMinuteMax: 3,
  });
  const app = await createHttp({
    logger: createLogger("silent"),
    authenticate: async (secret) => (secret === "right" ? viewer : null),
    keyGuard,
    routes(server) {
      server.get("/api/v1/something", { config: { permission: "fleet.read" } }, async () => ({}));
      server.get("/api/v1/keys", { config: { permission: "staff.keys" } }, async () => ({}));
    },
    problems: {},
  });
  const ask = (key: string | null, remoteAddress = "192.0.2.1", url = "/api/v1/something") =>
    app.inject({ url, remoteAddress, headers: key === null ? {} : { authorization: `Bearer ${key}` } });
  return { ask, noted, later: (ms: number) => (nowMs += ms) };
}

test("an address that tries many wrong keys is told to wait, and a right key from there works all the same", async () => {
  const { ask, noted, later } = await service();
  for (let n = 0; n < 3; n += 1) expect((await ask(`wrong-${n}`)).statusCode).toBe(401);
  later(12_400);
  const limited = await ask("wrong");
  expect([limited.statusCode, limited.headers["retry-after"], limited.json().code]).toEqual([
    429,
    "48",
    "too_many_wrong_keys",
  ]);
  expect((await ask("right")).statusCode).toBe(200);
  expect((await ask("wrong", "192.0.2.2")).statusCode).toBe(401);
  expect(noted.filter((line) => line.startsWith("brute_force"))).toEqual(["brute_force staff_key 192.0.2.1"]);
  expect(noted.filter((line) => line.startsWith("staff_key_refused")).length).toBe(5);
  expect(noted.join()).not.toContain("wrong-1");
  later(48_000);
  expect((await ask("wrong")).statusCode).toBe(401);
});

test("no key at all is no guess, and an IPv6 network is one address", async () => {
  const { ask, noted } = await service();
  for (let n = 0; n < 9; n += 1) expect((await ask(null)).statusCode).toBe(401);
  expect(noted).toEqual([]);
  const codes = [];
  for (let n = 0; n < 4; n += 1) codes.push((await ask("wrong", `2001:db8:1:2::${n}`)).statusCode);
  expect(codes).toEqual([401, 401, 401, 429]);
});

test("a key that is used for what it may not do is noted, with whose it is", async () => {
  const { ask, noted } = await service();
  expect((await ask("right", "192.0.2.1", "/api/v1/keys")).statusCode).toBe(403);
  expect(noted).toEqual(["permission_refused permission_refused 192.0.2.1 staff.keys staff:1"]);
});
