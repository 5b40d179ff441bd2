import { expect, test } from "vitest";
import { createSliceHttp } from "../../test/support/slice-http.ts";

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
