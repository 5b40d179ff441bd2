/** A household whose tier is about to end is told so, by the decision. */
import { createServer } from "node:http";
import { sql } from "kysely";
import { afterAll, beforeAll, beforeEach, expect, test } from "vitest";
import { CampaignKitchen, dayMs } from "../../test/support/campaign-kitchen.ts";
import { SetClock } from "../../test/support/down-road.ts";
import { Kitchen, type Person } from "../../test/support/kitchen.ts";
import { Mailbox } from "../../test/support/mailbox.ts";

const clock = new SetClock();
let kitchen: Kitchen;
let stage: CampaignKitchen;
let homes = 0;

let mailbox: Mailbox;
/** What the maker's app was told, with the name of each message. */
const told: { id: string; data: { householdId: string; item: Record<string, unknown> } }[] = [];
const app = createServer((request, response) => {
  const chunks: Buffer[] = [];
  request.on("data", (chunk: Buffer) => chunks.push(chunk));
  request.on("end", () => {
    const { data } = JSON.parse(Buffer.concat(chunks).toString("utf8"));
    told.push({ id: String(request.headers["webhook-id"]), data });
    response.writeHead(200).end();
  });
});

beforeAll(async () => {
  mailbox = await Mailbox.open();
  await new Promise<void>((done) => {
    app.listen(0, "127.0.0.1", done);
  });
  const notices = { mail: { url: mailbox.url, from: "hearth@maker.example" }, reach: "loopback" as const };
  kitchen = await Kitchen.open({ clock, notices });
  stage = new CampaignKitchen(kitchen);
  const { definition } = (await kitchen.as("viewer", "GET", "/loyalty/program")).body;
  const [base] = definition.tiers;
  const silver = { key: "silver", title: "Silver", names: { de: "Silber" }, fromPoints: 50 };
  const program = { ...definition, expiresAfterDays: null, periodMonths: 6, noticeDays: 30, tiers: [base, silver] };
  await kitchen.as("content", "PUT", "/loyalty/program", program);
});
beforeEach(async () => {
  await stage.policy();
  mailbox.got = [];
  told.length = 0;
});
afterAll(async () => {
  await kitchen.close();
  app.closeAllConnections();
  await new Promise((done) => app.close(done));
  await mailbox.close();
});

const tick = async () => {
  await kitchen.slices.loyalty.tick();
  await kitchen.slices.engagement.tick();
  await kitchen.slices.engagement.tickLetters();
};

/** A household whose silver tier ends in less than thirty days. */
async function ending(locale: string, more: object = {}): Promise<Person & { oven: string; untilMs: number }> {
  homes += 1;
  // Half a year after the 31st is a month's last day, and half a year before that is earlier: what was earned on the 31st would keep the tier.
  while (new Date(clock.nowMs()).getUTCDate() > 20) clock.forward(dayMs);
  const oven = `tier-oven-${homes}`;
  const person = await stage.household(oven, []);
  await kitchen.call(person.key, "PATCH", "/my/household", { locale, ...more });
  await kitchen.event(oven, "program.finished");
  const { untilMs } = (await kitchen.call(person.key, "GET", "/my/points")).body.tier;
  clock.forward(untilMs - 29 * dayMs - clock.nowMs());
  return { ...person, oven, untilMs };
}

/** All day but for one minute. */
const quiet = { fromMinute: 0, toMinute: 1_439, meanwhile: "hold" };

const decisionsOf = async ({ householdId }: Person) =>
  (await kitchen.as("support", "GET", `/households/${householdId}/decisions`)).body.items;
const shownAt = async (oven: string) =>
  (await kitchen.slices.deliveries.sendable([oven], true, 10)).map(({ body }) => body);

test.each([
  ["en-GB", "Your tier Silver is about to end", "Silver until"],
  ["de-AT", "Ihre Stufe Silber endet bald", "Silber bis zum"],
  ["cs", "Your tier Silver is about to end", "Silver until"],
])(
  "a household that reads %s is told at its appliance, once, however often it is looked at",
  async (locale, title, text) => {
    const one = await ending(locale);
    for (let times = 0; times < 3; times += 1) await tick();
    const shown = await shownAt(one.oven);
    expect(shown).toMatchObject([{ kind: "message", title, text: expect.stringContaining(text) }]);
    const [decision, ...others] = await decisionsOf(one);
    expect(others).toEqual([]);
    expect(decision).toMatchObject({ class: "loyalty_status", answer: "send", channels: ["display"], campaign: null });
  },
);

test("quiet hours and the household's own order are kept: a letter waits for the morning, in its words", async () => {
  const one = await ending("de");
  await stage.writeTo(one, "ada@example.org");
  const patched = await kitchen.call(one.key, "PATCH", "/my/household", {
    channels: { order: ["email"], quiet, perWeekMax: null },
  });
  expect(patched.body).toMatchObject({ channels: { order: ["email"] } });
  clock.forward(180_000);
  await tick();
  expect(mailbox.got).toEqual([]);
  const [held] = await decisionsOf(one);
  expect(held).toMatchObject({ answer: "hold", reason: "quiet_hours" });
  clock.forward(held.untilMs - clock.nowMs() + 1);
  await tick();
  await tick();
  expect(mailbox.got).toHaveLength(1);
  expect(mailbox.got[0]?.text).toContain("Stufe Silber endet bald");
});

test("who has another tier, or another end of it, before it could be told is told nothing", async () => {
  const one = await ending("en", { channels: { order: ["display"], quiet, perWeekMax: null } });
  clock.forward(180_000);
  await tick();
  const [held] = await decisionsOf(one);
  expect(held).toMatchObject({ answer: "hold" });
  await sql`UPDATE loyalty_standing SET until_ms = until_ms + 1`.execute(kitchen.base.db);
  clock.forward(held.untilMs - clock.nowMs() + 1);
  await kitchen.slices.engagement.tick();
  expect(await decisionsOf(one)).toMatchObject([{ answer: "suppress", reason: "withdrawn" }]);
  expect(await shownAt(one.oven)).toEqual([]);
});

const order = (...names: string[]) => ({ channels: { order: names, quiet: null, perWeekMax: null } });
/** Several looks, a minute apart: nothing may happen twice. */
const goOn = async () => {
  for (let times = 0; times < 3; times += 1) {
    clock.forward(60_000);
    await tick();
  }
};
const casesOf = async ({ householdId }: Person): Promise<string[]> => {
  const { rows } = await sql<{ title: string }>`
    SELECT title FROM service_case WHERE household_id = ${householdId}`.execute(kitchen.base.db);
  return rows.map(({ title }) => title);
};

test("caps hold for it too: it waits until the household may be told something again, and goes then, once", async () => {
  const one = await ending("en", order("display"));
  await stage.policy({ caps: [{ days: 7, max: 1, classes: ["loyalty_status", "promotional"] }] });
  const item = await stage.message("Twice the points", { class: "loyalty_status" });
  await stage.run(stage.campaign([item], one.oven, one.oven));
  await kitchen.slices.engagement.tick();
  await tick();
  const [held] = await decisionsOf(one);
  expect(held).toMatchObject({ answer: "hold", reason: "capped", title: "A tier is about to end" });
  await goOn();
  expect(await shownAt(one.oven)).toMatchObject([{ title: "Twice the points" }]);
  clock.forward(held.untilMs - clock.nowMs() + 1);
  await goOn();
  expect((await shownAt(one.oven)).map(({ title }) => title)).toEqual([
    "Twice the points",
    "Your tier Silver is about to end",
  ]);
});

test("who wants to hear in the maker's app hears there, once, in the words of the program", async () => {
  const address = app.address();
  const url = `http://127.0.0.1:${typeof address === "object" ? address?.port : 0}/hearth`;
  expect((await kitchen.as("admin", "PUT", "/engagement/app", { url })).status).toBe(200);
  const one = await ending("de", order("webhook", "display"));
  await goOn();
  const item = { kind: "message", title: "Ihre Stufe Silber endet bald" };
  expect(told).toMatchObject([{ data: { householdId: one.householdId, item } }]);
  expect([await shownAt(one.oven), mailbox.got]).toEqual([[], []]);
  expect(await decisionsOf(one)).toMatchObject([{ answer: "send", channels: ["webhook"] }]);
  await kitchen.as("admin", "DELETE", "/engagement/app");
});

test("whom it does not reach on the way that they chose it reaches on another, and where none is left a person tells them, once", async () => {
  const one = await ending("en", order("email"));
  await stage.writeTo(one, "gone@example.org");
  mailbox.code = 550;
  await goOn();
  mailbox.code = 250;
  const [shown] = await shownAt(one.oven);
  expect(shown).toMatchObject({ title: "Your tier Silver is about to end" });
  expect(await casesOf(one)).toEqual([]);
  const [delivery] = await stage.inbox(one.oven);
  await kitchen.say({
    device: one.oven,
    channel: "receipts",
    payload: { deliveryId: delivery.id, attempt: 1, step: "rejected", reason: "unsupported" },
  });
  await goOn();
  expect(await casesOf(one)).toEqual(["Tell them: Your tier Silver is about to end"]);
  expect(await decisionsOf(one)).toMatchObject([{ answer: "human", title: "A tier is about to end" }]);
});

test("what was to be shown when the tier ended has nobody call about it", async () => {
  const one = await ending("en", order("display"));
  await tick();
  expect(await shownAt(one.oven)).toHaveLength(1);
  clock.forward(one.untilMs - clock.nowMs() + dayMs);
  await kitchen.slices.deliveries.tick(clock.nowMs());
  await goOn();
  expect(await casesOf(one)).toEqual([]);
  expect(await decisionsOf(one)).toMatchObject([{ answer: "send", ended: "expired" }]);
});

test("it is counted for no campaign", async () => {
  const { rows } = await sql`SELECT source FROM campaign_tally WHERE source NOT LIKE 'campaign:%'`.execute(
    kitchen.base.db,
  );
  expect(rows).toEqual([]);
});
