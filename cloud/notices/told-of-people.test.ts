/** What staff are told because somebody wants them: an owner who writes, a colleague who gives them something. */
import { afterAll, beforeAll, beforeEach, expect, test } from "vitest";
import { sql } from "kysely";
import { Kitchen, type Person } from "../../test/support/kitchen.ts";
import { Mailbox } from "../../test/support/mailbox.ts";

const hour = 3_600_000;
let kitchen: Kitchen;
let mail: Mailbox;
let homes = 0;

beforeAll(async () => {
  mail = await Mailbox.open();
  kitchen = await Kitchen.open({
    notices: { mail: { url: mail.url, from: "hearth@maker.example" }, reach: "loopback" },
  });
});
afterAll(async () => {
  await kitchen.close();
  await mail.close();
});
beforeEach(async () => {
  await sql`TRUNCATE notice_channel, notice, service_case CASCADE`.execute(kitchen.base.db);
  mail.got = [];
  kitchen.clock.forward(10 * 60_000);
});

const tell = (address: string, subscriptions: object[]) =>
  kitchen.as("admin", "POST", "/notices/channels", { kind: "email", name: address, address, subscriptions });
const colleague = async (name: string): Promise<string> => {
  const { body } = await kitchen.as("support", "GET", "/cases/assignees");
  return body.items.find((one: { name: string }) => one.name === name).principal;
};

async function newHome(): Promise<Person & { oven: string }> {
  const oven = `told-of-${(homes += 1)}`;
  await kitchen.ovens(oven);
  return { ...(await kitchen.newOwner(oven)), oven };
}

/** What came since the last look: to whom, and what it was called. */
async function letters(): Promise<[string, string][]> {
  await kitchen.slices.service.tickConversations();
  await kitchen.slices.notices.tick();
  const got = mail.got;
  mail.got = [];
  return got.map(({ to, text }): [string, string] => [to, /^subject: ([^[:]*)/im.exec(text)?.[1]?.trim() ?? ""]);
}

test("staff are told when an owner writes in their case, and further and further up until somebody answers; the first question is told as the case", async () => {
  const home = await newHome();
  const asked = { text: "It SECRETLY hums", wantsHuman: true };
  await tell("team@maker.example", [{ kinds: ["case_opened", "owner_wrote"] }]);
  await tell("lead@maker.example", [{ kinds: ["owner_wrote"], levelMin: 2 }]);
  const { id } = (await kitchen.call(home.key, "POST", `/my/devices/${home.oven}/help`, asked)).body;
  expect(await letters()).toEqual([["team@maker.example", "Case opened"]]);
  const say = (text: string) => kitchen.call(home.key, "POST", `/my/cases/${id}/messages`, { text });
  const answer = () => kitchen.as("support", "POST", `/cases/${id}/messages`, { text: "Try this" });
  // A first answer is still owed: its own escalation says so when it is late.
  await say("Are you there?");
  expect(await letters()).toEqual([["team@maker.example", "Owner wrote"]]);
  await answer();
  await say("It did not help");
  expect(await letters()).toEqual([["team@maker.example", "Owner wrote"]]);
  const { policy } = (await kitchen.as("support", "GET", "/cases/policy")).body;
  const { firstAnswerMs, escalation } = policy.service;
  const steps: { afterDueMs: number }[] = escalation;
  let waitedMs = 0;
  const waitUntil = (ms: number) => {
    kitchen.clock.forward(ms - waitedMs);
    waitedMs = ms;
  };
  for (const [at, { afterDueMs }] of steps.entries()) {
    waitUntil(firstAnswerMs + afterDueMs - 60_000);
    expect(await letters()).toEqual([]);
    waitUntil(firstAnswerMs + afterDueMs);
    const told = (await letters()).filter(([, words]) => words === "Owner waits for an answer").map(([to]) => to);
    expect(told.toSorted()).toEqual(at === 0 ? ["team@maker.example"] : ["lead@maker.example", "team@maker.example"]);
  }
  // Another message does not begin the wait anew, an answer ends it, and what follows it is a new one.
  await answer();
  kitchen.clock.forward(48 * hour);
  expect(await letters()).toEqual([]);
  await say("Still humming");
  expect(await letters()).toEqual([["team@maker.example", "Owner wrote"]]);
  kitchen.clock.forward(firstAnswerMs + (steps[0]?.afterDueMs ?? 0));
  expect(await letters()).toEqual([["team@maker.example", "Owner waits for an answer"]]);
  await kitchen.as("support", "POST", `/cases/${id}/resolve`, { note: "Replaced" });
  kitchen.clock.forward(48 * hour);
  expect(await letters()).toEqual([]);
});

test("what an owner wrote never leaves with the notice, and at the appliance it counts as well", async () => {
  const home = await newHome();
  await tell("team@maker.example", [{}]);
  await kitchen.event(home.oven, "help.requested", { text: "First SECRET" });
  await kitchen.event(home.oven, "help.requested", { text: "Second SECRET" });
  await kitchen.slices.notices.tick();
  expect(mail.got).toHaveLength(2);
  const subjects = mail.got.map(({ text }) => /^subject: (.*)$/im.exec(text)?.[1]?.trim() ?? "");
  expect(subjects.toSorted()).toEqual(["Case opened [service]: Asks for help", "Owner wrote [service]: Asks for help"]);
  for (const { text } of mail.got) expect(text).not.toContain("SECRET");
});

test("whoever is given a case or an incident is told so, and nobody of what they take themselves or put back", async () => {
  const home = await newHome();
  const [admin, support] = [await colleague("admin"), await colleague("support")];
  await tell("admin@maker.example", [{ reaches: [admin] }]);
  await tell("support@maker.example", [{ kinds: ["case_assigned"], reaches: [support] }]);
  const { id } = (await kitchen.call(home.key, "POST", `/my/devices/${home.oven}/help`, { text: "x" })).body;
  const act = (path: string, body = {}) => kitchen.as("support", "POST", `/cases/${id}/${path}`, body);
  await act("take");
  expect(await letters()).toEqual([]);
  await act("give", { staffKeyId: admin.replace("staff:", "") });
  expect(await letters()).toEqual([["admin@maker.example", "Case is yours"]]);
  // Whose case it is hears that its owner wrote.
  await kitchen.call(home.key, "POST", `/my/cases/${id}/messages`, { text: "y" });
  expect(await letters()).toEqual([["admin@maker.example", "Owner wrote"]]);
  await act("release");
  expect(await letters()).toEqual([]);
});

test("staff are told which recipes left a model's feed when its limit is lowered, and nobody is when it is raised again", async () => {
  await newHome();
  await tell("kitchen@maker.example", [{ kinds: ["recipes_left_feed"] }]);
  const roast = {
    title: "Crisp duck",
    ingredients: ["1 duck"],
    steps: [{ text: "Roast.", machine: { program: "HotAir", setpoint_c: 240 } }],
  };
  const made = await kitchen.as("content", "POST", "/content/items", { kind: "recipe", locales: { en: roast } });
  const item = `/content/items/${made.body.id}`;
  await kitchen.as("content", "POST", `${item}/submit`, {});
  await kitchen.as("admin", "POST", `${item}/approve`, {});
  expect((await kitchen.as("content", "POST", `${item}/schedule`, { models: ["oven"] })).body.state).toBe("live");
  const { body: model } = await kitchen.as("viewer", "GET", "/models/oven");
  const limitTo = (setpoint: number) => {
    model.version += 1;
    const capabilities = { ...model.capabilities, setpoint_c_max: setpoint };
    return kitchen.as("admin", "PUT", "/models/oven", { ...model, capabilities });
  };
  expect((await limitTo(200)).status).toBe(200);
  await kitchen.slices.notices.tick();
  expect(mail.got.map(({ to }) => to)).toEqual(["kitchen@maker.example"]);
  expect(mail.got[0]?.text).toContain("Crisp duck");
  expect(mail.got[0]?.text).toContain("Off the feed");
  mail.got = [];
  expect((await limitTo(250)).status).toBe(200);
  await kitchen.slices.notices.tick();
  expect(mail.got).toEqual([]);
});
