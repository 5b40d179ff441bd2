import { sql } from "kysely";
import { afterAll, beforeAll, expect, test } from "vitest";
import { delivery } from "#protocol/delivery.ts";
import { Kitchen } from "../../test/support/kitchen.ts";
import { until } from "../../test/support/service-process.ts";
import { transaction } from "../platform/database.ts";

let kitchen: Kitchen;

beforeAll(async () => {
  kitchen = await Kitchen.open();
});
afterAll(() => kitchen.close());

const dayMs = 86_400_000;

const tell = (pattern: string, over: object = {}) =>
  transaction(kitchen.base.db, (tx) =>
    kitchen.slices.updateNotices.tellBefore(tx, {
      devices: sql`SELECT key AS device_key FROM device WHERE id LIKE ${pattern}`,
      version: "2.1.0",
      security: true,
      fromMs: kitchen.clock.nowMs() + 3 * dayMs,
      asksFirst: false,
      postponeUntilMsMax: kitchen.clock.nowMs() + 10 * dayMs,
      ...over,
    }),
  );

const setFacts = async () => {
  const { rows } = await sql<{ n: number }>`
    SELECT count(*) AS n FROM outbox WHERE type = 'hearth.deliveries.queued'`.execute(kitchen.base.db);
  return rows[0]?.n;
};

async function messageOf(id: string) {
  const { body: page } = await kitchen.as("viewer", "GET", `/deliveries?device=${id}&kind=message&limit=1`);
  const found = await kitchen.as("viewer", "GET", `/deliveries/${page.items[0].id}`);
  return found.body;
}

test("each household is told in its own language and by the clock where its appliance stands, and nobody's appliance in its own", async () => {
  await kitchen.ovens("tell-1", "tell-2", "tell-3");
  const { householdId } = await kitchen.newOwner("tell-1");
  await kitchen.as("support", "PATCH", `/households/${householdId}`, { locale: "de", timeZone: "Europe/Berlin" });
  const reported = (device: string, state: object) => kitchen.say({ device, channel: "reported", payload: { state } });
  // The household's language counts more than the one that its appliance happens to be set to.
  await reported("tell-1", { locale: "ja" });
  await reported("tell-2", { locale: "pt-BR", timeZone: "America/Sao_Paulo" });
  await reported("tell-3", { locale: "tlh", timeZone: "Mars/Olympus" });
  expect(await tell("tell-%")).toEqual({ told: 3 });
  const [german, brazilian, other] = await Promise.all(["tell-1", "tell-2", "tell-3"].map(messageOf));
  expect(german).toMatchObject({
    kind: "message",
    label: "Update 2.1.0",
    phase: "queued",
    body: {
      locale: "de",
      title: "Sicherheitsupdate 2.1.0 steht bevor",
      text: expect.stringContaining("18. Januar 2026 um 13:00"),
    },
  });
  expect(brazilian.body).toMatchObject({
    locale: "pt-BR",
    text: expect.stringContaining("18 de janeiro de 2026 às 09:00"),
  });
  expect(other.body).toMatchObject({ locale: "en", text: expect.stringContaining("January 18, 2026 at 12:00") });
});

test("an appliance that is here shows it soon, and a later notice takes the place of one that nobody saw", async () => {
  await kitchen.ovens("here-1");
  await tell("here-%");
  const first = await messageOf("here-1");
  await tell("here-%", { version: "2.2.0" });
  expect((await kitchen.as("viewer", "GET", `/deliveries/${first.id}`)).body).toMatchObject({ phase: "superseded" });
  const second = await messageOf("here-1");
  expect(second.body).toMatchObject({ id: "update-2.2.0" });
  kitchen.told.length = 0;
  kitchen.slices.dispatcher.onReady("here-1");
  const sent = () => kitchen.told.flatMap((one) => (one.kind === "deliver" ? [one.payload] : []));
  await until("the notice goes out", () => sent().length > 0);
  expect(delivery.parse(JSON.parse(sent()[0] ?? ""))).toMatchObject({
    id: second.id,
    kind: "message",
    body: second.body,
  });
});

test("a set of nobody tells nobody, and leaves no fact", async () => {
  const before = await setFacts();
  expect(await tell("nobody-%")).toEqual({ told: 0 });
  expect(await setFacts()).toBe(before);
});

test("a hundred thousand are told at once, each in words of their own", async () => {
  await sql`
    INSERT INTO device (id, model, serial, created_at_ms, locale, time_zone)
    SELECT 'fleet-' || n, 'oven', 'fleet-' || n, 0, (ARRAY['de', 'fr-CA', 'ja', 'xx'])[n % 4 + 1],
      (ARRAY['Europe/Berlin', 'America/Toronto', 'Asia/Tokyo'])[n % 3 + 1]
    FROM generate_series(1, 100000) AS n`.execute(kitchen.base.db);
  const began = performance.now();
  expect(await tell("fleet-%")).toEqual({ told: 100_000 });
  console.info(`100000 households told: ${Math.round(performance.now() - began)} ms`);
  const { rows } = await sql<{ locale: string; n: number }>`
    SELECT body ->> 'locale' AS locale, count(*) AS n FROM delivery WHERE device_id LIKE 'fleet-%' GROUP BY 1 ORDER BY 1`.execute(
    kitchen.base.db,
  );
  expect(rows).toEqual(["de", "en", "fr", "ja"].map((locale) => ({ locale, n: 25_000 })));
});
