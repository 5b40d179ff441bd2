import { connect, type AddressInfo } from "node:net";
import type { FastifyInstance } from "fastify";
import { sql } from "kysely";
import type pg from "pg";
import { afterAll, beforeAll, beforeEach, expect, test } from "vitest";
import { createTestDatabase, type TestDatabase } from "../../test/support/postgres.ts";
import { call, createSliceHttp } from "../../test/support/slice-http.ts";
import { systemClock } from "../platform/clock.ts";
import { randomIds } from "../platform/ids.ts";
import { createLogger } from "../platform/logger.ts";
import { eventsRoutes } from "./events-routes.ts";
import { Events, Outbox } from "./events.ts";

let database: TestDatabase;
let events: Events;
let app: FastifyInstance;
let port: number;
let outbox: Outbox;

beforeAll(async () => {
  database = await createTestDatabase();
  outbox = new Outbox(randomIds);
  events = new Events({
    db: database.db,
    clock: systemClock,
    logger: createLogger("silent"),
    limits: { streamsMax: 2, slowMsMax: 200 },
  });
  app = await createSliceHttp((server) => eventsRoutes(server, events));
  await app.listen({ host: "127.0.0.1", port: 0 });
  port = (app.server.address() as AddressInfo).port;
});
afterAll(async () => {
  await events.stop();
  await app.close();
  await database.drop();
});
beforeEach(async () => {
  await sql`DELETE FROM outbox`.execute(database.db);
  await sql`UPDATE outbox_floor SET xid = '0', id = 0`.execute(database.db);
});

const fact = (n: number) => ({
  type: "hearth.test.counted",
  subject: `count:${n}`,
  atMs: 1_700_000_000_000,
  data: { n },
});
const add = (...numbers: number[]) => outbox.add(database.db, numbers.map(fact));

async function until<T>(what: () => Promise<T | undefined | false> | T | undefined | false): Promise<T> {
  const deadlineMs = Date.now() + 120_000;
  for (;;) {
    const value = await what();
    if (value !== undefined && value !== false) return value;
    if (Date.now() > deadlineMs) throw new Error("it did not come to pass");
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

/** Follows the pages from the start until `count` events were read. */
async function readPages(count: number): Promise<{ numbers: number[]; cursors: string[] }> {
  const [numbers, cursors]: [number[], string[]] = [[], []];
  let cursor: string | null = null;
  await until(async () => {
    const url: string = `/events?limit=2${cursor === null ? "" : `&after=${cursor}`}`;
    const { body }: { body: { items: { data: { n: number } }[]; nextCursor: string | null } } = await call(
      app,
      "viewer",
      "GET",
      url,
    );
    numbers.push(...body.items.map((item) => item.data.n));
    if (body.nextCursor !== null) cursors.push(body.nextCursor);
    cursor = body.nextCursor;
    return numbers.length >= count;
  });
  return { numbers, cursors };
}

interface Stream {
  /** The counts seen so far, and the last id. */
  numbers: number[];
  lastId: string | null;
  ended: boolean;
  cut(): void;
}

/** A reader of the stream; resolves once the stream says where it begins. */
async function openStream(lastId: string | null): Promise<Stream> {
  const abort = new AbortController();
  const response = await fetch(`http://127.0.0.1:${port}/api/v1/events/stream`, {
    headers: { authorization: "Bearer viewer", ...(lastId === null ? {} : { "last-event-id": lastId }) },
    signal: abort.signal,
  });
  expect(response.status).toBe(200);
  const stream: Stream = { numbers: [], lastId: null, ended: false, cut: () => abort.abort() };
  void read(response, stream).catch(() => {
    stream.ended = true;
  });
  await until(() => stream.lastId !== null);
  return stream;
}

async function read(response: Response, stream: Stream): Promise<void> {
  let text = "";
  for await (const chunk of response.body?.pipeThrough(new TextDecoderStream()) ?? []) {
    text += chunk;
    const blocks = text.split("\n\n");
    text = blocks.pop() ?? "";
    for (const block of blocks) {
      const field = (name: string) =>
        block
          .split("\n")
          .find((line) => line.startsWith(`${name}: `))
          ?.slice(name.length + 2);
      const data = field("data");
      stream.lastId = field("id") ?? stream.lastId;
      if (data !== undefined) stream.numbers.push(JSON.parse(data).data.n);
    }
  }
  stream.ended = true;
}

async function begin(): Promise<{ client: pg.Client; insert: (n: number) => Promise<unknown> }> {
  const client = await database.database.connect();
  await client.query("BEGIN");
  return {
    client,
    insert: (n) =>
      client.query(
        "INSERT INTO outbox (event_id, type, subject, at_ms, data) VALUES ($1, 'hearth.test.counted', $2, 0, $3)",
        [randomIds.next(), `count:${n}`, { n }],
      ),
  };
}

test("a fact is a CloudEvent, and pages follow one another without gap or repeat", async () => {
  await add(1, 2, 3);
  await add(4);
  const { numbers } = await readPages(4);
  expect(numbers).toEqual([1, 2, 3, 4]);
  const { body } = await call(app, "viewer", "GET", "/events?limit=1");
  expect(body.items[0]).toMatchObject({
    specversion: "1.0",
    type: "hearth.test.counted",
    subject: "count:1",
    time: "2023-11-14T22:13:20.000Z",
    data: { n: 1 },
  });
});

test("of two overlapping transactions, neither is skipped, whichever commits first and whichever has the lower id", async () => {
  const stream = await openStream(null);
  for (const [n, laterIdFirst] of [
    [10, true],
    [20, false],
  ] as const) {
    const older = await begin();
    const younger = await begin();
    // Both have a transaction id from here on, in this order.
    await older.client.query("SELECT pg_current_xact_id()");
    await younger.client.query("SELECT pg_current_xact_id()");
    if (laterIdFirst) {
      await older.insert(n);
      await younger.insert(n + 1);
    } else {
      await younger.insert(n + 1);
      await older.insert(n);
    }
    await younger.client.query("COMMIT");
    events.notify();
    const meanwhile = await call(app, "viewer", "GET", "/events?limit=1000");
    expect(meanwhile.body.items.map((item: { data: { n: number } }) => item.data.n)).not.toContain(n + 1);
    expect(stream.numbers).not.toContain(n + 1);
    await older.client.query("COMMIT");
    await Promise.all([older.client.end(), younger.client.end()]);
    await until(() => stream.numbers.includes(n + 1));
  }
  stream.cut();
  expect(stream.numbers).toEqual([10, 11, 20, 21]);
  expect((await readPages(4)).numbers).toEqual([10, 11, 20, 21]);
  await until(() => events.streamCount === 0);
});

test("a stream that is cut goes on after its last id without loss or repeat", async () => {
  const seen: number[] = [];
  let lastId: string | null = null;
  let written = 0;
  for (let round = 0; round < 6; round += 1) {
    const stream = await openStream(lastId);
    await add(++written, ++written);
    events.notify();
    // What was written while nobody listened comes first, then what is new; the cut falls anywhere in it.
    await until(() => stream.numbers.length > round % 3);
    stream.cut();
    await until(() => events.streamCount === 0);
    seen.push(...stream.numbers);
    lastId = stream.lastId;
    await add(++written);
  }
  const rest = await openStream(lastId);
  await until(() => seen.length + rest.numbers.length === written);
  rest.cut();
  expect([...seen, ...rest.numbers]).toEqual(Array.from({ length: written }, (_, index) => index + 1));
  await until(() => events.streamCount === 0);
});

test("a stream opened far behind catches up through pages and then follows live", async () => {
  await sql`INSERT INTO outbox (event_id, type, subject, at_ms, data)
    SELECT gen_random_uuid(), 'hearth.test.counted', 's', 0, json_build_object('n', n)::jsonb FROM generate_series(1, 2500) n`.execute(
    database.db,
  );
  const { cursors } = await readPages(2);
  const stream = await openStream(cursors[0] ?? null);
  await add(2_501);
  events.notify();
  await until(() => stream.numbers.length === 2_499);
  expect(stream.numbers).toEqual(Array.from({ length: 2_499 }, (_, index) => index + 3));
  stream.cut();
  await until(() => events.streamCount === 0);
});

test("streams are bounded in number, and one that does not read is ended", async () => {
  await add(1);
  const { cursors } = await readPages(1);
  await sql`INSERT INTO outbox (event_id, type, subject, at_ms, data)
    SELECT gen_random_uuid(), 'hearth.test.counted', 's', 0, json_build_object('n', n, 'text', repeat('x', 100000))::jsonb
    FROM generate_series(1, 400) n`.execute(database.db);
  const socket = connect(port, "127.0.0.1");
  socket.on("error", () => {});
  socket.pause();
  socket.write(
    `GET /api/v1/events/stream?after=${cursors[0]} HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer viewer\r\n\r\n`,
  );
  await until(() => events.streamCount === 1);
  const second = await openStream(null);
  expect((await call(app, "viewer", "GET", "/events/stream")).body.code).toBe("too_many_streams");
  await until(() => events.streamCount === 1);
  expect(second.ended).toBe(false);
  second.cut();
  socket.destroy();
  await until(() => events.streamCount === 0);
});

test("what is older than the outbox keeps is deleted, and a reader from before it is told", async () => {
  await add(1, 2, 3);
  const { cursors } = await readPages(3);
  const later = new Events({
    db: database.db,
    clock: { nowMs: () => Date.now() + 31 * 86_400_000 },
    logger: createLogger("silent"),
  });
  await until(async () => {
    await later.tick();
    const { rows } = await sql`SELECT 1 FROM outbox`.execute(database.db);
    return rows.length === 0;
  });
  expect((await call(app, "viewer", "GET", `/events?after=${cursors[0]}`)).body.code).toBe("event_cursor_too_old");
  const end = cursors.at(-1);
  expect((await call(app, "viewer", "GET", `/events?after=${end}`)).body).toEqual({ items: [], nextCursor: end });
  await add(4);
  expect((await readPages(1)).numbers).toEqual([4]);
});

test("a cursor that is none of ours is refused, on pages and on the stream", async () => {
  for (const cursor of ["1", "x-1", "99999999999999999999-1"]) {
    expect((await call(app, "viewer", "GET", `/events?after=${cursor}`)).status).toBe(400);
    const response = await fetch(`http://127.0.0.1:${port}/api/v1/events/stream`, {
      headers: { authorization: "Bearer viewer", "last-event-id": cursor },
    });
    expect(response.status).toBe(400);
  }
});
