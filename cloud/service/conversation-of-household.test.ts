/** Cases of a household alone: what is no appliance's matter is asked and answered all the same. */
import { afterAll, beforeAll, expect, test } from "vitest";
import { Kitchen, type Person } from "../../test/support/kitchen.ts";
import { questionsPerHourMax } from "./core/help.ts";

const hour = 3_600_000;
let kitchen: Kitchen;

beforeAll(async () => {
  kitchen = await Kitchen.open();
});
afterAll(() => kitchen.close());

/** A household with an appliance, which nothing here is about. */
async function newHome(locale = "en"): Promise<Person & { oven: string }> {
  const home = await kitchen.newHome("alone");
  await kitchen.call(home.key, "PATCH", "/my/household", { locale });
  return home;
}

const tick = () => kitchen.slices.service.tickConversations();
const ask = (by: Person, body: object) => kitchen.call(by.key, "POST", "/my/help", body);
const mine = async (by: Person, id = "") => (await kitchen.call(by.key, "GET", `/my/cases${id}`)).body;
const staff = async (path: string) => (await kitchen.as("support", "GET", `/cases/${path}`)).body;
const openFor = (householdId: string, title: string) =>
  kitchen.base.db
    .transaction()
    .execute((tx) =>
      kitchen.slices.service.openFor(
        tx,
        { householdId, device: null, severity: "service", title, note: "Call them", dedupeKey: "at_risk" },
        { kind: "service", name: "lifecycle" },
      ),
    );

test("what is no appliance's matter is a case of the household, answered at once in its language, and by a person both ways", async () => {
  const home = await newHome("de");
  const first = await ask(home, { topic: "other", text: "Where is my order?" });
  expect(first).toMatchObject({ status: 201, body: { deviceId: null, title: "Asks for help" } });
  const { id } = first.body;
  expect((await ask(home, { text: "Nr. 4711" })).body.id).toBe(id);
  await tick();
  const noted = await mine(home, `/${id}`);
  expect(noted.messages.map(({ from }: { from: string }) => from)).toEqual(["you", "you", "automatic"]);
  expect(noted.messages[2].text).toBe("Ihre Nachricht ist angekommen. Ein Mensch wird antworten.");
  expect(await staff(`${id}`)).toMatchObject({ deviceId: null, model: null, householdId: home.householdId });
  expect(await staff(`${id}/conversation`)).toMatchObject({ reach: "app" });
  const said = await kitchen.as("support", "POST", `/cases/${id}/messages`, {
    text: "On its way",
    waitsForOwner: true,
  });
  expect(said.status).toBe(204);
  expect((await mine(home, `/${id}`)).standing).toMatchObject({ status: "waiting_for_owner", answerByMs: null });
  const again = await kitchen.call(home.key, "POST", `/my/cases/${id}/messages`, { text: "It came" });
  expect(again.body.standing.status).toBe("waiting_for_staff");
  await kitchen.as("support", "POST", `/cases/${id}/resolve`, { note: "Arrived" });
  expect((await kitchen.call(home.key, "POST", `/my/cases/${id}/feedback`, { rating: 5 })).body.rating).toBe(5);
  // Nothing of it went to the display of an appliance that it is not about.
  expect(
    (
      await kitchen.slices.deliveries.list({
        deviceId: home.oven,
        kind: "message",
        phase: null,
        beforeId: null,
        limit: 50,
      })
    ).length,
  ).toBe(0);
});

test("another household sees nothing of it, it stays when the appliance goes, and floods are refused", async () => {
  const [home, other] = [await newHome(), await newHome()];
  const { id } = (await ask(home, { text: "MINE" })).body;
  expect((await kitchen.call(other.key, "GET", `/my/cases/${id}`)).status).toBe(404);
  expect((await kitchen.call(other.key, "POST", `/my/cases/${id}/messages`, { text: "x" })).status).toBe(404);
  await kitchen.call(home.key, "POST", `/my/devices/${home.oven}/hand-over`);
  const next = await kitchen.newOwner(home.oven, "Next");
  expect((await mine(next)).items).toEqual([]);
  expect(await staff(id)).toMatchObject({ householdId: home.householdId, status: "open" });
  for (let at = 1; at < questionsPerHourMax; at += 1) await ask(other, { text: `no ${at}` });
  expect((await ask(other, { text: "the last" })).status).toBe(201);
  expect((await ask(other, { text: "too many" })).body.code).toBe("too_many_messages");
  kitchen.clock.forward(hour + 1);
  expect((await ask(other, { text: "later" })).status).toBe(201);
});

test("what another part of the service wants a person for is the staff's until they write, and its name always", async () => {
  const home = await newHome();
  const { caseId } = await openFor(home.householdId, "SECRETLY about to leave");
  expect((await mine(home)).items).toEqual([]);
  expect((await kitchen.call(home.key, "GET", `/my/cases/${caseId}`)).status).toBe(404);
  // Their own question is a case of its own.
  const { id } = (await ask(home, { text: "A question" })).body;
  expect(id).not.toBe(caseId);
  await kitchen.as("support", "POST", `/cases/${caseId}/messages`, { text: "How are you getting on?" });
  const seen = await mine(home, `/${caseId}`);
  expect(seen).toMatchObject({ title: "Answer from support", messages: [{ from: "support" }] });
  expect(JSON.stringify([seen, await mine(home)])).not.toContain("SECRETLY");
});
