import { createHash, createHmac, randomUUID } from "node:crypto";
import { sql } from "kysely";
import { afterAll, beforeAll, expect, test } from "vitest";
import { Kitchen, sha256 } from "../../test/support/kitchen.ts";
import { codeLimits } from "./core/wrong-codes.ts";

let kitchen: Kitchen;
let addresses = 0;

beforeAll(async () => {
  kitchen = await Kitchen.open();
});
afterAll(() => kitchen.close());

/** An address that nobody guessed from. */
const fresh = () => `198.51.100.${(addresses += 1)}`;

const pair = (code: string, more: object = {}, key: string | null = null, address = fresh()) =>
  kitchen.call(key, "POST", "/my/pair", { code, ...(key === null ? { name: "Ada" } : {}), ...more }, address);

const audited = async (action: string) => {
  const { body } = await kitchen.as("admin", "GET", "/audit?limit=500");
  return (body.items as { action: string; principal: string; subject: string; after: string }[]).filter(
    (line) => line.action === action,
  );
};

test("who types the code of an appliance has a household with it, is its owner, and sees it alone", async () => {
  const id = await kitchen.newOven();
  const code = await kitchen.showCode(id);
  const typed = ` ${code.slice(0, 4).toLowerCase().replace("0", "o")}-${code.slice(4)} `;
  const { status, body, headers } = await pair(typed, {
    name: "Ada",
    email: "ada@example.org",
    locale: "de",
    timeZone: "Europe/Berlin",
    householdName: "Ada's",
  });
  expect([status, headers["cache-control"]]).toEqual([201, "no-store"]);
  expect(body).toMatchObject({ household: { name: "Ada's" }, device: { id, model: "oven" }, you: { role: "owner" } });
  expect(body.secret).toMatch(/^hearth_owner_[\w-]{43}$/);
  const key = body.secret as string;
  const mine = await kitchen.call(key, "GET", "/my/household");
  expect(mine.body).toMatchObject({ id: body.household.id, name: "Ada's", locale: "de", timeZone: "Europe/Berlin" });
  expect(mine.body.you).toEqual(body.you);
  expect((await kitchen.call(key, "GET", "/my/members")).body.items).toEqual([
    { id: body.you.memberId, name: "Ada", email: "ada@example.org", role: "owner" },
  ]);
  expect((await kitchen.call(key, "GET", "/my/devices")).body.items.map((one: { id: string }) => one.id)).toEqual([id]);
  expect((await kitchen.call(key, "GET", "/me")).body).toEqual({ kind: "owner", name: "", role: "owner" });
  expect((await kitchen.as("viewer", "GET", `/devices/${id}`)).body.householdId).toBe(body.household.id);
});

test("left out, the language is English, the zone UTC, and the household bears its owner's name", async () => {
  const { body } = await pair(await kitchen.showCode(await kitchen.newOven()));
  const mine = await kitchen.call(body.secret, "GET", "/my/household");
  expect(mine.body).toMatchObject({ name: "Ada", locale: "en", timeZone: "UTC" });
});

test("with a key the appliance joins the household of that key, be it the owner's or a member's", async () => {
  const owner = await kitchen.newOwner(await kitchen.newOven());
  const member = await kitchen.newMember(owner);
  for (const { key } of [owner, member]) {
    const id = await kitchen.newOven();
    const { status, body } = await pair(await kitchen.showCode(id), { name: "Nobody", householdName: "Other" }, key);
    expect([status, body.secret, body.household.id]).toEqual([200, null, owner.householdId]);
  }
  expect((await kitchen.call(owner.key, "GET", "/my/devices")).body.items).toHaveLength(3);
  expect((await kitchen.call(owner.key, "GET", "/my/household")).body.name).toBe("Ada");
  expect((await kitchen.call(owner.key, "GET", "/my/members")).body.items).toHaveLength(2);
});

test("a code is good once: again, wrong, expired, replaced, closed and after a reset the answer is the same", async () => {
  const id = await kitchen.newOven();
  const used = await kitchen.showCode(id);
  expect((await pair(used)).status).toBe(201);
  const closed = await kitchen.showCode(id);
  await kitchen.event(id, "pairing.closed");
  const reset = await kitchen.showCode(id);
  await kitchen.event(id, "factory.reset");
  const replaced = await kitchen.showCode(id);
  const expired = await kitchen.showCode(id, 60_000);
  kitchen.clock.forward(60_000);
  const neverShown = "ZZZZZZZZ";
  const answers = [];
  for (const code of [used, closed, reset, replaced, expired, neverShown]) answers.push(await pair(code));
  for (const { status, body } of answers) {
    expect([status, body.code]).toEqual([422, "pairing_code_wrong"]);
    expect({ ...body, requestId: "" }).toEqual({ ...answers[0]?.body, requestId: "" });
  }
});

test("of many who redeem one code at once, one has the appliance", async () => {
  const id = await kitchen.newOven();
  const code = await kitchen.showCode(id);
  const answers = await Promise.all(Array.from({ length: 5 }, () => pair(code)));
  expect(answers.map(({ status }) => status).toSorted((a, b) => a - b)).toEqual([201, 422, 422, 422, 422]);
  const winner = answers.find(({ status }) => status === 201);
  expect((await kitchen.as("viewer", "GET", `/devices/${id}`)).body.householdId).toBe(winner?.body.household.id);
});

test("an opening that was sent twice opens once, and one that came late opens nothing", async () => {
  const id = await kitchen.newOven();
  const event = { id: randomUUID(), type: "pairing.opened", data: { codeSha256: sha256("AAAA0001"), validMs: 60_000 } };
  const opening = { device: id, channel: "events" as const, payload: event };
  await kitchen.say(opening, opening);
  const owner = (await pair("AAAA0001")).body.secret as string;
  await kitchen.say(opening);
  expect((await pair("AAAA0001", {}, owner)).body.code).toBe("pairing_code_wrong");
  const late = { ...opening, payload: { ...event, id: randomUUID() }, receivedAtMs: kitchen.clock.nowMs() - 60_000 };
  await kitchen.say(late);
  expect((await pair("AAAA0001", {}, owner)).body.code).toBe("pairing_code_wrong");
  const inTime = { ...late, payload: { ...event, id: randomUUID() }, receivedAtMs: late.receivedAtMs + 1 };
  await kitchen.say(inTime);
  expect((await pair("AAAA0001", {}, owner)).status).toBe(200);
});

test("a code that two appliances show at once proves nothing", async () => {
  const [one, other] = [await kitchen.newOven(), await kitchen.newOven()];
  const data = { codeSha256: sha256("BBBB0001"), validMs: 600_000 };
  await kitchen.event(one, "pairing.opened", data);
  await kitchen.event(other, "pairing.opened", data);
  expect((await pair("BBBB0001")).body.code).toBe("pairing_code_wrong");
});

test("an appliance of another household stays there, the answer does not tell whose it is, and the code is not used up", async () => {
  const id = await kitchen.newOven();
  const ada = await kitchen.newOwner(id, "Ada Secret");
  const eve = await kitchen.newOwner(await kitchen.newOven(), "Eve");
  const code = await kitchen.showCode(id);
  for (const key of [eve.key, null]) {
    const { status, body } = await pair(code, {}, key);
    expect([status, body.code]).toEqual([409, "appliance_of_another_household"]);
    expect(JSON.stringify(body)).not.toMatch(new RegExp(`Secret|${ada.householdId}|${ada.memberId}`));
  }
  // Whoever has it shows the code to their own household and nothing happens.
  expect((await pair(code, {}, ada.key)).status).toBe(200);
  await kitchen.event(id, "factory.reset");
  expect((await pair(await kitchen.showCode(id), {}, eve.key)).status).toBe(200);
  expect((await kitchen.call(ada.key, "GET", `/my/devices/${id}`)).status).toBe(404);
});

test("what is no code, and an owner without a name, are told so and are no guesses", async () => {
  const address = fresh();
  for (let at = 0; at < codeLimits.wrongCodesPerAddressMax + 2; at += 1) {
    const { status, body } = await pair("ABC", {}, null, address);
    expect([status, body.errors[0].pointer]).toEqual([400, "/body/code"]);
    const nameless = await kitchen.call(null, "POST", "/my/pair", { code: "ZZZZZZZZ" }, address);
    expect([nameless.status, nameless.body.code]).toEqual([400, "owner_name_missing"]);
  }
  expect((await pair(await kitchen.showCode(await kitchen.newOven()), {}, null, address)).status).toBe(201);
});

test("nobody becomes what a body says: owner, role, points and household come from nowhere but Hearth", async () => {
  const id = await kitchen.newOven();
  const ada = await kitchen.newOwner(id);
  const code = await kitchen.showCode(await kitchen.newOven());
  for (const extra of [
    { role: "owner" },
    { householdId: ada.householdId },
    { memberId: ada.memberId },
    { points: 1_000_000 },
    { owner: true },
    { sinceMs: 0 },
    { secret: "hearth_owner_x" },
  ]) {
    expect((await pair(code, extra)).status).toBe(400);
  }
  expect((await pair(code)).status).toBe(201);
});

test("neither code nor key lies in the database in the clear, nor a code's plain hash", async () => {
  const id = await kitchen.newOven();
  const code = await kitchen.showCode(id);
  const { rows: kept } = await sql<{ code_hmac: Buffer }>`SELECT code_hmac FROM pairing_code`.execute(kitchen.base.db);
  const hmac = createHmac("sha256", Buffer.alloc(32, 9))
    .update(`pairing code ${sha256(code)}`)
    .digest();
  expect(kept.map((row) => row.code_hmac.toString("hex"))).toContain(hmac.toString("hex"));
  const everything = async () => {
    const { rows } = await sql<{ name: string }>`
      SELECT format('%I', table_name) AS name FROM information_schema.tables
      WHERE table_schema = 'public' AND table_type = 'BASE TABLE'`.execute(kitchen.base.db);
    const texts = rows.map(({ name }) =>
      sql
        .raw<{ text: string | null }>(`SELECT string_agg(t::text, ' ') AS text FROM ${name} t`)
        .execute(kitchen.base.db),
    );
    return (await Promise.all(texts)).map((one) => one.rows[0]?.text ?? "").join(" ");
  };
  expect(await everything()).not.toMatch(new RegExp(`${code}|${sha256(code)}`));
  const { secret } = (await pair(code)).body as { secret: string };
  const { body } = await kitchen.call(secret, "POST", "/my/invitations");
  const stored = await everything();
  expect(stored).toContain(createHash("sha256").update(secret).digest("hex"));
  for (const text of [secret, secret.slice("hearth_owner_".length), body.code as string])
    expect(stored).not.toContain(text);
});

test("who guesses is stopped at the named limit, neighbours are not, and it is audited once", async () => {
  const address = fresh();
  const before = (await audited("pairing.limited")).length;
  const id = await kitchen.newOven();
  const code = await kitchen.showCode(id);
  for (let at = 0; at < codeLimits.wrongCodesPerAddressMax; at += 1)
    expect((await pair(`ZZZZZZ${String(at).padStart(2, "0")}`, {}, null, address)).status).toBe(422);
  for (const tried of ["ZZZZZZZZ", code]) {
    const { status, body, headers } = await pair(tried, {}, null, address);
    expect([status, body.code]).toEqual([429, "too_many_wrong_codes"]);
    expect(Number(headers["retry-after"])).toBeGreaterThan(0);
  }
  // An invitation is tried at the same door.
  const joined = await kitchen.call(null, "POST", "/my/join", { code: "nothing", name: "Eve" }, address);
  expect(joined.status).toBe(429);
  const lines = (await audited("pairing.limited")).slice(0, -before || undefined);
  expect(lines.map((line) => JSON.parse(line.after))).toEqual([
    {
      limit: "wrongCodesPerAddressMax",
      max: codeLimits.wrongCodesPerAddressMax,
      windowMs: codeLimits.wrongCodesWindowMs,
    },
  ]);
  // The address is in the log that is thrown away, and not in the one that never is.
  expect(JSON.stringify(lines)).not.toContain(address);
  expect((await pair(code)).status).toBe(201);
  kitchen.clock.forward(codeLimits.wrongCodesWindowMs);
  expect((await pair("ZZZZZZZZ", {}, null, address)).status).toBe(422);
});

test("a household takes no more appliances than it can hold", async () => {
  const owner = await kitchen.newOwner(await kitchen.newOven());
  await sql`INSERT INTO device (id, model, serial, created_at_ms, household_id)
    SELECT 'many-' || n, 'oven', 'many-' || n, 0, ${owner.householdId} FROM generate_series(1, 99) AS n`.execute(
    kitchen.base.db,
  );
  const code = await kitchen.showCode(await kitchen.newOven());
  const { status, body } = await pair(code, {}, owner.key);
  expect([status, body.code]).toEqual([409, "too_many_appliances"]);
  expect((await kitchen.call(owner.key, "GET", "/my/devices")).body.items).toHaveLength(100);
});

test("pairing is told to the world and to the audit log, without anybody's name", async () => {
  const id = await kitchen.newOven();
  const owner = await kitchen.newOwner(id, "Secret Name");
  const { body } = await kitchen.as("admin", "GET", `/audit?subject=household:${owner.householdId}`);
  const by = `owner:${owner.householdId}/${owner.memberId}`;
  expect(body.items.map((line: { action: string; principal: string }) => [line.action, line.principal])).toEqual([
    ["household.device_paired", by],
    ["household.created", by],
  ]);
  const { rows } = await sql<{ type: string; data: object }>`
    SELECT type, data FROM outbox WHERE subject = ${`device:${id}`}`.execute(kitchen.base.db);
  expect(rows).toEqual([
    { type: "hearth.household.device_joined", data: { householdId: owner.householdId, deviceId: id } },
  ]);
  expect(JSON.stringify([body, rows])).not.toContain("Secret");
});

test("codes and invitations that are over are removed in time", async () => {
  const owner = await kitchen.newOwner(await kitchen.newOven());
  await kitchen.showCode(await kitchen.newOven());
  await kitchen.call(owner.key, "POST", "/my/invitations");
  const left = async () => {
    const { rows } = await sql<{ n: number }>`
      SELECT (SELECT count(*) FROM pairing_code) + (SELECT count(*) FROM household_invitation) AS n`.execute(
      kitchen.base.db,
    );
    return rows[0]?.n ?? 0;
  };
  expect(await left()).toBeGreaterThanOrEqual(2);
  kitchen.clock.forward(8 * 86_400_000);
  await kitchen.slices.households.tick();
  expect(await left()).toBe(0);
});
