import { randomUUID } from "node:crypto";
import { createServer, type IncomingHttpHeaders, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { sql } from "kysely";
import { Webhook } from "standardwebhooks";
import { afterAll, beforeAll, beforeEach, expect, test, vi } from "vitest";
import { Kitchen } from "../../test/support/kitchen.ts";
import { SetClock } from "../../test/support/down-road.ts";
import { Mailbox } from "../../test/support/mailbox.ts";
import { Outbox } from "../events/events.ts";
import { randomIds } from "../platform/ids.ts";
import { StoreWatch } from "./notices.ts";
import { NoticesStore } from "./notices-store.ts";

const hour = 3_600_000;
let kitchen: Kitchen;
let made = 0;

/** A webhook's receiver that answers as a test says. */
const hook = { status: 200, got: [] as { headers: IncomingHttpHeaders; body: string }[] };
let hookServer: Server;
let mail: Mailbox;

const portOf = (server: { address(): AddressInfo | string | null }) => {
  const address = server.address();
  if (address === null || typeof address === "string") throw new Error("it does not listen");
  return address.port;
};

const listen = (server: { listen(port: number, host: string, done: () => void): unknown }, port = 0) =>
  new Promise<void>((done) => {
    server.listen(port, "127.0.0.1", done);
  });

const newHook = () =>
  createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on("data", (chunk: Buffer) => chunks.push(chunk));
    request.on("end", () => {
      hook.got.push({ headers: request.headers, body: Buffer.concat(chunks).toString("utf8") });
      response.writeHead(hook.status).end("thanks");
    });
  });

beforeAll(async () => {
  hookServer = newHook();
  await listen(hookServer);
  mail = await Mailbox.open();
  const clock = new SetClock();
  kitchen = await Kitchen.open({
    clock,
    notices: { mail: { url: mail.url, from: "hearth@maker.example" }, reach: "loopback" },
  });
});
afterAll(async () => {
  await kitchen.close();
  hookServer.closeAllConnections();
  await new Promise((done) => hookServer.close(done));
  await mail.close();
});
beforeEach(async () => {
  await sql`TRUNCATE notice_channel, notice, service_case CASCADE`.execute(kitchen.base.db);
  hook.status = 200;
  hook.got = [];
  mail.code = 250;
  mail.got = [];
  kitchen.clock.forward(10 * 60_000);
});

const admin = (method: "GET" | "POST" | "PATCH" | "DELETE", path: string, body?: object) =>
  kitchen.as("admin", method, `/notices${path}`, body);
const channel = async (subscriptions: object[], more: object = {}) => {
  const url = `http://127.0.0.1:${portOf(hookServer)}/in`;
  const { status, body } = await admin("POST", "/channels", {
    kind: "webhook",
    name: "Desk",
    url,
    subscriptions,
    ...more,
  });
  if (status !== 201) throw new Error(JSON.stringify(body));
  return { id: String(body.channel.id), secret: String(body.secret) };
};
const letterbox = async (subscriptions: object[]) => {
  const asked = { kind: "email", name: "Team", address: "team@maker.example", subscriptions };
  return String((await admin("POST", "/channels", asked)).body.channel.id);
};
const openCase = async (severity = "service", title = "Rattles") => {
  const id = `told-${(made += 1)}`;
  await kitchen.ovens(id);
  const { body } = await kitchen.as("support", "POST", "/cases", { deviceId: id, severity, title });
  return String(body.id);
};
const tick = () => kitchen.slices.notices.tick();
const deliveries = async () => (await admin("GET", "/deliveries")).body.items as { id: string; status: string }[];
const delivery = async () => (await admin("GET", `/deliveries/${(await deliveries())[0]?.id}`)).body;

test("a case that opens is told to who asked for it, signed, once, and its secret is shown once alone", async () => {
  const { id, secret } = await channel([{ kinds: ["case_opened"], severities: ["service"] }]);
  await channel([{ severities: ["safety"] }]);
  const caseId = await openCase();
  await tick();
  await tick();
  expect(hook.got).toHaveLength(1);
  const [got] = hook.got;
  const { "webhook-id": messageId, "webhook-timestamp": at, "webhook-signature": signature } = got?.headers ?? {};
  const headers = {
    "webhook-id": String(messageId),
    "webhook-timestamp": String(at),
    "webhook-signature": String(signature),
  };
  // The library takes no message that is older than minutes, and the clock here is a test's.
  vi.useFakeTimers({ now: kitchen.clock.nowMs(), toFake: ["Date"] });
  try {
    expect(() => new Webhook(secret).verify(got?.body ?? "", headers)).not.toThrow();
    expect(() => new Webhook(secret).verify(`${got?.body} `, headers)).toThrow("signature");
  } finally {
    vi.useRealTimers();
  }
  expect(JSON.parse(got?.body ?? "")).toMatchObject({
    type: "hearth.notice.case_opened",
    data: { count: 1, notices: [{ severity: "service", title: "Rattles", data: { caseId } }] },
  });
  expect((await deliveries())[0]).toMatchObject({ id: messageId, status: "delivered" });
  const shown = JSON.stringify([(await admin("GET", "/channels")).body, (await admin("GET", `/channels/${id}`)).body]);
  const { rows } = await sql<{ text: string }>`SELECT notice_channel::text || coalesce((
    SELECT string_agg(audit_entry::text, '') FROM audit_entry), '') AS text FROM notice_channel`.execute(
    kitchen.base.db,
  );
  const key = secret.slice("whsec_".length);
  for (const text of [shown, ...rows.map((row) => row.text)]) {
    expect(text).not.toContain(key);
    expect(text).not.toContain(Buffer.from(key, "base64").toString("hex"));
  }
  const { secret: renewed } = (await admin("POST", `/channels/${id}/secret`)).body;
  expect(renewed).toMatch(/^whsec_/);
  expect(renewed).not.toBe(secret);
});

test("what is rolled back is told to nobody", async () => {
  await channel([{}]);
  const device = `told-${(made += 1)}`;
  await kitchen.ovens(device);
  const ref = (await kitchen.slices.devices.find([device])).get(device);
  if (ref === undefined) throw new Error("there is no oven");
  const asked = {
    device: ref,
    householdId: null,
    severity: "info",
    cause: "x",
    title: "x",
    text: null,
    by: "x",
  } as const;
  const rolled = kitchen.base.db.transaction().execute(async (tx) => {
    await kitchen.slices.service.cases.openByPerson(tx, { ...asked, atMs: 1_780_000_000_000 });
    throw new Error("rolled back");
  });
  await expect(rolled).rejects.toThrow("rolled back");
  await tick();
  expect(hook.got).toEqual([]);
});

test("a receiver that is down is tried again with growing pauses under the same id until it is back; attempts are visible", async () => {
  await channel([{}]);
  const port = portOf(hookServer);
  hookServer.closeAllConnections();
  await new Promise((done) => hookServer.close(done));
  await openCase();
  await tick();
  hookServer = newHook();
  await listen(hookServer, port);
  hook.status = 503;
  await tick();
  expect(hook.got).toHaveLength(0);
  kitchen.clock.forward(5_000);
  await tick();
  kitchen.clock.forward(10_000);
  hook.status = 204;
  await tick();
  expect(hook.got.map(({ headers }) => headers["webhook-id"])).toEqual([(await delivery()).id, (await delivery()).id]);
  const { status, tries, items } = await delivery();
  expect(status).toBe("delivered");
  expect(tries.map(({ detail }: { detail: string }) => detail)).toEqual(["ECONNREFUSED", "HTTP 503", "HTTP 204"]);
  expect(items).toMatchObject([{ kind: "case_opened" }]);
});

test("a message is given up after a day, and can be sent again by hand", async () => {
  await channel([{}]);
  hook.status = 500;
  await openCase();
  for (let at = 0; at < 60; at += 1) {
    await tick();
    kitchen.clock.forward(hour / 2);
  }
  const given = await delivery();
  expect(given).toMatchObject({ status: "failed", nextAtMs: null });
  const tried = hook.got.length;
  expect((await admin("POST", `/deliveries/${given.id}/resend`)).status).toBe(202);
  expect((await admin("POST", `/deliveries/${given.id}/resend`)).body.code).toBe("notice_delivery_queued");
  hook.status = 200;
  await tick();
  expect(await delivery()).toMatchObject({ status: "delivered", attempts: tried + 1 });
  expect(hook.got.at(-1)?.headers["webhook-id"]).toBe(given.id);
});

test("a receiver that says it is gone is told nothing any more, until somebody switches it on again", async () => {
  const { id } = await channel([{}]);
  hook.status = 410;
  await openCase();
  await openCase();
  await tick();
  const told = hook.got.length;
  hook.status = 200;
  await openCase();
  kitchen.clock.forward(hour);
  await tick();
  expect(hook.got).toHaveLength(told);
  expect((await deliveries()).map(({ status }) => status)).toEqual(["dropped", "dropped"]);
  expect((await admin("GET", `/channels/${id}`)).body).toMatchObject({ disabledBy: "gone" });
  expect((await admin("POST", `/channels/${id}/test`)).body.code).toBe("notice_channel_disabled");
  await admin("PATCH", `/channels/${id}`, { enabled: true });
  await openCase();
  await tick();
  expect(hook.got).toHaveLength(told + 1);
});

test("a sender that dies between sending and noting it sends again under the same id", async () => {
  await channel([{}]);
  await openCase();
  const settle = vi.spyOn(NoticesStore.prototype, "settle").mockRejectedValueOnce(new Error("killed"));
  await tick();
  settle.mockRestore();
  expect((await deliveries())[0]?.status).toBe("queued");
  await tick();
  expect(hook.got).toHaveLength(1);
  kitchen.clock.forward(61_000);
  await tick();
  await tick();
  const [first, second] = hook.got.map(({ headers }) => headers["webhook-id"]);
  expect(hook.got).toHaveLength(2);
  expect(first).toBe(second);
  expect(await delivery()).toMatchObject({ status: "delivered", attempts: 2 });
});

test("a case that nobody answers is told further and further up, to each whom it reaches, once", async () => {
  const policy = (await kitchen.as("support", "GET", "/cases/policy")).body.policy;
  const steps = [
    { afterDueMs: -600_000, to: { kind: "assignee" } },
    { afterDueMs: 0, to: { kind: "group", name: "night" } },
    { afterDueMs: hour, to: { kind: "role", role: "admin" } },
  ];
  await kitchen.as("support", "PUT", "/cases/policy", { ...policy, safety: { ...policy.safety, escalation: steps } });
  const id = await openCase("safety", "Hot");
  const { assignee } = (await kitchen.as("support", "POST", `/cases/${id}/take`)).body;
  await channel([{ reaches: [assignee] }, { reaches: ["group:night"], levelMin: 2 }, { kinds: ["case_escalated"] }]);
  const said = async () => {
    await kitchen.slices.service.tick();
    await tick();
    return hook.got.map(({ body }) => JSON.parse(body).data.notices[0].kind);
  };
  expect(await said()).toEqual([]);
  kitchen.clock.forward(hour - 600_000);
  expect(await said()).toEqual(["case_due_soon"]);
  kitchen.clock.forward(600_000);
  expect(await said()).toEqual(["case_due_soon", "case_overdue"]);
  kitchen.clock.forward(hour);
  expect(await said()).toEqual(["case_due_soon", "case_overdue", "case_escalated"]);
  kitchen.clock.forward(24 * hour);
  expect(await said()).toHaveLength(3);
  await kitchen.as("support", "PUT", "/cases/policy", policy);
});

test("an incident is one notice, and hardly anything of its cases", async () => {
  await channel([{}]);
  const ids = Array.from({ length: 60 }, () => `told-${(made += 1)}`);
  await kitchen.ovens(...ids);
  const said = ids.map((device) => ({
    device,
    channel: "events" as const,
    payload: { id: randomUUID(), type: "fault.raised", data: { code: "E99" } },
  }));
  await kitchen.say(...said);
  await tick();
  kitchen.clock.forward(60_000);
  await tick();
  const notices = hook.got.flatMap(({ body }) => JSON.parse(body).data.notices as { kind: string; subject: string }[]);
  expect(notices.filter(({ kind }) => kind === "incident_opened")).toHaveLength(1);
  expect(hook.got.length).toBeLessThanOrEqual(3);
});

test("a store that stays away is told once, and once that it is back", async () => {
  await channel([{ kinds: ["store_away", "store_back"] }]);
  const { base, clock } = kitchen;
  const outbox = new Outbox(randomIds);
  outbox.onAdded((tx, facts) => kitchen.slices.notices.hear(tx, facts));
  let isUp = true;
  const watch = new StoreWatch({ db: base.db, clock, outbox, store: "InfluxDB", isUp: async () => isUp });
  const look = async (up: boolean, times: number) => {
    isUp = up;
    for (let at = 0; at < times; at += 1) {
      await watch.tick();
      clock.forward(10_000);
    }
    await tick();
    return hook.got.map(({ body }) => JSON.parse(body).type);
  };
  await look(true, 5);
  await look(false, 5);
  expect(await look(true, 30)).toEqual([]);
  expect(await look(false, 60)).toEqual(["hearth.notice.store_away"]);
  await look(true, 3);
  expect(await look(false, 60)).toHaveLength(1);
  expect(await look(true, 60)).toEqual(["hearth.notice.store_away", "hearth.notice.store_back"]);
});

test("many at once come bundled, and none is left out", async () => {
  await channel([{ kinds: ["case_opened"] }]);
  for (let at = 0; at < 3; at += 1) await openCase();
  await tick();
  expect(hook.got).toHaveLength(3);
  for (let at = 0; at < 20; at += 1) await openCase();
  await tick();
  for (let at = 0; at < 3; at += 1) await openCase();
  await tick();
  const counts = () => hook.got.map(({ body }) => JSON.parse(body).data.count).toSorted((a, b) => a - b);
  expect(counts()).toEqual([1, 1, 1, 20]);
  kitchen.clock.forward(60_000);
  await tick();
  expect(counts()).toEqual([1, 1, 1, 1, 1, 1, 20]);
});

test("mail goes out through a real server, is tried again after 4xx and given up after 5xx, and nobody else gets it", async () => {
  await letterbox([{}]);
  mail.code = 450;
  await openCase("safety", "Hot\r\nBcc: thief@example.com\r\n\r\nnothing");
  await tick();
  expect((await delivery()).tries).toMatchObject([{ outcome: "failed", detail: "SMTP 450" }]);
  mail.code = 250;
  kitchen.clock.forward(5_000);
  await tick();
  const { id } = await delivery();
  expect(mail.got).toHaveLength(1);
  const [got] = mail.got;
  expect(got?.to).toBe("team@maker.example");
  const [head = ""] = (got?.text ?? "").split("\r\n\r\n");
  expect(head).not.toMatch(/^bcc:/im);
  expect(head).toContain(`<${id}@hearth>`);
  expect(head).toMatch(/^subject: case opened \[safety\]: hot bcc/im);
  mail.code = 550;
  await openCase();
  await tick();
  expect((await delivery()).status).toBe("failed");
});

test("an address that could carry more than itself is refused, and a test message goes to its channel alone", async () => {
  for (const address of [
    "a@b.example\r\nBcc: c@d.example",
    "a@b.example, c@d.example",
    "Name <a@b.example>",
    "nobody",
  ]) {
    const asked = { kind: "email", name: "Team", address, subscriptions: [{}] };
    expect((await admin("POST", "/channels", asked)).status).toBe(400);
  }
  const url = "https://10.0.0.1/in";
  const asked = { kind: "webhook", name: "Desk", url, subscriptions: [{}] };
  const refusal = {
    code: "webhook_url_private",
    errors: [{ pointer: "/body/url", message: "10.0.0.1 is not in the internet" }],
  };
  expect((await admin("POST", "/channels", asked)).body).toMatchObject(refusal);
  const id = await letterbox([{ kinds: ["store_away"] }]);
  await channel([{}]);
  expect((await admin("POST", `/channels/${id}/test`)).status).toBe(202);
  await tick();
  expect([mail.got.length, hook.got.length]).toEqual([1, 0]);
  expect((await kitchen.as("support", "POST", `/notices/channels/${id}/test`)).status).toBe(403);
});
