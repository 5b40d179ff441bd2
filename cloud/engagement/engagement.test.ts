import { sql } from "kysely";
import { expect, test } from "vitest";
import { campaignKitchen, dayMs } from "../../test/support/campaign-kitchen.ts";
import type { Person } from "../../test/support/kitchen.ts";
import { testNames } from "./core/decide.ts";
import { holdoutDraw } from "./core/holdout.ts";

const hour = 3_600_000;
const { kitchen, stage } = await campaignKitchen();
let households = 0;

/** A serial number of a range that no other test uses. */
const range = () => {
  households += 1;
  const head = `T${String(households).padStart(3, "0")}`;
  return { of: (n: number) => `${head}-${n}`, from: `${head}-0`, to: `${head}-9` };
};

test("a campaign is drafted by one, approved by another, and reaches whom it is for, with a trace of all eight tests", async () => {
  const { of, from, to } = range();
  const agreed = await stage.household(of(1));
  const silent = await stage.household(of(2), []);
  const item = await stage.message("Roast on Sunday");
  const body = stage.campaign([item], from, to);
  const { id } = (await kitchen.as("content", "POST", "/campaigns", body)).body;
  expect((await kitchen.as("content", "POST", `/campaigns/${id}/approve`)).body.code).toBe(
    "campaign_approver_is_author",
  );
  expect((await kitchen.as("content", "POST", `/campaigns/${id}/start`)).body.code).toBe("campaign_not_approved");
  expect((await kitchen.as("admin", "POST", `/campaigns/${id}/approve`)).body.state).toBe("approved");
  expect(await stage.tick()).toBe(0);
  expect((await kitchen.as("content", "POST", `/campaigns/${id}/start`)).body.state).toBe("running");
  expect(await stage.tick()).toBe(2);
  expect(await stage.tick()).toBe(0);
  const [sent] = await stage.decisionsOf(agreed);
  expect(sent).toMatchObject({ answer: "send", channels: ["display"], campaign: { id, name: "Sunday roasts" } });
  expect(sent.trace.tests.map(({ test: name }: { test: string }) => name)).toEqual(testNames);
  expect(sent.says).toBe("Sent on the appliance's display: you agreed to marketing.");
  expect(await stage.inbox(of(1))).toMatchObject([{ kind: "message", label: "Roast on Sunday", phase: "queued" }]);
  const [kept] = await stage.decisionsOf(silent);
  expect(kept).toMatchObject({ answer: "suppress", reason: "no_consent" });
  expect(kept.says).toBe("Not sent: the household did not agree to marketing.");
  expect(await stage.inbox(of(2))).toEqual([]);
});

test("the calendar has campaigns and recalls that are approved, go out or went out in its time, and no draft", async () => {
  const { from, to } = range();
  const nowMs = stage.nowMs;
  const item = await stage.message("Planned");
  const named = (name: string, more = {}) => stage.campaign([item], from, to, { name, ...more });
  const drafted = async (body: object) => (await kitchen.as("content", "POST", "/campaigns", body)).body.id as string;
  const draft = await drafted(named("Draft"));
  const approved = await drafted(named("Approved", { schedule: { date: "2099-01-01", minute: 540 } }));
  await kitchen.as("admin", "POST", `/campaigns/${approved}/approve`);
  const running = await stage.run(named("Running", { expiresAtMs: nowMs + 3 * dayMs }));
  const recall = await stage.run(stage.recall(await stage.message("Hinge", { class: "recall" }), from, to));
  const finished = await stage.run(named("Over"));
  await kitchen.as("admin", "POST", `/campaigns/${finished}/finish`);
  const never = await drafted(named("Never started"));
  for (const step of ["approve", "finish"]) await kitchen.as("admin", "POST", `/campaigns/${never}/${step}`);
  const all = [draft, approved, running, recall, finished, never];
  const seen = async (fromDays: number, toDays: number) => {
    const window = `from=${nowMs + fromDays * dayMs}&to=${nowMs + toDays * dayMs}`;
    const { items } = (await kitchen.as("viewer", "GET", `/campaigns/calendar?${window}`)).body;
    const ids = new Set(items.map(({ id }: { id: string }) => id));
    return all.filter((id) => ids.has(id));
  };
  expect(await seen(-1, 1)).toEqual([approved, running, recall, finished]);
  expect(await seen(1, 2)).toEqual([approved, running, recall]);
  expect(await seen(4, 29)).toEqual([approved, recall]);
  expect(await seen(31, 60)).toEqual([]);
  // What is approved has not begun; what runs began now.
  expect(await seen(-9, -8)).toEqual([approved]);
});

test("who wrote any of a campaign does not approve it, though somebody else changed it last", async () => {
  const { from, to } = range();
  const body = stage.campaign([await stage.message("Ours")], from, to);
  const { id } = (await kitchen.as("content", "POST", "/campaigns", body)).body;
  expect((await kitchen.as("admin", "PUT", `/campaigns/${id}`, { ...body, name: "Ours, too" })).status).toBe(200);
  for (const role of ["content", "admin"] as const)
    expect((await kitchen.as(role, "POST", `/campaigns/${id}/approve`)).body.code).toBe("campaign_approver_is_author");
  const third = (await kitchen.slices.staff.createKey({ kind: "system" }, "Third", "content")).secret;
  expect((await kitchen.call(third, "POST", `/campaigns/${id}/approve`)).body.state).toBe("approved");
  // What was approved was read: only who changes it from then on is an author of what is new.
  await kitchen.as("admin", "PUT", `/campaigns/${id}`, { ...body, name: "Ours, again" });
  expect((await kitchen.as("content", "POST", `/campaigns/${id}/approve`)).body.state).toBe("approved");
});

test("of two who change one campaign at once one is kept, and the other hears whose and when", async () => {
  const { from, to } = range();
  const body = stage.campaign([await stage.message("Twice")], from, to);
  let { id, editedAtMs } = (await kitchen.as("content", "POST", "/campaigns", body)).body;
  const put = (role: "content" | "admin", name: string) =>
    kitchen.as(role, "PUT", `/campaigns/${id}?basedOn=${editedAtMs}`, { ...body, name });
  for (let round = 0; round < 5; round += 1) {
    // The clock stands still: what was written last is still told from what was before.
    const answers = await Promise.all([put("content", `Ours ${round}`), put("admin", `Theirs ${round}`)]);
    const [kept, refused] = answers.toSorted((a, b) => a.status - b.status);
    expect([kept?.status, refused?.status]).toEqual([200, 409]);
    const { editedBy: by, editedAtMs: atMs } = kept?.body ?? {};
    expect(refused?.body).toMatchObject({ code: "changed_meanwhile", newest: { by, atMs } });
    editedAtMs = atMs;
  }
});

test("receipts and the appliance's own word move the funnel, and the goal is counted against who was held out", async () => {
  const { of, from, to } = range();
  const people = [await stage.household(of(1)), await stage.household(of(2)), await stage.household(of(3))];
  const item = await stage.message("Bread");
  const goal = { event: "program.finished", withinDays: 7 };
  const id = await stage.run(stage.campaign([item], from, to, { goal }));
  await stage.tick();
  const funnel = async () => (await stage.read(id)).funnel;
  expect(await funnel()).toMatchObject({
    members: 3,
    decided: 3,
    queued: 3,
    sent: 0,
    shown: 0,
    acted: 0,
    lift: { kind: "too_few" },
  });
  const [first] = await stage.inbox(of(1));
  const [second] = await stage.inbox(of(2));
  await kitchen.slices.deliveries.noteWritten(
    [first, second].map(({ id: one }) => ({ id: one, attempt: 1, atMs: stage.nowMs })),
  );
  expect(await funnel()).toMatchObject({ sent: 2, shown: 0 });
  await stage.receipt(of(1), first.id, "shown", "acted");
  await stage.receipt(of(2), second.id, "dismissed");
  expect(await funnel()).toMatchObject({ sent: 2, shown: 2, acted: 1, ended: 1 });
  await kitchen.event(of(3), "content.shown", { itemId: item });
  expect(await funnel()).toMatchObject({ shown: 3, acted: 1 });
  // Before it was assigned, and twice: it counts once and only from then on.
  await kitchen.event(of(2), "program.finished", {}, { atMs: stage.nowMs - dayMs });
  await kitchen.event(of(1), "program.finished");
  await kitchen.event(of(1), "program.finished");
  expect((await funnel()).arms).toEqual({
    treated: { households: 3, reached: 1 },
    held_out: { households: 0, reached: 0 },
  });
  expect(people).toHaveLength(3);
});

test("who is held out is assigned from the start, gets nothing, and its goals are counted all the same", async () => {
  await stage.policy({ holdoutShare: 0.15 });
  const { of, from, to } = range();
  const people = [];
  for (let n = 0; n < 10; n += 1) people.push(await stage.household(of(n)));
  const item = await stage.message("Cake");
  const id = await stage.run(stage.campaign([item], from, to, { goal: { event: "program.finished", withinDays: 7 } }));
  await stage.tick();
  const { rows } = await sql<{ household_id: string; arm: string; answer: string; reason: string | null }>`
    SELECT m.household_id, m.arm, d.answer, d.reason FROM campaign_member m JOIN decision d ON d.household_id = m.household_id
    AND d.source = ${`campaign:${id}`} WHERE m.campaign_id = ${id}`.execute(kitchen.base.db);
  expect(rows).toHaveLength(10);
  // The draw of SQL and that of the decision are one.
  for (const { arm, answer, reason } of rows)
    expect([answer, reason]).toEqual(arm === "held_out" ? ["suppress", "held_out"] : ["send", null]);
  await kitchen.say(
    ...Array.from({ length: 10 }, (_, n) => ({
      device: of(n),
      channel: "events" as const,
      payload: { id: `g${n}${of(n)}`, type: "program.finished", data: {} },
    })),
  );
  const { arms } = (await stage.read(id)).funnel;
  expect(arms.treated.reached + arms.held_out.reached).toBe(10);
  expect(arms.held_out.households).toBe(rows.filter(({ arm }) => arm === "held_out").length);
});

test("what quiet hours hold goes out at their end, decided anew, with what was decided before beside it", async () => {
  const { of, from, to } = range();
  const person = await stage.household(of(1));
  const minute = (offset: number) => {
    const at = Temporal.Instant.fromEpochMilliseconds(stage.nowMs + offset).toZonedDateTimeISO("Europe/Berlin");
    return at.hour * 60 + at.minute;
  };
  const quiet = { fromMinute: minute(-hour), toMinute: minute(2 * hour), meanwhile: "hold" };
  await kitchen.call(person.key, "PATCH", "/my/household", {
    channels: { order: ["display"], quiet, perWeekMax: null },
  });
  const item = await stage.message("Soup");
  await stage.run(stage.campaign([item], from, to));
  await stage.tick();
  const [held] = await stage.decisionsOf(person);
  expect(held).toMatchObject({ answer: "hold", reason: "quiet_hours" });
  kitchen.clock.forward(held.untilMs - stage.nowMs - 1);
  expect(await stage.tick()).toBe(0);
  kitchen.clock.forward(1);
  expect(await stage.tick()).toBe(1);
  const [sent] = await stage.decisionsOf(person);
  expect(sent).toMatchObject({ id: held.id, answer: "send" });
  const said = { householdId: person.householdId, itemId: item };
  const { body } = await kitchen.as("support", "POST", "/decisions/explain", said);
  expect(body.before).toMatchObject([{ answer: "hold", reason: "quiet_hours" }]);
  expect(body.replay).toEqual({ same: true, answer: "send", reason: null });
});

test("caps count a household over all campaigns, and the rest waits for its day", async () => {
  await stage.policy({ caps: [{ days: 1, max: 1, classes: ["promotional"] }] });
  const { of, from, to } = range();
  const person = await stage.household(of(1));
  for (const title of ["One", "Two", "Three"]) await stage.run(stage.campaign([await stage.message(title)], from, to));
  await stage.tick();
  for (let day = 1; day <= 3; day += 1) {
    const decided = await stage.decisionsOf(person);
    expect(decided.filter(({ answer }: { answer: string }) => answer === "send")).toHaveLength(day);
    kitchen.clock.forward(dayMs);
    await stage.tick();
  }
});

test("a campaign that is paused decides nothing, and one that ends lets what waits go no more", async () => {
  const { of, from, to } = range();
  const person = await stage.household(of(1));
  const date = Temporal.Instant.fromEpochMilliseconds(stage.nowMs + 3 * dayMs)
    .toZonedDateTimeISO("Europe/Berlin")
    .toPlainDate();
  const schedule = { date: date.toString(), minute: 9 * 60 };
  const id = await stage.run(stage.campaign([await stage.message("Later")], from, to, { schedule }));
  await stage.tick();
  const [held] = await stage.decisionsOf(person);
  expect(held).toMatchObject({
    answer: "hold",
    reason: "not_yet",
    untilMs: date.toZonedDateTime({ timeZone: "Europe/Berlin", plainTime: "09:00" }).epochMilliseconds,
  });
  await kitchen.as("content", "POST", `/campaigns/${id}/pause`);
  kitchen.clock.forward(4 * dayMs);
  expect(await stage.tick()).toBe(0);
  await kitchen.as("content", "POST", `/campaigns/${id}/finish`);
  expect((await stage.decisionsOf(person))[0]).toMatchObject({ answer: "suppress", reason: "campaign_finished" });
  expect((await kitchen.as("content", "POST", `/campaigns/${id}/resume`)).body.code).toBe("campaign_over");
});

test("a campaign ends by itself when it expires", async () => {
  const { of, from, to } = range();
  await stage.household(of(1));
  const id = await stage.run(
    stage.campaign([await stage.message("Short")], from, to, { expiresAtMs: stage.nowMs + hour }),
  );
  await stage.tick();
  kitchen.clock.forward(hour);
  await stage.tick();
  expect((await stage.read(id)).state).toBe("finished");
});

test("whoever takes the consent back is sent nothing that waits, and what is on its way is taken back", async () => {
  const { of, from, to } = range();
  const person = await stage.household(of(1));
  const id = await stage.run(stage.campaign([await stage.message("Offer")], from, to));
  await stage.tick();
  await stage.withdraw(person, "market");
  expect(await stage.inbox(of(1))).toMatchObject([{ phase: "cancelled" }]);
  expect((await stage.decisionsOf(person))[0]).toMatchObject({ answer: "send", ended: "cancelled" });
  const other = await stage.run(stage.campaign([await stage.message("Another")], from, to));
  await stage.tick();
  expect((await stage.read(other)).funnel.suppressed).toEqual({ no_consent: 1 });
  expect((await stage.read(id)).funnel).toMatchObject({ ended: 1 });
});

test("whoever turns away is sent nothing promotional that waits, and what is on its way is taken back", async () => {
  const { of, from, to } = range();
  const person = await stage.household(of(1));
  const other = await stage.household(of(2));
  await stage.run(stage.campaign([await stage.message("On its way")], from, to));
  await stage.tick();
  const later = new Date(stage.nowMs + 3 * dayMs).toISOString().slice(0, 10);
  const schedule = { date: later, minute: 600 };
  await stage.run(stage.campaign([await stage.message("Waits")], from, to, { schedule }));
  const filter = await stage.message("Filter", { class: "service" });
  await stage.run(stage.campaign([filter], from, to));
  await stage.tick();
  for (const code of ["F1", "F2"]) await kitchen.event(of(1), "fault.raised", { code });
  await kitchen.event(of(1), "feedback.given", { rating: 1 });
  expect((await stage.inbox(of(1))).map(({ label, phase }) => [label, phase])).toContainEqual(["Filter", "queued"]);
  expect((await stage.inbox(of(1))).map(({ label, phase }) => [label, phase])).toContainEqual([
    "On its way",
    "cancelled",
  ]);
  const said = await stage.decisionsOf(person);
  const about = (title: string) => said.find((one: { title: string }) => one.title === title);
  const says = "Taken back: the household has turned away, and is left in peace.";
  expect(about("On its way")).toMatchObject({ answer: "send", ended: "cancelled", says });
  expect(about("Waits")).toMatchObject({ answer: "suppress", says });
  expect(about("Filter")).toMatchObject({ answer: "send", ended: null });
  // Nobody else is left in peace for that.
  expect((await stage.inbox(of(2))).map(({ phase }) => phase)).not.toContain("cancelled");
  expect(await stage.decisionsOf(other)).toHaveLength(3);
});

test("who is told why reads what became of it: what was taken back or ran out was not simply sent", async () => {
  const { of, from, to } = range();
  const person = await stage.household(of(1));
  const says = async () => (await kitchen.call(person.key, "GET", "/my/decisions")).body.items[0].says;
  await stage.run(stage.campaign([await stage.message("Unseen")], from, to, { expiresAtMs: stage.nowMs + dayMs }));
  await stage.tick();
  const whole = "Sent on the appliance's display: you agreed to marketing.";
  expect(await says()).toBe(whole);
  kitchen.clock.forward(dayMs);
  await kitchen.slices.deliveries.tick(stage.nowMs);
  expect(await says()).toBe(`${whole} Nobody saw it in time.`);
  await stage.run(stage.campaign([await stage.message("Withdrawn")], from, to));
  await stage.tick();
  await stage.withdraw(person, "market");
  expect(await says()).toBe("Taken back: the household no longer agrees to marketing.");
});

test("a campaign offers only what can be offered: what is not there or over is refused, what ends meanwhile goes to nobody more", async () => {
  const { of, from, to } = range();
  const first = await stage.household(of(1));
  const second = await stage.household(of(2));
  const filter = { title: "Filter", article: "F-1", currency: "EUR", listPriceMinor: 2_000, floorMinor: 1_000 };
  const put = (more: object) => kitchen.as("content", "PUT", "/loyalty/offers/filter", { ...filter, ...more });
  const item = (offerKey: string | null) =>
    stage.item({ kind: "offer", offerKey, locales: { en: { title: "A filter", text: "Clean water." } } });
  const refusal = async (itemId: string) =>
    (await kitchen.as("content", "POST", "/campaigns", stage.campaign([itemId], from, to))).body.code;
  expect(await refusal(await item(null))).toBe("campaign_offer_not_made");
  expect(await refusal(await item("filter"))).toBe("campaign_offer_not_made");
  await put({ untilMs: stage.nowMs });
  expect(await refusal(await item("filter"))).toBe("campaign_offer_not_made");

  await put({ fromMs: stage.nowMs + dayMs, untilMs: stage.nowMs + 2 * dayMs });
  const id = await stage.run(stage.campaign([await item("filter")], from, of(1)));
  await stage.tick();
  expect(await stage.decisionsOf(first)).toEqual([]);
  kitchen.clock.forward(dayMs);
  await stage.tick();
  expect(await stage.inbox(of(1))).toMatchObject([{ kind: "offer", phase: "queued" }]);

  const rest = await stage.run(stage.campaign([await item("filter")], of(2), to));
  kitchen.clock.forward(dayMs);
  await stage.tick();
  expect(await stage.decisionsOf(second)).toEqual([]);
  expect((await stage.read(rest)).funnel).toMatchObject({ members: 1, decided: 0, queued: 0 });
  expect((await stage.read(id)).funnel).toMatchObject({ queued: 1 });
});

test("no campaign brings a recipe to an appliance whose limits it goes beyond", async () => {
  const { of, from, to } = range();
  const oven = (await kitchen.as("viewer", "GET", "/models/oven")).body;
  const programLimits = [{ program: "HotAir", setpoint_c_max: 180 }];
  const capabilities = { ...oven.capabilities, programLimits };
  await kitchen.as("admin", "PUT", "/models/gentle", { ...oven, key: "gentle", version: 1, capabilities });
  await kitchen.as("admin", "POST", "/devices/batch", { devices: [{ id: of(1), model: "gentle", serial: of(1) }] });
  const person = await kitchen.newOwner(of(1));
  const steps = [{ text: "Bake.", machine: { program: "HotAir", setpoint_c: 220 } }];
  const item = await stage.item({ kind: "recipe", locales: { en: { title: "Loaf", steps } } });
  const audience = { kind: "serials", model: "gentle", ranges: [{ from, to }] };
  await stage.run(stage.campaign([item], from, to, { audience }));
  await stage.tick();
  expect(await stage.inbox(of(1))).toEqual([]);
  const [decided] = await stage.decisionsOf(person);
  expect(decided.answer).not.toBe("send");
  expect(decided.trace.tests.at(-1)).toMatchObject({
    with: { tried: expect.arrayContaining(["display:does_not_fit"]) },
  });
});

test("habits and interests are kept of those alone who agreed, shape what they get, and go with the consent", async () => {
  const { of, from, to } = range();
  const advised = await stage.household(of(1), ["market", "personalise"]);
  const silent = await stage.household(of(2), ["market"]);
  const fish = await stage.message("Fish", { topics: ["fish"] });
  const meat = await stage.message("Meat", { topics: ["meat"] });
  for (const n of [1, 2]) {
    await kitchen.event(of(n), "program.started");
    await kitchen.event(of(n), "recipe.finished", { recipeId: fish });
  }
  const known = async () =>
    (
      await sql<{ household_id: string }>`
        SELECT household_id FROM household_interest WHERE household_id IN (${advised.householdId}, ${silent.householdId})
        UNION SELECT household_id FROM household_habit WHERE household_id IN (${advised.householdId}, ${silent.householdId})`.execute(
        kitchen.base.db,
      )
    ).rows.map((row) => row.household_id);
  expect(await known()).toEqual([advised.householdId]);
  await kitchen.slices.follow(kitchen.base.db, [
    {
      householdId: advised.householdId,
      source: "web:1",
      origin: "web",
      type: "recipe.saved",
      atMs: stage.nowMs,
      data: { recipeId: meat },
      device: null,
    },
  ]);
  await stage.run(stage.campaign([fish, meat], from, to));
  await stage.tick();
  const decided = await stage.decisionsOf(advised);
  const sent = decided.find(({ answer }: { answer: string }) => answer === "send");
  expect(sent).toMatchObject({ title: "Meat" });
  expect(sent.trace.terms).toContainEqual({ from: "intent", term: "saved", points: 3, about: `item:${meat}` });
  expect(decided.find(({ title }: { title: string }) => title === "Fish")).toMatchObject({
    answer: "suppress",
    reason: "another_suits_better",
  });
  for (const one of await stage.decisionsOf(silent))
    expect(one.trace.terms.filter(({ from: why }: { from: string }) => why !== "context")).toEqual([]);
  const why = async () =>
    (await kitchen.call(advised.key, "GET", "/my/decisions")).body.items.find(
      ({ answer }: { answer: string }) => answer === "send",
    ).why;
  const basis = "Your household agreed to offers and ideas.";
  const told = await why();
  expect([told.startsWith(`${basis} You `), told.length > basis.length]).toEqual([true, true]);
  await stage.withdraw(advised, "personalise");
  expect(await known()).toEqual([]);
  expect(await why()).toBe(basis);
});

test("support reads in the timelines what was looked at, by its name", async () => {
  const { of } = range();
  const person = await stage.household(of(1));
  const itemId = await stage.message("Bread with seeds");
  await kitchen.event(of(1), "content.shown", { itemId });
  await kitchen.event(of(1), "content.shown", { itemId: "of-another-time" });
  for (const url of [`/households/${person.householdId}/timeline`, `/devices/${of(1)}/timeline`]) {
    const titles = (await kitchen.as("support", "GET", url)).body.items.map(({ title }: { title: string }) => title);
    expect(titles).toEqual(
      expect.arrayContaining(["Content shown: Bread with seeds", "Content shown: of-another-time"]),
    );
  }
});

test("the owner reads why they got it and why not, and nobody else's", async () => {
  const { of, from, to } = range();
  const person = await stage.household(of(1));
  const other = await stage.household(of(2), []);
  await stage.run(stage.campaign([await stage.message("Why")], from, to));
  await stage.tick();
  const mine = await kitchen.call(person.key, "GET", "/my/decisions");
  expect(mine.body.items).toMatchObject([
    { title: "Why", answer: "send", why: "Your household agreed to offers and ideas." },
  ]);
  await kitchen.call(person.key, "PATCH", "/my/household", { locale: "de-AT" });
  expect((await kitchen.call(person.key, "GET", "/my/decisions")).body.items[0].why).toBe(
    "Ihr Haushalt hat Angeboten und Ideen zugestimmt.",
  );
  expect(mine.body.items[0]).not.toHaveProperty("campaign");
  const theirs = await kitchen.call(other.key, "GET", "/my/decisions");
  expect(theirs.body.items).toMatchObject([{ title: "Why", answer: "suppress", why: null }]);
});

test("an estimate says who would get it and who would not and why, and stores nothing", async () => {
  const { of, from, to } = range();
  await stage.household(of(1));
  const wantsNone = await stage.household(of(2));
  await stage.household(of(3), []);
  await kitchen.call(wantsNone.key, "PATCH", "/my/household", {
    channels: { order: ["display"], quiet: null, perWeekMax: 0 },
  });
  const item = await stage.message("Maybe");
  const { body } = await kitchen.as("content", "POST", "/campaigns/estimate", stage.campaign([item], from, to));
  expect(body).toEqual({
    households: 3,
    looked: 3,
    send: { display: 1 },
    waiting: {},
    suppressed: { wants_none: 1, no_consent: 1 },
    human: 0,
    appliances: null,
    neverRegistered: null,
  });
  expect(await stage.decisionsOf(wantsNone)).toEqual([]);
});

test("two at once, or one that was killed in the middle, decide about nobody twice", async () => {
  const { of, from, to } = range();
  for (let n = 0; n < 5; n += 1) await stage.household(of(n));
  const id = await stage.run(stage.campaign([await stage.message("Once")], from, to));
  const [a, b] = await Promise.all([stage.tick(), stage.tick()]);
  expect(a + b).toBe(5);
  // A cursor that was lost starts from the beginning.
  await sql`UPDATE campaign SET after_household = NULL WHERE id = ${id}`.execute(kitchen.base.db);
  expect(await stage.tick()).toBe(0);
  for (let n = 0; n < 5; n += 1) expect(await stage.inbox(of(n))).toHaveLength(1);
});

test("nothing but a person reaches them: a service message opens a case, once", async () => {
  const { of, from, to } = range();
  const person = await stage.household(of(1), []);
  await kitchen.as("admin", "PUT", "/models/plain", {
    ...(await kitchen.as("viewer", "GET", "/models/oven")).body,
    key: "plain",
  });
  const item = await stage.message("Filter", { class: "service", models: ["plain"] });
  await stage.run(stage.campaign([item], from, to));
  await stage.tick();
  expect((await stage.decisionsOf(person))[0]).toMatchObject({ answer: "human" });
  const { body } = await kitchen.as("support", "GET", `/cases/queue?household=${person.householdId}`);
  expect(body.items).toMatchObject([{ title: "Tell them: Filter" }]);
});

test("an erasure takes decisions, habits and membership with it", async () => {
  const { of, from, to } = range();
  const person = await stage.household(of(1), ["market", "personalise"]);
  await kitchen.event(of(1), "program.started");
  await kitchen.call(person.key, "PUT", "/my/topics", { topics: ["bread"] });
  await stage.run(stage.campaign([await stage.message("Gone")], from, to));
  await stage.tick();
  const { householdId } = person;
  for (const data of kitchen.slices.engagement.householdData) {
    const found = [];
    for await (const row of data.rows(kitchen.base.db, householdId)) found.push(row);
    expect([data.name, found.length > 0]).toEqual([data.name, data.name !== "interests"]);
  }
  await kitchen.base.db.transaction().execute(async (tx) => {
    for (const data of kitchen.slices.engagement.householdData) await data.erase(tx, householdId);
  });
  for (const table of [
    "decision",
    "campaign_member",
    "household_habit",
    "household_interest",
    "household_topic",
    "campaign_appliance",
  ]) {
    const { rows } = await sql`SELECT 1 FROM ${sql.ref(table)} WHERE household_id = ${householdId}`.execute(
      kitchen.base.db,
    );
    expect([table, rows]).toEqual([table, []]);
  }
});

test.each([
  [{ expiresAtMs: 1_000_000_000_000 }, 422, "campaign_expired"],
  [
    { audience: { kind: "segment", segmentId: "018f0000-0000-7000-8000-000000000001" } },
    422,
    "campaign_segment_not_found",
  ],
  [
    { audience: { kind: "serials", model: "no-such", ranges: [{ from: "A", to: "B" }] } },
    422,
    "campaign_model_unknown",
  ],
  [{ itemIds: ["018f0000-0000-7000-8000-000000000001"] }, 422, "campaign_item_not_sendable"],
  [{ itemIds: [] }, 400, "invalid_request"],
])("a campaign that cannot be is refused by name: %o", async (change, status, code) => {
  const item = await stage.message("Refused");
  const answer = await kitchen.as("content", "POST", "/campaigns", { ...stage.campaign([item], "A", "B"), ...change });
  expect([answer.status, answer.body.code]).toEqual([status, code]);
});

test("a campaign is for any segment by its name, and the segment then says what uses it", async () => {
  const segment = { kind: "segment", segmentId: "quiet-three-weeks" };
  const item = await stage.message("Come back");
  const draft = { ...stage.campaign([item], "A", "B"), audience: segment };
  const made = await kitchen.as("content", "POST", "/campaigns", draft);
  expect([made.status, made.body.definition?.audience]).toEqual([201, segment]);
  const found = await kitchen.as("content", "GET", "/segments/quiet-three-weeks");
  expect(found.body.usedBy).toEqual([{ kind: "campaign", id: made.body.id, name: made.body.definition.name }]);
});

test("of several items a household counts once in the funnel, by the best that happened to it", async () => {
  const { of, from, to } = range();
  await stage.household(of(1), ["market"]);
  await stage.household(of(2), []);
  const items = [await stage.message("Either"), await stage.message("Or")];
  const id = await stage.run(stage.campaign(items, from, to));
  await stage.tick();
  const { funnel } = await stage.read(id);
  expect(funnel).toMatchObject({ members: 2, decided: 2, queued: 1, waiting: {}, suppressed: { no_consent: 1 } });
});

test("a campaign that runs over a quarter's end keeps the draw of the quarter in which it took a household in; a new one draws anew", async () => {
  await stage.policy({ holdoutShare: 0.15 });
  const { of, from, to } = range();
  const people = [];
  for (let n = 0; n < 8; n += 1) people.push(await stage.household(of(n)));
  const item = await stage.message("Cake");
  const ends = Temporal.Instant.fromEpochMilliseconds(stage.nowMs).toZonedDateTimeISO("UTC");
  const next = ends
    .with({ month: Math.ceil(ends.month / 3) * 3, day: 1 })
    .add({ months: 1 })
    .startOfDay();
  // It waits for a day of the next quarter.
  const schedule = { date: next.add({ days: 2 }).toPlainDate().toString(), minute: 720 };
  const expiresAtMs = next.epochMilliseconds + 30 * dayMs;
  const id = await stage.run(stage.campaign([item], from, to, { schedule, expiresAtMs }));
  await stage.tick();
  const arms = async (campaign: string) => {
    const { rows } = await sql<{ household_id: string; arm: string; answer: string }>`
      SELECT m.household_id, m.arm, d.answer FROM campaign_member m JOIN decision d ON d.household_id = m.household_id
      AND d.source = 'campaign:' || m.campaign_id WHERE m.campaign_id = ${campaign} ORDER BY 1`.execute(
      kitchen.base.db,
    );
    return rows;
  };
  // Whatever the draw of the next quarter says, one alone is held out, as is recorded.
  const [out] = people;
  if (out === undefined) throw new Error("there are eight");
  await sql`UPDATE campaign_member SET arm = CASE WHEN household_id = ${out.householdId} THEN 'held_out' ELSE 'treated' END
    WHERE campaign_id = ${id}`.execute(kitchen.base.db);
  await sql`UPDATE decision SET answer = 'hold', reason = 'not_yet', until_ms = 0 WHERE source = ${`campaign:${id}`}`.execute(
    kitchen.base.db,
  );
  kitchen.clock.forward(next.epochMilliseconds + 3 * dayMs - stage.nowMs);
  await stage.tick();
  const after = await arms(id);
  expect(after).toHaveLength(8);
  for (const { household_id: one, arm, answer } of after)
    expect([one, arm, answer]).toEqual(
      one === out.householdId ? [one, "held_out", "suppress"] : [one, "treated", "send"],
    );
  // What would be sent now is told by the same draw, and a new campaign draws in its own quarter.
  const fresh = await stage.run(stage.campaign([await stage.message("Pie")], from, to, { expiresAtMs }));
  await stage.tick();
  const quarter = `${next.year}-Q${Math.ceil(next.month / 3)}`;
  for (const { household_id: one, arm } of await arms(fresh))
    expect(arm).toBe(holdoutDraw(quarter, one) < 0.15 ? "held_out" : "treated");
});

test("what is more important goes first, whichever campaign is older: by class, then by priority, and the rest is held by its cap", async () => {
  await stage.policy({ caps: [{ days: 1, max: 1, classes: ["promotional", "loyalty_status"] }] });
  const [first, second] = [await stage.household("PRIO1-1"), await stage.household("PRIO2-1")];
  const run = async (title: string, head: string, priority: number, more: Record<string, unknown> = {}) =>
    stage.run(stage.campaign([await stage.message(title, more)], `${head}-0`, `${head}-9`, { priority }));
  await run("Less", "PRIO1", 1);
  await run("More", "PRIO1", 9);
  await run("Advert", "PRIO2", 9);
  await run("Points", "PRIO2", 0, { class: "loyalty_status" });
  await stage.tick();
  const answers = async (person: Person) =>
    Object.fromEntries(
      (await stage.decisionsOf(person)).map((one: { title: string; answer: string; reason: string | null }) => [
        one.title,
        one.reason ?? one.answer,
      ]),
    );
  expect(await answers(first)).toEqual({ More: "send", Less: "capped" });
  expect(await answers(second)).toEqual({ Points: "send", Advert: "capped" });
});
