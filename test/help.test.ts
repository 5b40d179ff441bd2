/**
 * Help against the whole service with a simulated appliance over real MQTT and HTTP: asked at the oven, answered on its display, by
 * automation and by a person, with a self-test and a log, until it is rated.
 */
import { afterAll, beforeAll, expect, test } from "vitest";
import { planFleet } from "../device-sim/core/fleet-plan.ts";
import { Fleet } from "../device-sim/fleet.ts";
import { loadModels } from "../device-sim/models.ts";
import { systemClock } from "../device-sim/platform/clock.ts";
import { register } from "../device-sim/register.ts";
import { ask } from "./support/ask.ts";
import { preparedDataDir } from "./support/prepared-data-dir.ts";
import {
  removeDataDir,
  type RunningService,
  startServiceProcess,
  stopServiceProcess,
  until,
} from "./support/service-process.ts";

let service: RunningService;
const ends: (() => Promise<unknown> | void)[] = [];
beforeAll(async () => {
  service = await startServiceProcess({ dataDir: await preparedDataDir() });
});
afterAll(async () => {
  for (const end of ends.toReversed()) await end();
  await stopServiceProcess(service);
  await removeDataDir(service.dataDir);
});

const asked = (key: string | null, method: string, path: string, body?: object) =>
  ask(`${service.http}/api/v1`, key, method, path, body);
const staff = (method: string, path: string, body?: object) => asked(service.key, method, path, body);

test("from the button at the oven to the rating, with everything on the display and live in the app", async () => {
  const api = { url: service.http, key: service.key, fetch };
  const [member] = await register(api, planFleet({ count: 1, seed: 3, prefix: "help" }), loadModels());
  if (member === undefined) throw new Error("there is no appliance");
  const { id } = member;
  const fleet = new Fleet({
    appliances: [{ ...member, persona: "away" }],
    broker: `mqtt://127.0.0.1:${service.mqttPort}`,
    clock: systemClock,
    backOff: { msMin: 20, msMax: 100 },
  });
  fleet.start();
  ends.push(() => fleet.stop());
  await until("it is connected", () => fleet.state(id).connected);
  const shown = fleet.openPairing(id);
  const code = shown.kind === "opened" ? shown.shown.code : "";
  // A code that the service does not know yet would count as a wrong one.
  await until("the service knows the code", async () => {
    const { items } = (await staff("GET", `/devices/${id}/timeline`)).body;
    return items.some(({ title }: { title: string }) => title === "Pairing opened");
  });
  const paired = await asked(null, "POST", "/my/pair", { code: code.toLowerCase(), name: "Ada" });
  expect(paired.status).toBe(201);
  const owner: string = paired.body.secret;
  const prompt = () => fleet.state(id).display.prompt?.title;

  // Asked at the appliance: the article is on its display, and the owner says that it did not help.
  await until("it is connected again", () => fleet.state(id).connected);
  fleet.inject(id, "heating_element");
  fleet.askForHelp(id, { code: "heating_element", text: "It does not get hot" });
  let caseId = "";
  await until("there is a case", async () => {
    const { items } = (await asked(owner, "GET", "/my/cases")).body;
    caseId = items[0]?.id ?? "";
    return caseId !== "";
  });
  const mine = async () => (await asked(owner, "GET", `/my/cases/${caseId}`)).body;
  const stream = await fetch(`${service.http}/api/v1/my/cases/${caseId}/stream`, {
    headers: { authorization: `Bearer ${owner}`, accept: "text/event-stream" },
  });
  const reader = stream.body?.pipeThrough(new TextDecoderStream()).getReader();
  let heard = "";
  const listening = (async () => {
    for (let read = await reader?.read(); read?.done === false; read = await reader?.read()) heard += read.value;
  })();
  ends.push(async () => {
    await reader?.cancel();
    await listening;
  });
  await until("the article is on the display", () => prompt() === "A first answer");
  const isSeen = async (text: string) => {
    fleet.look(id);
    const { messages } = await mine();
    return messages.some(
      (one: { text: string; shownAtMs: number | null }) => one.shownAtMs !== null && one.text.includes(text),
    );
  };
  await until("it was seen", () => isSeen("This answer came automatically"));
  fleet.askForHelp(id, { wantsHuman: true });
  await until("it waits for staff", () => heard.includes(`"status":"waiting_for_staff"`));

  // Staff ask the appliance about itself, and answer.
  expect((await staff("POST", `/cases/${caseId}/diagnoses`, { kind: "self_test" })).status).toBe(202);
  const diagnosed = async (kind: string) => {
    const { items } = (await staff("GET", `/cases/${caseId}/diagnoses`)).body;
    return items.find((one: { kind: string; state: string }) => one.kind === kind && one.state === "answered");
  };
  await until("the self-test is there", async () => (await diagnosed("self_test")) !== undefined);
  const { result } = await diagnosed("self_test");
  expect(result.parts.filter((part: { ok: boolean }) => !part.ok)).toMatchObject([
    { part: "heating_element", fault: "heating_element" },
  ]);
  expect((await staff("POST", `/cases/${caseId}/diagnoses`, { kind: "send_log" })).status).toBe(202);
  await until("the log is there", async () => (await diagnosed("send_log")) !== undefined);
  const log = await staff("GET", `/diagnoses/${(await diagnosed("send_log")).id}/log`);
  expect(log.text).toContain(`"device":"${id}"`);
  expect(log.text).not.toContain("It does not get hot");
  await staff("POST", `/cases/${caseId}/messages`, { text: "The element is worn; a new one is on its way." });
  await until("they read it", () => isSeen("The element is worn"));

  // Mended, closed, rated with one touch.
  fleet.repair(id, "heating_element");
  await staff("POST", `/cases/${caseId}/resolve`, { note: "Element exchanged" });
  await until("the display asks", () => prompt() === "Did we help?");
  expect(fleet.giveFeedback(id, 5)).toBe(true);
  await until("it is rated", async () => (await mine()).rating === 5);
  await until("the app heard that it is closed", () => heard.includes(`"status":"resolved"`));
});
