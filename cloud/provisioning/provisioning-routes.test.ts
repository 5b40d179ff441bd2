import { once } from "node:events";
import { connect } from "node:net";
import { createHash, X509Certificate } from "node:crypto";
import type { FastifyInstance } from "fastify";
import { afterAll, beforeAll, expect, test } from "vitest";
import { comesTrue } from "../../test/support/comes-true.ts";
import { csrOf, dayMs, type Factory, openFactory } from "../../test/support/factory.ts";
import { call, createSliceHttp } from "../../test/support/slice-http.ts";
import { fingerprintOf } from "../pki/pki.ts";
import { batchesRoutes } from "./batches-routes.ts";
import { certificatesRoutes } from "./certificates-routes.ts";

let factory: Factory;
let app: FastifyInstance;
let port: number;
beforeAll(async () => {
  factory = await openFactory();
  app = await createSliceHttp((server) => {
    batchesRoutes(server, factory.provisioning);
    certificatesRoutes(server, factory.provisioning);
  });
  await app.listen({ host: "127.0.0.1", port: 0 });
  const address = app.server.address();
  port = typeof address === "object" && address !== null ? address.port : 0;
});
afterAll(async () => {
  await app.close();
  await factory.close();
});

const importTable = async (body: string | ReadableStream<Uint8Array>, contentType = "text/csv") => {
  const response = await fetch(`http://127.0.0.1:${port}/api/v1/devices/import`, {
    method: "POST",
    headers: { authorization: "Bearer admin", "content-type": contentType },
    body,
    duplex: "half",
  });
  const report: any = await response.json(); // oxlint-disable-line typescript/no-explicit-any -- tests look into answers freely
  return { status: response.status, body: report };
};

test("a batch is made with a secret that is told once, read with its counts, changed, closed and opened again", async () => {
  const made = await call(app, "admin", "POST", "/batches", { key: "b1", model: "oven", quota: 2 });
  expect([made.status, made.body.batch.enrolled, made.body.batch.state]).toEqual([201, 0, "open"]);
  const { secret } = made.body;
  expect(secret).toMatch(/^hearth_claim_[\w-]{43}$/);
  expect((await call(app, "admin", "POST", "/batches", { key: "b1", model: "oven", quota: 2 })).body.code).toBe(
    "batch_exists",
  );
  expect((await call(app, "admin", "POST", "/batches", { key: "b2", model: "hob", quota: 2 })).body.code).toBe(
    "batch_model_not_found",
  );
  expect((await call(app, "admin", "POST", "/batches", { key: "device", model: "oven", quota: 2 })).status).toBe(400);
  await importTable("serial,model,batch\nsn-1,oven,b1\nsn-2,oven,b1\nsn-3,oven,b1\n");
  const reply = await factory.claim("b1", "sn-1", await csrOf());
  expect(reply.kind).toBe("issued");
  const read = await call(app, "viewer", "GET", "/batches/b1");
  expect(read.body).toMatchObject({
    quota: 2,
    enrolled: 1,
    serials: { manufactured: 2, enrolled: 1, blocked: 0 },
    secrets: [{ validUntilMs: null }],
  });
  expect(JSON.stringify(read.body)).not.toContain(createHash("sha256").update(secret).digest("hex"));
  expect((await call(app, "admin", "PATCH", "/batches/b1", { quota: 3 })).body.quota).toBe(3);
  expect((await call(app, "admin", "POST", "/batches/b1/close")).body.state).toBe("closed");
  expect((await call(app, "admin", "POST", "/batches/b1/reopen")).body.state).toBe("open");
  const list = await call(app, "viewer", "GET", "/batches?limit=1");
  expect(list.body.items.map(({ key }: { key: string }) => key)).toEqual(["b1"]);
  const rotated = await call(app, "admin", "POST", "/batches/b1/secret");
  expect(rotated.body.secret).not.toBe(secret);
  expect(rotated.body.graceEndsAtMs - factory.clock.nowMs()).toBe(180 * dayMs);
});

test("a serial number can be looked up, blocked and let go, and is blocked as an appliance once it is enrolled", async () => {
  expect((await call(app, "viewer", "GET", "/serials/sn-2")).body).toMatchObject({
    batch: "b1",
    model: "oven",
    state: "manufactured",
  });
  expect((await call(app, "admin", "POST", "/serials/sn-2/block")).body.state).toBe("blocked");
  expect((await call(app, "admin", "POST", "/serials/sn-2/unblock")).body.state).toBe("manufactured");
  expect((await call(app, "admin", "POST", "/serials/sn-2/unblock")).body.code).toBe("serial_not_blocked");
  expect((await call(app, "admin", "POST", "/serials/sn-1/block")).body.code).toBe("serial_enrolled");
  expect((await call(app, "support", "POST", "/serials/sn-2/block")).status).toBe(403);
});

test("a table streams in, wrong lines are reported, and only CSV is taken", async () => {
  const lines = Array.from({ length: 20_000 }, (_, at) => `st-${at},oven,b1\n`);
  let next = 0;
  const stream = new ReadableStream<Uint8Array>({
    pull(controller) {
      const part = lines.slice(next, next + 1_000).join("");
      if (next === 0) controller.enqueue(Buffer.from("serial,model,batch\n!,oven,b1\n"));
      if (part === "") controller.close();
      else controller.enqueue(Buffer.from(part));
      next += 1_000;
    },
  });
  const { status, body } = await importTable(stream);
  expect([status, body.imported, body.unchanged, body.errorsMore]).toEqual([200, 20_000, 0, 0]);
  expect(body.errors).toMatchObject([{ line: 2, field: "serial" }]);
  expect((await importTable(lines.join(""))).body.code).toBe("csv_header_wrong");
  expect((await importTable("{}", "application/json")).status).toBe(415);
  expect((await importTable("")).body.code).toBe("csv_header_wrong");
});

test("a sender that breaks off leaves whole chunks and a service that takes the next table", async () => {
  const socket = connect(port, "127.0.0.1");
  await once(socket, "connect");
  const head = `POST /api/v1/devices/import HTTP/1.1\r\nhost: x\r\nauthorization: Bearer admin\r\ncontent-type: text/csv\r\ncontent-length: 1000000\r\n\r\n`;
  socket.write(`${head}serial,model,batch\nbroken-1,oven,b1\n`);
  await comesTrue(async () => expect((await importTable("serial,model,batch\n")).body.code).toBe("import_running"));
  socket.destroy();
  await comesTrue(async () => expect((await importTable("serial,model,batch\n")).status).toBe(200));
  expect((await call(app, "viewer", "GET", "/serials/broken-1")).status).toBe(404);
});

test("certificates are listed and revoked over HTTP, and the signed list is open to everybody", async () => {
  const listed = await call(app, "viewer", "GET", "/devices/sn-1/certificates");
  const [certificate] = listed.body.items;
  expect(listed.body.items).toHaveLength(1);
  expect((await call(app, "viewer", "GET", "/certificates?device=sn-1")).body.items).toEqual(listed.body.items);
  expect((await call(app, "viewer", "GET", "/devices/nobody/certificates")).status).toBe(404);
  const revoke = `/certificates/${certificate.fingerprint}/revoke`;
  expect((await call(app, "support", "POST", revoke, {})).status).toBe(403);
  const revoked = await call(app, "admin", "POST", revoke, { reason: "key_compromise" });
  expect(revoked.body).toMatchObject({ revokedReason: "key_compromise" });
  const list = await fetch(`http://127.0.0.1:${port}/api/v1/pki/fleet.crl`);
  expect([list.status, list.headers.get("content-type")]).toEqual([200, "application/pkix-crl"]);
  const der = Buffer.from(await list.arrayBuffer());
  expect(der.includes(Buffer.from(certificate.serialNumber, "hex"))).toBe(true);
  expect((await call(app, "viewer", "GET", "/certificates?revoked=true")).body.items).toEqual([revoked.body]);
});

test("an appliance that got a new board is let in again over HTTP", async () => {
  expect((await call(app, "admin", "POST", "/devices/sn-1/re-provision")).body).toEqual({ revoked: [] });
  expect((await call(app, "viewer", "GET", "/serials/sn-1")).body.state).toBe("manufactured");
  const reply = await factory.claim("b1", "sn-1", await csrOf());
  if (reply.kind === "refused") throw new Error(reply.rule);
  expect(new X509Certificate(reply.certificate).subject).toBe("CN=sn-1");
  const again = await call(app, "admin", "POST", "/devices/sn-1/re-provision");
  expect(again.body.revoked).toEqual([fingerprintOf(reply.certificate)]);
});
