/** The road of a version: review, schedule, feeds in every market, safety notices, pictures, test appliances, recipes in and out. */
import { randomUUIDv7 } from "node:crypto";
import { mkdir, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, beforeEach, expect, test } from "vitest";
import { contentItem } from "#protocol/content.ts";
import { type DownRoad, downRoad, type TestApi, testApi } from "../../test/support/down-road.ts";
import { createTestDatabase, type TestDatabase } from "../../test/support/postgres.ts";
import { Deliveries } from "../deliveries/deliveries.ts";
import { Content, type FeedTopics, type Reader } from "./content.ts";
import { contentRoutes } from "./content-routes.ts";

const hourMs = 3_600_000;
const dayMs = 24 * hourMs;

let database: TestDatabase;
let road: DownRoad;
let deliveries: Deliveries;
let content: Content;
let api: TestApi;
let artifactsDir: string;
let mara: { authorization: string };
let jonas: { authorization: string };
let changes: FeedTopics[] = [];
const reads = new Map<number, Reader>();

beforeAll(async () => {
  database = await createTestDatabase();
  road = downRoad(database.db);
  artifactsDir = await mkdtemp(join(tmpdir(), "hearth-content-"));
  await road.devices.addModel("oven-x200", {
    capabilities: { programs: ["HotAir"], setpoint_c_max: 250 },
    locales: ["de-CH", "en-US", "ja"],
  });
  deliveries = new Deliveries(road.deps);
  content = new Content({
    ...road.deps,
    deliveries,
    readersOf: async () => reads,
    onChanged: (topics) => changes.push(topics),
    onMissed() {},
    artifactsDir,
    secret: Buffer.alloc(32, 7),
    publicUrl: () => "http://hearth.example",
  });
  api = await testApi(road.staff, (app) => contentRoutes(app, content));
  [mara, jonas] = [await api.as("content"), await api.as("content")];
});
beforeEach(() => {
  changes = [];
});
afterAll(async () => {
  await api.app.close();
  await database.drop();
  await rm(artifactsDir, { recursive: true, force: true });
});

type Method = "GET" | "POST" | "PUT" | "DELETE";

async function ask(method: Method, url: string, payload?: object, headers = mara) {
  const body = payload === undefined ? {} : { payload };
  const response = await api.app.inject({ method, url: `/api/v1/content${url}`, headers, ...body });
  return { status: response.statusCode, body: response.json() };
}

const text = (title: string, more: object = {}) => ({ title, text: "Wipe the door.", ...more });
const tip = (locales: object = { en: text("Tip") }) => ({ kind: "tip", locales });

async function written(draft: object): Promise<string> {
  const { status, body } = await ask("POST", "/items", draft);
  expect([status, body]).toEqual([201, expect.anything()]);
  return body.id as string;
}
async function approved(draft: object): Promise<string> {
  const id = await written(draft);
  await ask("POST", `/items/${id}/submit`, {});
  expect((await ask("POST", `/items/${id}/approve`, {}, jonas)).body).toMatchObject({ state: "approved" });
  return id;
}
const schedule = (id: string, when: object) => ask("POST", `/items/${id}/schedule`, when);
const stateOf = async (id: string) => (await ask("GET", `/items/${id}`)).body.state as string;

/** What the last change of the feeds brought in English. */
const inEnglish = () => changes.at(-1)?.items.find(({ topic }) => topic.includes("/en/"))?.payload ?? "";

/** A local time so many hours from now, in UTC. */
const inHours = (hours: number) => new Date(road.clock.nowMs() + hours * hourMs).toISOString().slice(0, 16);

test("nobody approves what they wrote, not even a part of it, and nothing goes out that nobody approved", async () => {
  const id = await written(tip());
  expect((await schedule(id, { models: ["oven-x200"] })).body).toMatchObject({ code: "content_not_approved" });
  await ask("POST", `/items/${id}/submit`, { note: "Please read" });
  expect((await ask("POST", `/items/${id}/approve`, {})).body).toMatchObject({ code: "reviewer_is_author" });
  // The other one changes a word, which puts it back to draft and makes them an author too.
  await ask("PUT", `/items/${id}`, tip({ en: text("Better") }), jonas);
  expect((await ask("POST", `/items/${id}/approve`, {}, jonas)).body).toMatchObject({ code: "content_not_in_review" });
  await ask("POST", `/items/${id}/submit`, {});
  for (const by of [mara, jonas]) {
    expect((await ask("POST", `/items/${id}/approve`, {}, by)).body).toMatchObject({ code: "reviewer_is_author" });
  }
  const third = await api.as("content");
  expect((await ask("POST", `/items/${id}/send-back`, { note: "Too short" }, third)).body).toMatchObject({
    state: "draft",
  });
  await ask("POST", `/items/${id}/submit`, {});
  expect((await ask("POST", `/items/${id}/approve`, {}, third)).body).toMatchObject({ state: "approved" });
  const { steps } = (await ask("GET", `/items/${id}`)).body;
  expect(
    steps.map(({ event, version, note }: { event: string; version: number; note: string | null }) => [
      event,
      version,
      note,
    ]),
  ).toEqual([
    ["approve", 2, null],
    ["submit", 2, null],
    ["send_back", 2, "Too short"],
    ["submit", 2, null],
    ["overtake", 1, null],
    ["submit", 1, "Please read"],
  ]);
});

test("a schedule makes it live in its zone and ends it, and what goes out replaces what was out", async () => {
  const id = await approved(tip());
  const local = Temporal.Instant.fromEpochMilliseconds(road.clock.nowMs() + 2 * hourMs)
    .toZonedDateTimeISO("Asia/Tokyo")
    .toPlainDateTime()
    .toString({ smallestUnit: "minute" });
  const until = Temporal.PlainDateTime.from(local).add({ days: 1 }).toString({ smallestUnit: "minute" });
  const planned = await schedule(id, { models: ["oven-x200"], from: local, until, zone: "Asia/Tokyo" });
  expect(planned.body).toMatchObject({ state: "scheduled", publishedTo: [] });
  await content.tick();
  expect([await stateOf(id), changes]).toEqual(["scheduled", []]);
  road.clock.forward(2 * hourMs);
  await content.tick();
  expect(await stateOf(id)).toBe("live");
  expect(changes).toHaveLength(1);
  await ask("PUT", `/items/${id}`, tip({ en: text("Second") }));
  await ask("POST", `/items/${id}/submit`, {});
  await ask("POST", `/items/${id}/approve`, {}, jonas);
  await schedule(id, { models: ["oven-x200"] });
  const versions = (await ask("GET", `/items/${id}`)).body.versions as { version: number; state: string }[];
  expect(versions.map(({ version, state }) => [version, state])).toEqual([
    [2, "live"],
    [1, "withdrawn"],
  ]);
  await schedule(id, { models: ["oven-x200"], until: inHours(5) });
  road.clock.forward(5 * hourMs);
  changes = [];
  await content.tick();
  expect(await stateOf(id)).toBe("expired");
  expect(changes[0]?.items.at(-1)?.payload).toBe("");
  expect((await schedule(id, {})).body).toMatchObject({ code: "content_expired" });
});

test("what is live gets another time, other models and its end while newer versions are written and planned", async () => {
  const id = await approved(tip());
  await schedule(id, { models: ["oven-x200"], until: inHours(2) });
  await ask("PUT", `/items/${id}`, tip({ en: text("Second") }));
  const states = async () =>
    ((await ask("GET", `/items/${id}`)).body.versions as { state: string }[]).map(({ state }) => state);
  expect(await states()).toEqual(["draft", "live"]);
  // The newest is a draft, and no way is found past the review by asking for another.
  expect((await schedule(id, { models: ["oven-x200"] })).body).toMatchObject({ code: "content_not_approved" });
  expect((await schedule(id, { version: 2 })).body).toMatchObject({ code: "content_not_approved" });
  expect((await schedule(id, { version: 3 })).body).toMatchObject({ code: "content_version_not_found" });
  expect((await schedule(id, { version: 0 })).body).toMatchObject({ errors: [{ pointer: "/body/version" }] });
  expect((await schedule(id, { version: 1, models: ["oven-x200"], until: inHours(9) })).status).toBe(200);
  expect(await states()).toEqual(["draft", "live"]);
  // The next one is planned: that the live one ends later does not take its plan away.
  await ask("POST", `/items/${id}/submit`, {});
  await ask("POST", `/items/${id}/approve`, {}, jonas);
  await schedule(id, { models: ["oven-x200"], from: inHours(6) });
  const published = await ask("POST", `/items/${id}/publish`, { version: 1, models: ["oven-x200"], feed: "tips" });
  expect(published.body).toMatchObject({ publishedTo: ["oven-x200"], liveVersion: 1 });
  expect(await states()).toEqual(["scheduled", "live"]);
  expect(contentItem.parse(JSON.parse(inEnglish())).title).toBe("Tip");
  road.clock.forward(6 * hourMs);
  await content.tick();
  expect(await states()).toEqual(["live", "withdrawn"]);
  expect(contentItem.parse(JSON.parse(inEnglish())).title).toBe("Second");
  expect((await schedule(id, { version: 1 })).body).toMatchObject({ code: "content_withdrawn" });
});

test("what is planned can be taken back, and a window that is over is refused", async () => {
  const id = await approved(tip());
  expect((await schedule(id, { from: inHours(3), until: inHours(2) })).body).toMatchObject({
    code: "content_window_over",
  });
  expect((await schedule(id, { from: "2026-02-30T08:00" })).body).toMatchObject({
    errors: [{ pointer: "/body/from", message: "must be a day that exists" }],
  });
  expect((await schedule(id, { zone: "Mars/Base" })).body).toMatchObject({ errors: [{ pointer: "/body/zone" }] });
  await schedule(id, { from: inHours(30) });
  expect((await ask("POST", `/items/${id}/unschedule`)).body).toMatchObject({ state: "approved" });
  road.clock.forward(60 * hourMs);
  await content.tick();
  expect(await stateOf(id)).toBe("approved");
});

test("a delivery keeps to the household's own clock, wherever it lives", async () => {
  const [tokyo, lisbon] = await road.devices.add(["in-tokyo", "in-lisbon"]);
  if (tokyo === undefined || lisbon === undefined) throw new Error("two ovens were added");
  reads.set(tokyo.key, { locale: "en", timeZone: "Asia/Tokyo", units: null });
  reads.set(lisbon.key, { locale: "en", timeZone: "Europe/Lisbon", units: null });
  const id = await approved({ kind: "message", class: "promotional", locales: { en: text("Advent") } });
  const day = Temporal.Instant.fromEpochMilliseconds(road.clock.nowMs())
    .toZonedDateTimeISO("UTC")
    .toPlainDate()
    .add({ days: 2 });
  await schedule(id, { from: `${day.toString()}T09:00`, until: `${day.add({ days: 1 }).toString()}T09:00` });
  const wanted = [tokyo, lisbon].map((device) => ({
    itemId: id,
    device,
    expiresAtMs: road.clock.nowMs() + 90 * dayMs,
  }));
  const at = (hour: number) => day.toZonedDateTime({ timeZone: "UTC", plainTime: { hour } }).epochMilliseconds;
  // One in the morning in UTC is ten in Tokyo, and one in Lisbon.
  road.clock.forward(at(1) - road.clock.nowMs());
  const early = await database.db.transaction().execute((tx) => content.deliver(tx, wanted));
  expect(early.deliveries.map(({ deviceId }) => deviceId)).toEqual(["in-tokyo"]);
  expect(early.skipped).toEqual([{ itemId: id, deviceId: "in-lisbon", rule: "not_yet" }]);
  const [sent] = await deliveries.sendable(["in-tokyo"], true, 1);
  expect(sent?.expires_at_ms).toBe(
    day.add({ days: 1 }).toZonedDateTime({ timeZone: "Asia/Tokyo", plainTime: "09:00" }).epochMilliseconds,
  );
  road.clock.forward(24 * hourMs);
  const late = await database.db.transaction().execute((tx) => content.deliver(tx, wanted));
  expect([late.deliveries.map(({ deviceId }) => deviceId), late.skipped]).toEqual([
    ["in-lisbon"],
    [{ itemId: id, deviceId: "in-tokyo", rule: "over" }],
  ]);
});

test("each market's feed carries the text that it falls back to, in its units, and none that it would not understand", async () => {
  const id = await approved(
    tip({ de: text("Tipp", { text: "Bei {{180 °C}}." }), en: text("Tip", { text: "At {{180 °C}}." }) }),
  );
  await schedule(id, { models: ["oven-x200"] });
  const items = new Map(
    (changes[0]?.items ?? []).flatMap(({ topic, payload }) => {
      const item = contentItem.safeParse(JSON.parse(payload)).data;
      return item?.kind === "tip" ? [[topic.split("/")[4], [item.title, item.text.replaceAll("\u00A0", " ")]]] : [];
    }),
  );
  expect(Object.fromEntries(items)).toEqual({
    de: ["Tipp", "Bei 180 °C."],
    "de-CH": ["Tipp", "Bei 180 °C."],
    en: ["Tip", "At 180 °C."],
    "en-US": ["Tip", "At 355 °F."],
    ja: ["Tip", "At 180 °C."],
  });
  const german = await approved(tip({ de: text("Nur deutsch") }));
  changes = [];
  await schedule(german, { models: ["oven-x200"] });
  expect(changes[0]?.items.map(({ topic }) => topic.split("/")[4])).not.toContain("ja");
  const { markets } = (await ask("GET", `/items/${german}`)).body;
  expect(markets).toContainEqual({ locale: "ja", models: ["oven-x200"], reads: "de", because: "first", onFeed: false });
});

test("a household's choice of units goes before its locale's", async () => {
  const [oven] = await road.devices.add(["chooses-1"]);
  reads.set(oven?.key ?? 0, { locale: "en-GB", timeZone: "Europe/London", units: "imperial" });
  const id = await approved({ kind: "message", locales: { en: text("Warm", { text: "At {{200 °C}}." }) } });
  await ask("POST", `/items/${id}/send`, { deviceIds: ["chooses-1"] });
  const [sent] = await deliveries.sendable(["chooses-1"], true, 1);
  expect(JSON.stringify(sent?.body)).toContain("390\u00A0°F");
});

const about = (body: unknown): string | null => contentItem.safeParse(body).data?.id ?? null;

test("a safety notice goes on the feed and to every appliance of its models, once, before everything else", async () => {
  await road.devices.addModel("oven-s80", { locales: ["en"] });
  const ovens = Array.from({ length: 7 }, (_, at) => `danger-${at}`);
  await road.devices.add(ovens, { model: "oven-s80" });
  const id = await approved({ kind: "notice", class: "safety", locales: { en: text("Do not heat") } });
  await schedule(id, { models: ["oven-s80"] });
  await content.tick();
  await content.tick();
  const rows = await deliveries.sendable([...ovens, "in-lisbon"], true, 100);
  const notices = rows.filter(({ body }) => about(body) === id);
  expect(
    notices
      .map(({ device_id, priority }) => [device_id, priority])
      .toSorted(([a], [b]) => String(a).localeCompare(String(b))),
  ).toEqual(ovens.map((oven) => [oven, 9]));
  // Another model turns out to be concerned while it is out: its appliances hear of it, and the others not again.
  await road.devices.addModel("oven-s90", { locales: ["en"] });
  await road.devices.add(["danger-too"], { model: "oven-s90" });
  await schedule(id, { models: ["oven-s80", "oven-s90"] });
  while (await content.sending.notify());
  const since = await deliveries.sendable([...ovens, "danger-too"], true, 100);
  const told = since.filter(({ body }) => about(body) === id).map(({ device_id }) => device_id);
  expect(told.toSorted()).toEqual([...ovens, "danger-too"].toSorted());
  // A recall that is about service alone stays on the feed.
  const quiet = await approved({ kind: "notice", class: "service", locales: { en: text("Clean it") } });
  await schedule(quiet, { models: ["oven-s80"] });
  await content.tick();
  expect((await deliveries.sendable(ovens, true, 100)).some(({ body }) => about(body) === quiet)).toBe(false);
});

test("a draft goes to test appliances and to no other", async () => {
  await road.devices.add(["mine-1", "theirs-1"]);
  await road.devices.register({ kind: "system" }, [{ id: "shared-1", model: "oven-x200", tags: ["test"] }]);
  const id = await written({ kind: "offer", offerKey: "stone", locales: { en: text("A stone") } });
  expect((await ask("POST", `/items/${id}/test`, { deviceIds: ["mine-1"] })).body).toMatchObject({
    code: "not_a_test_device",
  });
  expect((await ask("PUT", "/test-devices/mine-1")).body).toEqual({ deviceIds: ["mine-1"] });
  expect((await ask("POST", `/items/${id}/test`, { deviceIds: ["mine-1", "shared-1"] })).body).toEqual({
    deliveries: 2,
  });
  const [offer] = await deliveries.sendable(["mine-1"], true, 1);
  expect(contentItem.parse(offer?.body)).toMatchObject({ kind: "offer", title: "A stone", undoMs: 10_000 });
  // The list is one's own.
  expect((await ask("POST", `/items/${id}/test`, { deviceIds: ["mine-1"] }, jonas)).body).toMatchObject({
    code: "not_a_test_device",
  });
  expect((await ask("DELETE", "/test-devices/mine-1")).body).toEqual({ deviceIds: [] });
  expect((await ask("POST", `/items/${id}/send`, { deviceIds: ["mine-1"] })).body).toMatchObject({
    code: "needs_a_grant",
  });
});

test("what waits for an appliance that is away is taken back with the item", async () => {
  await road.devices.add(["asleep-1"]);
  const id = await approved({ kind: "message", locales: { en: text("Wrong price") } });
  await ask("POST", `/items/${id}/send`, { deviceIds: ["asleep-1"] });
  const other = await approved({ kind: "message", locales: { en: text("Still right") } });
  await ask("POST", `/items/${other}/send`, { deviceIds: ["asleep-1"] });
  expect((await ask("POST", `/items/${id}/withdraw`)).body).toMatchObject({ state: "withdrawn" });
  const waiting = await deliveries.sendable(["asleep-1"], true, 10);
  expect(waiting.map(({ body }) => about(body))).toEqual([other]);
});

test("an offer goes out with the terms that were granted, and not without", async () => {
  const [oven] = await road.devices.add(["buys-1"]);
  if (oven === undefined) throw new Error("an oven was added");
  const id = await approved({ kind: "offer", offerKey: "stone", locales: { en: text("A stone") } });
  await schedule(id, {});
  const wanted = { itemId: id, device: oven, expiresAtMs: road.clock.nowMs() + dayMs };
  const deliver = (extra?: Record<string, unknown>) =>
    database.db.transaction().execute((tx) => content.deliver(tx, [{ ...wanted, extra }]));
  expect((await deliver()).skipped).toEqual([{ itemId: id, deviceId: "buys-1", rule: "needs_a_grant" }]);
  expect(await content.render(id, { locale: "en", units: null })).toBeNull();
  const price = { amountMinor: 1_900, currency: "EUR" };
  const terms = { offerId: randomUUIDv7(), listPrice: { ...price, amountMinor: 2_400 }, price, reason: "Silver" };
  expect((await deliver(terms)).deliveries).toHaveLength(1);
  const [sent] = await deliveries.sendable(["buys-1"], true, 1);
  expect(contentItem.parse(sent?.body)).toMatchObject({ kind: "offer", title: "A stone", undoMs: 10_000, ...terms });
  expect(await content.render(id, { locale: "en", units: null }, terms)).toMatchObject({ kind: "offer", price });
});

const png = Buffer.from(
  "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==",
  "base64",
);

async function upload(bytes: Buffer, type = "image/png") {
  const response = await api.app.inject({
    method: "POST",
    url: "/api/v1/content/media",
    headers: { ...mara, "content-type": type },
    payload: bytes,
  });
  return { status: response.statusCode, body: response.json() };
}

test("a picture travels by reference, with its hash and size, behind a link that nobody can make up", async () => {
  const { status, body: image } = await upload(png);
  expect([status, image]).toMatchObject([201, { sizeBytes: png.length, mimeType: "image/png" }]);
  expect((await upload(png)).body.sha256).toBe(image.sha256);
  expect((await upload(Buffer.from("<svg onload=alert(1)>"))).body).toMatchObject({ code: "media_not_a_picture" });
  const id = await approved({ ...tip({ en: text("Tip", { imageAlt: "A door" }) }), image: image.sha256 });
  await schedule(id, { models: ["oven-x200"] });
  const payload = changes[0]?.items.find(({ topic }) => topic.includes("/en/"))?.payload ?? "";
  const item = contentItem.parse(JSON.parse(payload));
  expect(item.image).toMatchObject({
    sha256: image.sha256,
    sizeBytes: png.length,
    mimeType: "image/png",
    alt: "A door",
  });
  const { pathname, search } = new URL(item.image?.href ?? "");
  const served = await api.app.inject({ url: pathname + search });
  expect([served.statusCode, served.headers["content-type"], served.rawPayload.equals(png)]).toEqual([
    200,
    "image/png",
    true,
  ]);
  const forged = await api.app.inject({ url: `${pathname}?signature=${"A".repeat(43)}` });
  expect(forged.statusCode).toBe(403);
  const unknown = { ...tip(), image: "0".repeat(64) };
  expect((await ask("POST", "/items", unknown)).body).toMatchObject({
    code: "media_not_found",
    errors: [{ pointer: "/body/image" }],
  });
});

test("a picture that is lost says so and heals when it is added again; a disk that fails is not taken for that", async () => {
  const other = Buffer.concat([png, Buffer.from("another")]);
  const { sha256, href } = (await upload(other)).body;
  const path = join(artifactsDir, "media", sha256);
  const { pathname, search } = new URL(href);
  const served = async () => (await api.app.inject({ url: pathname + search })).statusCode;
  await rm(path);
  expect(await served()).toBe(404);
  expect((await upload(other)).status).toBe(201);
  expect(await served()).toBe(200);
  // In the place of the file stands something that cannot be read.
  await rm(path);
  await mkdir(path);
  expect(await served()).toBe(500);
  await rm(path, { recursive: true });
});

test("a recipe comes in as JSON-LD and goes out as JSON-LD, and what is wrong with it is named by field", async () => {
  const page = {
    "@context": "https://schema.org",
    "@type": "Recipe",
    name: "Apple pie",
    inLanguage: "en-GB",
    recipeYield: "4 servings",
    cookTime: "PT45M",
    recipeIngredient: ["1 kg apples"],
    recipeInstructions: [
      {
        "@type": "HowToSection",
        name: "Baking",
        itemListElement: [
          { "@type": "HowToStep", text: "Bake.", "hearth:machine": { program: "HotAir", setpoint_c: 180 } },
        ],
      },
    ],
    keywords: "pie, Sunday",
  };
  const { body } = await ask("POST", "/recipes/read", { jsonLd: JSON.stringify(page) });
  const id = await written(body.draft);
  const exported = (await ask("GET", `/items/${id}/recipe.jsonld?locale=en-GB`)).body;
  expect(exported).toMatchObject({
    "@type": "Recipe",
    name: "Apple pie",
    cookTime: "PT45M",
    recipeInstructions: page.recipeInstructions,
  });
  expect((await ask("POST", "/recipes/read", { jsonLd: exported })).body.draft.locales).toEqual(body.draft.locales);
  const bad = { ...page, cookTime: "three quarters of an hour" };
  expect((await ask("POST", "/recipes/read", { jsonLd: bad })).body).toMatchObject({
    code: "recipe_not_readable",
    errors: [{ pointer: "/body/jsonLd/cookTime", message: "must be a duration of ISO 8601, such as PT25M" }],
  });
  const starts = {
    ...page,
    recipeInstructions: [{ text: "Bake.", "hearth:machine": { program: "HotAir", start: true } }],
  };
  expect((await ask("POST", "/recipes/read", { jsonLd: starts })).body).toMatchObject({ code: "recipe_not_readable" });
});

test("nothing in a recipe starts heat: a step that would is refused by its field", async () => {
  for (const more of [{ start: true }, { remoteStart: "now" }, { startAtMs: 1 }]) {
    const machine = { program: "HotAir", setpoint_c: 180, ...more };
    const draft = { kind: "recipe", locales: { en: { title: "Pie", steps: [{ text: "Bake", machine }] } } };
    expect((await ask("POST", "/items", draft)).body).toMatchObject({
      code: "invalid_request",
      errors: [{ pointer: expect.stringContaining("/body/locales/en/steps/0/machine") }],
    });
  }
});

test("a draft is checked against every model that it is for, by step, before it is saved", async () => {
  const machine = { program: "HotAir", setpoint_c: 300 };
  const draft = {
    kind: "recipe",
    models: ["oven-x200"],
    locales: { en: { title: "Pizza", steps: [{ text: "Bake", machine }] } },
  };
  const { body } = await ask("POST", "/check", { draft });
  expect(body).toMatchObject({
    errors: [],
    misfits: [
      {
        model: "oven-x200",
        pointer: "/locales/en/steps/0/machine/setpoint_c",
        message: "step 1: oven-x200 goes up to 250 °C",
      },
    ],
  });
  const model = (body.models as { key: string; branding: object }[]).find(({ key }) => key === "oven-x200");
  expect(model).toMatchObject({
    branding: { name: "T", sender: { name: "T", email: null }, colours: { accent: "#9a3412" } },
  });
  expect((await ask("POST", "/check", { draft: { kind: "recipe", locales: {} } })).body.errors).toMatchObject([
    { pointer: "/locales" },
  ]);
  const id = await approved(draft);
  expect((await schedule(id, { models: ["oven-x200"] })).body).toMatchObject({ code: "recipe_does_not_fit" });
});

test("two who save at once: the second is told, and versions are compared word by word", async () => {
  const id = await written(tip());
  const put = (title: string, basedOn: number) =>
    ask("PUT", `/items/${id}?basedOn=${basedOn}`, tip({ en: text(title) }));
  expect((await put("Tip for the door", 1)).body).toMatchObject({ version: 2 });
  expect((await put("Mine", 1)).body).toMatchObject({ code: "content_changed_meanwhile" });
  expect((await ask("GET", `/items/${id}/diff?from=1&to=2`)).body.fields).toEqual([
    {
      pointer: "/locales/en/title",
      parts: [
        { kind: "same", text: "Tip" },
        { kind: "added", text: " for the door" },
      ],
    },
  ]);
  expect((await ask("GET", `/items/${id}/diff?from=1&to=9`)).body).toMatchObject({ code: "content_version_not_found" });
});

test("the library is searched by words, state, class and language, and the calendar shows what is planned", async () => {
  const id = await approved({ ...tip({ sv: text("Bakmarathon") }), class: "requested" });
  await schedule(id, { from: inHours(24), until: inHours(48) });
  for (const query of ["q=bakmara", "state=scheduled", "class=requested", "locale=sv"]) {
    const { items } = (await ask("GET", `/items?${query}&kind=tip`)).body;
    expect([query, items.map((item: { id: string }) => item.id)]).toEqual([query, [id]]);
  }
  const nowMs = road.clock.nowMs();
  const seen = async (from: number, to: number) =>
    ((await ask("GET", `/calendar?from=${from}&to=${to}`)).body.items as { id: string }[]).some(
      (item) => item.id === id,
    );
  expect([await seen(nowMs, nowMs + 7 * dayMs), await seen(nowMs + 7 * dayMs, nowMs + 14 * dayMs)]).toEqual([
    true,
    false,
  ]);
});
