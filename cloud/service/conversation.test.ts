import { sql } from "kysely";
import { afterAll, beforeAll, expect, test } from "vitest";
import { contentItem } from "#protocol/content.ts";
import { Kitchen, type Person } from "../../test/support/kitchen.ts";
import { questionsPerHourMax } from "./core/help.ts";
import { expectationOf, placesOf } from "./core/waiting.ts";

const hour = 3_600_000;
const day = 24 * hour;

let kitchen: Kitchen;

beforeAll(async () => {
  kitchen = await Kitchen.open();
});
afterAll(() => kitchen.close());

async function newHome(locale = "en"): Promise<Person & { oven: string }> {
  const home = await kitchen.newHome("talk");
  await kitchen.call(home.key, "PATCH", "/my/household", { locale });
  return home;
}

const tick = () => kitchen.slices.service.tickConversations();
const casesOf = async (person: Person) => (await kitchen.call(person.key, "GET", "/my/cases")).body.items;
const caseOf = async (person: Person, id: string) => (await kitchen.call(person.key, "GET", `/my/cases/${id}`)).body;
const fromOf = (one: { messages: { from: string }[] }) => one.messages.map(({ from }) => from);

/** What is on its way to a display, as the appliance would read it; oldest first. */
async function displayOf(oven: string) {
  const all = { deviceId: oven, kind: "message" as const, phase: null, beforeId: null, limit: 50 };
  const found = await kitchen.slices.deliveries.list(all);
  const whole = await Promise.all(found.toReversed().map(({ id }) => kitchen.slices.deliveries.get(id)));
  return whole.flatMap((one) => {
    const item = contentItem.safeParse(one?.body).data;
    return one === null || item?.kind !== "message" ? [] : [{ ...one.delivery, item }];
  });
}

async function ask(person: Person & { oven: string }, body: object = {}) {
  const { status, body: made } = await kitchen.call(person.key, "POST", `/my/devices/${person.oven}/help`, body);
  expect(status).toBe(201);
  return made;
}

test("what is asked at the appliance is a case of its household, and asked again it is the same case", async () => {
  const home = await newHome();
  await kitchen.event(home.oven, "help.requested", { topic: "cleaning", text: "How do I clean it?" }, { id: "h1" });
  await kitchen.event(home.oven, "help.requested", { topic: "cleaning", text: "How do I clean it?" }, { id: "h1" });
  await kitchen.event(home.oven, "help.requested", { text: "Anybody there?" });
  const [only, ...others] = await casesOf(home);
  expect(others).toEqual([]);
  expect(only).toMatchObject({ deviceId: home.oven, severity: "service", standing: { status: "open", ahead: 0 } });
  expect((await caseOf(home, only.id)).messages).toMatchObject([
    { from: "you", text: "How do I clean it?" },
    { from: "you", text: "Anybody there?" },
  ]);
});

test("whoever calls for help is heard also where the appliance garbles what they say, and floods drown nobody", async () => {
  const home = await newHome();
  await kitchen.event(home.oven, "help.requested", { topic: 7, code: "../..", text: ["x"], wantsHuman: "yes" });
  const [one] = await casesOf(home);
  expect((await caseOf(home, one.id)).messages).toMatchObject([{ from: "you", text: "Asks for help." }]);
  const flood = Array.from({ length: 500 }, (_, n) => ({
    device: home.oven,
    channel: "events" as const,
    payload: { id: `flood-${n}`, type: "help.requested", data: { text: `no ${n}` } },
  }));
  await kitchen.say(...flood);
  // Of one batch the last ones are heard, and of an hour no more than its bound.
  expect((await caseOf(home, one.id)).messages.at(-1)).toMatchObject({ text: "no 499" });
  for (let batch = 0; batch < questionsPerHourMax; batch += 1)
    await kitchen.event(home.oven, "help.requested", { text: `again ${batch}` });
  expect((await caseOf(home, one.id)).messages).toHaveLength(questionsPerHourMax);
  const refused = await kitchen.call(home.key, "POST", `/my/devices/${home.oven}/help`, {});
  expect(refused).toMatchObject({ status: 429, body: { code: "too_many_messages" } });
  kitchen.clock.forward(hour);
  expect((await kitchen.call(home.key, "POST", `/my/devices/${home.oven}/help`, {})).status).toBe(201);
});

test("a question joins the case that is open for the appliance", async () => {
  const home = await newHome();
  await kitchen.event(home.oven, "fault.raised", { code: "door_seal" });
  const { id } = await ask(home, { code: "door_seal" });
  const [only, ...others] = await casesOf(home);
  expect([only.id, others]).toEqual([id, []]);
  expect(only.title).toContain("door_seal");
});

test("a first answer comes from the help articles, in the household's language, marked as automatic; a person is one step away", async () => {
  const home = await newHome("de-AT");
  const { id } = await ask(home, { code: "no_water" });
  await tick();
  await tick();
  const answered = await caseOf(home, id);
  expect(fromOf(answered)).toEqual(["you", "automatic"]);
  expect(answered.standing).toMatchObject({ status: "waiting_for_owner", ahead: null });
  const [shown, ...others] = await displayOf(home.oven);
  expect(others).toEqual([]);
  expect(shown?.item).toMatchObject({ caseId: id, ask: "human", locale: "de", title: "Eine erste Antwort" });
  const before = (await kitchen.as("support", "GET", `/cases/${id}`)).body;
  expect(before.promise.answeredAtMs).not.toBeNull();
  kitchen.clock.forward(hour);
  await kitchen.call(home.key, "POST", `/my/cases/${id}/messages`, { wantsHuman: true });
  await tick();
  const after = (await kitchen.as("support", "GET", `/cases/${id}`)).body;
  expect(after).toMatchObject({ status: "waiting_for_staff", promise: { answeredAtMs: null } });
  expect(after.promise.firstAnswerDueAtMs).toBe(kitchen.clock.nowMs() + 8 * hour);
  expect(fromOf(await caseOf(home, id))).toEqual(["you", "automatic", "you", "automatic"]);
  expect((await caseOf(home, id)).messages.at(-1).text).toBe(
    "Ihre Nachricht ist angekommen. Ein Mensch wird antworten.",
  );
});

test("staff answer in the app and on the display; no name and no note of theirs reaches the owner", async () => {
  const home = await newHome();
  const { id } = await ask(home, { text: "It hums", wantsHuman: true });
  await kitchen.as("support", "POST", `/cases/${id}/notes`, { text: "INSIDE difficult customer" });
  await kitchen.as("support", "POST", `/cases/${id}/messages`, { text: "Please check the fan", waitsForOwner: true });
  const mine = await kitchen.call(home.key, "GET", `/my/cases/${id}`);
  expect(mine.body.messages).toMatchObject([
    { from: "you" },
    { from: "support", text: "Please check the fan", shownAtMs: null },
  ]);
  expect(mine.body.standing).toMatchObject({ status: "waiting_for_owner", answerByMs: null, solutionByMs: null });
  const timeline = await kitchen.call(home.key, "GET", `/devices/${home.oven}/timeline`);
  const seen = JSON.stringify([mine.body, timeline.body, await casesOf(home)]);
  for (const inside of ["INSIDE", "staff:", "support:"]) expect(seen).not.toContain(inside);
  const [display] = (await displayOf(home.oven)).slice(-1);
  expect(display).toMatchObject({ priority: 7, item: { text: "Please check the fan", caseId: id } });
  for (const step of ["stored", "shown"])
    await kitchen.say({
      device: home.oven,
      channel: "receipts",
      payload: { deliveryId: display?.id, attempt: 1, step },
    });
  expect((await caseOf(home, id)).messages[1].shownAtMs).toBe(kitchen.clock.nowMs());
  expect((await kitchen.as("support", "GET", `/cases/${id}/conversation`)).body.shown).toMatchObject([
    { shownAtMs: expect.any(Number) },
  ]);
});

test("another household sees nothing, and after a hand-over nobody does", async () => {
  const [home, other] = [await newHome(), await newHome()];
  const { id } = await ask(home, { text: "MINE" });
  for (const [method, path, body] of [
    ["GET", "", undefined],
    ["GET", "/stream", undefined],
    ["POST", "/messages", { text: "x" }],
    ["POST", "/feedback", { rating: 1 }],
    ["POST", "/alternative", { kind: "technician" }],
  ] as const)
    expect((await kitchen.call(other.key, method, `/my/cases/${id}${path}`, body)).status).toBe(404);
  expect((await kitchen.call(other.key, "POST", `/my/devices/${home.oven}/help`, {})).status).toBe(404);
  kitchen.clock.forward(hour);
  await kitchen.event(home.oven, "fault.raised", { code: "E9" });
  const stays = (await casesOf(home)).find((one: { title: string }) => one.title.includes("E9")).id;
  await kitchen.call(home.key, "POST", `/my/devices/${home.oven}/hand-over`);
  // Also while the appliance is nobody's: whoever stands before it then is not whom it is about.
  const between = await kitchen.as("support", "POST", `/cases/${stays}/messages`, { text: "for whom?" });
  expect(between.body.code).toBe("case_without_owner");
  const next = await kitchen.newOwner(home.oven, "Next");
  for (const person of [home, next]) {
    expect(await casesOf(person)).toEqual([]);
    expect((await kitchen.call(person.key, "GET", `/my/cases/${id}`)).status).toBe(404);
  }
  const answer = await kitchen.as("support", "POST", `/cases/${id}/messages`, { text: "for whom?" });
  expect(answer.body.code).toBe("case_without_owner");
  await tick();
  const open = (await displayOf(home.oven)).filter(({ phase }) => phase === "queued");
  expect(open).toEqual([]);
});

test("places are those of the queue, and what is expected is what was measured, or that too little was", async () => {
  const homes = [await newHome(), await newHome(), await newHome()];
  const ids = [];
  for (const home of homes) {
    ids.push((await ask(home, { wantsHuman: true })).id);
    kitchen.clock.forward(60_000);
  }
  const { rows } = await sql<{ id: string; severity: "service"; due: number; opened: number }>`
    SELECT id, severity, due_at_ms AS due, opened_at_ms AS opened FROM service_case
    WHERE status IN ('open', 'reopened', 'waiting_for_staff')`.execute(kitchen.base.db);
  const places = placesOf(rows.map((row) => ({ ...row, dueAtMs: row.due, openedAtMs: row.opened })));
  for (const [at, home] of homes.entries())
    expect((await caseOf(home, ids[at] ?? "")).standing.ahead).toBe(places.get(ids[at] ?? ""));
  const { expectedAnswer } = (await casesOf(homes[0] ?? (await newHome())))[0].standing;
  expect(expectedAnswer).toEqual({ basis: "too_few", sample: expect.any(Number) });
  const waited: number[] = [];
  for (let n = 1; n <= 25; n += 1) {
    const home = await newHome();
    const { id } = await ask(home, { wantsHuman: true });
    kitchen.clock.forward(n * 60_000);
    await kitchen.as("support", "POST", `/cases/${id}/messages`, { text: "Hello" });
    waited.push(n * 60_000);
  }
  kitchen.clock.forward(60_000);
  const told = (await caseOf(homes[1] ?? (await newHome()), ids[1] ?? "")).standing.expectedAnswer;
  const { rows: answered } = await sql<{ ms: number }>`
    SELECT answered_at_ms - known_at_ms AS ms FROM service_case WHERE answered_by LIKE 'staff:%'`.execute(
    kitchen.base.db,
  );
  expect(told).toMatchObject(expectationOf(answered.map(({ ms }) => ms)));
  expect(told.toMs - told.fromMs).toBe(told.p80Ms - told.p50Ms);
  expect(answered.length).toBeGreaterThanOrEqual(waited.length);
});

test("an owner hears before a promise is missed, once for each, and what they choose changes what is due", async () => {
  const [home, other] = [await newHome(), await newHome()];
  const { id } = await ask(home, { wantsHuman: true });
  const helped = await ask(other, { wantsHuman: true });
  await tick();
  const late = async () =>
    (await caseOf(home, id)).messages.filter((one: { alternatives: string[] }) => one.alternatives.length > 0);
  kitchen.clock.forward(6 * hour - 1);
  await tick();
  expect(await late()).toEqual([]);
  kitchen.clock.forward(1);
  await tick();
  await tick();
  expect(await late()).toMatchObject([{ from: "automatic", alternatives: ["call_back", "self_help", "technician"] }]);
  const promised = (await caseOf(home, id)).standing.answerByMs;
  expect(kitchen.clock.nowMs()).toBeLessThan(promised);
  const nowMs = kitchen.clock.nowMs();
  const choose = (body: object) => kitchen.call(home.key, "POST", `/my/cases/${id}/alternative`, body);
  const callBack = { kind: "call_back", phone: "+49 30 1234567", fromMs: nowMs + day, toMs: nowMs + day + hour };
  expect((await choose({ ...callBack, toMs: nowMs - 1 })).body.code).toBe("call_back_time_wrong");
  expect((await choose({ ...callBack, phone: "call me" })).status).toBe(400);
  expect((await choose(callBack)).body).toMatchObject({ chosen: "call_back", standing: { answerByMs: callBack.toMs } });
  const beside = await kitchen.as("support", "GET", `/cases/${id}/conversation`);
  expect(beside.body.alternative).toEqual(callBack);
  await kitchen.call(other.key, "POST", `/my/cases/${helped.id}/alternative`, { kind: "self_help" });
  await tick();
  expect(fromOf(await caseOf(other, helped.id)).at(-1)).toBe("automatic");
});

test("whom automation answered and who says nothing for three days was helped", async () => {
  const home = await newHome();
  const { id } = await ask(home, { code: "no_water" });
  await tick();
  kitchen.clock.forward(3 * day);
  await tick();
  expect((await kitchen.as("support", "GET", `/cases/${id}`)).body).toMatchObject({
    status: "resolved",
    resolvedBy: "automation",
  });
  const again = await kitchen.call(home.key, "POST", `/my/cases/${id}/messages`, { text: "Still no water" });
  expect(again.body.standing.status).not.toBe("resolved");
});

test("how it went is asked once after a case is closed, at most once a week, and counts once", async () => {
  const home = await newHome();
  const close = async (text: string, topic: string) => {
    const { id } = await ask(home, { text, topic, wantsHuman: true });
    await kitchen.as("support", "POST", `/cases/${id}/resolve`, { note: "done" });
    await tick();
    await tick();
    return id as string;
  };
  const asked = async () => (await displayOf(home.oven)).filter(({ item }) => item.ask === "feedback");
  const [first, second] = [await close("one", "cleaning"), await close("two", "connection")];
  expect((await asked()).map(({ item }) => item.caseId)).toEqual([first]);
  const other = await newHome();
  await kitchen.event(other.oven, "feedback.given", { caseId: first, rating: 1 });
  await kitchen.event(home.oven, "feedback.given", { caseId: first, rating: 9 });
  expect((await caseOf(home, first)).rating).toBeNull();
  await kitchen.event(home.oven, "feedback.given", { caseId: first, rating: 4 });
  await kitchen.event(home.oven, "feedback.given", { caseId: first, rating: 1 });
  expect((await caseOf(home, first)).rating).toBe(4);
  const rate = (id: string) => kitchen.call(home.key, "POST", `/my/cases/${id}/feedback`, { rating: 5 });
  expect((await rate(first)).body.code).toBe("feedback_given_already");
  expect((await rate(second)).body.rating).toBe(5);
  const { id: open } = await ask(home, { topic: "update" });
  expect((await rate(open)).body.code).toBe("my_case_not_closed");
  const week = (await kitchen.as("viewer", "GET", "/service/feedback?weeks=2")).body.items.at(-1);
  expect(week).toMatchObject({ given: 2, mean: 4.5, satisfiedShare: 1, counts: [0, 0, 0, 1, 1] });
  kitchen.clock.forward(7 * day);
  await kitchen.as("support", "POST", `/cases/${open}/resolve`, { note: "done" });
  await tick();
  expect((await asked()).map(({ item }) => item.caseId)).toEqual([first, open]);
});

test("a rating that is about no case is told as one, once, and one about a case is told as that", async () => {
  const home = await newHome();
  const payload = { id: "liked", type: "feedback.given", atMs: kitchen.clock.nowMs(), data: { rating: 2 } };
  for (let times = 0; times < 2; times += 1) await kitchen.say({ device: home.oven, channel: "events", payload });
  await kitchen.event(home.oven, "feedback.given", { rating: 9 });
  const { id } = await ask(home, { topic: "cleaning", wantsHuman: true });
  await kitchen.as("support", "POST", `/cases/${id}/resolve`, { note: "done" });
  await kitchen.event(home.oven, "feedback.given", { caseId: id, rating: 5 });
  const { rows } = await sql<{ type: string; subject: string; at_ms: number; data: object }>`
    SELECT type, subject, at_ms, data FROM outbox WHERE data ->> 'rating' IS NOT NULL
      AND data ->> 'householdId' = ${home.householdId} ORDER BY id`.execute(kitchen.base.db);
  const { householdId, oven: deviceId } = home;
  const by = `device:${deviceId}`;
  expect(rows).toMatchObject([
    {
      type: "hearth.feedback.given",
      subject: `household:${householdId}`,
      at_ms: payload.atMs,
      data: { householdId, deviceId, rating: 2, by },
    },
    { type: "hearth.case.rated", subject: `case:${id}`, data: { caseId: id, householdId, rating: 5, by } },
  ]);
  // An appliance that nobody has says it of itself.
  await kitchen.ovens("shown-1");
  await kitchen.event("shown-1", "feedback.given", { rating: 4 });
  const shown = await sql<{ data: object }>`
    SELECT data FROM outbox WHERE type = 'hearth.feedback.given' AND subject = 'device:shown-1'`.execute(
    kitchen.base.db,
  );
  expect(shown.rows).toMatchObject([{ data: { householdId: null, rating: 4 } }]);
});

test("what people wrote goes with their household, from every table", async () => {
  const home = await newHome();
  const { id } = await ask(home, { text: "SECRET-words", wantsHuman: true });
  await kitchen.event(home.oven, "help.requested", { text: "SECRET-at-the-oven" });
  await kitchen.as("support", "POST", `/cases/${id}/messages`, { text: "SECRET-answer" });
  const nowMs = kitchen.clock.nowMs();
  const callBack = {
    kind: "call_back",
    phone: "+49 999 SECRET".replace("SECRET", "777"),
    fromMs: nowMs,
    toMs: nowMs + hour,
  };
  await kitchen.call(home.key, "POST", `/my/cases/${id}/alternative`, callBack);
  expect((await kitchen.call(home.key, "DELETE", "/my/household")).status).toBe(200);
  const { rows } = await sql<{ name: string }>`SELECT table_name AS name FROM information_schema.tables
    WHERE table_schema = 'public' AND table_type = 'BASE TABLE'`.execute(kitchen.base.db);
  const texts = await Promise.all(
    rows.map(async ({ name }) =>
      JSON.stringify((await sql.raw(`SELECT t::text FROM "${name}" t`).execute(kitchen.base.db)).rows),
    ),
  );
  for (const [at, text] of texts.entries()) {
    expect([rows[at]?.name, text.includes("SECRET-")]).toEqual([rows[at]?.name, false]);
    expect([rows[at]?.name, text.includes("999 777")]).toEqual([rows[at]?.name, false]);
  }
});

test("what the appliance said that spoke for a cause goes with its household, from every trace", async () => {
  const home = await newHome();
  kitchen.clock.forward(1_000);
  const nowMs = kitchen.clock.nowMs();
  for (const [at, cavity_c] of [777.125, 777.25, 777.375].entries())
    await kitchen.say({
      device: home.oven,
      channel: "telemetry",
      payload: { atMs: nowMs + at * 20_000, m: { cavity_c } },
    });
  await kitchen.event(home.oven, "fault.raised", { code: "E1", said: "777.5" }, { id: "fault-777" });
  const { db } = kitchen.base;
  const tables = ["case_entry", "rule_firing", "case_evidence", "backtest_device", "incident_member"];
  const told = async () => {
    const found = await Promise.all(
      tables.map(async (table) => JSON.stringify((await sql.raw(`SELECT t::text FROM "${table}" t`).execute(db)).rows)),
    );
    return tables.filter((_table, at) => /777\.|fault-777/.test(found[at] ?? ""));
  };
  expect(await told()).toEqual(["case_entry", "rule_firing"]);
  expect((await kitchen.call(home.key, "DELETE", "/my/household")).status).toBe(200);
  expect(await told()).toEqual([]);
});

test("what somebody asked before they gave their appliance away, heard afterwards, touches nothing of the next household's", async () => {
  const before = await newHome();
  const askedAtMs = kitchen.clock.nowMs();
  kitchen.clock.forward(hour);
  expect((await kitchen.call(before.key, "POST", `/my/devices/${before.oven}/hand-over`)).status).toBe(204);
  kitchen.clock.forward(hour);
  const after = await kitchen.newOwner(before.oven);
  const { id } = await ask({ ...after, oven: before.oven }, { topic: "cleaning", text: "Mine" });
  const late = { id: "late-help", atMs: askedAtMs };
  await kitchen.event(before.oven, "help.requested", { topic: "cleaning", text: "Theirs" }, late);
  expect(await casesOf(after)).toMatchObject([{ id, standing: { status: "open" } }]);
  expect((await caseOf(after, id)).messages).toMatchObject([{ text: "Mine" }]);
  const open = (await kitchen.as("support", "GET", `/cases?device=${before.oven}`)).body.items;
  expect(open.map((one: { id: string }) => one.id)).toEqual([id]);
});

test("an answer that is sent again under its key is said once, in the case and on the display, and other words are refused", async () => {
  const home = await newHome();
  const { id } = await ask(home, { text: "It beeps" });
  const path = `/cases/${id}/messages`;
  const said = { text: "Press both keys.", waitsForOwner: true };
  const before = (await displayOf(home.oven)).length;
  const answers = await Promise.all([1, 2, 3].map(() => kitchen.once("support", "lost-answer", path, said)));
  expect(answers.map(({ status }) => status)).toEqual([204, 204, 204]);
  expect(await displayOf(home.oven)).toHaveLength(before + 1);
  const words = (await caseOf(home, id)).messages.filter(({ text }: { text: string }) => text === said.text);
  expect(words).toHaveLength(1);
  const other = await kitchen.once("support", "lost-answer", path, { text: "Another word" });
  expect([other.status, other.body.code]).toEqual([422, "idempotency_key_reused"]);
  // The same letters from somebody else, or about another case, are another key.
  expect((await kitchen.once("admin", "lost-answer", path, { text: "From the admin" })).status).toBe(204);
  expect(await displayOf(home.oven)).toHaveLength(before + 2);
});
