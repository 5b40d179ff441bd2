/** The road of a version: review, schedule, feeds in every market, safety notices, test appliances, offers. */
import { randomUUIDv7 } from "node:crypto";
import { sql } from "kysely";
import { afterAll, beforeAll, beforeEach, expect, test } from "vitest";
import { contentItem } from "#protocol/content.ts";
import { transaction } from "../platform/database.ts";
import { type ContentDesk, openContentDesk, text, tip } from "../../test/support/content-desk.ts";

const hourMs = 3_600_000;
const dayMs = 24 * hourMs;

let desk: ContentDesk;
beforeAll(async () => {
  desk = await openContentDesk();
});
beforeEach(() => {
  desk.changes.length = 0;
});
afterAll(() => desk.close());

test("nobody approves what they wrote, not even a part of it, and nothing goes out that nobody approved", async () => {
  const id = await desk.written(tip());
  expect((await desk.schedule(id, { models: ["oven-x200"] })).body).toMatchObject({ code: "content_not_approved" });
  await desk.ask("POST", `/items/${id}/submit`, { note: "Please read" });
  expect((await desk.ask("POST", `/items/${id}/approve`, {})).body).toMatchObject({ code: "reviewer_is_author" });
  // The other one changes a word, which puts it back to draft and makes them an author too.
  await desk.ask("PUT", `/items/${id}`, tip({ en: text("Better") }), desk.jonas);
  expect((await desk.ask("POST", `/items/${id}/approve`, {}, desk.jonas)).body).toMatchObject({
    code: "content_not_in_review",
  });
  await desk.ask("POST", `/items/${id}/submit`, {});
  for (const by of [desk.mara, desk.jonas]) {
    expect((await desk.ask("POST", `/items/${id}/approve`, {}, by)).body).toMatchObject({ code: "reviewer_is_author" });
  }
  const third = await desk.api.as("content");
  expect((await desk.ask("POST", `/items/${id}/send-back`, { note: "Too short" }, third)).body).toMatchObject({
    state: "draft",
  });
  await desk.ask("POST", `/items/${id}/submit`, {});
  expect((await desk.ask("POST", `/items/${id}/approve`, {}, third)).body).toMatchObject({ state: "approved" });
  const { steps } = (await desk.ask("GET", `/items/${id}`)).body;
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
  const id = await desk.approved(tip());
  const local = Temporal.Instant.fromEpochMilliseconds(desk.road.clock.nowMs() + 2 * hourMs)
    .toZonedDateTimeISO("Asia/Tokyo")
    .toPlainDateTime()
    .toString({ smallestUnit: "minute" });
  const until = Temporal.PlainDateTime.from(local).add({ days: 1 }).toString({ smallestUnit: "minute" });
  const planned = await desk.schedule(id, { models: ["oven-x200"], from: local, until, zone: "Asia/Tokyo" });
  expect(planned.body).toMatchObject({ state: "scheduled", publishedTo: [] });
  await desk.content.tick();
  expect([await desk.stateOf(id), desk.changes]).toEqual(["scheduled", []]);
  desk.road.clock.forward(2 * hourMs);
  await desk.content.tick();
  expect(await desk.stateOf(id)).toBe("live");
  expect(desk.changes).toHaveLength(1);
  await desk.ask("PUT", `/items/${id}`, tip({ en: text("Second") }));
  await desk.ask("POST", `/items/${id}/submit`, {});
  await desk.ask("POST", `/items/${id}/approve`, {}, desk.jonas);
  await desk.schedule(id, { models: ["oven-x200"] });
  const versions = (await desk.ask("GET", `/items/${id}`)).body.versions as { version: number; state: string }[];
  expect(versions.map(({ version, state }) => [version, state])).toEqual([
    [2, "live"],
    [1, "withdrawn"],
  ]);
  await desk.schedule(id, { models: ["oven-x200"], until: desk.inHours(5) });
  desk.road.clock.forward(5 * hourMs);
  desk.changes.length = 0;
  await desk.content.tick();
  expect(await desk.stateOf(id)).toBe("expired");
  expect(desk.changes[0]?.items.at(-1)?.payload).toBe("");
  expect((await desk.schedule(id, {})).body).toMatchObject({ code: "content_expired" });
});

test("what is live gets another time, other models and its end while newer versions are written and planned", async () => {
  const id = await desk.approved(tip());
  await desk.schedule(id, { models: ["oven-x200"], until: desk.inHours(2) });
  await desk.ask("PUT", `/items/${id}`, tip({ en: text("Second") }));
  const states = async () =>
    ((await desk.ask("GET", `/items/${id}`)).body.versions as { state: string }[]).map(({ state }) => state);
  expect(await states()).toEqual(["draft", "live"]);
  // The newest is a draft, and no way is found past the review by asking for another.
  expect((await desk.schedule(id, { models: ["oven-x200"] })).body).toMatchObject({ code: "content_not_approved" });
  expect((await desk.schedule(id, { version: 2 })).body).toMatchObject({ code: "content_not_approved" });
  expect((await desk.schedule(id, { version: 3 })).body).toMatchObject({ code: "content_version_not_found" });
  expect((await desk.schedule(id, { version: 0 })).body).toMatchObject({ errors: [{ pointer: "/body/version" }] });
  expect((await desk.schedule(id, { version: 1, models: ["oven-x200"], until: desk.inHours(9) })).status).toBe(200);
  expect(await states()).toEqual(["draft", "live"]);
  // The next one is planned: that the live one ends later does not take its plan away.
  await desk.ask("POST", `/items/${id}/submit`, {});
  await desk.ask("POST", `/items/${id}/approve`, {}, desk.jonas);
  await desk.schedule(id, { models: ["oven-x200"], from: desk.inHours(6) });
  const published = await desk.ask("POST", `/items/${id}/publish`, { version: 1, models: ["oven-x200"], feed: "tips" });
  expect(published.body).toMatchObject({ publishedTo: ["oven-x200"], liveVersion: 1 });
  expect(await states()).toEqual(["scheduled", "live"]);
  expect(contentItem.parse(JSON.parse(desk.inEnglish())).title).toBe("Tip");
  desk.road.clock.forward(6 * hourMs);
  await desk.content.tick();
  expect(await states()).toEqual(["live", "withdrawn"]);
  expect(contentItem.parse(JSON.parse(desk.inEnglish())).title).toBe("Second");
  expect((await desk.schedule(id, { version: 1 })).body).toMatchObject({ code: "content_withdrawn" });
});

test("what is planned can be taken back, and a window that is over is refused", async () => {
  const id = await desk.approved(tip());
  expect((await desk.schedule(id, { from: desk.inHours(3), until: desk.inHours(2) })).body).toMatchObject({
    code: "content_window_over",
  });
  expect((await desk.schedule(id, { from: "2026-02-30T08:00" })).body).toMatchObject({
    errors: [{ pointer: "/body/from", message: "must be a day that exists" }],
  });
  expect((await desk.schedule(id, { zone: "Mars/Base" })).body).toMatchObject({ errors: [{ pointer: "/body/zone" }] });
  await desk.schedule(id, { from: desk.inHours(30) });
  expect((await desk.ask("POST", `/items/${id}/unschedule`)).body).toMatchObject({ state: "approved" });
  desk.road.clock.forward(60 * hourMs);
  await desk.content.tick();
  expect(await desk.stateOf(id)).toBe("approved");
});

test("a delivery keeps to the household's own clock, wherever it lives", async () => {
  const [tokyo, lisbon] = await desk.road.devices.add(["in-tokyo", "in-lisbon"]);
  if (tokyo === undefined || lisbon === undefined) throw new Error("two ovens were added");
  desk.reads.set(tokyo.key, { locale: "en", timeZone: "Asia/Tokyo", units: null });
  desk.reads.set(lisbon.key, { locale: "en", timeZone: "Europe/Lisbon", units: null });
  const id = await desk.approved({ kind: "message", class: "promotional", locales: { en: text("Advent") } });
  const day = Temporal.Instant.fromEpochMilliseconds(desk.road.clock.nowMs())
    .toZonedDateTimeISO("UTC")
    .toPlainDate()
    .add({ days: 2 });
  await desk.schedule(id, { from: `${day.toString()}T09:00`, until: `${day.add({ days: 1 }).toString()}T09:00` });
  const wanted = [tokyo, lisbon].map((device) => ({
    itemId: id,
    device,
    expiresAtMs: desk.road.clock.nowMs() + 90 * dayMs,
  }));
  const at = (hour: number) => day.toZonedDateTime({ timeZone: "UTC", plainTime: { hour } }).epochMilliseconds;
  // One in the morning in UTC is ten in Tokyo, and one in Lisbon.
  desk.road.clock.forward(at(1) - desk.road.clock.nowMs());
  const early = await desk.database.db.transaction().execute((tx) => desk.content.deliver(tx, wanted));
  expect(early.deliveries.map(({ deviceId }) => deviceId)).toEqual(["in-tokyo"]);
  expect(early.skipped).toEqual([{ itemId: id, deviceId: "in-lisbon", rule: "not_yet" }]);
  const [sent] = await desk.deliveries.sendable(["in-tokyo"], true, 1);
  expect(sent?.expires_at_ms).toBe(
    day.add({ days: 1 }).toZonedDateTime({ timeZone: "Asia/Tokyo", plainTime: "09:00" }).epochMilliseconds,
  );
  desk.road.clock.forward(24 * hourMs);
  const late = await desk.database.db.transaction().execute((tx) => desk.content.deliver(tx, wanted));
  expect([late.deliveries.map(({ deviceId }) => deviceId), late.skipped]).toEqual([
    ["in-lisbon"],
    [{ itemId: id, deviceId: "in-tokyo", rule: "over" }],
  ]);
});

test("each market's feed carries the text that it falls back to, in its units, and none that it would not understand", async () => {
  const id = await desk.approved(
    tip({ de: text("Tipp", { text: "Bei {{180 °C}}." }), en: text("Tip", { text: "At {{180 °C}}." }) }),
  );
  await desk.schedule(id, { models: ["oven-x200"] });
  const items = new Map(
    (desk.changes[0]?.items ?? []).flatMap(({ topic, payload }) => {
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
  const german = await desk.approved(tip({ de: text("Nur deutsch") }));
  desk.changes.length = 0;
  await desk.schedule(german, { models: ["oven-x200"] });
  expect(desk.changes[0]?.items.map(({ topic }) => topic.split("/")[4])).not.toContain("ja");
  const { markets } = (await desk.ask("GET", `/items/${german}`)).body;
  expect(markets).toContainEqual({ locale: "ja", models: ["oven-x200"], reads: "de", because: "first", onFeed: false });
});

test("a household's choice of units goes before its locale's", async () => {
  const [oven] = await desk.road.devices.add(["chooses-1"]);
  desk.reads.set(oven?.key ?? 0, { locale: "en-GB", timeZone: "Europe/London", units: "imperial" });
  const id = await desk.approved({ kind: "message", locales: { en: text("Warm", { text: "At {{200 °C}}." }) } });
  await desk.ask("POST", `/items/${id}/send`, { deviceIds: ["chooses-1"] });
  const [sent] = await desk.deliveries.sendable(["chooses-1"], true, 1);
  expect(JSON.stringify(sent?.body)).toContain("390\u00A0°F");
});

const about = (body: unknown): string | null => contentItem.safeParse(body).data?.id ?? null;

test("a safety notice goes on the feed and to every appliance of its models, once, before everything else", async () => {
  await desk.road.devices.addModel("oven-s80", { locales: ["en"] });
  const ovens = Array.from({ length: 7 }, (_, at) => `danger-${at}`);
  await desk.road.devices.add(ovens, { model: "oven-s80" });
  const id = await desk.approved({ kind: "notice", class: "safety", locales: { en: text("Do not heat") } });
  await desk.schedule(id, { models: ["oven-s80"] });
  await desk.content.tick();
  await desk.content.tick();
  const rows = await desk.deliveries.sendable([...ovens, "in-lisbon"], true, 100);
  const notices = rows.filter(({ body }) => about(body) === id);
  expect(
    notices
      .map(({ device_id, priority }) => [device_id, priority])
      .toSorted(([a], [b]) => String(a).localeCompare(String(b))),
  ).toEqual(ovens.map((oven) => [oven, 9]));
  // Another model turns out to be concerned while it is out: its appliances hear of it, and the others not again.
  await desk.road.devices.addModel("oven-s90", { locales: ["en"] });
  await desk.road.devices.add(["danger-too"], { model: "oven-s90" });
  await desk.schedule(id, { models: ["oven-s80", "oven-s90"] });
  while (await desk.content.sending.notify());
  const since = await desk.deliveries.sendable([...ovens, "danger-too"], true, 100);
  const told = since.filter(({ body }) => about(body) === id).map(({ device_id }) => device_id);
  expect(told.toSorted()).toEqual([...ovens, "danger-too"].toSorted());
  // A recall that is about service alone stays on the feed.
  const quiet = await desk.approved({ kind: "notice", class: "service", locales: { en: text("Clean it") } });
  await desk.schedule(quiet, { models: ["oven-s80"] });
  await desk.content.tick();
  expect((await desk.deliveries.sendable(ovens, true, 100)).some(({ body }) => about(body) === quiet)).toBe(false);
});

test("an appliance that is registered, or is somebody else's, after a safety notice went out gets it to acknowledge, once", async () => {
  await desk.road.devices.addModel("oven-s70", { locales: ["en"] });
  const id = await desk.approved({ kind: "notice", class: "safety", locales: { en: text("Do not heat") } });
  const told = async () =>
    (await desk.deliveries.sendable(["late-1", "late-2", "late-3"], true, 100))
      .filter(({ body }) => about(body) === id)
      .map(({ device_id }) => device_id);
  const by = { kind: "system" } as const;
  const add = (name: string) => desk.road.devices.register(by, [{ id: name, model: "oven-s70" }]);
  // It came before: as those that are there, and not once more because it is new.
  await add("late-1");
  await desk.schedule(id, { models: ["oven-s70"] });
  await desk.content.tick();
  expect(await told()).toEqual(["late-1"]);
  await add("late-2");
  await desk.content.tick();
  await desk.content.tick();
  expect((await told()).toSorted()).toEqual(["late-1", "late-2"]);
  // Whoever has it next is told as well, and of what is withdrawn nobody.
  const { db } = desk.road.deps;
  const home = randomUUIDv7();
  await sql`INSERT INTO household (id, name, locale, time_zone, channels, created_at_ms)
    VALUES (${home}, 'Home', 'en', 'UTC', '{}', 1)`.execute(db);
  const [before] = await desk.deliveries.sendable(["late-1"], true, 1);
  desk.road.clock.forward(1_000);
  await transaction(db, async (tx) => {
    const device = await desk.road.devices.tenure.lock(tx, "late-1");
    if (device === null) throw new Error("it was registered");
    await desk.road.devices.tenure.give(tx, device, home, desk.road.clock.nowMs(), 1);
  });
  await desk.content.tick();
  const [after] = await desk.deliveries.sendable(["late-1"], true, 1);
  expect(after?.id).not.toBe(before?.id);
  expect(about(after?.body)).toBe(id);
  await desk.ask("POST", `/items/${id}/withdraw`, {});
  await add("late-3");
  await desk.content.tick();
  expect(await told()).toEqual([]);
});

test("a draft goes to test appliances and to no other", async () => {
  await desk.road.devices.add(["mine-1", "theirs-1"]);
  await desk.road.devices.register({ kind: "system" }, [{ id: "shared-1", model: "oven-x200", tags: ["test"] }]);
  const id = await desk.written({ kind: "offer", offerKey: "stone", locales: { en: text("A stone") } });
  expect((await desk.ask("POST", `/items/${id}/test`, { deviceIds: ["mine-1"] })).body).toMatchObject({
    code: "not_a_test_device",
  });
  expect((await desk.ask("PUT", "/test-devices/mine-1")).body).toEqual({ deviceIds: ["mine-1"] });
  expect((await desk.ask("POST", `/items/${id}/test`, { deviceIds: ["mine-1", "shared-1"] })).body).toEqual({
    deliveries: 2,
  });
  const [offer] = await desk.deliveries.sendable(["mine-1"], true, 1);
  expect(contentItem.parse(offer?.body)).toMatchObject({ kind: "offer", title: "A stone", undoMs: 10_000 });
  // The list is one's own.
  expect((await desk.ask("POST", `/items/${id}/test`, { deviceIds: ["mine-1"] }, desk.jonas)).body).toMatchObject({
    code: "not_a_test_device",
  });
  expect((await desk.ask("DELETE", "/test-devices/mine-1")).body).toEqual({ deviceIds: [] });
  expect((await desk.ask("POST", `/items/${id}/send`, { deviceIds: ["mine-1"] })).body).toMatchObject({
    code: "needs_a_grant",
  });
});

test("what waits for an appliance that is away is taken back with the item", async () => {
  await desk.road.devices.add(["asleep-1"]);
  const id = await desk.approved({ kind: "message", locales: { en: text("Wrong price") } });
  await desk.ask("POST", `/items/${id}/send`, { deviceIds: ["asleep-1"] });
  const other = await desk.approved({ kind: "message", locales: { en: text("Still right") } });
  await desk.ask("POST", `/items/${other}/send`, { deviceIds: ["asleep-1"] });
  expect((await desk.ask("POST", `/items/${id}/withdraw`)).body).toMatchObject({ state: "withdrawn" });
  const waiting = await desk.deliveries.sendable(["asleep-1"], true, 10);
  expect(waiting.map(({ body }) => about(body))).toEqual([other]);
});

test("an offer goes out with the terms that were granted, and not without", async () => {
  const [oven] = await desk.road.devices.add(["buys-1"]);
  if (oven === undefined) throw new Error("an oven was added");
  const id = await desk.approved({ kind: "offer", offerKey: "stone", locales: { en: text("A stone") } });
  await desk.schedule(id, {});
  const wanted = { itemId: id, device: oven, expiresAtMs: desk.road.clock.nowMs() + dayMs };
  const deliver = (extra?: Record<string, unknown>) =>
    desk.database.db.transaction().execute((tx) => desk.content.deliver(tx, [{ ...wanted, extra }]));
  expect((await deliver()).skipped).toEqual([{ itemId: id, deviceId: "buys-1", rule: "needs_a_grant" }]);
  expect(await desk.content.render(id, { locale: "en", units: null })).toBeNull();
  const price = { amountMinor: 1_900, currency: "EUR" };
  const terms = { offerId: randomUUIDv7(), listPrice: { ...price, amountMinor: 2_400 }, price, reason: "Silver" };
  expect((await deliver(terms)).deliveries).toHaveLength(1);
  const [sent] = await desk.deliveries.sendable(["buys-1"], true, 1);
  expect(contentItem.parse(sent?.body)).toMatchObject({ kind: "offer", title: "A stone", undoMs: 10_000, ...terms });
  expect(await desk.content.render(id, { locale: "en", units: null }, terms)).toMatchObject({ kind: "offer", price });
});

test("a promotion that is tested does not wait behind a campaign's", async () => {
  await desk.road.devices.add(["bench-1"]);
  await desk.ask("PUT", "/test-devices/bench-1");
  const id = await desk.written({ kind: "message", class: "promotional", locales: { en: text("Ten doughs") } });
  const told: [string[], string][] = [];
  desk.deliveries.whenWaiting((deviceIds, how) => told.push([deviceIds, how]));
  expect((await desk.ask("POST", `/items/${id}/test`, { deviceIds: ["bench-1"] })).body).toEqual({ deliveries: 1 });
  expect(told).toEqual([[["bench-1"], "now"]]);
});
