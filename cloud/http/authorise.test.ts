import { expect, test } from "vitest";
import { createSliceHttp } from "../../test/support/slice-http.ts";
import { systemClock } from "../platform/clock.ts";
import { createLogger } from "../platform/logger.ts";
import { createHttp } from "./http.ts";
import { KeyGuard } from "./key-guard.ts";

test("a server with a route that names no permission does not start", async () => {
  const app = await createSliceHttp((server) => server.get("/api/v1/forgotten", async () => "open to all"));
  await expect(app.ready()).rejects.toThrow("/api/v1/forgotten names no permission");
});

test("the documents are open, and everything else under /api/v1 asks for a key", async () => {
  const app = await createSliceHttp((server) =>
    server.get("/api/v1/me", { config: { permission: "anyone" } }, async () => ({ ok: true })),
  );
  expect((await app.inject("/api/docs/")).statusCode).toBe(200);
  expect((await app.inject("/api/openapi.json")).statusCode).toBe(200);
  expect((await app.inject("/api/v1/me")).statusCode).toBe(401);
  expect((await app.inject("/api/v1/nothing")).statusCode).toBe(401);
  await app.close();
});

test("a request knows when its key is good no longer, or not for its route", async () => {
  const support = { kind: "staff", id: "s1", name: "Ann", role: "support" } as const;
  const keys = new Map<string, typeof support | { kind: "staff"; id: string; name: string; role: "viewer" }>();
  const answers: boolean[] = [];
  const app = await createHttp({
    logger: createLogger("silent"),
    authenticate: async (secret) => keys.get(secret) ?? null,
    keyGuard: new KeyGuard({ clock: systemClock, note() {} }),
    problems: {},
    routes: (server) =>
      server.get("/api/v1/long", { config: { permission: "devices.wire" } }, async (request) => {
        answers.push(await request.stillAllowed());
        keys.set("k", { ...support, role: "viewer" });
        answers.push(await request.stillAllowed());
        keys.delete("k");
        answers.push(await request.stillAllowed());
        return {};
      }),
  });
  keys.set("k", support);
  await app.inject({ url: "/api/v1/long", headers: { authorization: "Bearer k" } });
  expect(answers).toEqual([true, false, false]);
  await app.close();
});
