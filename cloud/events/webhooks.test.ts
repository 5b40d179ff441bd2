import { randomUUID } from "node:crypto";
import { createServer, type IncomingHttpHeaders, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { sql } from "kysely";
import { Webhook } from "standardwebhooks";
import { afterAll, beforeAll, beforeEach, expect, test, vi } from "vitest";
import { comesTrue } from "../../test/support/comes-true.ts";
import { SetClock } from "../../test/support/down-road.ts";
import { Kitchen } from "../../test/support/kitchen.ts";
import { Database, transaction } from "../platform/database.ts";
import { randomIds } from "../platform/ids.ts";
import { Webhooks } from "./events.ts";

const hour = 3_600_000;
let kitchen: Kitchen;

interface Got {
  path: string;
  headers: IncomingHttpHeaders;
  body: string;
}
/** A receiver that answers by path, as a test says. */
class Receiver {
  readonly got: Got[] = [];
  /** Of a path; 200 where it says nothing. A promise holds the answer back. */
  answers = new Map<string, (got: Got) => number | Promise<number>>();
  headers: Record<string, string> = {};
  /** How many of a path were under way at once at the most. */
  readonly mostAtOnce = new Map<string, number>();
  readonly #underWay = new Set<Got>();
  readonly server: Server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on("data", (chunk: Buffer) => chunks.push(chunk));
    request.on("end", () => {
      const got = {
        path: request.url ?? "",
        headers: request.headers,
        body: Buffer.concat(chunks).toString("utf8"),
      };
      this.got.push(got);
      this.#underWay.add(got);
      const ofPath = [...this.#underWay].filter(({ path }) => path === got.path);
      this.mostAtOnce.set(got.path, Math.max(ofPath.length, this.mostAtOnce.get(got.path) ?? 0));
      response.once("close", () => this.#underWay.delete(got));
      void Promise.resolve(this.answers.get(got.path)?.(got) ?? 200).then((status) => {
        this.#underWay.delete(got);
        return response.writeHead(status, this.headers).end("thanks");
      });
    });
  });

  async listen(): Promise<void> {
    await new Promise<void>((done) => {
      this.server.listen(0, "127.0.0.1", done);
    });
  }

  get port(): number {
    // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- it listens on a port
    return (this.server.address() as AddressInfo).port;
  }

  at(path: string): Got[] {
    return this.got.filter((got) => got.path === path);
  }
}

let receiver: Receiver;

beforeAll(async () => {
  receiver = new Receiver();
  await receiver.listen();
  const notices = { mail: null, reach: "loopback" as const };
  kitchen = await Kitchen.open({ clock: new SetClock(), notices });
});
afterAll(async () => {
  await kitchen.close();
  receiver.server.closeAllConnections();
  await new Promise((done) => receiver.server.close(done));
});
beforeEach(async () => {
  await kitchen.slices.webhooks.settled();
  await sql`TRUNCATE webhook_endpoint, notice_channel, notice CASCADE`.execute(kitchen.base.db);
  receiver.got.length = 0;
  receiver.answers = new Map();
  receiver.headers = {};
  kitchen.clock.forward(10 * 60_000);
});

const admin = (method: "GET" | "POST" | "PATCH" | "DELETE", path: string, body?: object) =>
  kitchen.as("admin", method, `/webhooks${path}`, body);
const urlOf = (path: string) => `http://127.0.0.1:${receiver.port}${path}`;

async function webhook(path: string, types: string[] = ["hearth.points.*"]) {
  const { status, body } = await admin("POST", "", { name: path, url: urlOf(path), types });
  if (status !== 201) throw new Error(JSON.stringify(body));
  return { id: String(body.webhook.id), secret: String(body.secret) };
}

/** Facts come to be. */
const happen = (...facts: { type?: string; subject?: string; data?: Record<string, unknown> }[]) =>
  transaction(kitchen.base.db, (tx) =>
    kitchen.slices.outbox.add(
      tx,
      facts.map(({ type = "hearth.points.earned", subject = "household:h-1", data = {} }) => {
        return { type, subject, atMs: kitchen.clock.nowMs(), data };
      }),
    ),
  );

/** When everything that happened can be read: transactions of whoever else uses this server hold it back for a moment. */
const readable = () =>
  comesTrue(async () => {
    const { rows } = await sql<{ yes: boolean }>`
      SELECT coalesce(max(xid) < hearth_xid_horizon(), true) AS yes FROM (
        SELECT xid FROM outbox ORDER BY xid DESC LIMIT 1) AS newest`.execute(kitchen.base.db);
    expect(rows[0]?.yes).toBe(true);
  });

const run = async (webhooks: Webhooks = kitchen.slices.webhooks) => {
  await readable();
  await webhooks.tick();
  await webhooks.settled();
};
const numbers = (got: readonly Got[]) => got.map(({ body }) => JSON.parse(body).data.n as number);
const deliveries = async (id: string) =>
  (await admin("GET", `/${id}/deliveries`)).body.items as {
    id: string;
    eventId: string;
    status: string;
    attempts: number;
  }[];

function expectSigned(got: Got | undefined, secret: string): void {
  const headers = Object.fromEntries(Object.entries(got?.headers ?? {}).map(([name, value]) => [name, String(value)]));
  // The library takes no message that is older than minutes, and the clock here is a test's.
  vi.useFakeTimers({ now: kitchen.clock.nowMs(), toFake: ["Date"] });
  try {
    expect(() => new Webhook(secret).verify(got?.body ?? "", headers)).not.toThrow();
  } finally {
    vi.useRealTimers();
  }
}

test("what was asked for goes out as a signed CloudEvent under its own id, once, and the secret is shown once alone", async () => {
  await happen({ data: { n: 0 } });
  // A webhook begins with what can be read when it is made.
  await readable();
  const { id, secret } = await webhook("/points");
  await webhook("/cases", ["hearth.case.*"]);
  const householdId = randomUUID();
  await happen({ data: { n: 1, householdId } }, { type: "hearth.case.opened", data: { n: 2 } });
  await run();
  await run();
  const [got] = receiver.at("/points");
  expect(numbers(receiver.at("/points"))).toEqual([1]);
  expect(numbers(receiver.at("/cases"))).toEqual([2]);
  expectSigned(got, secret);
  const said = JSON.parse(got?.body ?? "");
  expect(got?.headers["content-type"]).toBe("application/cloudevents+json; charset=utf-8");
  expect(said).toMatchObject({ specversion: "1.0", type: "hearth.points.earned", data: { householdId } });
  expect(got?.headers["webhook-id"]).toBe(said.id);
  expect(await deliveries(id)).toMatchObject([{ eventId: said.id, status: "delivered", attempts: 1 }]);
  const shown = JSON.stringify([(await admin("GET", "")).body, (await admin("GET", `/${id}`)).body]);
  expect(shown).not.toContain(secret.slice(6));
  const { rows } = await sql`SELECT * FROM webhook_endpoint`.execute(kitchen.base.db);
  expect(JSON.stringify(rows)).not.toContain(secret.slice(6));
});

test("one that fails is tried again under its id after a pause, and holds up none of the rest", async () => {
  const { id } = await webhook("/shaky");
  receiver.answers.set("/shaky", ({ body }) => (body.includes('"n":1') ? 503 : 200));
  await happen({ data: { n: 1 } }, { data: { n: 2 } }, { data: { n: 3 } });
  await run();
  expect(numbers(receiver.at("/shaky"))).toEqual([1, 2, 3]);
  kitchen.clock.forward(6_000);
  receiver.answers.clear();
  await run();
  expect(numbers(receiver.at("/shaky"))).toEqual([1, 2, 3, 1]);
  const ids = receiver.at("/shaky").map(({ headers }) => headers["webhook-id"]);
  expect(ids[3]).toBe(ids[0]);
  const failed = (await deliveries(id)).find(({ eventId }) => eventId === ids[0]);
  const { body } = await admin("GET", `/${id}/deliveries/${failed?.id}`);
  expect(body.tries).toMatchObject([
    { attempt: 1, outcome: "failed", detail: "HTTP 503" },
    { attempt: 2, outcome: "delivered", detail: "HTTP 200" },
  ]);
  expect(JSON.parse(body.body).data).toEqual({ n: 1 });
});

test("events of one subject come one after the other, those of others do not wait for them", async () => {
  await webhook("/ordered");
  const held: ((status: number) => void)[] = [];
  receiver.answers.set("/ordered", ({ body }) =>
    body.includes('"n":1}') ? new Promise((done) => held.push(done)) : 200,
  );
  await happen(
    { subject: "household:a", data: { n: 1 } },
    { subject: "household:a", data: { n: 2 } },
    { subject: "household:b", data: { n: 3 } },
  );
  await readable();
  await kitchen.slices.webhooks.tick();
  await comesTrue(() => expect(numbers(receiver.at("/ordered")).toSorted((a, b) => a - b)).toEqual([1, 3]));
  held[0]?.(200);
  await kitchen.slices.webhooks.settled();
  expect(numbers(receiver.at("/ordered")).at(-1)).toBe(2);
  expect(receiver.at("/ordered")).toHaveLength(3);
});

test("who does not answer delays nobody else", async () => {
  await webhook("/slow");
  await webhook("/quick");
  const held: ((status: number) => void)[] = [];
  receiver.answers.set("/slow", () => new Promise((done) => held.push(done)));
  const facts = Array.from({ length: 40 }, (_none, n) => ({ subject: `household:${n}`, data: { n } }));
  await happen(...facts);
  await readable();
  await kitchen.slices.webhooks.tick();
  await comesTrue(() => expect(receiver.at("/quick")).toHaveLength(40));
  await comesTrue(() => expect(receiver.at("/slow").length).toBeGreaterThanOrEqual(8));
  receiver.answers.clear();
  for (const answer of held) answer(200);
  await kitchen.slices.webhooks.settled();
  // On a machine that was so slow that some were given up, these come again.
  kitchen.clock.forward(hour);
  await run();
  expect(new Set(numbers(receiver.at("/slow"))).size).toBe(40);
  // And of the slow one no more was under way than may be.
  expect(receiver.mostAtOnce.get("/slow")).toBe(8);
});

test("a receiver that says 410 is told nothing more, and staff hear of it", async () => {
  const channel = { kind: "webhook", name: "Desk", url: urlOf("/desk") };
  await kitchen.as("admin", "POST", "/notices/channels", {
    ...channel,
    subscriptions: [{ kinds: ["webhook_disabled"] }],
  });
  const { id } = await webhook("/gone");
  receiver.answers.set("/gone", () => 410);
  await happen({ data: { n: 1 } });
  await run();
  await happen({ data: { n: 2 } });
  await run();
  expect(receiver.at("/gone")).toHaveLength(1);
  expect((await admin("GET", `/${id}`)).body).toMatchObject({ disabledReason: "gone" });
  await kitchen.slices.notices.tick();
  expect(receiver.at("/desk")[0]?.body).toContain("its receiver wants nothing any more");
  // Enabled again it goes on where it stopped.
  receiver.answers.clear();
  expect((await admin("PATCH", `/${id}`, { enabled: true })).status).toBe(204);
  await run();
  expect(numbers(receiver.at("/gone"))).toEqual([1, 2]);
});

test("ten attempts over three days and one has failed; after five days in which nothing arrived it is disabled", async () => {
  const { id } = await webhook("/dead");
  receiver.answers.set("/dead", () => 500);
  await happen({ data: { n: 1 } });
  const startedAtMs = kitchen.clock.nowMs();
  for (let hours = 0; hours < 90; hours += 1) {
    await run();
    kitchen.clock.forward(hour);
  }
  expect(receiver.at("/dead").length).toBe(10);
  expect(await deliveries(id)).toMatchObject([{ status: "failed", attempts: 10 }]);
  expect((await admin("GET", `/${id}`)).body).toMatchObject({ disabledReason: null, failingSinceMs: startedAtMs });
  kitchen.clock.forward(40 * hour);
  await happen({ data: { n: 2 } });
  await run();
  expect((await admin("GET", `/${id}`)).body).toMatchObject({ disabledReason: "failing" });
});

test("redirects are not followed, and a private address is refused as it is written and as it is connected to", async () => {
  const { id } = await webhook("/moved");
  receiver.answers.set("/moved", () => 307);
  receiver.headers = { location: urlOf("/elsewhere") };
  await happen({ data: { n: 1 } });
  await run();
  expect(receiver.at("/elsewhere")).toEqual([]);
  const tried = await deliveries(id);
  expect((await admin("GET", `/${id}/deliveries/${tried[0]?.id}`)).body.tries).toMatchObject([{ detail: "HTTP 307" }]);

  for (const url of ["https://10.0.0.8/", "https://169.254.169.254/latest", "https://[fd00::1]/"]) {
    const { status, body } = await admin("POST", "", { name: "x", url, types: ["*"] });
    expect([status, body.code], url).toEqual([422, "event_webhook_url_private"]);
    const message = `${new URL(url).hostname} is not in the internet`;
    expect(body.errors).toEqual([{ pointer: "/body/url", message }]);
  }
  const message = "must be an https address without user name, password or fragment";
  const invalid = { code: "event_webhook_url_invalid", errors: [{ pointer: "/body/url", message }] };
  const plain = "http://hooks.example/";
  expect((await admin("POST", "", { name: "x", url: plain, types: ["*"] })).body).toMatchObject(invalid);
  expect((await admin("PATCH", `/${id}`, { url: plain })).body).toMatchObject(invalid);
});

test("a name that leads into a private network is not connected to, and what waits is tried again", async () => {
  const { body } = await admin("POST", "", {
    name: "named",
    url: `https://hooks.example:${receiver.port}/named`,
    types: ["hearth.points.*"],
  });
  await happen({ data: { n: 1 } });
  const webhooks = another({ resolve: async () => [{ address: "127.0.0.1", family: 4 }], reach: "public" });
  await run(webhooks);
  expect(receiver.got).toEqual([]);
  const [tried] = await deliveries(body.webhook.id);
  expect(tried).toMatchObject({ status: "queued", attempts: 1 });
  const read = await admin("GET", `/${body.webhook.id}/deliveries/${tried?.id}`);
  expect(read.body.tries).toMatchObject([{ outcome: "failed", detail: "private_address" }]);
});

test("a service that dies in between loses nothing, and what it was sending comes again under the same id", async () => {
  await webhook("/survivor");
  // It is killed when the receiver has the event and before the answer is there: what it would have written is never written.
  const database = new Database({ connection: kitchen.base.connection, connectionsMax: 2, onError() {} });
  const dying = another({ db: database.db });
  receiver.answers.set("/survivor", () => new Promise(() => {}));
  await happen({ data: { n: 1 } }, { subject: "household:h-2", data: { n: 2 } });
  await readable();
  await dying.tick();
  await comesTrue(() => expect(receiver.at("/survivor")).toHaveLength(2));
  await database.close();
  const { rows } = await sql`SELECT 1 FROM webhook_attempt`.execute(kitchen.base.db);
  expect(rows).toEqual([]);
  receiver.answers.clear();
  await happen({ subject: "household:h-3", data: { n: 3 } });
  await run();
  expect(numbers(receiver.at("/survivor")).toSorted((a, b) => a - b)).toEqual([1, 2, 3]);
  kitchen.clock.forward(61_000);
  await run();
  const got = receiver.at("/survivor");
  expect(numbers(got).toSorted((a, b) => a - b)).toEqual([1, 1, 2, 2, 3]);
  expect(new Set(got.map(({ headers }) => headers["webhook-id"])).size).toBe(3);
  receiver.server.closeAllConnections();
  await dying.stop();
});

test("while secrets change over each message counts for both, and where the former is known to others for the new one alone", async () => {
  const { id, secret } = await webhook("/secret");
  const renewed = (await admin("POST", `/${id}/secret`, {})).body;
  await happen({ data: { n: 1 } });
  await run();
  expectSigned(receiver.at("/secret")[0], secret);
  expectSigned(receiver.at("/secret")[0], renewed.secret);
  kitchen.clock.forward(25 * hour);
  await happen({ data: { n: 2 } });
  await run();
  expectSigned(receiver.at("/secret")[1], renewed.secret);
  expect(receiver.at("/secret")[1]?.headers["webhook-signature"]).not.toContain(" ");
  const last = (await admin("POST", `/${id}/secret`, { keepFormer: false })).body;
  await happen({ data: { n: 3 } });
  await run();
  expectSigned(receiver.at("/secret")[2], last.secret);
  expect(receiver.at("/secret")[2]?.headers["webhook-signature"]).not.toContain(" ");
  const { body } = await kitchen.as("admin", "GET", "/audit?limit=50");
  const actions = (body.items as { action: string }[]).map(({ action }) => action);
  expect(actions.filter((action) => action === "webhook.secret_renewed")).toHaveLength(2);
});

test("a test event reaches its webhook alone; one or a range is sent again under the ids that they had", async () => {
  const { id } = await webhook("/mine", ["hearth.case.*"]);
  await webhook("/other", ["*"]);
  expect((await admin("POST", `/${id}/test`)).status).toBe(202);
  await run();
  expect(receiver.got.map(({ path }) => path)).toEqual(["/mine"]);
  const [sent] = await deliveries(id);
  expect((await admin("POST", `/${id}/deliveries/${sent?.id}/resend`)).status).toBe(202);
  await run();
  const fromMs = kitchen.clock.nowMs();
  const range = { fromMs, toMs: fromMs + 1_000, statuses: ["delivered"] };
  expect((await admin("POST", `/${id}/resend`, range)).body).toEqual({ count: 1 });
  await run();
  expect(receiver.at("/mine").map(({ headers }) => headers["webhook-id"])).toEqual(Array(3).fill(sent?.eventId));
  expect((await admin("POST", `/${id}/resend`, { ...range, statuses: ["failed"] })).body).toEqual({ count: 0 });
  const backwards = await admin("POST", `/${id}/resend`, { fromMs, toMs: fromMs });
  expect([backwards.status, JSON.stringify(backwards.body).includes("toMs")]).toEqual([400, true]);
  await admin("PATCH", `/${id}`, { enabled: false });
  expect((await admin("POST", `/${id}/test`)).body.code).toBe("webhook_disabled");
  expect((await admin("POST", `/${id}/deliveries/${sent?.id}/resend`)).body.code).toBe("webhook_disabled");
});

test("what an endpoint has waiting is bounded, and what the outbox forgot before it came to it is told as missed", async () => {
  const { id } = await webhook("/away");
  await sql`
    INSERT INTO webhook_delivery (id, endpoint_id, outbox_xid, outbox_id, event_id, type, subject, status, created_at_ms, next_at_ms)
    SELECT gen_random_uuid(), ${id}, '0', -n, gen_random_uuid(), 't', 's', 'queued', 0, 9000000000000
    FROM generate_series(1, 1000) AS n`.execute(kitchen.base.db);
  await happen({ data: { n: 1 } });
  await run();
  const { rows } = await sql<{ count: number }>`
    SELECT count(*) AS count FROM webhook_delivery WHERE status = 'queued'`.execute(kitchen.base.db);
  expect([rows[0]?.count, receiver.got]).toEqual([1_000, []]);
  await sql`DELETE FROM webhook_delivery`.execute(kitchen.base.db);
  await sql`UPDATE outbox SET recorded_at_ms = 0`.execute(kitchen.base.db);
  await kitchen.slices.events.tick();
  await happen({ data: { n: 7_000 } });
  await run();
  expect(numbers(receiver.at("/away"))).toEqual([7_000]);
  expect((await admin("GET", `/${id}`)).body.missedAtMs).toBe(kitchen.clock.nowMs());
});

test("deliveries and their attempts are kept for thirty days", async () => {
  const { id } = await webhook("/kept");
  await happen({ data: { n: 1 } });
  await run();
  kitchen.clock.forward(29 * 24 * hour);
  await kitchen.slices.webhooks.trim();
  expect(await deliveries(id)).toHaveLength(1);
  kitchen.clock.forward(2 * 24 * hour);
  await kitchen.slices.webhooks.trim();
  expect(await deliveries(id)).toEqual([]);
  const { rows } = await sql`SELECT 1 FROM webhook_attempt`.execute(kitchen.base.db);
  expect(rows).toEqual([]);
});

test("there are fifty webhooks at most, and bad filters are named", async () => {
  await sql`INSERT INTO webhook_endpoint (id, name, url, types, secret, created_at_ms, created_by, after_xid, after_id,
      disabled_at_ms, disabled_reason)
    SELECT gen_random_uuid(), 'n', 'https://h.example', '{*}', '', 0, 'system', '0', 0, 0, 'staff'
    FROM generate_series(1, 50)`.execute(kitchen.base.db);
  const { status, body } = await admin("POST", "", { name: "x", url: urlOf("/x"), types: ["*"] });
  expect([status, body.code]).toEqual([409, "too_many_webhooks"]);
  const bad = await admin("POST", "", { name: "x", url: urlOf("/x"), types: ["hearth.points.*", "points"] });
  expect(bad.status).toBe(400);
  expect(JSON.stringify(bad.body)).toContain("types");
});

/** Another process of the service, on the same database. */
function another(over: Partial<ConstructorParameters<typeof Webhooks>[0]>): Webhooks {
  const { base, clock, slices } = kitchen;
  return new Webhooks({
    db: base.db,
    clock,
    ids: randomIds,
    audit: slices.staff.audit,
    outbox: slices.outbox,
    secret: Buffer.alloc(32, 9),
    reach: "loopback",
    publicUrl: () => "https://hearth.example",
    onError() {},
    ...over,
  });
}
