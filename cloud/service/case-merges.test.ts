import { randomUUID } from "node:crypto";
import fc from "fast-check";
import { sql } from "kysely";
import { afterAll, beforeAll, expect, test } from "vitest";
import { Kitchen } from "../../test/support/kitchen.ts";

let kitchen: Kitchen;
let made = 0;
const hour = 3_600_000;

beforeAll(async () => {
  kitchen = await Kitchen.open();
});
afterAll(() => kitchen.close());

interface Line {
  sequence: number;
  kind: string;
  text: string | null;
  fromCaseId: string | null;
}

const texts = (entries: readonly Line[]) => entries.flatMap(({ kind, text }) => (kind === "note" ? [text] : []));
const get = async (path: string) => (await kitchen.as("support", "GET", path)).body;
const post = (path: string, body: object = {}) => kitchen.as("support", "POST", path, body);
const merge = (from: string, into: string) => post(`/cases/${from}/merge`, { into });
const unmerge = (id: string) => post(`/cases/${id}/unmerge`);
/** What follows is later. */
const event = async (device: string, type: string, code: string) => {
  await kitchen.event(device, type, { code });
  kitchen.clock.forward(1_000);
};
const raise = (device: string, code: string) => event(device, "fault.raised", code);
const clear = (device: string, code: string) => event(device, "fault.cleared", code);

const newHome = () => kitchen.newHome("merge");
const byHand = async (of: { deviceId: string } | { householdId: string }, more: object = {}): Promise<string> => {
  const title = `Case ${(made += 1)}`;
  const { body } = await post("/cases", { ...of, severity: "service", cause: `cause_${made}`, title, ...more });
  return body.id;
};
/** An open case of an appliance, by its cause. */
const open = async (device: string, cause: string) =>
  (await get(`/cases/queue?device=${device}&cause=${cause}`)).items[0];
const factsOf = async (caseId: string) =>
  (
    await sql<{ type: string; data: Record<string, unknown> }>`
      SELECT type, data FROM outbox WHERE subject = ${`case:${caseId}`} ORDER BY id`.execute(kitchen.base.db)
  ).rows;

const owed = async (id: string) => {
  const { severity, promise, escalatedTo, assignee } = await get(`/cases/${id}`);
  return { severity, promise, escalatedTo, assignee };
};
const toldTypes = async (id: string) => (await factsOf(id)).map(({ type }) => type);
const dueOf = async (id: string): Promise<number> => (await get(`/cases/${id}`)).promise.firstAnswerDueAtMs;

test("two cases that are one matter are one: what was said, noted and shown in both is read in the one that stays", async () => {
  const home = await newHome();
  await raise(home.oven, "no_water");
  const stays = (await open(home.oven, "fault:no_water")).id as string;
  const asked = (await kitchen.call(home.key, "POST", "/my/help", { text: "It says no water" })).body.id as string;
  await post(`/cases/${asked}/notes`, { text: "They sound upset" });
  await post(`/cases/${stays}/notes`, { text: "Seen before" });
  const before = await get(`/cases/${asked}`);
  const merged = await merge(asked, stays);
  expect(merged.status).toBe(200);
  const lines: Line[] = merged.body.entries;
  expect(lines.map(({ kind, fromCaseId }) => [kind, fromCaseId === asked])).toEqual([
    ["opened", false],
    ["opened", true],
    ["message_from_owner", true],
    ["note", true],
    ["note", false],
    ["merged", false],
  ]);
  // Its own promises have ended, and none of them waits for anybody.
  const gone = await get(`/cases/${asked}`);
  expect(gone).toMatchObject({
    status: "merged",
    mergedInto: stays,
    promise: { dueAtMs: null, escalatesAtMs: null },
    entries: [{ kind: "merged", data: { into: stays } }],
  });
  expect((await get(`/cases/${stays}`)).merged).toMatchObject([{ id: asked, title: before.title }]);
  expect((await get("/cases/queue?limit=500")).items.map(({ id }: { id: string }) => id)).not.toContain(asked);
  // The owner hears one voice, under either id.
  const mine = (await kitchen.call(home.key, "GET", "/my/cases")).body.items;
  expect(mine.map(({ id }: { id: string }) => id)).toEqual([stays]);
  const seen = (await kitchen.call(home.key, "GET", `/my/cases/${asked}`)).body;
  expect(seen).toMatchObject({ id: stays, messages: [{ from: "you", text: "It says no water" }] });
  expect(JSON.stringify(seen)).not.toContain("upset");
  await kitchen.call(home.key, "POST", `/my/cases/${asked}/messages`, { text: "Still there?" });
  expect((await get(`/cases/${stays}`)).entries.at(-1)).toMatchObject({ text: "Still there?", fromCaseId: null });
  // The world hears of it, and the audit log keeps it.
  const facts = await factsOf(asked);
  expect(facts.at(-1)).toMatchObject({ type: "hearth.case.merged", data: { into: stays } });
  const { rows } = await sql<{ action: string; after_json: string }>`
    SELECT action, after_json FROM audit_entry WHERE subject = ${`case:${asked}`} ORDER BY sequence DESC LIMIT 1`.execute(
    kitchen.base.db,
  );
  expect(rows.map(({ action, after_json }) => [action, JSON.parse(after_json)])).toEqual([
    ["case.merged", { into: stays }],
  ]);
});

test("what makes no sense is refused by name, and what is merged is worked on nowhere but where it is", async () => {
  const [home, other] = [await newHome(), await newHome()];
  const first = await byHand({ deviceId: home.oven });
  const second = await byHand({ deviceId: home.oven });
  const theirs = await byHand({ deviceId: other.oven });
  const alone = await byHand({ householdId: home.householdId });
  const code = async (from: string, into: string) => (await merge(from, into)).body.code;
  expect(await code(first, first)).toBe("case_merge_itself");
  expect(await code(first, theirs)).toBe("case_merge_other_household");
  expect(await code(first, alone)).toBe("case_merge_loses_appliance");
  expect(await code(first, randomUUID())).toBe("case_merge_target_unknown");
  expect(await code(randomUUID(), first)).toBe("case_not_found");
  expect((await unmerge(first)).body.code).toBe("case_not_merged");
  await kitchen.ovens(`second-${home.oven}`);
  await kitchen.call(home.key, "POST", "/my/pair", { code: await kitchen.showCode(`second-${home.oven}`) });
  const elsewhere = await byHand({ deviceId: `second-${home.oven}` });
  expect((await get(`/cases/${elsewhere}`)).householdId).toBe(home.householdId);
  expect(await code(first, elsewhere)).toBe("case_merge_other_appliance");
  const targets = (await get(`/cases/${first}/merge-targets`)).items.map(({ id }: { id: string }) => id);
  expect(targets).toEqual([second]);
  expect((await merge(first, second)).status).toBe(200);
  expect(await code(first, second)).toBe("case_merged");
  expect(await code(alone, first)).toBe("case_merge_target_merged");
  for (const [path, body] of [
    ["notes", { text: "x" }],
    ["messages", { text: "x" }],
    ["take", {}],
    ["resolve", { note: "x" }],
    ["diagnoses", { kind: "self_test" }],
  ] as const) {
    const answer = await post(`/cases/${first}/${path}`, body);
    expect([path, answer.body.code, answer.body.detail]).toEqual([path, "case_merged", `It went into case ${second}.`]);
  }
  await post(`/cases/${alone}/resolve`, { note: "Done" });
  expect(await code(alone, second)).toBe("case_already_resolved");
  expect(await code(second, alone)).toBe("case_merge_target_resolved");
});

test("what an owner wrote is theirs to read also where it went into what staff had begun for a reason of their own", async () => {
  const home = await newHome();
  const wanted = {
    device: null,
    severity: "service",
    title: "SECRETLY leaving",
    note: null,
    dedupeKey: "at_risk",
  } as const;
  const { caseId } = await kitchen.base.db
    .transaction()
    .execute((tx) =>
      kitchen.slices.service.openFor(
        tx,
        { householdId: home.householdId, ...wanted },
        { kind: "service", name: "lifecycle" },
      ),
    );
  const { id } = (await kitchen.call(home.key, "POST", "/my/help", { text: "A question" })).body;
  await post(`/cases/${id}/take`);
  // Who works on it goes along where nobody works on the other one.
  expect((await merge(id, caseId)).body.assignee).toMatch(/^staff:/);
  const seen = (await kitchen.call(home.key, "GET", `/my/cases/${id}`)).body;
  expect(seen).toMatchObject({ id: caseId, messages: [{ text: "A question" }] });
  expect(JSON.stringify(seen)).not.toContain("SECRETLY");
});

test("nobody waits longer because cases were merged: the graver severity and what was promised sooner hold", async () => {
  const home = await newHome();
  const early = await byHand({ deviceId: home.oven }, { severity: "safety" });
  const { promise } = await get(`/cases/${early}`);
  kitchen.clock.forward(hour / 2);
  const late = await byHand({ deviceId: home.oven }, { severity: "info" });
  expect((await merge(early, late)).body).toMatchObject({
    severity: "safety",
    promise: { firstAnswerDueAtMs: promise.firstAnswerDueAtMs, resolveDueAtMs: promise.resolveDueAtMs },
  });
  // Where the other was answered, the question that nobody answered is told to staff all the same.
  const answered = (await kitchen.call(home.key, "POST", "/my/help", { text: "First" })).body.id;
  await post(`/cases/${answered}/messages`, { text: "An answer" });
  const waits = await byHand({ householdId: home.householdId });
  await post(`/cases/${answered}/notes`, { text: "x", status: "waiting_for_owner" });
  await kitchen.call(home.key, "POST", `/my/cases/${answered}/messages`, { text: "It did not help" });
  await post(`/cases/${waits}/messages`, { text: "How are you?" });
  await merge(answered, waits);
  kitchen.clock.forward(9 * hour);
  await kitchen.slices.service.tickConversations();
  const told = await factsOf(waits);
  expect(told.map(({ type }) => type)).toContain("hearth.case.owner_waits");
  expect((await factsOf(answered)).map(({ type }) => type)).not.toContain("hearth.case.owner_waits");
});

test("what a case took over of the other's promises goes back with it, and each is owed what it was owed before", async () => {
  const home = await newHome();
  const early = await byHand({ deviceId: home.oven }, { severity: "safety" });
  await post(`/cases/${early}/take`);
  kitchen.clock.forward(hour / 2);
  const late = await byHand({ deviceId: home.oven }, { severity: "info" });
  const before = [await owed(early), await owed(late)];
  const together = (await merge(early, late)).body;
  expect(together).toMatchObject({
    severity: "safety",
    assignee: before[0]?.assignee,
    promise: { dueAtMs: before[0]?.promise.dueAtMs },
  });
  kitchen.clock.forward(hour);
  await kitchen.slices.service.tick();
  expect((await owed(late)).promise.level).toBeGreaterThan(0);
  expect((await unmerge(early)).status).toBe(200);
  expect(await owed(late)).toEqual(before[1]);
  // It is owed what it was owed: nobody waits longer for having been taken for another.
  expect(await owed(early)).toMatchObject({ severity: "safety", promise: { dueAtMs: before[0]?.promise.dueAtMs } });
  // An answer that an owner waits for is owed where their words are.
  const asked = (await kitchen.call(home.key, "POST", "/my/help", { text: "First" })).body.id;
  await post(`/cases/${asked}/messages`, { text: "An answer" });
  const other = await byHand({ householdId: home.householdId });
  await kitchen.call(home.key, "POST", `/my/cases/${asked}/messages`, { text: "It did not help" });
  await post(`/cases/${other}/messages`, { text: "How are you?" });
  await merge(asked, other);
  await unmerge(asked);
  kitchen.clock.forward(9 * hour);
  await kitchen.slices.service.tickConversations();
  expect(await toldTypes(asked)).toContain("hearth.case.owner_waits");
  expect(await toldTypes(other)).not.toContain("hearth.case.owner_waits");
});

test("what a rule finds again goes on in the case that stays, and that one ends when the last of its causes does", async () => {
  const home = await newHome();
  await raise(home.oven, "no_water");
  await raise(home.oven, "door_seal");
  const [water, door] = [await open(home.oven, "fault:no_water"), await open(home.oven, "fault:door_seal")];
  await merge(water.id, door.id);
  // The other one's cause goes, and this one's stands.
  await clear(home.oven, "door_seal");
  expect((await get(`/cases/${door.id}`)).status).toBe("open");
  await clear(home.oven, "no_water");
  expect(await get(`/cases/${door.id}`)).toMatchObject({ status: "resolved", resolvedBy: "cause" });
  // It returns: the one case is open again, and there is no other.
  await raise(home.oven, "no_water");
  expect((await get(`/cases/${door.id}`)).status).toBe("reopened");
  const { items } = await get(`/cases/queue?device=${home.oven}`);
  expect(items.map(({ id }: { id: string }) => id)).toEqual([door.id]);
  // In one batch too, in either order.
  await raise(home.oven, "door_seal");
  const batch = ["no_water", "door_seal"].map((code) => ({
    device: home.oven,
    channel: "events" as const,
    payload: { id: randomUUID(), type: "fault.cleared", data: { code } },
  }));
  await kitchen.say(...batch);
  expect((await get(`/cases/${door.id}`)).status).toBe("resolved");
});

test("what a person asked does not end because a fault that went into it does", async () => {
  const home = await newHome();
  await raise(home.oven, "no_water");
  const fault = await open(home.oven, "fault:no_water");
  const mine = await byHand({ deviceId: home.oven });
  await merge(fault.id, mine);
  await clear(home.oven, "no_water");
  expect((await get(`/cases/${mine}`)).status).toBe("open");
});

test("a merge is taken back with all that came along; it is resolved where the other one is", async () => {
  const home = await newHome();
  const [first, second] = [await byHand({ deviceId: home.oven }), await byHand({ deviceId: home.oven })];
  await post(`/cases/${first}/notes`, { text: "Of the first" });
  await merge(first, second);
  await post(`/cases/${second}/notes`, { text: "Of both" });
  const back = await unmerge(first);
  expect(back.body).toMatchObject({ status: "open", mergedInto: null });
  expect(texts(back.body.entries)).toEqual(["Of the first"]);
  expect(texts((await get(`/cases/${second}`)).entries)).toEqual(["Of both"]);
  expect((await factsOf(first)).at(-1)).toMatchObject({ type: "hearth.case.unmerged", data: { from: second } });
  await merge(first, second);
  await post(`/cases/${second}/resolve`, { note: "Both" });
  expect((await unmerge(first)).body).toMatchObject({ status: "resolved", promise: { dueAtMs: null } });
});

test("no case and no word is lost whatever is merged and taken back, and each word is in one case", async () => {
  const home = await newHome();
  const ids: string[] = [];
  for (let n = 0; n < 5; n += 1)
    ids.push(await byHand(n < 2 ? { householdId: home.householdId } : { deviceId: home.oven }));
  for (const id of ids) {
    await post(`/cases/${id}/notes`, { text: `Of ${id}` });
    kitchen.clock.forward(60_000);
  }
  await kitchen.slices.service.evidence.tick();
  const own = new Map(await Promise.all(ids.map(async (id) => [id, await dueOf(id)] as const)));
  const among = fc.nat({ max: ids.length - 1 });
  const act = fc.oneof(
    fc.record({ kind: fc.constant("merge" as const), from: among, into: among }),
    fc.record({ kind: fc.constant("unmerge" as const), from: among, into: among }),
  );
  /** Which case each went into, by what was answered. */
  const into = new Map<string, string>();
  const finalOf = (id: string): string => {
    const next = into.get(id);
    return next === undefined ? id : finalOf(next);
  };
  await fc.assert(
    fc.asyncProperty(fc.array(act, { minLength: 1, maxLength: 8 }), async (acts) => {
      for (const { kind, from, into: to } of acts) {
        const [a = "", b = ""] = [ids[from], ids[to]];
        const { status } = kind === "merge" ? await merge(a, b) : await unmerge(a);
        if (status === 200 && kind === "merge") into.set(a, b);
        if (status === 200 && kind === "unmerge") into.delete(a);
        expect([200, 409]).toContain(status);
      }
      const whole = await Promise.all(ids.map((id) => get(`/cases/${id}`)));
      const where = whole.flatMap(({ id, entries }: { id: string; entries: Line[] }) =>
        entries.flatMap(({ kind, text }) => (kind === "note" ? [`${text} in ${id}`] : [])),
      );
      expect(new Set(where)).toEqual(new Set(ids.map((id) => `Of ${id} in ${finalOf(id)}`)));
      expect(where).toHaveLength(ids.length);
      // Each owes its answer by the soonest of what was promised for it and for those that are in it.
      for (const one of whole.filter(({ mergedInto }) => mergedInto === null)) {
        const parts: string[] = [one.id, ...one.merged.map(({ id }: { id: string }) => id)];
        expect(one.promise.firstAnswerDueAtMs).toBe(Math.min(...parts.map((id) => own.get(id) ?? 0)));
      }
      // Of those that stand for themselves each has its own evidence, and that of all that went into it: together all, once each.
      const standing = whole.filter(({ mergedInto }) => mergedInto === null);
      const evidence = standing.flatMap((one) => [one.id, ...one.merged.map(({ id }: { id: string }) => id)]);
      expect(new Set(evidence)).toEqual(new Set(ids));
      expect(evidence).toHaveLength(ids.length);
      expect(whole.map(({ id, mergedInto }) => [id, mergedInto])).toEqual(ids.map((id) => [id, into.get(id) ?? null]));
    }),
    { numRuns: 10 },
  );
});
