/** A household whose tier is about to end is told so, by the decision. */
import { sql } from "kysely";
import { SMTPServer } from "smtp-server";
import { afterAll, beforeAll, beforeEach, expect, test } from "vitest";
import { CampaignKitchen, dayMs } from "../../test/support/campaign-kitchen.ts";
import { SetClock } from "../../test/support/down-road.ts";
import { Kitchen, type Person } from "../../test/support/kitchen.ts";

const clock = new SetClock();
let kitchen: Kitchen;
let stage: CampaignKitchen;
let homes = 0;

const letters: string[] = [];
const mailServer = new SMTPServer({
  disabledCommands: ["AUTH", "STARTTLS"],
  onData(stream, _session, done) {
    const chunks: Buffer[] = [];
    stream.on("data", (chunk: Buffer) => chunks.push(chunk));
    stream.on("end", () => {
      letters.push(Buffer.concat(chunks).toString("utf8"));
      done();
    });
  },
});

beforeAll(async () => {
  await new Promise<void>((done) => {
    mailServer.listen(0, "127.0.0.1", done);
  });
  const address = mailServer.server.address();
  const port = typeof address === "object" && address !== null ? address.port : 0;
  const notices = { mail: { url: `smtp://127.0.0.1:${port}`, from: "hearth@maker.example" }, reach: "public" as const };
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
  letters.length = 0;
});
afterAll(async () => {
  await kitchen.close();
  await new Promise<void>((done) => mailServer.close(() => done()));
});

const tick = async () => {
  await kitchen.slices.loyalty.tick();
  await kitchen.slices.engagement.tick();
  await kitchen.slices.engagement.tickLetters();
};

/** A household whose silver tier ends in less than thirty days. */
async function ending(locale: string, more: object = {}): Promise<Person & { oven: string; untilMs: number }> {
  homes += 1;
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
  expect(letters).toEqual([]);
  const [held] = await decisionsOf(one);
  expect(held).toMatchObject({ answer: "hold", reason: "quiet_hours" });
  clock.forward(held.untilMs - clock.nowMs() + 1);
  await tick();
  await tick();
  expect(letters).toHaveLength(1);
  expect(letters[0]).toContain("Stufe Silber endet bald");
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
