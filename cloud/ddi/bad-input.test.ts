import { randomBytes } from "node:crypto";
import { afterAll, beforeAll, expect, test } from "vitest";
import { DdiClient, DdiHouse } from "../../test/support/ddi-house.ts";

let house: DdiHouse;
let oven: DdiClient;
let gateway: string;

beforeAll(async () => {
  house = await DdiHouse.open();
  await house.release("2.1.0", randomBytes(5_000));
  oven = new DdiClient(house, "oven-1", `TargetToken ${await house.oven("oven-1")}`);
  const { body } = await house.kitchen.as("admin", "POST", "/ddi/gateway-tokens", { name: "a gateway" });
  gateway = `GatewayToken ${body.token}`;
});
afterAll(() => house.close());

const base = "/default/controller/v1";
const closed = JSON.stringify({ status: { execution: "closed", result: { finished: "success" } } });

test("an action's number may be anything that the address lets through: it is not found", async () => {
  const { authorization } = oven;
  for (const id of ["2147483648", "4294967296", "9999999999"]) {
    for (const place of ["deploymentBase", "cancelAction", "confirmationBase"]) {
      expect([place, id, (await house.ask("GET", `${base}/oven-1/${place}/${id}`, { authorization })).status]).toEqual([
        place,
        id,
        404,
      ]);
      const body = place === "confirmationBase" ? JSON.stringify({ confirmation: "confirmed" }) : closed;
      const answer = await house.ask("POST", `${base}/oven-1/${place}/${id}/feedback`, { authorization, raw: body });
      expect([place, id, answer.status]).toEqual([place, id, 404]);
    }
    for (const file of ["", "/a.swu", "/a.swu.MD5SUM"]) {
      const answer = await house.ask("GET", `${base}/oven-1/softwaremodules/${id}/artifacts${file}`, { authorization });
      expect([file, id, answer.status]).toEqual([file, id, 404]);
    }
  }
  for (const id of ["0", "-1", "1e3", "0x1", "NaN", "%00", "99999999999999999999", "__proto__"]) {
    const answer = await house.ask("GET", `${base}/oven-1/deploymentBase/${id}`, { authorization });
    expect([id, answer.status]).toEqual([id, 400]);
  }
});

test("whatever a controller calls itself, a gateway's token brings nothing down", async () => {
  for (const id of [
    "%00",
    "a%00b",
    "%F0%9F%94%A5",
    "..",
    "%2e%2e%2f",
    "__proto__",
    "constructor",
    "x".repeat(201),
    "x".repeat(3_000),
    "%ED%A0%80",
    "'%3B--",
  ]) {
    for (const authorization of [gateway, oven.authorization]) {
      const { status } = await house.ask("GET", `${base}/${id}`, { authorization });
      expect([id, status < 500 && status >= 400]).toEqual([id, true]);
    }
  }
});

test("attributes with names of JavaScript's own are attributes, and nothing else", async () => {
  const { authorization } = oven;
  const text = '{"mode":"merge","data":{"__proto__":"x","constructor":"y","toString":"z","version":"1.0.0"}}';
  const answer = await house.ask("PUT", `${base}/oven-1/configData`, { authorization, raw: text });
  expect(answer.status).toBe(200);
  expect(({} as { polluted?: string }).polluted).toBeUndefined();
  expect((await house.ask("GET", `${base}/oven-1`, { authorization })).status).toBe(200);
  for (const odd of [
    '{"data":{"__proto__":{"a":1}}}',
    '{"__proto__":{"data":{}}}',
    '{"data":{"a":"\\u0000"}}',
    '{"data":{"a\\u0000":"b"}}',
    '{"data":{"\\ud800":"b"}}',
  ]) {
    const { status } = await house.ask("PUT", `${base}/oven-1/configData`, { authorization, raw: odd });
    expect([odd, status < 500]).toEqual([odd, true]);
  }
});

test("a body that is far too long, or nested without end, is refused", async () => {
  const { authorization } = oven;
  const url = `${base}/oven-1/deploymentBase/1/feedback`;
  expect((await house.ask("POST", url, { authorization, raw: "x".repeat(10_000_000) })).status).toBe(413);
  for (const text of [
    "[".repeat(60_000),
    '{"status":'.repeat(6_000),
    `{"a":"${'"'.repeat(60_000)}`,
    `{"a":"${'",'.repeat(30_000)}`,
    '" '.repeat(30_000),
    `{"a":"${'",1'.repeat(20_000)}`,
    `{"a":"${" ".repeat(30_000)}${'"\t'.repeat(15_000)}`,
    '{"a":['.repeat(10_000) + "1" + "]}".repeat(10_000),
  ]) {
    const began = process.cpuUsage().user;
    const { status } = await house.ask("POST", url, { authorization, raw: text });
    expect([text.slice(0, 12), status]).toEqual([text.slice(0, 12), text.length > 65_536 ? 413 : 400]);
    expect(process.cpuUsage().user - began).toBeLessThan(3_000_000);
  }
});
