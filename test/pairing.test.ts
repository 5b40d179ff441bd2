/**
 * Pairing and hand-over against the whole service, over real MQTT: who stands at the appliance gets it, another household reaches
 * nothing of it, and nothing that was planted outlasts the household that planted it.
 */
import { spawn } from "node:child_process";
import { createHash, randomUUID } from "node:crypto";
import { once } from "node:events";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import type { Packet } from "mqtt-packet";
import { afterAll, beforeAll, expect, test } from "vitest";
import { desired } from "#protocol/state.ts";
import { planFleet } from "../device-sim/core/fleet-plan.ts";
import { Fleet } from "../device-sim/fleet.ts";
import { loadModels } from "../device-sim/models.ts";
import { systemClock } from "../device-sim/platform/clock.ts";
import { register } from "../device-sim/register.ts";
import { type ConnectOptions, publish, RawDevice } from "../gateway/testing/raw-device.ts";
import { approvedContent } from "./support/approved-content.ts";
import { ask } from "./support/ask.ts";
import { registerOvens } from "./support/ovens.ts";
import { preparedDataDir } from "./support/prepared-data-dir.ts";
import {
  removeDataDir,
  type RunningService,
  startServiceProcess,
  stopServiceProcess,
  until,
} from "./support/service-process.ts";

const ids = ["given-1", "eves-1", "left-1", "left-2", "left-3", "left-4", "away-1"];

let service: RunningService;
let tokens: Map<string, string>;
const ends: (() => Promise<unknown> | void)[] = [];
beforeAll(async () => {
  service = await startServiceProcess({ dataDir: await preparedDataDir() });
  const given = await registerOvens(service, ids);
  tokens = new Map(ids.map((id, at) => [id, given[at] ?? ""]));
});
afterAll(async () => {
  for (const end of ends.toReversed()) await end();
  await stopServiceProcess(service);
  await removeDataDir(service.dataDir);
});

/** A request of somebody at home. */
const asked = (key: string | null, method: string, path: string, body?: object) =>
  ask(`${service.http}/api/v1`, key, method, path, body);

interface Person {
  key: string;
  householdId: string;
  memberId: string;
}

const topicOf = (id: string, channel: string) => `hearth/v1/devices/${id}/${channel}`;

/** An appliance that says exactly what a test wants, with a session that outlives its connection. */
async function connect(id: string, more: ConnectOptions = {}): Promise<RawDevice> {
  const device = await RawDevice.login(service.mqttPort, id, { password: tokens.get(id) ?? "", clean: false, ...more });
  ends.push(() => void device.socket.destroy());
  expect(device.all("connack")[0]?.returnCode).toBe(0);
  return device;
}

const sessionPresent = (device: RawDevice) => device.all("connack")[0]?.sessionPresent === true;

let messageId = 0;
async function say(device: RawDevice, id: string, channel: string, payload: object): Promise<void> {
  messageId += 1;
  const mine = messageId;
  device.send(publish(topicOf(id, channel), mine, JSON.stringify({ atMs: Date.now(), ...payload })));
  await until("a PUBACK", () => device.all("puback").some((one) => one.messageId === mine));
}
async function event(device: RawDevice, id: string, type: string, data: object = {}): Promise<string> {
  const eventId = randomUUID();
  await say(device, id, "events", { id: eventId, type, data });
  return eventId;
}

/** What arrived on a channel, in order. */
const heard = (device: RawDevice, id: string, channel: string) =>
  device
    .all("publish")
    .filter(({ topic }) => topic === topicOf(id, channel))
    .map(({ payload }) => JSON.parse(String(payload)) as Record<string, unknown>);

const staffTimeline = async (id: string) =>
  (await service.api(`/api/v1/devices/${id}/timeline?limit=500`)).body.items as { title: string; data: object }[];

const isKnown = (id: string, words: string) =>
  until(`${words} is on the timeline`, async () => JSON.stringify(await staffTimeline(id)).includes(words));

let codes = 0;
async function pair(device: RawDevice, id: string, key: string | null, name = "Ada") {
  codes += 1;
  const code = `C0DE${String(codes).padStart(4, "0")}`;
  const codeSha256 = createHash("sha256").update(code).digest("hex");
  const eventId = await event(device, id, "pairing.opened", { codeSha256, validMs: 600_000 });
  // The code reaches the cloud a moment after the display; a person types slower than that.
  await isKnown(id, eventId);
  return asked(key, "POST", "/my/pair", { code, name });
}

async function newOwner(device: RawDevice, id: string, name = "Ada"): Promise<Person> {
  const { status, body } = await pair(device, id, null, name);
  expect(status).toBe(201);
  return { key: body.secret, householdId: body.household.id, memberId: body.you.memberId };
}

async function newMember(owner: Person): Promise<Person> {
  const { body: invited } = await asked(owner.key, "POST", "/my/invitations");
  const { body } = await asked(null, "POST", "/my/join", { code: invited.code, name: "Ben" });
  return { key: body.secret, householdId: body.household.id, memberId: body.member.id };
}

test("an appliance shows a code, its owner pairs it and sees it alone; handed over or reset, it forgets them and can be paired again", async () => {
  const api = { url: service.http, key: service.key, fetch };
  const [member] = await register(api, planFleet({ count: 1, seed: 3, prefix: "sim" }), loadModels());
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

  const opened = async () => (await staffTimeline(id)).filter(({ title }) => title === "Pairing opened").length;
  const pairByHand = async (): Promise<Person> => {
    const shownBefore = await opened();
    const outcome = fleet.openPairing(id);
    const code = outcome.kind === "opened" ? outcome.shown.code.toLowerCase() : "";
    await until("the cloud knows the code", async () => (await opened()) > shownBefore);
    const { status, body } = await asked(null, "POST", "/my/pair", { code, name: "Ada" });
    expect(status).toBe(201);
    return { key: body.secret, householdId: body.household.id, memberId: body.you.memberId };
  };
  const ada = await pairByHand();
  expect((await asked(ada.key, "GET", "/my/devices")).body.items).toMatchObject([
    { id, model: member.model, online: true },
  ]);

  const message = { kind: "message", locales: { en: { title: "For Ada", text: "Hello Ada" } } };
  const itemId = await approvedContent(service, message);
  await service.api(`/api/v1/content/items/${itemId}/send`, { method: "POST", body: { deviceIds: [id] } });
  await service.api(`/api/v1/devices/${id}/desired`, { method: "PUT", body: { state: { childLock: true } } });
  const isFull = () => fleet.state(id).deliveries.length === 1 && fleet.state(id).settings.childLock;
  await until("it holds what is Ada's", isFull);
  expect((await asked(ada.key, "POST", `/my/devices/${id}/hand-over`)).status).toBe(204);
  const isEmpty = () => fleet.state(id).deliveries.length === 0 && !fleet.state(id).settings.childLock;
  await until("it has forgotten Ada", isEmpty);
  await until("it is back by itself", () => fleet.state(id).connected);

  const bea = await pairByHand();
  expect((await asked(bea.key, "GET", `/my/devices/${id}/timeline`)).text).not.toContain("Ada");
  expect((await asked(ada.key, "GET", `/my/devices/${id}`)).status).toBe(404);
  expect(fleet.factoryReset(id)).toEqual({ kind: "reset" });
  await until("it is nobody's", async () => (await asked(bea.key, "GET", `/my/devices/${id}`)).status === 404);
  await until("it is back by itself", () => fleet.state(id).connected);
  const cem = await pairByHand();
  expect((await asked(cem.key, "GET", `/my/devices/${id}`)).status).toBe(200);
});

test("a person at the command line pairs a simulated appliance and resets it", async () => {
  const main = fileURLToPath(new URL("../device-sim/main.ts", import.meta.url));
  const broker = `mqtt://127.0.0.1:${service.mqttPort}`;
  const options = ["--api", service.http, "--key", service.key, "--broker", broker, "--count", "1", "--by-hand"];
  const sim = spawn(process.execPath, [main, ...options], { stdio: ["pipe", "pipe", "inherit"] });
  const ended = once(sim, "exit");
  ends.push(async () => {
    sim.kill();
    await ended;
  });
  const answers: Record<string, unknown>[] = [];
  createInterface({ input: sim.stdout }).on("line", (line) => {
    const said = JSON.parse(line) as Record<string, unknown>;
    if ("device" in said) answers.push(said);
  });
  const byHand = async (line: string): Promise<Record<string, unknown>> => {
    const before = answers.length;
    sim.stdin.write(`${line}\n`);
    await until(`an answer to ${line}`, () => answers.length > before);
    return answers.at(-1) ?? {};
  };
  let shown = await byHand("pair");
  await until("it is connected", async () => {
    if (shown["refused"] === "not_connected") shown = await byHand("pair");
    return shown["refused"] === undefined;
  });
  const id = String(shown["device"]);
  await isKnown(id, "Pairing opened");
  const paired = await asked(null, "POST", "/my/pair", { code: shown["pairingCode"], name: "Ada" });
  expect(paired.status).toBe(201);
  const key = paired.body.secret as string;
  expect((await asked(key, "GET", "/my/devices")).body.items).toMatchObject([{ id }]);
  expect(await byHand("reset")).toEqual({ device: id, reset: true });
  await until("it is nobody's", async () => (await asked(key, "GET", `/my/devices/${id}`)).status === 404);
});

/** Every route of owners, from the service's own description. */
async function myRoutes(): Promise<{ method: string; path: string }[]> {
  const { paths } = (await (await fetch(`${service.http}/api/openapi.json`)).json()) as {
    paths: Record<string, object>;
  };
  return Object.entries(paths)
    .filter(([path]) => path.startsWith("/api/v1/my/"))
    .flatMap(([path, methods]) =>
      Object.keys(methods).map((method) => ({ method: method.toUpperCase(), path: path.slice("/api/v1".length) })),
    );
}

const bodies: Record<string, object> = {
  "PATCH /my/household": { name: "Eve's" },
  "POST /my/pair": { code: "0000-0000" },
  "POST /my/join": { code: "nothing", name: "Eve" },
  "POST /my/updates/{deliveryId}/postpone": { untilMs: 4_000_000_000_000 },
  "POST /my/devices/{id}/help": { text: "It beeps" },
  "POST /my/cases/{id}/messages": { text: "It beeps again" },
  "POST /my/cases/{id}/alternative": { kind: "technician" },
  "POST /my/cases/{id}/feedback": { rating: 5 },
};

test("on every route of owners the owner of a second household reaches nothing of the first with its ids", async () => {
  const [given, eves] = [await connect("given-1"), await connect("eves-1")];
  const ada = await newOwner(given, "given-1");
  const ben = await newMember(ada);
  const { body: invited } = await asked(ada.key, "POST", "/my/invitations");
  const eve = await newOwner(eves, "eves-1", "Eve");
  await event(given, "given-1", "program.finished", { program: "Goose" });
  await until("it is known", async () => JSON.stringify(await staffTimeline("given-1")).includes("Goose"));

  const sight = async () =>
    Promise.all(
      ["household", "members", "invitations", "devices/given-1", "devices/given-1/timeline"].map(
        async (path) => (await asked(ada.key, "GET", `/my/${path}`)).body as unknown,
      ),
    );
  const before = await sight();
  const traces = ["given-1", "Goose", ada.householdId, ada.memberId, ben.memberId, invited.invitation.id as string];
  const routes = await myRoutes();
  expect(routes.length).toBeGreaterThan(15);
  const ofObjects = routes.filter(({ path }) => path.includes("{"));
  for (const { method, path } of ofObjects) {
    for (const id of ["given-1", ada.memberId, ben.memberId, invited.invitation.id as string]) {
      const isDevice = path.startsWith("/my/devices/");
      if (isDevice !== (id === "given-1")) continue;
      const query = path.endsWith("/telemetry") ? "?metrics=cavity_c" : "";
      const { status } = await asked(eve.key, method, path.replace(/\{\w+\}/, id) + query, bodies[`${method} ${path}`]);
      expect([method, path, [403, 404].includes(status)]).toEqual([method, path, true]);
    }
  }
  const whole = routes.filter(
    ({ method, path }) => !path.includes("{") && `${method} ${path}` !== "DELETE /my/household",
  );
  for (const { method, path } of whole) {
    const hers = { householdId: ada.householdId, device: "given-1", memberId: ada.memberId, role: "owner" };
    const body = method === "GET" ? undefined : { ...bodies[`${method} ${path}`], ...hers };
    const query = new URLSearchParams({ ...hers, devices: "given-1", metrics: "cavity_c" }).toString();
    const { text } = await asked(eve.key, method, `${path}?${query}`, body);
    if (`${method} ${path}` === "POST /my/key") eve.key = JSON.parse(text).secret as string;
    for (const trace of traces) expect([method, path, text.includes(trace)]).toEqual([method, path, false]);
  }
  expect((await asked(eve.key, "DELETE", "/my/household")).status).toBe(200);
  expect(await sight()).toEqual(before);
  // She keeps nothing of her own either: with her household its key has ended, and her oven is nobody's.
  expect((await asked(eve.key, "GET", "/my/household")).status).toBe(401);
  expect((await service.api("/api/v1/devices/eves-1")).body.householdId).toBeNull();
});

const will = (id: string, program: string) => ({
  topic: topicOf(id, "events"),
  payload: JSON.stringify({ id: randomUUID(), atMs: Date.now(), type: "program.finished", data: { program } }),
});

/** An appliance with everything that a household can plant at it, each of which is shown to work. */
async function planted(id: string): Promise<{ device: RawDevice; owner: Person; deliveries: string[] }> {
  // Nothing is retained in an appliance's name: not where it may publish, nor where it may not.
  for (const channel of ["reported", "inbox"]) {
    const tries = await connect(id);
    tries.send({ ...publish(topicOf(id, channel), 1), retain: true } as Packet);
    await tries.waitClosed();
  }
  const before = await connect(id, { will: will(id, "Will of before") });
  before.subscribe(1, topicOf(id, "inbox"), "hearth/v1/content/oven/#");
  await before.wait("suback");
  before.socket.destroy();
  await isKnown(id, "Will of before");
  const device = await connect(id, { will: will(id, "Will of the household") });
  expect(sessionPresent(device)).toBe(true);
  const owner = await newOwner(device, id);
  device.subscribe(2, topicOf(id, "inbox"), topicOf(id, "desired"));
  await service.api(`/api/v1/devices/${id}/desired`, { method: "PUT", body: { state: { childLock: true } } });
  await until("what is wanted arrives", () => heard(device, id, "desired").length > 0);
  // Never answered, so that both stay open and would be sent again to whoever subscribes next.
  const order = { name: "identify", lifeMs: 300_000 };
  const command = await service.api(`/api/v1/devices/${id}/commands`, { method: "POST", body: order });
  const text = { kind: "message", locales: { en: { title: "For Ada", text: "Hello Ada" } } };
  const itemId = await approvedContent(service, text);
  await service.api(`/api/v1/content/items/${itemId}/send`, { method: "POST", body: { deviceIds: [id] } });
  await until("both deliveries arrive", () => heard(device, id, "inbox").length === 2);
  const deliveries = heard(device, id, "inbox").map((one) => String(one["id"]));
  expect(deliveries).toContain(command.body.id);
  return { device, owner, deliveries };
}

/** The appliance is back by itself, as nobody's: nothing that was planted comes to it. */
async function expectClean(id: string, deliveries: readonly string[], isErased = false): Promise<RawDevice> {
  const back = await connect(id);
  expect(sessionPresent(back)).toBe(false);
  // Whatever waited for the session would have come before this answer.
  back.subscribe(1, topicOf(id, "desired"));
  await until("what is wanted arrives", () => back.all("publish").length > 0);
  const [wanted] = back.all("publish");
  expect(wanted).toMatchObject({ topic: topicOf(id, "desired"), retain: false });
  expect(desired.parse(JSON.parse(String(wanted?.payload)))).toMatchObject({ state: {}, tenure: 1 });
  back.subscribe(2, topicOf(id, "inbox"), "hearth/v1/content/oven/en/recipes/#");
  const { body } = await service.api(`/api/v1/devices/${id}/commands`, { method: "POST", body: { name: "self_test" } });
  await until("a new delivery arrives", () => heard(back, id, "inbox").length > 0);
  expect(heard(back, id, "inbox").map((one) => one["id"])).toEqual([body.id]);
  const retained = back.all("publish").filter(({ retain }) => retain);
  expect(retained.filter(({ topic }) => !topic.startsWith("hearth/v1/content/"))).toEqual([]);
  for (const one of deliveries) {
    const left = (await service.api(`/api/v1/deliveries/${one}`)).body;
    // Of an erased household the letters are gone as well; an order to the appliance stays, as taken back.
    if (isErased && left.kind !== "command") expect(left).toMatchObject({ code: "delivery_not_found" });
    else expect(left).toMatchObject({ phase: "cancelled", cause: "household_left" });
  }
  expect(JSON.stringify(await staffTimeline(id))).not.toContain("Will of the household");
  return back;
}

/** The old keys open nothing of it, and the next household sees nothing from before them. */
async function expectPassedOn(id: string, device: RawDevice, owner: Person): Promise<void> {
  const next = await newOwner(device, id, "Bea");
  await event(device, id, "program.finished", { program: "Bea's bread" });
  await isKnown(id, "Bea's bread");
  const { body } = await asked(next.key, "GET", `/my/devices/${id}/timeline?limit=500`);
  const titles = (body.items as { title: string; atMs: number }[]).map(({ title }) => title);
  expect(titles).toContain("Program finished: Bea's bread");
  expect(JSON.stringify(body)).not.toMatch(/Ada|Will|identify/);
  const { sinceMs } = (await asked(next.key, "GET", `/my/devices/${id}`)).body;
  for (const { atMs } of body.items) expect(atMs).toBeGreaterThanOrEqual(sinceMs);
  for (const path of ["", "/timeline", "/telemetry/latest"]) {
    const { status } = await asked(owner.key, "GET", `/my/devices/${id}${path}`);
    expect([path, [401, 404].includes(status)]).toEqual([path, true]);
  }
  const stolen = await asked(owner.key, "POST", `/my/devices/${id}/hand-over`);
  expect([401, 404]).toContain(stolen.status);
  expect((await asked(next.key, "GET", `/my/devices/${id}`)).status).toBe(200);
}

const ways: [string, string, (device: RawDevice, owner: Person) => Promise<unknown>][] = [
  ["its owner hands it over", "left-1", (_device, { key }) => asked(key, "POST", "/my/devices/left-1/hand-over")],
  [
    "staff takes it out",
    "left-2",
    (_device, { householdId }) => service.api(`/api/v1/households/${householdId}/devices/left-2`, { method: "DELETE" }),
  ],
  ["it is reset at the appliance", "left-3", (device) => event(device, "left-3", "factory.reset")],
  ["its household is erased", "left-4", (_device, { key }) => asked(key, "DELETE", "/my/household")],
];

test.each(ways)(
  "when %s, neither session, queue, will, retained message, desired state nor delivery outlasts it",
  async (way, id, leave) => {
    const { device, owner, deliveries } = await planted(id);
    await leave(device, owner);
    await device.waitClosed();
    await isKnown(id, "Went offline (revoked)");
    expect((await service.api(`/api/v1/devices/${id}`)).body.householdId).toBeNull();
    const clean = await expectClean(id, deliveries, way === "its household is erased");
    await expectPassedOn(id, clean, owner);
  },
);

test("a household that leaves while the appliance is away leaves nothing waiting for it either", async () => {
  const id = "away-1";
  const { device, owner, deliveries } = await planted(id);
  device.send({ cmd: "disconnect" });
  await device.waitClosed();
  // Queued for the session, which is still there.
  const recipe = { kind: "recipe", locales: { en: { title: "Queued pie", steps: [{ text: "Bake" }] } } };
  const itemId = await approvedContent(service, recipe);
  const where = { models: ["oven"], feed: "recipes" };
  await service.api(`/api/v1/content/items/${itemId}/publish`, { method: "POST", body: where });
  const peek = await connect(id);
  expect(sessionPresent(peek)).toBe(true);
  await until("what was queued arrives", () =>
    JSON.stringify(peek.all("publish").map(({ topic }) => topic)).includes(itemId),
  );
  peek.socket.destroy();
  await service.api(`/api/v1/content/items/${itemId}/withdraw`, { method: "POST" });

  expect((await asked(owner.key, "POST", `/my/devices/${id}/hand-over`)).status).toBe(204);
  await expectPassedOn(id, await expectClean(id, deliveries), owner);
});
