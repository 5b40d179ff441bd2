import { readFile } from "node:fs/promises";
import type { FastifyInstance } from "fastify";
import { sql } from "kysely";
import { afterAll, beforeAll, expect, test } from "vitest";
import { did, oven, SegmentHouse } from "../../test/support/segment-house.ts";
import { call, createSliceHttp } from "../../test/support/slice-http.ts";
import { segmentsRoutes } from "./segments-routes.ts";

const by = { kind: "system" } as const;
const dayMs = 86_400_000;
let house: SegmentHouse;
let app: FastifyInstance;
beforeAll(async () => {
  house = await SegmentHouse.open();
  app = await createSliceHttp((server) => segmentsRoutes(server, house.segments));
});
afterAll(async () => {
  await app.close();
  await house.database.drop();
});

async function put(id: string, expression: string): Promise<void> {
  const outcome = await house.segments.put(by, id, { title: id, description: "", expression }, null);
  expect(outcome).toMatchObject({ kind: "put" });
  await house.segments.tick();
}
const isIn = async (id: string, household: string): Promise<boolean> =>
  ((await house.segments.membersPage(id, null, 1_000)) ?? []).some(({ householdId }) => householdId === household);

test("a profile is kept by what happens: appliances, use, consents, outside facts", async () => {
  const id = await house.home({
    appliances: [oven(), oven({ model: "dishwasher-d4", kind: "dishwasher", firmware: "1.9" })],
  });
  await house.act(
    did(id, "program.finished", house.nowMs - 2 * dayMs, { data: { program: "Steam" } }),
    did(id, "recipe.finished", house.nowMs - 2 * dayMs, { data: { recipeId: "bread" } }),
    did(id, "cart.added", house.nowMs - dayMs, { origin: "shop", source: "shop:1" }),
  );
  expect(await house.profile(id)).toMatchObject({
    appliances: 2,
    models: ["dishwasher-d4", "oven-x200"],
    kinds: ["dishwasher", "oven"],
    firmware_versions: ["1.9", "2.1.0"],
    oldest_firmware: "1.9",
    days_since_paired: 64,
    programs: 1,
    programs_7d: 1,
    steam_programs: 1,
    days_since_last_cook: 2,
    last_recipe: "bread",
    in_cart: true,
    language: "de",
    consents: ["personalise"],
  });
});

test("a maker's own types of outside facts are asked for by name, within days too, and only with consent; an appliance's are none", async () => {
  await put("covered", '"warranty.registered" in outside_types');
  await put("toured", '"tour.taken" in outside_types_7d');
  const id = await house.home();
  const shop = (type: string, agoDays: number) => did(id, type, house.nowMs - agoDays * dayMs, { origin: "shop" });
  await house.act(shop("warranty.registered", 200), did(id, "tour.taken", house.nowMs));
  expect([await isIn("covered", id), await isIn("toured", id)]).toEqual([true, false]);
  await house.act(shop("tour.taken", 5));
  expect(await isIn("toured", id)).toBe(true);
  expect(await house.profile(id)).toMatchObject({
    outside_types: ["tour.taken", "warranty.registered"],
    outside_types_30d: ["tour.taken"],
  });
  house.nowMs += 2 * dayMs;
  await house.segments.tick();
  expect([await isIn("covered", id), await isIn("toured", id)]).toEqual([true, false]);
  house.homes.get(id)?.consents.clear();
  await house.tell(id, "hearth.consent.withdrawn");
  expect(await isIn("covered", id)).toBe(false);
});

test("a maker's own types that were reported before segments read them are known of the household, each once", async () => {
  const id = await house.home();
  await sql`
    INSERT INTO outside_fact (household_id, home_id, source, fact_id, type, at_ms, received_at_ms, by_principal, data)
    SELECT ${id}::uuid, ${id}::uuid, 'shop', 'old-' || type, type, ${house.nowMs}, ${house.nowMs}, 'system', '{}'
    FROM unnest('{club.joined,order.placed}'::text[]) AS type`.execute(house.database.db);
  const text = await readFile(new URL("../platform/migrations/382-outside-types.sql", import.meta.url), "utf8");
  await sql.raw(text.slice(text.indexOf("INSERT INTO"))).execute(house.database.db);
  await house.segments.tick();
  expect(await house.profile(id)).toMatchObject({ outside_types: ["club.joined"], orders: 0 });
  await house.act(did(id, "club.joined", house.nowMs + dayMs, { origin: "shop", source: "shop:old-club.joined" }));
  const { rows } = await sql<{ n: number }>`
    SELECT count(*) AS n FROM household_act WHERE household_id = ${id}`.execute(house.database.db);
  expect(rows).toEqual([{ n: 1 }]);
});

test("an event moves a household into a segment and out of it, and days do so without one", async () => {
  await put("quiet", "days_since_last_cook > 21");
  await put("busy", "programs_7d >= 2");
  const id = await house.home({ appliances: [oven()] });
  await house.act(did(id, "program.finished", house.nowMs - 5 * dayMs), did(id, "program.finished", house.nowMs));
  expect([await isIn("quiet", id), await isIn("busy", id)]).toEqual([false, true]);
  house.nowMs += 2 * dayMs;
  await house.segments.tick();
  expect([await isIn("quiet", id), await isIn("busy", id)]).toEqual([false, false]);
  house.nowMs += 20 * dayMs;
  await house.segments.tick();
  expect([await isIn("quiet", id), await isIn("busy", id)]).toEqual([true, false]);
  await house.act(did(id, "program.finished", house.nowMs));
  expect(await isIn("quiet", id)).toBe(false);
});

test("a case counts as rated once, wherever it was rated, and the profile made again says the same", async () => {
  await put("let-down", "last_feedback <= 2 && days_since_feedback <= 30");
  const id = await house.home();
  const rated = (whom: string, caseId: string, rating: number) =>
    house.tell(id, "hearth.case.rated", { caseId, by: whom, rating });
  await rated("owner:m-1", "c-1", 2);
  await rated("owner:m-1", "c-1", 2);
  expect([await house.profile(id), await isIn("let-down", id)]).toMatchObject([{ last_feedback: 2 }, true]);
  // What was touched at the appliance is told by the appliance itself: this word alone is not counted.
  house.nowMs += dayMs;
  await rated("device:oven-1", "c-2", 5);
  expect((await house.profile(id)).last_feedback).toBe(2);
  await house.act(did(id, "feedback.given", house.nowMs, { data: { caseId: "c-2", rating: 5 } }));
  expect([(await house.profile(id)).last_feedback, await isIn("let-down", id)]).toEqual([5, false]);
  const before = await house.profile(id);
  await sql`UPDATE household_profile SET is_stale = true WHERE household_id = ${id}`.execute(house.database.db);
  await house.segments.tick();
  expect(await house.profile(id)).toEqual(before);
  const { rows } = await sql<{ n: number }>`
    SELECT count(*) AS n FROM household_act WHERE household_id = ${id}`.execute(house.database.db);
  expect(rows).toEqual([{ n: 2 }]);
});

test("a model's next version is known of every household that has one, in pieces, and of no other", async () => {
  await put("steam-cooks", "has_steam");
  const newer = { ...oven({ model: "oven-x300" }), hasSteam: true };
  const many = await Promise.all(
    Array.from({ length: 30 }, () => house.home({ appliances: [oven(), oven({ model: "oven-x300" })] })),
  );
  const other = await house.home({ appliances: [oven()] });
  // So many that one piece does not hold them all.
  await sql`
    INSERT INTO household_profile SELECT r.* FROM household_profile one, generate_series(1, 2500) n,
      jsonb_populate_record(one, jsonb_build_object('household_id', md5('other ' || n)::uuid, 'models', '{}'::text[])) AS r
    WHERE one.household_id = ${other}`.execute(house.database.db);
  for (const id of [...many, other]) {
    const known = house.homes.get(id);
    if (known !== undefined) known.appliances = known.appliances.length === 2 ? [oven(), newer] : [newer];
  }
  await house.database.db.transaction().execute((tx) => house.segments.modelChanged(tx, "oven-x300"));
  expect(await isIn("steam-cooks", many[0] ?? "")).toBe(false);
  await house.segments.tick();
  const inIt = new Set(
    ((await house.segments.membersPage("steam-cooks", null, 1_000)) ?? []).map((one) => one.householdId),
  );
  expect(many.filter((id) => !inIt.has(id))).toEqual([]);
  // Its appliances are others now, but nobody said so: it has none of that model, and is left alone.
  expect(inIt.has(other)).toBe(false);
  const { rows } = await sql`SELECT model FROM profile_refresh`.execute(house.database.db);
  expect(rows).toEqual([]);
  await sql`DELETE FROM household_profile WHERE models = '{}' AND appliances > 0`.execute(house.database.db);
  await house.segments.delete(by, "steam-cooks");
});

test("the segments that a maker starts with are typed, and fill by themselves", async () => {
  const owner = await house.home({ appliances: [oven({ hasSteam: true, fromMs: house.nowMs - 20 * dayMs })] });
  const prospect = await house.home();
  await house.act(did(prospect, "price.checked", house.nowMs - dayMs, { origin: "web", source: "web:9" }));
  await house.segments.tick();
  const { items } = (await call(app, "viewer", "GET", "/segments")).body as {
    items: { id: string; isFilling: boolean }[];
  };
  expect(items.filter(({ isFilling }) => isFilling)).toEqual([]);
  expect(items.map(({ id }) => id)).toContain("descaling-late");
  const { segments } = (await call(app, "viewer", "GET", `/households/${owner}/segments`)).body;
  expect((segments as { id: string }[]).map(({ id }) => id)).toEqual(["new-without-first-cook", "steam-never-used"]);
  expect(await isIn("looking-at-prices", prospect)).toBe(true);
});

test("facts from what a household does are missing without its consent, at once when it withdraws", async () => {
  await put("cooks", "programs >= 1");
  await put("does-not", "!(programs >= 1)");
  const id = await house.home();
  await house.act(did(id, "program.finished", house.nowMs), did(id, "fault.raised", house.nowMs));
  expect(await isIn("cooks", id)).toBe(true);
  house.homes.get(id)?.consents.delete("personalise");
  await house.tell(id, "hearth.consent.withdrawn");
  expect([await isIn("cooks", id), await isIn("does-not", id)]).toEqual([false, false]);
  expect(await house.profile(id)).toMatchObject({ programs: null, days_since_last_cook: null, faults: 1 });
  const seen = (await call(app, "support", "GET", `/segments/cooks/households/${id}`)).body;
  expect(seen).toMatchObject({
    matches: false,
    facts: [{ name: "programs", value: null, missing: "no_consent" }],
    conditions: [{ text: "programs >= 1", matches: false, missing: ["programs"] }],
  });
});

test("what cannot be typed, and what has no bound, is refused on saving, with its place", async () => {
  const save = (expression: string) => call(app, "content", "PUT", "/segments/wrong", { title: "Wrong", expression });
  expect(await save("programs >= 3 && colour == 'red'")).toMatchObject({
    status: 422,
    body: {
      code: "predicate_not_supported",
      errors: [{ pointer: "/expression", message: expect.stringMatching(/^`colour` at character 18: /) }],
    },
  });
  expect((await save('last_recipe.matches("(a+)+$")')).body.code).toBe("predicate_not_supported");
  expect((await save('models.exists(m, m == "oven")')).body.code).toBe("predicate_not_supported");
  expect((await save("!".repeat(1_500) + "has_steam")).body.code).toBe("predicate_too_large");
  expect((await save("programs + 1 > 2")).body.code).toBe("predicate_not_supported");
  expect((await save('programs == "many"')).status).toBe(422);
  const preview = (await call(app, "content", "POST", "/segments/preview", { expression: "programs > 5 && nothing" }))
    .body;
  expect(preview).toMatchObject({ kind: "refused", place: { from: 16, to: 23 } });
  expect((await call(app, "content", "GET", "/segments/wrong")).status).toBe(404);
});

test("a whole number in a segment is the number that counts are", async () => {
  const id = await house.home({ points: 100 });
  for (const expression of ["points == 100", "points in [100, 200]", "points >= 99.5", "points != 7"]) {
    const { body } = await call(app, "content", "POST", "/segments/test", { expression, householdId: id });
    expect([expression, body.matches]).toEqual([expression, true]);
  }
});

test("before it is saved a segment says how many it means and shows some of them, with their facts", async () => {
  const id = await house.home({ locale: "sv-SE", points: 4_711 });
  const { body } = await call(app, "content", "POST", "/segments/preview", {
    expression: 'language == "sv" && points > 4000',
  });
  expect(body).toMatchObject({
    kind: "ok",
    reads: ["language", "points"],
    estimate: { members: 1, isExact: true, margin: 0 },
    sample: [{ householdId: id, name: expect.any(String), matches: true }],
  });
  expect(body.sample[0].conditions).toHaveLength(2);
});

test("among more households than are asked at once a size is an estimate, and says how far it may be off", async () => {
  const crowd = await SegmentHouse.open();
  const one = await crowd.home();
  // Three of ten have many points, and one alone has more.
  const households = 90_000;
  await sql`
    INSERT INTO household_profile SELECT r.* FROM household_profile one, generate_series(2, ${households}::int) n,
      jsonb_populate_record(one, jsonb_build_object('household_id', md5('crowd ' || n)::uuid,
        'points', CASE WHEN n = 2 THEN 9000 WHEN n % 10 < 3 THEN 5000 ELSE 10 END)) AS r
    WHERE one.household_id = ${one}`.execute(crowd.database.db);
  const sizeOf = async (expression: string) => {
    const outcome = await crowd.segments.preview(expression, 1);
    if (outcome.kind !== "ok" || outcome.estimate === null) throw new Error("no size was said");
    return { of: outcome.of, ...outcome.estimate };
  };
  const { rows } = await sql<{ n: number }>`
    SELECT count(*) AS n FROM household_profile WHERE points > 4000`.execute(crowd.database.db);
  const members = rows[0]?.n ?? 0;
  let within = 0;
  for (let times = 0; times < 10; times += 1) {
    const size = await sizeOf("points > 4000");
    expect(size).toMatchObject({ of: households, isExact: false });
    // 1.96 standard deviations of a share of three tenths among 60,000.
    expect(size.margin).toBeGreaterThan(300);
    expect(size.margin).toBeLessThan(360);
    expect(Math.abs(size.members - members)).toBeLessThan(3 * size.margin);
    if (Math.abs(size.members - members) <= size.margin) within += 1;
  }
  expect(within).toBeGreaterThanOrEqual(6);
  // Whom chance left out may be there all the same, and nobody may be missing.
  for (const expression of ["points > 8000", "points > 9000", "points >= 0"]) {
    const size = await sizeOf(expression);
    expect([expression, size.isExact, size.margin > 0 && size.margin < 10]).toEqual([expression, false, true]);
  }
  await crowd.database.drop();
});

test("a segment keeps its versions, and who changed another's version first is not written over", async () => {
  const save = (title: string, ifVersion?: number) =>
    call(app, "content", "PUT", "/segments/kept", {
      title,
      expression: "has_probe",
      ...(ifVersion === undefined ? {} : { ifVersion }),
    });
  expect((await save("First", 0)).body).toMatchObject({ version: 1, title: "First" });
  expect((await save("First", 1)).body.version).toBe(1);
  expect((await save("Second", 1)).body.version).toBe(2);
  expect(await save("Third", 1)).toMatchObject({
    status: 409,
    body: { code: "changed_meanwhile", newest: { version: 2 } },
  });
  const { items } = (await call(app, "viewer", "GET", "/segments/kept/versions")).body;
  expect((items as { version: number }[]).map(({ version }) => version)).toEqual([2, 1]);
  const { rows } = await sql<{ action: string }>`
    SELECT action FROM audit_entry WHERE subject = 'segment:kept' ORDER BY sequence`.execute(house.database.db);
  expect(rows.map(({ action }) => action)).toEqual(["segment.created", "segment.changed"]);
});

test("a segment that something uses is not deleted; one that nothing uses goes with all of its members", async () => {
  await put("used", "has_probe");
  let using = true;
  house.segments.onAskedForUsers(
    async () => new Map(using ? [["used", [{ kind: "campaign", id: "c1", name: "Autumn" }]]] : []),
  );
  expect(await call(app, "content", "DELETE", "/segments/used")).toMatchObject({
    status: 409,
    body: { code: "segment_in_use", detail: "By the campaign Autumn." },
  });
  using = false;
  expect((await call(app, "content", "DELETE", "/segments/used")).status).toBe(204);
  await house.segments.tidy();
  const { rows } = await sql<{ n: number }>`
    SELECT count(*) AS n FROM segment_member WHERE segment_key NOT IN (SELECT key FROM segment)`.execute(
    house.database.db,
  );
  expect(rows).toEqual([{ n: 0 }]);
});

test("an event asks the segments that read what it changed, and no others", async () => {
  const id = await house.home({ appliances: [oven()] });
  await put("by-points", "points >= 10");
  // As if it had been judged wrongly: only what is asked again is put right.
  await sql`INSERT INTO segment_member SELECT key, ${id}::uuid, 0 FROM segment WHERE id = 'by-points'`.execute(
    house.database.db,
  );
  await house.act(did(id, "program.finished", house.nowMs));
  expect(await isIn("by-points", id)).toBe(true);
  const known = house.homes.get(id);
  if (known !== undefined) known.points = 5;
  await house.tell(id, "hearth.points.earned");
  expect(await isIn("by-points", id)).toBe(false);
});

test("households that become one are counted as one, once, and are two again when it is taken back", async () => {
  await put("cooked-twice", "programs == 2");
  const [from, into] = [await house.home(), await house.home()];
  const act = did(from, "program.finished", house.nowMs);
  await house.act(act, did(into, "program.finished", house.nowMs));
  const merge = {
    mergeId: "01980000-0000-7000-8000-00000000000a",
    from,
    into,
    atMs: house.nowMs,
    parts: [from],
    staying: [],
  };
  const mergedAway = house.homes.get(from);
  house.homes.delete(from);
  await house.database.db.transaction().execute((tx) => house.segments.merged(tx, merge));
  expect(await isIn("cooked-twice", into)).toBe(true);
  expect((await house.segments.profiles(house.database.db, [from])).size).toBe(0);
  await house.act({ ...act, householdId: into });
  expect(await house.profile(into)).toMatchObject({ programs: 2 });
  if (mergedAway !== undefined) house.homes.set(from, mergedAway);
  await house.database.db.transaction().execute((tx) => house.segments.unmerged(tx, merge));
  expect([await house.profile(from), await house.profile(into)]).toMatchObject([{ programs: 1 }, { programs: 1 }]);
  expect(await isIn("cooked-twice", into)).toBe(false);
});

test("what is kept of a household is listed for it, and nothing of it outlasts its erasure", async () => {
  await put("everybody", "appliances >= 0");
  const id = await house.home();
  await house.act(did(id, "program.finished", house.nowMs, { data: { program: "Grill" } }));
  const exported = new Map<string, unknown[]>();
  for (const data of house.segments.householdData)
    exported.set(data.name, await Array.fromAsync(data.rows(house.database.db, id)));
  expect(exported.get("counted_acts")).toMatchObject([{ kind: "program", said: "Grill", at_ms: house.nowMs }]);
  expect(exported.get("profile")).toMatchObject([{ programs: 1 }]);
  expect(exported.get("segments")).toContainEqual({ id: "everybody", title: "everybody", since_ms: house.nowMs });
  house.homes.delete(id);
  await house.tell(id, "hearth.household.erased");
  for (const data of house.segments.householdData)
    expect(await Array.fromAsync(data.rows(house.database.db, id))).toEqual([]);
  expect(await isIn("everybody", id)).toBe(false);
});

test("a household does more in a span of days than is counted, and its profile stays small", async () => {
  const id = await house.home();
  const many = Array.from({ length: 600 }, (_, at) => did(id, "program.finished", house.nowMs - (at % 20) * dayMs));
  await house.act(...many);
  expect(await house.profile(id)).toMatchObject({ programs: 600, programs_30d: 500 });
});

test("a segment is filled in steps over many households, and what happens meanwhile is in it too", async () => {
  await sql`
    INSERT INTO household_profile SELECT r.* FROM (SELECT p FROM household_profile p LIMIT 1) one, generate_series(1, 12000) n,
      jsonb_populate_record(one.p, jsonb_build_object('household_id', gen_random_uuid(), 'points', n % 10)) AS r`.execute(
    house.database.db,
  );
  await house.segments.put(by, "tens", { title: "Tens", description: "", expression: "points == 3" }, null);
  const id = await house.home({ points: 3 });
  expect(await isIn("tens", id)).toBe(true);
  await house.segments.tick();
  const { body } = await call(app, "viewer", "GET", "/segments/tens");
  expect(body.isFilling).toBe(false);
  const { rows } = await sql<{ n: number }>`SELECT count(*) AS n FROM household_profile WHERE points = 3`.execute(
    house.database.db,
  );
  expect(body.members).toBe(rows[0]?.n);
  await house.segments.tidy();
  const trend = (await call(app, "viewer", "GET", "/segments/tens")).body.trend as { members: number }[];
  expect(trend.at(-1)?.members).toBe(body.members);
});
