import { sql } from "kysely";
import { expect, test } from "vitest";
import { campaignKitchen, dayMs } from "../../test/support/campaign-kitchen.ts";
import { runCommand } from "../../test/support/command.ts";
import type { Person } from "../../test/support/kitchen.ts";
import { Retention, retentionLimits } from "./retention.ts";

// Letters are queued, and none is sent.
const mail = { url: "smtp://127.0.0.1:1", from: "hearth@maker.example" };
const { kitchen, stage } = await campaignKitchen({ notices: { mail, reach: "public" } });
let ranges = 0;

const range = () => {
  ranges += 1;
  const head = `R${String(ranges).padStart(3, "0")}`;
  return { of: (n: number) => `${head}-${n}`, from: `${head}-0`, to: `${head}-9` };
};
const trim = () => kitchen.slices.engagement.trim();
const rowsOf = async (table: string, column: string, value: string): Promise<number> => {
  const { rows } = await sql`SELECT 1 FROM ${sql.ref(table)} WHERE ${sql.ref(column)}::text = ${value}`.execute(
    kitchen.base.db,
  );
  return rows.length;
};
async function explainedBy(person: Person, item: string): Promise<string> {
  const api = await kitchen.app.listen({ host: "127.0.0.1", port: 0 });
  const args = ["cloud/cli/decide.ts", "--household", person.householdId, "--item", item, "--explain", "--api", api];
  const { code, output } = await runCommand(args, { HEARTH_KEY: kitchen.staffKey("support") });
  return `${code}: ${output}`;
}

/** In how many pages a decision's evidence is. */
async function evidenceOf(decisionId: string): Promise<number> {
  const { rows } = await sql<{ n: number }>`
    SELECT count(*)::int AS n FROM decision_context WHERE position(${decisionId} IN evidence) > 0`.execute(
    kitchen.base.db,
  );
  return rows[0]?.n ?? 0;
}

test("after 90 days it is no longer kept how something was decided, what was sent is, and `npm run decide` says so in words", async () => {
  const { of, from, to } = range();
  const [person, silent] = [await stage.household(of(1)), await stage.household(of(2), [])];
  const item = await stage.message("Long ago");
  const id = await stage.run(stage.campaign([item], from, to, { expiresAtMs: stage.nowMs + 300 * dayMs }));
  await stage.tick();
  kitchen.clock.forward(90 * dayMs - 1);
  await trim();
  expect((await stage.decisionsOf(person))[0].trace.tests).toHaveLength(8);
  kitchen.clock.forward(2);
  await trim();
  const [sent] = await stage.decisionsOf(person);
  expect(sent).toMatchObject({ answer: "send", trace: null, says: "Sent on the appliance's display." });
  const [kept] = await stage.decisionsOf(silent);
  expect(kept).toMatchObject({ trace: null, says: "Not sent: the household did not agree to marketing." });
  const said = { householdId: person.householdId, itemId: item };
  expect((await kitchen.as("support", "POST", "/decisions/explain", said)).body).toMatchObject({
    stored: { trace: null },
    replay: null,
    now: [{ campaign: { id }, isMember: true }],
  });
  const output = await explainedBy(person, item);
  expect(output).toMatch(
    /^0: .*Sent on the appliance's display\.\nHow it was decided is gone: that is kept for 90 days\.\n/,
  );
  const { rows } = await sql`
    SELECT 1 FROM decision_context c WHERE c.id IN (SELECT context_id FROM decision WHERE source = ${`campaign:${id}`})`.execute(
    kitchen.base.db,
  );
  expect(rows).toEqual([]);
  // Nothing goes out again.
  await stage.tick();
  expect(await stage.inbox(of(1))).toHaveLength(1);
  const mine = await kitchen.call(person.key, "GET", "/my/decisions");
  expect(mine.body.items).toMatchObject([{ title: "Long ago", trace: null }]);
});

test("what waits for longer than that keeps how it was decided, and goes out with it beside", async () => {
  const { of, from, to } = range();
  const person = await stage.household(of(1));
  const date = Temporal.Instant.fromEpochMilliseconds(stage.nowMs + 120 * dayMs)
    .toZonedDateTimeISO("Europe/Berlin")
    .toPlainDate();
  const schedule = { date: date.toString(), minute: 9 * 60 };
  const item = await stage.message("In four months");
  const plan = { schedule, expiresAtMs: stage.nowMs + 300 * dayMs };
  await stage.run(stage.campaign([item], from, to, plan));
  await stage.tick();
  kitchen.clock.forward(100 * dayMs);
  await trim();
  expect((await stage.decisionsOf(person))[0].trace.tests).toHaveLength(8);
  kitchen.clock.forward(22 * dayMs);
  await stage.tick();
  const said = { householdId: person.householdId, itemId: item };
  const { body } = await kitchen.as("support", "POST", "/decisions/explain", said);
  expect(body).toMatchObject({
    stored: { answer: "send" },
    replay: { same: true },
    before: [{ answer: "hold", reason: "not_yet" }],
  });
  kitchen.clock.forward(91 * dayMs);
  await trim();
  expect((await kitchen.as("support", "POST", "/decisions/explain", said)).body).toMatchObject({
    stored: { answer: "send", trace: null },
    before: [],
  });
});

test("who waits keeps how it was decided, and those who were decided about beside it do not", async () => {
  const { of, from, to } = range();
  const sleeps = await stage.household(of(1));
  const awake = await stage.household(of(2));
  const now = Temporal.Instant.fromEpochMilliseconds(stage.nowMs).toZonedDateTimeISO("Europe/Berlin");
  const quiet = { fromMinute: now.hour * 60, toMinute: ((now.hour + 2) % 24) * 60, meanwhile: "hold" };
  await kitchen.call(sleeps.key, "PATCH", "/my/household", {
    channels: { order: ["display"], quiet, perWeekMax: null },
  });
  const item = await stage.message("Side by side");
  await stage.run(stage.campaign([item], from, to, { expiresAtMs: stage.nowMs + 300 * dayMs }));
  await stage.tick();
  const [waits] = await stage.decisionsOf(sleeps);
  const [sent] = await stage.decisionsOf(awake);
  expect([waits.answer, sent.answer]).toEqual(["hold", "send"]);
  expect([await evidenceOf(waits.id), await evidenceOf(sent.id)]).toEqual([1, 1]);
  kitchen.clock.forward(91 * dayMs);
  await trim();
  expect((await stage.decisionsOf(sleeps))[0].trace.tests).toHaveLength(8);
  expect((await stage.decisionsOf(awake))[0].trace).toBeNull();
  expect([await evidenceOf(waits.id), await evidenceOf(sent.id)]).toEqual([1, 0]);
});

test("400 days after its end a campaign's households are forgotten and its figures stay; a recall's are not forgotten", async () => {
  const { of, from, to } = range();
  await stage.household(of(1));
  await stage.household(of(2), []);
  const id = await stage.run(stage.campaign([await stage.message("Gone by")], from, to));
  const recallId = await stage.run(stage.recall(await stage.message("Hinge", { class: "recall" }), from, to));
  await stage.tick();
  for (const one of [id, recallId]) await kitchen.as("content", "POST", `/campaigns/${one}/finish`);
  const before = (await stage.read(id)).funnel;
  expect(before).toMatchObject({ members: 2, decided: 2, suppressed: { no_consent: 1 } });
  kitchen.clock.forward(399 * dayMs);
  await trim();
  expect(await rowsOf("decision", "source", `campaign:${id}`)).toBe(2);
  kitchen.clock.forward(2 * dayMs);
  await trim();
  expect(await rowsOf("decision", "source", `campaign:${id}`)).toBe(0);
  expect(await rowsOf("campaign_member", "campaign_id", id)).toBe(0);
  expect((await stage.read(id)).funnel).toEqual(before);
  expect(await rowsOf("decision", "source", `campaign:${recallId}`)).toBe(2);
  expect(await rowsOf("campaign_appliance", "campaign_id", recallId)).toBe(2);
});

test("what hangs on decisions goes with them, and stays with those of others", async () => {
  const { of, from, to } = range();
  const gone = await stage.household(of(1), ["market"], "gone@example.com");
  const stays = await stage.household(of(2), ["market"], "stays@example.com");
  await stage.run(stage.recall(await stage.message("Hinges", { class: "recall" }), from, to));
  await stage.tick();
  const { db } = kitchen.base;
  await sql`
    INSERT INTO decision_past (decision_id, decided_at_ms, answer, context_id)
    SELECT id, 1, 'send', context_id FROM decision WHERE household_id IN (${gone.householdId}, ${stays.householdId})`.execute(
    db,
  );
  const parts = ["decision_past", "decision_delivery", "engagement_message"];
  const idsOf = async (person: Person) => {
    const { rows } = await sql<{
      id: string;
    }>`SELECT id FROM decision WHERE household_id = ${person.householdId}`.execute(db);
    return rows.map(({ id }) => id);
  };
  const left = async (ids: readonly string[]) => {
    const each = ids.flatMap((id) => [...parts.map((part) => rowsOf(part, "decision_id", id)), evidenceOf(id)]);
    return Promise.all(each);
  };
  const [theirs, others] = [await idsOf(gone), await idsOf(stays)];
  expect(await left(theirs)).toEqual([1, 1, 1, 1]);
  const decisions = kitchen.slices.engagement.householdData.find(({ name }) => name === "decisions");
  await db.transaction().execute((tx) => decisions!.erase(tx, gone.householdId));
  expect(await left(theirs)).toEqual([0, 0, 0, 0]);
  expect(await left(others)).toEqual([1, 1, 1, 1]);
});

test("a look removes no more than its pieces, and the next goes on where it ended", async () => {
  const { of, from, to } = range();
  for (let n = 0; n < 5; n += 1) await stage.household(of(n));
  const id = await stage.run(stage.campaign([await stage.message("Piece by piece")], from, to));
  await stage.tick();
  await kitchen.as("content", "POST", `/campaigns/${id}/finish`);
  kitchen.clock.forward(500 * dayMs);
  // What others left behind goes first.
  const left = async () => {
    const { rows } = await sql<{ n: number }>`
      SELECT (SELECT count(*) FROM decision WHERE source = ${`campaign:${id}`})::int
        + (SELECT count(*) FROM decision_context WHERE candidates @> ${JSON.stringify([{ source: `campaign:${id}` }])}::jsonb)::int AS n`.execute(
      kitchen.base.db,
    );
    return rows[0]?.n ?? 0;
  };
  const { db } = kitchen.base;
  const retention = new Retention({ db, clock: kitchen.clock }, { ...retentionLimits, rowsAtOnce: 2, piecesMax: 1 });
  let [before, looks] = [await left(), 0];
  expect(before).toBe(6);
  while (before > 0 && looks < 200) {
    await retention.tick();
    const now = await left();
    // Two decisions, and the page that they were of.
    expect(before - now).toBeLessThanOrEqual(3);
    before = now;
    looks += 1;
  }
  expect(before).toBe(0);
  expect(looks).toBeGreaterThan(2);
});
