import { sql } from "kysely";
import { afterAll, beforeEach, expect, test } from "vitest";
import { campaignKitchen, dayMs } from "../../test/support/campaign-kitchen.ts";
import type { Person } from "../../test/support/kitchen.ts";
import { Mailbox } from "../../test/support/mailbox.ts";
import { randomIds } from "../platform/ids.ts";

const mailbox = await Mailbox.open();
afterAll(() => mailbox.close());
const notices = { mail: { url: mailbox.url, from: "hearth@maker.example" }, reach: "loopback" as const };
const { kitchen, stage } = await campaignKitchen({ notices });
const { db } = kitchen.base;
beforeEach(() => Object.assign(mailbox, { code: 250, got: [] }));

let ranges = 0;
const range = () => {
  ranges += 1;
  const head = `W${String(ranges).padStart(3, "0")}`;
  return { of: (n: number) => `${head}-${n}`, from: `${head}-0`, to: `${head}-9` };
};
const order = (person: Person, ...names: string[]) =>
  kitchen.call(person.key, "PATCH", "/my/household", { channels: { order: names, quiet: null, perWeekMax: null } });
const goOut = async () => {
  await stage.tick();
  await kitchen.slices.engagement.tickLetters();
};
/** A minute later each time, several times: nothing may happen twice. */
const goOn = async () => {
  for (let n = 0; n < 3; n += 1) {
    kitchen.clock.forward(60_000);
    await goOut();
  }
};
const casesOf = async ({ householdId }: Person): Promise<string[]> => {
  const { rows } = await sql<{ title: string }>`
    SELECT title FROM service_case WHERE household_id = ${householdId} AND title LIKE 'Tell them%'`.execute(db);
  return rows.map(({ title }) => title);
};
const service = (title: string) => stage.message(title, { class: "service" });

test("a service letter that is refused for good goes to the display, then to a person, once; a promotion ends", async () => {
  const { of, from, to } = range();
  const person = await stage.household(of(1), ["market"], "refused@example.com");
  await order(person, "email", "display");
  const advert = await stage.run(stage.campaign([await stage.message("Roast")], from, to));
  mailbox.code = 550;
  await goOut();
  expect((await stage.read(advert)).funnel).toMatchObject({ queued: 1, ended: 1 });
  const id = await stage.run(stage.campaign([await service("Descale it")], from, to));
  await goOut();
  expect((await stage.decisionsOf(person))[0]).toMatchObject({ answer: "hold", reason: "way_failed" });
  await goOn();
  const [delivery, ...others] = await stage.inbox(of(1));
  expect([delivery.phase, others]).toEqual(["queued", []]);
  const [decided] = await stage.decisionsOf(person);
  expect(decided).toMatchObject({ answer: "send", channels: ["display"], ended: null });
  expect(decided.trace.tests.at(-1).with).toEqual({ tried: ["email:failed", "display:open"] });
  expect(await casesOf(person)).toEqual([]);
  // The display cannot show it either.
  await kitchen.say({
    device: of(1),
    channel: "receipts",
    payload: { deliveryId: delivery.id, attempt: 1, step: "rejected", reason: "unsupported" },
  });
  await goOn();
  expect(await casesOf(person)).toEqual(["Tell them: Descale it"]);
  expect((await stage.decisionsOf(person))[0]).toMatchObject({ answer: "human" });
  expect((await stage.read(id)).funnel).toMatchObject({ human: 1, queued: 0, sent: 0, ended: 0 });
  const explained = { householdId: person.householdId, itemId: decided.itemId };
  const { body } = await kitchen.as("support", "POST", "/decisions/explain", explained);
  expect(body.replay).toMatchObject({ same: true, answer: "human" });
  expect(body.before.map(({ answer }: { answer: string }) => answer)).toContain("send");
  expect((await stage.decisionsOf(person)).at(-1)).toMatchObject({ answer: "send", ended: "failed" });
});

test("a service letter that was taken and bounces goes on to the next way", async () => {
  const { of, from, to } = range();
  const person = await stage.household(of(1), [], "bounces@example.com");
  await order(person, "email", "display");
  await stage.run(stage.campaign([await service("Clean the filter")], from, to));
  await goOut();
  expect(mailbox.got).toHaveLength(1);
  const events = [{ kind: "bounce", address: "bounces@example.com", permanent: true }];
  await kitchen.as("support", "POST", "/mail-events", { events });
  await goOn();
  expect([(await stage.inbox(of(1))).length, mailbox.got.length, await casesOf(person)]).toEqual([1, 1, []]);
});

test("what nobody saw on the display before the campaign ended is a person's, and too late for a letter", async () => {
  const { of, from, to } = range();
  const person = await stage.household(of(1), [], "late@example.com");
  const seen = await stage.household(of(2), []);
  const id = await stage.run(
    stage.campaign([await service("We call on Monday")], from, to, { expiresAtMs: stage.nowMs + dayMs }),
  );
  await goOut();
  const [delivery] = await stage.inbox(of(2));
  await stage.receipt(of(2), delivery.id, "shown");
  kitchen.clock.forward(dayMs);
  await goOut();
  await kitchen.slices.deliveries.tick(stage.nowMs);
  await goOn();
  expect((await stage.read(id)).state).toBe("finished");
  expect([await casesOf(person), await casesOf(seen)]).toEqual([["Tell them: We call on Monday"], []]);
  expect(mailbox.got).toEqual([]);
});

test("a look that dies before its end leaves what did not arrive to the next one, which sends it once", async () => {
  const { of, from, to } = range();
  const person = await stage.household(of(1), [], "dies@example.com");
  await order(person, "email");
  await stage.run(stage.campaign([await service("Descale it")], from, to));
  mailbox.code = 550;
  await goOut();
  await sql`CREATE FUNCTION die() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RAISE EXCEPTION ''dead''; END'`.execute(
    db,
  );
  await sql`CREATE TRIGGER die BEFORE INSERT OR UPDATE ON decision FOR EACH ROW EXECUTE FUNCTION die()`.execute(db);
  await goOn();
  expect((await stage.decisionsOf(person))[0]).toMatchObject({ answer: "hold", reason: "way_failed" });
  expect(await stage.inbox(of(1))).toEqual([]);
  await sql`DROP TRIGGER die ON decision`.execute(db);
  await goOn();
  expect(await stage.inbox(of(1))).toHaveLength(1);
});

test("whom nothing but a person reaches is on the campaign's list and its export, also beyond the cases that it opens", async () => {
  const { of, from, to } = range();
  const people = [await stage.household(of(1), []), await stage.household(of(2), []), await stage.household(of(3), [])];
  const id = await stage.run(stage.campaign([await service("Steam only")], from, to));
  await goOut();
  // As if nothing had reached them from the beginning.
  await sql`UPDATE decision SET answer = 'human', channels = '{}' WHERE source = ${`campaign:${id}`}`.execute(db);
  const [first] = people;
  const reference = { kind: "shop_customer", value: "C-1" };
  await kitchen.as("support", "POST", `/households/${first?.householdId}/references`, reference);
  const page = async (query: string) => (await kitchen.as("viewer", "GET", `/campaigns/${id}/people?${query}`)).body;
  const begin = await page("limit=2");
  const rest = await page(`limit=2&cursor=${begin.nextCursor}`);
  const listed = [...begin.items, ...rest.items];
  expect(listed.map((row: { householdId: string }) => row.householdId)).toEqual(
    people.map(({ householdId }) => householdId).toSorted(),
  );
  expect(listed[0]).toMatchObject({ title: "Steam only", householdName: expect.any(String) });
  expect(rest.nextCursor).toBeNull();
  const csv = await kitchen.send("support", "GET", `/api/v1/campaigns/${id}/people.csv`);
  expect(String(csv.body).trim().split("\n")).toHaveLength(4);
  expect(String(csv.body)).toMatch(new RegExp(`^${first?.householdId},.*,Steam only,.*Z,shop_customer C-1$`, "m"));
  expect((await kitchen.as("viewer", "GET", `/campaigns/${id}/people.csv`)).status).toBe(403);
  const { items: log } = (await kitchen.as("admin", "GET", `/audit?limit=20`)).body;
  const said = log.filter((one: { subject: string }) => one.subject === `campaign:${id}`);
  expect(said.map((one: { action: string }) => one.action)).toEqual(
    expect.arrayContaining(["campaign.people_opened", "campaign.people_exported"]),
  );
});

/** A household that reads letters first, of people with these addresses, the first first. */
async function readers(serial: string, ...[first, ...others]: [string, ...string[]]): Promise<Person> {
  const person = await stage.household(serial, ["market"], first);
  for (const email of others)
    await sql`
      INSERT INTO household_member (id, household_id, name, email, role, created_at_ms)
      VALUES (${randomIds.next()}, ${person.householdId}, ${email}, ${email}, 'member', ${stage.nowMs})`.execute(db);
  await order(person, "email", "display");
  return person;
}
const bounce = (address: string) =>
  kitchen.as("support", "POST", "/mail-events", { events: [{ kind: "bounce", address, permanent: true }] });
const writtenTo = () => mailbox.got.map(({ to }) => to);

test("what must reach people goes to the household's next address before letters count as a way that failed; a promotion does not", async () => {
  const { of, from, to } = range();
  const person = await readers(of(1), "one@home.example", "two@home.example", "three@home.example");
  await stage.run(stage.campaign([await stage.message("Roast")], from, to));
  await goOut();
  expect(writtenTo()).toEqual(["one@home.example"]);
  const id = await stage.run(stage.campaign([await service("Clean the filter")], from, to));
  await goOut();
  await bounce("one@home.example");
  await goOn();
  expect(writtenTo()).toEqual(["one@home.example", "one@home.example", "two@home.example"]);
  expect(await stage.inbox(of(1))).toEqual([]);
  const [decided] = await stage.decisionsOf(person);
  expect(decided).toMatchObject({ title: "Clean the filter", answer: "send", channels: ["email"], ended: null });
  const explained = { householdId: person.householdId, itemId: decided.itemId };
  const { body } = await kitchen.as("support", "POST", "/decisions/explain", explained);
  expect(body.replay).toMatchObject({ same: true, answer: "send" });
  await bounce("two@home.example");
  await goOn();
  expect(writtenTo().slice(3)).toEqual(["three@home.example"]);
  await bounce("three@home.example");
  await goOn();
  expect([mailbox.got.length, (await stage.inbox(of(1))).length]).toEqual([4, 1]);
  expect((await stage.decisionsOf(person))[0].trace.tests.at(-1).with).toEqual({
    tried: ["email:failed", "display:open"],
  });
  expect((await stage.read(id)).funnel).toMatchObject({ queued: 1, ended: 0 });
  expect(await casesOf(person)).toEqual([]);
});

test("an address that refuses a letter at once has the next one tried; a mail server that takes none is no address, and the display shows it", async () => {
  const { of } = range();
  await readers(of(1), "no@home.example", "yes@home.example");
  await readers(of(2), "first@home.example", "second@home.example");
  await stage.run(stage.campaign([await service("Descale it")], of(1), of(1)));
  mailbox.code = 550;
  await goOut();
  mailbox.code = 250;
  await goOn();
  expect([writtenTo(), await stage.inbox(of(1))]).toEqual([["yes@home.example"], []]);
  await stage.run(stage.campaign([await service("Clean the door")], of(2), of(2)));
  mailbox.code = 451;
  await goOut();
  kitchen.clock.forward(3 * dayMs);
  await goOut();
  mailbox.code = 250;
  await goOn();
  expect(writtenTo()).not.toContain("second@home.example");
  expect((await stage.inbox(of(2))).map(({ label }: { label: string }) => label)).toEqual(["Clean the door"]);
});
