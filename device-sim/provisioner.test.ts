import { createServer } from "node:net";
import { Aedes } from "aedes";
import { afterEach, expect, test } from "vitest";
import { type ProvisioningRefusal, refusal } from "#protocol/provisioning.ts";
import { MemoryDeviceStore } from "./agent/device-store.ts";
import { systemClock } from "./platform/clock.ts";
import { systemTimers } from "./platform/timers.ts";
import { Provisioner, type ProvisionerDeps } from "./provisioner.ts";
import { newTestAuthority } from "./testing/authority.ts";
import { eventually } from "./testing/parts.ts";

const ends: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const end of ends.splice(0).toReversed()) await end();
});

const authority = await newTestAuthority();

/** A broker that lets one batch's claim credential in and answers as a test wants: refusals first, then a certificate. */
async function startClaims(refusals: (ProvisioningRefusal | "silence" | "nonsense")[] = []) {
  const aedes = await Aedes.createBroker();
  const asked: { topic: string; csr: string }[] = [];
  const logins: string[] = [];
  aedes.authenticate = (client, username, password, done) => {
    logins.push(`${client.id} ${username}`);
    done(null, username === "claim:b1" && password?.toString() === "secret");
  };
  const answer = async (topic: string, payload: string): Promise<Buffer> => {
    const rule = refusals.shift();
    if (rule === "nonsense") return Buffer.from("?");
    const serial = topic.split("/")[4] ?? "";
    const reply = rule === undefined || rule === "silence" ? await authority.issue(payload, serial) : refusal(rule);
    return Buffer.from(JSON.stringify(reply));
  };
  const say = async (topic: string, reply: Promise<Buffer>) => {
    const [replyTopic, payload] = [topic.replace(/request$/, "reply"), await reply];
    aedes.publish({ cmd: "publish", topic: replyTopic, payload, qos: 1, retain: false, dup: false }, () => {});
  };
  aedes.on("publish", (packet, client) => {
    if (client === null) return;
    const { topic } = packet;
    asked.push({ topic, csr: packet.payload.toString() });
    if (refusals[0] === "silence") {
      refusals.shift();
      client.close();
      return;
    }
    void say(topic, answer(topic, packet.payload.toString()));
  });
  const server = createServer((socket) => aedes.handle(socket));
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const address = server.address();
  ends.push(
    () =>
      new Promise((resolve) => {
        aedes.close(() => server.close(() => resolve()));
      }),
  );
  const port = typeof address === "object" && address !== null ? address.port : 0;
  return { broker: `mqtt://127.0.0.1:${port}`, asked, logins };
}

function newProvisioner(broker: string, over: Partial<ProvisionerDeps> = {}) {
  const sent: { topic: string; payload: string }[] = [];
  const provisioner = new Provisioner({
    deviceId: "sn-1",
    claim: { batch: "b1", secret: "secret" },
    store: new MemoryDeviceStore(),
    broker,
    real: systemClock,
    timers: systemTimers,
    random: () => 0.5,
    send: (topic, payload) => sent.push({ topic, payload }),
    renewed() {},
    backOff: { msMin: 10, msMax: 20 },
    ...over,
  });
  ends.push(() => provisioner.stop());
  return { provisioner, sent };
}

const ready = (provisioner: Provisioner) => new Promise<void>((resolve) => provisioner.start(resolve));

test("first contact goes over a connection of its own, under the serial number, and ends with a certificate to connect with", async () => {
  const { broker, asked, logins } = await startClaims();
  const { provisioner } = newProvisioner(broker);
  expect(provisioner.login).toBeNull();
  await ready(provisioner);
  expect(provisioner.login).toMatchObject({ kind: "certificate", certificate: expect.stringContaining("CERTIFICATE") });
  expect(logins).toEqual(["claim:b1:sn-1 claim:b1"]);
  expect(asked.map(({ topic }) => topic)).toEqual(["hearth/v1/provisioning/b1/sn-1/request"]);
});

test("what is refused, lost or nonsense is asked again with patience and the same key; with a new one where that is wanted", async () => {
  const { broker, asked } = await startClaims(["try_again", "silence", "nonsense", "not_allowed", "new_key_needed"]);
  const { provisioner } = newProvisioner(broker);
  await ready(provisioner);
  expect(provisioner.counters).toEqual({
    issued: 1,
    refused: { try_again: 1, unanswered: 2, not_allowed: 1, new_key_needed: 1 },
  });
  // A CSR holds a signature that is another one each time, so the part before it is compared: name and key.
  const keys = asked.map(({ csr }) => csr.slice(60, 200));
  expect(new Set(keys.slice(0, 5)).size).toBe(1);
  expect(keys[5]).not.toBe(keys[0]);
});

test("a claim credential that is refused, and a broker that is not there, are told apart", async () => {
  const { broker } = await startClaims();
  const { provisioner } = newProvisioner(broker, { claim: { batch: "b1", secret: "wrong" } });
  provisioner.start(() => {});
  await eventually("it was refused", () => (provisioner.counters.refused["login_refused"] ?? 0) > 1);
  const { provisioner: lonely } = newProvisioner("mqtt://127.0.0.1:1");
  lonely.start(() => {});
  await eventually("nobody answered", () => (lonely.counters.refused["unanswered"] ?? 0) > 1);
  const told = [provisioner, lonely].map(({ counters }) => Object.keys(counters.refused));
  expect(told).toEqual([["login_refused"], ["unanswered"]]);
});

test("an appliance that is switched off while it asks is silent from then on, and holds what it got before", async () => {
  const store = new MemoryDeviceStore();
  const { broker, asked } = await startClaims(["try_again", "try_again"]);
  const { provisioner } = newProvisioner(broker, { store, backOff: { msMin: 60_000, msMax: 60_000 } });
  provisioner.start(() => {});
  await eventually("it has asked", () => asked.length === 1);
  await eventually("it was refused", () => provisioner.counters.refused["try_again"] === 1);
  await provisioner.stop();
  expect(asked).toHaveLength(1);
  const { provisioner: next } = newProvisioner(broker, { store });
  await ready(next);
  expect(asked[1]?.csr.slice(60, 200)).toBe(asked[0]?.csr.slice(60, 200));
  // Once held it needs nobody.
  const { provisioner: last } = newProvisioner("mqtt://127.0.0.1:1", { store });
  await ready(last);
  expect(last.login).toEqual(next.login);
});

test("the next certificate is asked for over its own connection in the last third, not too often, and connects anew", async () => {
  const { broker } = await startClaims();
  const store = new MemoryDeviceStore();
  let nowMs = Date.now();
  let renewals = 0;
  const over = { store, real: { nowMs: () => nowMs }, renewed: () => (renewals += 1), askAgainMs: 1_000 };
  const { provisioner, sent } = newProvisioner(broker, over);
  await ready(provisioner);
  const first = provisioner.login;
  provisioner.tick();
  expect(sent).toEqual([]);
  nowMs = (store.loadIdentity()?.held?.renewFromMs ?? 0) + 1;
  provisioner.tick();
  provisioner.tick();
  await eventually("it has asked", () => sent.length > 0);
  expect(sent.map(({ topic }) => topic)).toEqual(["hearth/v1/provisioning/device/sn-1/request"]);
  provisioner.receive(Buffer.from(JSON.stringify(refusal("try_again"))));
  nowMs += 1_000;
  provisioner.tick();
  await eventually("it asks again", () => sent.length === 2);
  const reply = await authority.issue(sent[1]?.payload ?? "", "sn-1");
  provisioner.receive(Buffer.from(JSON.stringify(reply)));
  expect([renewals, provisioner.login === first]).toEqual([1, false]);
  expect(provisioner.login).not.toEqual(first);
  expect(provisioner.filters()).toEqual(["hearth/v1/provisioning/device/sn-1/reply"]);
});
