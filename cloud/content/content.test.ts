import { createHash } from "node:crypto";
import { sql } from "kysely";
import { afterAll, beforeAll, beforeEach, expect, test } from "vitest";
import { contentItem, feedIndex } from "#protocol/content.ts";
import { delivery as wireDelivery } from "#protocol/delivery.ts";
import type { RetainedItem } from "#protocol/link/messages.ts";
import { type DownRoad, downRoad, type TestApi, testApi } from "../../test/support/down-road.ts";
import { createTestDatabase, type TestDatabase } from "../../test/support/postgres.ts";
import { Deliveries } from "../deliveries/deliveries.ts";
import { Content, type FeedTopics, type Reader } from "./content.ts";
import { contentRoutes } from "./content-routes.ts";

const models = {
  "oven-x200": { programs: ["HotAir", "Steam"], setpoint_c_max: 250, probe: true },
  "oven-x100": { programs: ["HotAir"], setpoint_c_max: 220 },
  "dishwasher-d1": { programs: ["Eco50"] },
};

let database: TestDatabase;
let road: DownRoad;
let deliveries: Deliveries;
let content: Content;
let api: TestApi;
let author: { authorization: string };
let reviewer: { authorization: string };
const files = { artifactsDir: "/nowhere", secret: Buffer.alloc(32), publicUrl: () => "http://hearth.example" };
let changes: FeedTopics[] = [];
const missed: FeedTopics[] = [];
const reads = new Map<number, Reader>();

beforeAll(async () => {
  database = await createTestDatabase();
  road = downRoad(database.db);
  for (const [key, capabilities] of Object.entries(models)) await road.devices.addModel(key, { capabilities });
  deliveries = new Deliveries(road.deps);
  content = new Content({
    ...road.deps,
    deliveries,
    readersOf: async () => reads,
    onChanged: (topics) => changes.push(topics),
    onMissed: (topics) => missed.push(topics),
    ...files,
  });
  api = await testApi(road.staff, (app) => contentRoutes(app, content));
  author = await api.as("content");
  reviewer = await api.as("content");
});
beforeEach(() => {
  changes = [];
});
afterAll(async () => {
  await api.app.close();
  await database.drop();
});

interface Item {
  id: string;
  version: number;
  state: string;
}

async function call(method: "GET" | "POST" | "PUT", url: string, payload?: object, headers = author) {
  const response = await api.app.inject({
    method,
    url: `/api/v1/content/items${url}`,
    headers,
    ...(payload === undefined ? {} : { payload }),
  });
  return { status: response.statusCode, body: response.json<Item & { code?: string; errors?: object[] }>() };
}

const pie = (machine?: object) => ({
  title: "Apple pie",
  steps: [{ text: "Slice the apples." }, { text: "Bake.", ...(machine === undefined ? {} : { machine }) }],
});
const recipe = (machine?: object) => ({
  kind: "recipe",
  locales: { en: pie(machine), de: { ...pie(machine), title: "Apfelkuchen" } },
});
const tip = (title: string) => ({ kind: "tip", locales: { en: { title, text: "Wipe the door." } } });

async function written(draft: object): Promise<string> {
  const { status, body } = await call("POST", "", draft);
  expect(status).toBe(201);
  return body.id;
}

/** Hands the newest version in and has somebody else approve it; what is further along stays there. */
async function approved(id: string): Promise<string> {
  await call("POST", `/${id}/submit`, {});
  await call("POST", `/${id}/approve`, {}, reviewer);
  return id;
}

/** Approved and published. */
async function publish(id: string, to: string[], feed: string) {
  await approved(id);
  return call("POST", `/${id}/publish`, { models: to, feed });
}

/** What a gateway holds that started with nothing and took every change. */
function follow(topics: readonly FeedTopics[], held = new Map<string, string>()): Map<string, string> {
  for (const { topic, payload } of topics.flatMap(({ items }) => items)) {
    if (payload === "") held.delete(topic);
    else held.set(topic, payload);
  }
  return held;
}
const asMap = (items: readonly RetainedItem[]) => new Map(items.map(({ topic, payload }) => [topic, payload]));
const kinds = (items: readonly RetainedItem[]) =>
  items.map(({ topic, payload }) => `${payload === "" ? "-" : "+"}${topic.replace("hearth/v1/content/", "")}`);

test("a recipe is published for models and locales: items go out first, then indices with their hashes", async () => {
  const id = await written(recipe({ program: "HotAir", setpoint_c: 180 }));
  const { body } = await publish(id, ["oven-x200"], "recipes");
  expect(body).toMatchObject({ state: "live", publishedTo: ["oven-x200"], title: "Apple pie", locales: ["de", "en"] });
  const [change] = changes;
  expect(kinds(change?.items ?? [])).toEqual([
    `+oven-x200/de/recipes/${id}`,
    `+oven-x200/en/recipes/${id}`,
    "+oven-x200/de/recipes",
    "+oven-x200/en/recipes",
  ]);
  const [german = { payload: "" }, , index = { payload: "" }] = change?.items ?? [];
  expect(contentItem.parse(JSON.parse(german.payload))).toMatchObject({
    id,
    version: 1,
    locale: "de",
    title: "Apfelkuchen",
  });
  expect(feedIndex.parse(JSON.parse(index.payload))).toEqual({
    feed: "recipes",
    version: change?.version,
    items: [{ id, version: 1, sha256: createHash("sha256").update(german.payload).digest("hex") }],
  });
});

test("a new version is a draft until it is published, and then the version before it is withdrawn", async () => {
  const id = await written(tip("Old"));
  await publish(id, ["oven-x200", "oven-x100"], "tips");
  changes = [];
  expect((await call("PUT", `/${id}`, tip("New"))).body).toMatchObject({ version: 2, state: "draft" });
  expect(changes).toEqual([]);
  expect((await content.library.get(id))?.versions.map(({ version, state }) => [version, state])).toEqual([
    [2, "draft"],
    [1, "live"],
  ]);
  await publish(id, ["oven-x100"], "tips");
  expect((await content.library.get(id))?.versions.map(({ version, state }) => [version, state])).toEqual([
    [2, "live"],
    [1, "withdrawn"],
  ]);
  expect(kinds(changes[0]?.items ?? [])).toEqual([
    `+oven-x100/en/tips/${id}`,
    "+oven-x100/en/tips",
    "+oven-x200/en/tips",
    `-oven-x200/en/tips/${id}`,
  ]);
});

test("withdrawing sends the index without the item before the item is removed", async () => {
  const id = await written(tip("Gone"));
  await publish(id, ["dishwasher-d1"], "tips");
  changes = [];
  expect((await call("POST", `/${id}/withdraw`)).body).toMatchObject({ state: "withdrawn", publishedTo: [] });
  expect(kinds(changes[0]?.items ?? [])).toEqual(["+dishwasher-d1/en/tips", `-dishwasher-d1/en/tips/${id}`]);
  expect((await call("POST", `/${id}/withdraw`)).body).toMatchObject({ code: "content_withdrawn" });
  expect((await publish(id, ["dishwasher-d1"], "tips")).body).toMatchObject({ code: "content_withdrawn" });
});

test("who follows every change holds what the snapshot holds, whoever publishes at the same time", async () => {
  const start = await content.snapshot();
  const ids = await Promise.all(["a", "b", "c", "d", "e", "f"].map((title) => written(tip(title))));
  await Promise.all(ids.map((id) => publish(id, ["oven-x200", "oven-x100"], "tips")));
  await Promise.all(ids.slice(0, 3).map((id) => call("POST", `/${id}/withdraw`)));
  const end = await content.snapshot();
  expect(changes.map(({ version }) => version)).toEqual(Array.from({ length: 9 }, (_, at) => start.version + 1 + at));
  expect(end.version).toBe(start.version + 9);
  expect(follow(changes, asMap(start.items))).toEqual(asMap(end.items));
});

test("a change that was committed and not announced is made good, once", async () => {
  await content.tick();
  missed.length = 0;
  const id = await written(tip("Unheard"));
  // What a connection that breaks during COMMIT leaves behind: the change, and nobody who knows of it.
  const deaf = new Content({
    ...road.deps,
    devices: road.devices,
    deliveries,
    readersOf: async () => reads,
    onChanged() {},
    onMissed() {},
    ...files,
  });
  await approved(id);
  const now = { version: null, models: ["oven-x200"], from: null, until: null, zone: "UTC" };
  await deaf.publishing.schedule({ kind: "system" }, id, now);
  expect((await publish(id, ["oven-x200"], "tips")).body).toMatchObject({ state: "live" });
  expect(changes).toEqual([]);
  await content.tick();
  await content.tick();
  expect(missed).toHaveLength(1);
  expect(missed[0]?.items.map(({ topic }) => topic)).toContain(`hearth/v1/content/oven-x200/en/tips/${id}`);
  expect(missed[0]).toEqual(await content.snapshot());
});

test("publishing what is published already changes nothing", async () => {
  const id = await written(tip("Same"));
  await publish(id, ["oven-x200"], "tips");
  const before = await content.snapshot();
  changes = [];
  await publish(id, ["oven-x200"], "tips");
  expect(changes).toEqual([]);
  expect(await content.snapshot()).toEqual(before);
});

test("a recipe that asks for what a model cannot do is refused by step, on feeds and when sent", async () => {
  await road.devices.add(["small-1"], { model: "oven-x100" });
  const hot = await written(recipe({ program: "Steam", setpoint_c: 240, probe_c: 60 }));
  expect((await publish(hot, ["oven-x200"], "recipes")).status).toBe(200);
  const refusal = await publish(hot, ["oven-x200", "oven-x100"], "recipes");
  expect(refusal.body).toMatchObject({
    code: "recipe_does_not_fit",
    errors: expect.arrayContaining([
      { pointer: "/locales/en/steps/1/machine/program", message: "step 2: oven-x100 has no program Steam" },
      { pointer: "/locales/en/steps/1/machine/setpoint_c", message: "step 2: oven-x100 goes up to 220 °C" },
      { pointer: "/locales/en/steps/1/machine/probe_c", message: "step 2: oven-x100 has no probe" },
    ]) as unknown,
  });
  expect((await call("POST", `/${hot}/send`, { deviceIds: ["small-1"] })).body).toMatchObject({
    code: "recipe_does_not_fit",
  });
  // What decides by itself whom it goes to is no way around that.
  await road.devices.addModel("oven-slow", {
    capabilities: {
      programs: ["Steam"],
      setpoint_c_max: 250,
      probe: true,
      steam: true,
      programLimits: [{ program: "Steam", setpoint_c_max: 100 }],
    },
  });
  expect((await content.forDecision(database.db, [hot])).get(hot)?.unfit).toEqual([
    "dishwasher-d1",
    "oven-slow",
    "oven-x100",
  ]);
  const [slow, able] = [
    ...(await road.devices.add(["slow-1"], { model: "oven-slow" })),
    ...(await road.devices.add(["able-1"])),
  ];
  const wanted = [slow, able].flatMap((device) =>
    device === undefined ? [] : [{ itemId: hot, device, expiresAtMs: road.clock.nowMs() + 60_000 }],
  );
  const made = await database.db.transaction().execute((tx) => content.deliver(tx, wanted));
  expect(made.skipped).toEqual([{ itemId: hot, deviceId: "slow-1", rule: "does_not_fit" }]);
  expect(made.deliveries).toMatchObject([{ deviceId: "able-1" }]);
  const unknown = await publish(hot, ["toaster"], "recipes");
  expect(unknown.body).toMatchObject({ code: "content_model_unknown" });
});

test("kinds go where they belong: messages never to a feed, tips never to one appliance", async () => {
  const message = await written({ kind: "message", locales: { en: { title: "Hello", text: "There" } } });
  expect((await publish(message, ["oven-x200"], "notices")).body).toMatchObject({ code: "not_for_feeds" });
  const aTip = await written(tip("Feed only"));
  expect((await publish(aTip, ["oven-x200"], "recipes")).body).toMatchObject({ code: "wrong_feed" });
  expect((await call("POST", `/${aTip}/send`, { deviceIds: ["small-1"] })).body).toMatchObject({
    code: "not_for_sending",
  });
  expect((await call("PUT", `/${aTip}`, recipe())).body).toMatchObject({ code: "content_kind_fixed" });
});

test("what is sent reaches each appliance in its household's locale, as the wire wants it", async () => {
  const [german, french] = await road.devices.add(["oven-de", "oven-fr"]);
  reads
    .set(german?.key ?? 0, { locale: "de-CH", timeZone: "Europe/Zurich", units: null })
    .set(french?.key ?? 0, { locale: "fr", timeZone: "Europe/Paris", units: null });
  const id = await approved(await written(recipe({ program: "HotAir" })));
  expect((await call("POST", `/${id}/send`, { deviceIds: ["oven-de", "oven-fr"] })).body).toEqual({ deliveries: 2 });
  const rows = await deliveries.sendable(["oven-de", "oven-fr"], true, 10);
  const titles = rows.map((row) => {
    const { id: deliveryId, kind, attempt, generation, priority, body } = row;
    const envelope = { id: deliveryId, kind, attempt, generation, priority, createdAtMs: row.created_at_ms };
    const parsed = wireDelivery.parse({ ...envelope, expiresAtMs: row.expires_at_ms, body });
    return [row.device_id, parsed.kind === "recipe" ? parsed.body.title : ""];
  });
  expect(titles.toSorted(([a = ""], [b = ""]) => a.localeCompare(b))).toEqual([
    ["oven-de", "Apfelkuchen"],
    ["oven-fr", "Apple pie"],
  ]);
  const notice = await approved(
    await written({ kind: "notice", class: "safety", locales: { en: { title: "Recall", text: "Stop." } } }),
  );
  await call("POST", `/${notice}/send`, { deviceIds: ["oven-de"] });
  const [first] = await deliveries.sendable(["oven-de"], true, 10);
  expect(first).toMatchObject({ kind: "message", priority: 9 });
  expect((await call("POST", `/${id}/send`, { deviceIds: ["nobody"] })).body).toMatchObject({
    code: "content_devices_unknown",
  });
});

test("what is promotional, or about somebody's points, never goes on a feed, and is never sent by hand", async () => {
  await road.devices.add(["agreed-to-nothing"]);
  for (const kind of ["promotional", "loyalty_status"]) {
    const message = { kind: "message", class: kind, locales: { en: { title: "Buy now", text: "Cheap." } } };
    const byHand = await approved(await written(message));
    const sent = await call("POST", `/${byHand}/send`, { deviceIds: ["agreed-to-nothing"] });
    expect(sent).toMatchObject({ status: 422, body: { code: "promotional_by_hand" } });
    expect(await deliveries.sendable(["agreed-to-nothing"], true, 10)).toEqual([]);
    const id = await written({ ...tip("Buy now"), class: kind });
    expect((await publish(id, ["oven-x200"], "tips")).body).toMatchObject({ code: "promotional_on_feed" });
    expect(await content.library.get(id)).toMatchObject({ state: "approved", publishedTo: [] });
  }
});

test("what decides reads of an item why it is said and what it needs, and what is no longer out is not there", async () => {
  const draft = { ...recipe({ program: "Steam", setpoint_c: 240, probe_c: 60 }), topics: ["fish"], isShareable: true };
  const id = await written(draft);
  expect((await content.forDecision(database.db, [id])).size).toBe(0);
  await publish(id, ["oven-x200"], "recipes");
  expect((await content.forDecision(database.db, [id])).get(id)).toMatchObject({
    kind: "recipe",
    class: "service",
    topics: ["fish"],
    isShareable: true,
    state: "live",
    needs: { programs: ["Steam"], setpoint_c_max: 240, steam: true, probe: true },
    models: null,
  });
  await call("POST", `/${id}/withdraw`);
  expect((await content.forDecision(database.db, [id])).size).toBe(0);
  expect(await content.render(id, { locale: "de", units: null })).toBeNull();
});

test("what does not fit the contract is refused with its field, and what is too large by name", async () => {
  const noSteps = await call("POST", "", { kind: "recipe", locales: { en: { title: "Empty", steps: [] } } });
  expect(noSteps.body).toMatchObject({ code: "invalid_request", errors: [{ pointer: "/body/locales/en/steps" }] });
  for (const [locales, pointer] of [
    [{}, "/body/locales"],
    [{ german: { title: "T", text: "t" } }, "/body/locales/german"],
    [{ en: { title: "T", text: "t" }, de: { title: "T" } }, "/body/locales/de/text"],
    [{ en: { title: "T\u0000", text: "t" } }, "/body/locales/en/title"],
    [{ en: { title: "T", text: "\ud800" } }, "/body/locales/en/text"],
  ] as const) {
    const { body } = await call("POST", "", { kind: "tip", locales });
    expect([body.code, body.errors?.map((one) => Reflect.get(one, "pointer"))]).toEqual(["invalid_request", [pointer]]);
  }
  const stranger = await call("POST", "", { kind: "tip", locales: { en: { title: "T", text: "t", points: 500 } } });
  expect(stranger.body).toMatchObject({ code: "invalid_request" });
  const steps = Array.from({ length: 50 }, () => ({ text: "€".repeat(2_000) }));
  const large = await call("POST", "", { kind: "recipe", locales: { en: { title: "Long", steps } } });
  expect(large.body).toMatchObject({ code: "content_too_large" });
});

test("a feed holds at most what its index may list", async () => {
  const id = await written(tip("One too many"));
  await sql`
    WITH item AS (
      INSERT INTO content_item (id, kind, version, created_at_ms, created_by)
      SELECT gen_random_uuid(), 'tip', 1, 0, 'test' FROM generate_series(1, 500) RETURNING id
    ), version AS (
      INSERT INTO content_version (item_id, version, locales, state, created_at_ms, created_by)
      SELECT id, 1, '{"fr": {"title": "t", "text": "t"}, "en": {"title": "t", "text": "t"}}', 'live', 0, 'test' FROM item
      RETURNING item_id
    )
    INSERT INTO feed_publication (model, feed, locale, text_locale, item_id, version, published_at_ms)
    SELECT 'dishwasher-d1', 'tips', 'en', 'en', id, 1, 0 FROM item`.execute(database.db);
  expect((await publish(id, ["dishwasher-d1"], "tips")).body).toMatchObject({ code: "feed_full" });
  expect(await content.library.get(id)).toMatchObject({ state: "approved", publishedTo: [] });
  expect((await publish(id, ["oven-x100"], "tips")).status).toBe(200);
});

test("items are listed by kind in pages, and only the content role writes", async () => {
  const page = await api.app.inject({ url: "/api/v1/content/items?kind=recipe&limit=2", headers: author });
  const first = page.json<{ items: Item[]; nextCursor: string }>();
  const rest = await api.app.inject({
    url: `/api/v1/content/items?kind=recipe&limit=200&cursor=${first.nextCursor}`,
    headers: author,
  });
  const all = [...first.items, ...rest.json<{ items: Item[] }>().items];
  expect(new Set(all.map(({ id }) => id)).size).toBe(all.length);
  expect(all).toHaveLength(4);
  const viewer = await api.as("viewer");
  const refusedPost = await api.app.inject({
    method: "POST",
    url: "/api/v1/content/items",
    headers: viewer,
    payload: tip("x"),
  });
  expect(refusedPost.statusCode).toBe(403);
});

test("every change stands in the audit log", async () => {
  const id = await written(tip("Audited"));
  await publish(id, ["oven-x200"], "tips");
  await call("PUT", `/${id}`, tip("Audited twice"));
  await call("POST", `/${id}/withdraw`);
  const lines = await road.staff.audit.list(database.db, { before: null, subject: `content:${id}`, limit: 10 });
  expect(lines.map(({ action }) => action)).toEqual([
    "content.withdrawn",
    "content.updated",
    "content.published",
    "content.scheduled",
    "content.approved",
    "content.submitted",
    "content.created",
  ]);
});
