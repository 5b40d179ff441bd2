/** Who its clients are: what opens hawkBit's device API, and what they say of themselves there. */
import { randomBytes } from "node:crypto";
import { afterAll, beforeAll, expect, test } from "vitest";
import { DdiClient, DdiHouse } from "../../test/support/ddi-house.ts";

let house: DdiHouse;
let releaseId: string;
let count = 0;

beforeAll(async () => {
  house = await DdiHouse.open({
    models: {
      oven: { success: "booted" },
      "mqtt-oven": null,
      "named-oven": { success: "booted", versionAttribute: "SW", hardwareAttribute: "HW" },
    },
  });
  releaseId = await house.release("2.1.0", randomBytes(1_000));
});
afterAll(() => house.close());

async function appliance(model = "oven"): Promise<DdiClient> {
  count += 1;
  const id = `${model}-${count}`;
  return new DdiClient(house, id, `TargetToken ${await house.oven(id, model)}`);
}

// Coming in

test("an appliance's own token opens its own address and no other, in any spelling of the tenant", async () => {
  const [oven, other] = [await appliance(), await appliance()];
  for (const tenant of ["default", "DEFAULT", "Default"]) {
    const url = `/${tenant}/controller/v1/${oven.id}`;
    expect((await house.ask("GET", url, { authorization: oven.authorization })).status).toBe(200);
  }
  const theirs = await house.ask("GET", `/default/controller/v1/${other.id}`, { authorization: oven.authorization });
  expect(theirs.status).toBe(401);
  const elsewhere = await house.ask("GET", `/acme/controller/v1/${oven.id}`, { authorization: oven.authorization });
  expect(elsewhere.status).toBe(404);
  const without = await house.ask("GET", `/default/controller/v1/${oven.id}`);
  expect([without.status, without.body.code]).toEqual([401, "ddi_not_authenticated"]);
});

test("no staff key opens it", async () => {
  const oven = await appliance();
  const key = house.kitchen.staffKey("admin");
  for (const authorization of [`Bearer ${key}`, `TargetToken ${key}`, `GatewayToken ${key}`])
    expect((await house.ask("GET", `/default/controller/v1/${oven.id}`, { authorization })).status).toBe(401);
});

test("every address asks for a token", async () => {
  const oven = await appliance();
  await oven.put({ version: "1.0.0", hardware: "h1" });
  await house.offer(oven.id, releaseId);
  const { actionId } = (await oven.deployment())!;
  const base = `/default/controller/v1/${oven.id}`;
  for (const [method, path] of [
    ["GET", ""],
    ["GET", `/deploymentBase/${actionId}`],
    ["POST", `/deploymentBase/${actionId}/feedback`],
    ["GET", `/cancelAction/${actionId}`],
    ["POST", `/cancelAction/${actionId}/feedback`],
    ["PUT", "/configData"],
    ["GET", "/confirmationBase"],
    ["GET", `/confirmationBase/${actionId}`],
    ["POST", `/confirmationBase/${actionId}/feedback`],
    ["POST", "/confirmationBase/activateAutoConfirm"],
    ["POST", "/confirmationBase/deactivateAutoConfirm"],
    ["GET", `/softwaremodules/${actionId}/artifacts`],
    ["GET", `/softwaremodules/${actionId}/artifacts/2.1.0.swu`],
    ["HEAD", `/softwaremodules/${actionId}/artifacts/2.1.0.swu`],
    ["GET", `/softwaremodules/${actionId}/artifacts/2.1.0.swu.MD5SUM`],
  ] as const)
    expect([path, (await house.ask(method, base + path)).status]).toEqual([path, 401]);
});

test("guessing at tokens is slowed, noted under the name that was tried, and keeps no right one out", async () => {
  const oven = await appliance();
  const address = "198.51.100.9";
  const guess = (n: number) =>
    house.ask("GET", `/default/controller/v1/${oven.id}`, { authorization: `TargetToken guess-${n}`, address });
  const statuses: number[] = [];
  for (let n = 0; n < 25; n += 1) statuses.push((await guess(n)).status);
  expect(statuses.filter((status) => status === 401)).toHaveLength(20);
  expect(statuses.slice(20)).toEqual([429, 429, 429, 429, 429]);
  expect((await oven.ask("GET", "", { address })).status).toBe(200);
  await house.slices.security.flush();
  const filter = { kind: null, severity: null, device: null, before: null, limit: 50 };
  const noted = await house.slices.security.page(filter as never);
  expect(noted).toEqual(
    expect.arrayContaining([
      expect.objectContaining({ kind: "device_token_refused", name: oven.id, count: 25 }),
      expect.objectContaining({ kind: "brute_force", reason: "device_token" }),
    ]),
  );
});

test("a gateway's token opens every appliance whose model speaks the API, until it is revoked", async () => {
  const [oven, mqtt] = [await appliance(), await appliance("mqtt-oven")];
  const admin = house.staff("admin");
  const made = await house.ask("POST", "/api/v1/ddi/gateway-tokens", { ...admin, body: { name: "shop floor" } });
  expect(made.status).toBe(201);
  const gateway = (id: string) =>
    house.ask("GET", `/default/controller/v1/${id}`, { authorization: `GatewayToken ${made.body.secret}` });
  expect((await gateway(oven.id)).status).toBe(200);
  expect((await gateway("nobody")).body).toMatchObject({ status: 404, code: "ddi_device_not_found" });
  expect((await gateway(mqtt.id)).body).toMatchObject({ status: 403, code: "ddi_model_not_enabled" });
  await house.slices.devices.setBlocked({ kind: "system" }, oven.id, true);
  expect((await gateway(oven.id)).body).toMatchObject({ status: 403, code: "ddi_device_blocked" });
  expect((await oven.ask("GET", "")).status).toBe(401);
  await house.slices.devices.setBlocked({ kind: "system" }, oven.id, false);
  const list = await house.ask("GET", "/api/v1/ddi/gateway-tokens", admin);
  expect(list.text).not.toContain(made.body.secret);
  const url = `/api/v1/ddi/gateway-tokens/${made.body.token.id}`;
  expect((await house.ask("DELETE", url, admin)).status).toBe(204);
  expect((await house.ask("DELETE", url, admin)).body).toMatchObject({ code: "gateway_token_not_found" });
  expect((await gateway(oven.id)).status).toBe(401);
  const lines = await house.slices.staff.audit.list(house.kitchen.base.db, {
    before: null,
    subject: `ddi_gateway_token:${made.body.token.id}`,
    limit: 9,
  });
  expect(lines.map(({ action }) => action)).toEqual(["ddi_gateway_token.revoked", "ddi_gateway_token.created"]);
});

test("there are at most twenty gateway tokens", async () => {
  const by = { kind: "system" } as const;
  const outcomes = [];
  for (let n = 0; n < 21; n += 1) outcomes.push((await house.slices.ddi.gatewayTokens.create(by, `n ${n}`)).kind);
  expect(outcomes.filter((kind) => kind === "created")).toHaveLength(20);
  expect(outcomes.at(-1)).toBe("refused");
});

test("an appliance that only polls is seen, and written down once a minute at most", async () => {
  const oven = await appliance();
  const seenAtMs = async () => (await house.slices.devices.get(oven.id))!.presence_at_ms;
  await oven.links();
  const first = await seenAtMs();
  expect(first).toBe(house.clock.nowMs());
  house.clock.forward(59_000);
  await oven.links();
  expect(await seenAtMs()).toBe(first);
  house.clock.forward(1_000);
  await oven.links();
  expect(await seenAtMs()).toBe(house.clock.nowMs());
});

// Attributes

test("attributes become the appliance's reported state: version, hardware, time zone, and all of them as they are", async () => {
  const oven = await appliance();
  const reported = async () => {
    const state = (await house.slices.devices.get(oven.id))!.reported;
    return Object.fromEntries(Object.entries(state).map(([key, { value }]) => [key, value]));
  };
  await oven.put({ version: "2.1.0", hwRevision: "h1", timeZone: "Europe/Berlin", colour: "red" });
  expect(await reported()).toEqual({
    firmware: "2.1.0",
    hardware: "h1",
    timeZone: "Europe/Berlin",
    releaseCounter: 1,
    attributes: { version: "2.1.0", hwRevision: "h1", timeZone: "Europe/Berlin", colour: "red" },
  });
  house.clock.forward(1);
  await oven.put({ colour: "blue" });
  house.clock.forward(1);
  await oven.put({ hwRevision: "" }, "remove");
  expect((await reported())["attributes"]).toEqual({ version: "2.1.0", timeZone: "Europe/Berlin", colour: "blue" });
  house.clock.forward(1);
  await oven.put({ version: "0.9.0" }, "replace");
  expect(await reported()).toMatchObject({ attributes: { version: "0.9.0" }, firmware: "0.9.0", releaseCounter: 0 });
});

test("a model names its own attributes for version and hardware", async () => {
  const oven = await appliance("named-oven");
  await oven.put({ SW: "7.0.0", HW: "h1", version: "ignored" });
  expect((await house.slices.devices.get(oven.id))!.reported).toMatchObject({
    firmware: { value: "7.0.0" },
    hardware: { value: "h1" },
  });
});

const many = (n: number, from = 0) => Object.fromEntries(Array.from({ length: n }, (_, at) => [`k${from + at}`, "v"]));

test("attributes are bounded in number and size", async () => {
  const oven = await appliance();
  expect((await oven.put(many(100))).status).toBe(200);
  expect((await oven.put(many(1, 100))).body).toMatchObject({ status: 400, code: "ddi_too_many_attributes" });
  expect((await oven.put({ k0: "x".repeat(513) })).status).toBe(400);
  expect((await oven.put({ ["x".repeat(129)]: "v" })).status).toBe(400);
  expect((await oven.put({ k0: "a\u0000b" })).status).toBe(400);
  expect((await oven.put(many(101), "replace")).status).toBe(400);
});
