import { afterAll, beforeAll, expect, test } from "vitest";
import { Kitchen, type Person } from "../../test/support/kitchen.ts";
import { invitationMs, invitationsMax, membersMax } from "./core/household.ts";

let kitchen: Kitchen;
let ovens = 0;

beforeAll(async () => {
  kitchen = await Kitchen.open();
});
afterAll(() => kitchen.close());

const ascending = (a: number, b: number) => a - b;

async function home(): Promise<Person> {
  ovens += 1;
  await kitchen.ovens(`oven-${ovens}`);
  return kitchen.newOwner(`oven-${ovens}`);
}

const membersOf = async (person: Person) =>
  (await kitchen.call(person.key, "GET", "/my/members")).body.items as { id: string; name: string; role: string }[];
const invite = (person: Person) => kitchen.call(person.key, "POST", "/my/invitations");
const join = (code: string, more: object = {}, address = "192.0.2.77") =>
  kitchen.call(null, "POST", "/my/join", { code, name: "Ben", ...more }, address);
const works = async (person: Person) => (await kitchen.call(person.key, "GET", "/my/household")).status;

test("an invitation is a link that one person uses once, and who joins is a member", async () => {
  const ada = await home();
  const { status, body, headers } = await invite(ada);
  expect([status, headers["cache-control"]]).toEqual([201, "no-store"]);
  expect(body.link).toBe(`https://hearth.example/join#${body.code}`);
  expect(body.code).toMatch(/^[\w-]{43}$/);
  expect((await kitchen.call(ada.key, "GET", "/my/invitations")).body.items).toMatchObject([
    { id: body.invitation.id },
  ]);
  const answers = await Promise.all([1, 2, 3].map(() => join(body.code, { email: "ben@example.org" })));
  expect(answers.map((one) => one.status).toSorted(ascending)).toEqual([201, 422, 422]);
  const joined = answers.find((one) => one.status === 201)?.body;
  expect(joined).toMatchObject({ household: { id: ada.householdId, name: "Ada" }, member: { role: "member" } });
  expect(joined.secret).toMatch(/^hearth_owner_/);
  expect((await membersOf(ada)).map(({ name, role }) => [name, role])).toEqual([
    ["Ada", "owner"],
    ["Ben", "member"],
  ]);
  expect((await kitchen.call(ada.key, "GET", "/my/invitations")).body.items).toEqual([]);
});

test("an invitation that is wrong, used, withdrawn or a week old gives one and the same answer", async () => {
  const ada = await home();
  const [used, withdrawn, old] = [await invite(ada), await invite(ada), await invite(ada)].map(({ body }) => body);
  expect((await join(used.code)).status).toBe(201);
  const path = `/my/invitations/${withdrawn.invitation.id}`;
  expect((await kitchen.call(ada.key, "DELETE", path)).status).toBe(204);
  expect((await kitchen.call(ada.key, "DELETE", path)).body.code).toBe("invitation_not_found");
  kitchen.clock.forward(invitationMs);
  const answers = [];
  for (const code of [used.code, withdrawn.code, old.code, "nothing"]) answers.push((await join(code)).body);
  for (const body of answers) {
    expect(body).toMatchObject({ status: 422, code: "invitation_wrong" });
    expect({ ...body, requestId: "" }).toEqual({ ...answers[0], requestId: "" });
  }
});

test("nobody joins as the owner, whatever they send, and a household keeps its bounds", async () => {
  const ada = await home();
  const { code } = (await invite(ada)).body;
  for (const extra of [{ role: "owner" }, { householdId: ada.householdId }, { points: 1 }, { id: ada.memberId }])
    expect((await join(code, extra)).status).toBe(400);
  expect((await join(code)).body.member.role).toBe("member");
  for (let at = 0; at < invitationsMax; at += 1) expect((await invite(ada)).status).toBe(201);
  expect((await invite(ada)).body.code).toBe("too_many_invitations");
  for (let at = 2; at < membersMax; at += 1)
    await kitchen.as("support", "POST", `/households/${ada.householdId}/members`, { name: `${at}` });
  const [open] = (await kitchen.call(ada.key, "GET", "/my/invitations")).body.items as { id: string }[];
  await kitchen.call(ada.key, "DELETE", `/my/invitations/${open?.id}`);
  const last = (await invite(ada)).body.code;
  expect((await join(last)).body.code).toBe("too_many_members");
});

test("a member reads, pairs, sets how it is addressed, and leaves; the owner alone manages", async () => {
  const ada = await home();
  const ben = await kitchen.newMember(ada);
  const may = async (method: "GET" | "POST" | "PATCH" | "DELETE", url: string, body?: object) =>
    (await kitchen.call(ben.key, method, url, body)).status;
  expect(await may("GET", "/my/members")).toBe(200);
  expect(await may("PATCH", "/my/household", { locale: "de" })).toBe(200);
  expect(await may("PATCH", "/my/household", { role: "owner" })).toBe(400);
  for (const [method, url] of [
    ["GET", "/my/invitations"],
    ["POST", "/my/invitations"],
    ["DELETE", `/my/invitations/${ada.memberId}`],
    ["POST", `/my/members/${ben.memberId}/owner`],
    ["POST", `/my/devices/oven-${ovens}/hand-over`],
    ["DELETE", "/my/household"],
  ] as const)
    expect([method, url, await may(method, url)]).toEqual([method, url, 403]);
  const cem = await kitchen.newMember(ada, "Cem");
  const removed = await kitchen.call(ben.key, "DELETE", `/my/members/${cem.memberId}`);
  expect(removed.body).toMatchObject({ status: 403, code: "not_the_owner" });
  expect(await may("DELETE", `/my/members/${ben.memberId}`)).toBe(204);
  expect([await works(ben), await works(cem), await works(ada)]).toEqual([401, 200, 200]);
});

test("the owner removes a member, whose key ends at once, and cannot leave without a successor", async () => {
  const ada = await home();
  const ben = await kitchen.newMember(ada);
  expect((await kitchen.call(ada.key, "DELETE", `/my/members/${ada.memberId}`)).body.code).toBe("owner_stays");
  expect((await kitchen.call(ada.key, "DELETE", `/my/members/${ben.memberId}`)).status).toBe(204);
  expect(await works(ben)).toBe(401);
  expect((await kitchen.call(ada.key, "DELETE", `/my/members/${ben.memberId}`)).body.code).toBe("member_not_found");
});

test("ownership moves to a member, and with it what only an owner may", async () => {
  const ada = await home();
  const ben = await kitchen.newMember(ada);
  const handOn = (from: Person, to: Person) => kitchen.call(from.key, "POST", `/my/members/${to.memberId}/owner`);
  expect((await handOn(ada, ben)).status).toBe(204);
  expect((await membersOf(ada)).map(({ name, role }) => [name, role])).toEqual([
    ["Ada", "member"],
    ["Ben", "owner"],
  ]);
  expect((await handOn(ada, ada)).body.code).toBe("not_allowed");
  expect((await kitchen.call(ada.key, "DELETE", "/my/household")).status).toBe(403);
  expect((await handOn(ben, ben)).status).toBe(204);
  expect((await kitchen.call(ada.key, "DELETE", `/my/members/${ada.memberId}`)).status).toBe(204);
  const staffMade = await kitchen.as("support", "POST", `/households/${ben.householdId}/members`, { name: "Dora" });
  const dora = { ...ben, memberId: staffMade.body.id as string };
  expect((await handOn(ben, dora)).body.code).toBe("member_without_key");
  const eve = await home();
  expect((await handOn(ben, eve)).body.code).toBe("member_not_found");
});

test("two owners at once there never are: of two who move ownership at the same moment one does", async () => {
  const ada = await home();
  const people = [await kitchen.newMember(ada, "Ben"), await kitchen.newMember(ada, "Cem")];
  const answers = await Promise.all(
    people.map((person) => kitchen.call(ada.key, "POST", `/my/members/${person.memberId}/owner`)),
  );
  expect(answers.map(({ status }) => status).toSorted(ascending)).toEqual([204, 403]);
  expect((await membersOf(ada)).filter(({ role }) => role === "owner")).toHaveLength(1);
});

test("a new key ends the one before it, and a staff key and half a key open nothing here", async () => {
  const ada = await home();
  const { status, body, headers } = await kitchen.call(ada.key, "POST", "/my/key");
  expect([status, headers["cache-control"]]).toEqual([200, "no-store"]);
  expect(await works(ada)).toBe(401);
  expect(await works({ ...ada, key: body.secret })).toBe(200);
  for (const key of [`${body.secret}x`, body.secret.slice(0, -1), "hearth_owner_", "hearth_owner_undefined"])
    expect(await works({ ...ada, key })).toBe(401);
  expect((await kitchen.as("admin", "GET", "/my/household")).body.code).toBe("not_allowed");
  expect((await kitchen.call(body.secret, "GET", "/devices")).body.code).toBe("not_allowed");
});
