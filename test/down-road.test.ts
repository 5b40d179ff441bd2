import { createHash } from "node:crypto";
import { connectAsync, type MqttClient } from "mqtt";
import { afterAll, beforeAll, expect, test } from "vitest";
import { feedIndex } from "#protocol/content.ts";
import { FeedCache } from "../device-sim/agent/feed-cache.ts";
import { delivery } from "#protocol/delivery.ts";
import { approvedContent } from "./support/approved-content.ts";
import { registerOvens } from "./support/ovens.ts";
import { preparedDataDir } from "./support/prepared-data-dir.ts";
import {
  removeDataDir,
  type RunningService,
  startServiceProcess,
  stopServiceProcess,
  until,
} from "./support/service-process.ts";

const ids = [
  "online-1",
  "away-1",
  "feed-1",
  "feed-2",
  "patient-1",
  "away-feed-1",
  "desired-1",
  "blocked-1",
  "neighbour-1",
];

let service: RunningService;
let tokens: Map<string, string>;
const clients: MqttClient[] = [];
beforeAll(async () => {
  service = await startServiceProcess({ dataDir: await preparedDataDir() });
  const given = await registerOvens(service, ids);
  tokens = new Map(ids.map((id, at) => [id, given[at] ?? ""]));
});
afterAll(async () => {
  await Promise.all(clients.map((client) => client.endAsync(true)));
  await stopServiceProcess(service);
  await removeDataDir(service.dataDir);
});

interface Message {
  topic: string;
  text: string;
  retained: boolean;
}

/** An appliance with a client off the shelf, and everything that it was sent. */
class Oven {
  readonly id: string;
  readonly client: MqttClient;
  readonly messages: Message[] = [];

  private constructor(id: string, client: MqttClient) {
    this.id = id;
    this.client = client;
    client.on("error", () => {});
    client.on("message", (topic, payload, { retain }) =>
      this.messages.push({ topic, text: payload.toString(), retained: retain }),
    );
  }

  static async connect(id: string): Promise<Oven> {
    const login = { clientId: id, username: id, password: tokens.get(id) ?? "" };
    const client = await connectAsync(
      `mqtt://127.0.0.1:${service.mqttPort}`,
      { ...login, clean: true, reconnectPeriod: 0 },
      false,
    );
    clients.push(client);
    return new Oven(id, client);
  }

  topic(channel: string): string {
    return `hearth/v1/devices/${this.id}/${channel}`;
  }

  subscribe(channel: string): Promise<unknown> {
    return this.client.subscribeAsync(this.topic(channel), { qos: 1 });
  }

  say(channel: string, message: object): Promise<unknown> {
    return this.client.publishAsync(this.topic(channel), JSON.stringify(message), { qos: 1 });
  }

  on(topic: string): Message[] {
    return this.messages.filter((message) => message.topic === topic);
  }

  /** What its inbox held, each checked against the contract. */
  get inbox() {
    return this.on(this.topic("inbox")).map(({ text }) => delivery.parse(JSON.parse(text)));
  }
}

const command = async (id: string, name: string, lifeMs = 30_000): Promise<string> => {
  const { status, body } = await service.api(`/api/v1/devices/${id}/commands`, {
    method: "POST",
    body: { name, lifeMs },
  });
  expect(status).toBe(202);
  return body.id as string;
};
const phaseOf = async (id: string): Promise<string> =>
  (await service.api(`/api/v1/deliveries/${id}`)).body.phase as string;

const recipe = (title: string) => ({
  kind: "recipe",
  locales: {
    en: { title, steps: [{ text: "Bake it", machine: { program: "HotAir", setpoint_c: 180 } }] },
    de: { title: `${title} (de)`, steps: [{ text: "Backen" }] },
  },
});
const newRecipe = (title: string): Promise<string> => approvedContent(service, recipe(title));

test("a command to an oven that is there arrives once, and its reply closes the delivery", async () => {
  const oven = await Oven.connect("online-1");
  await oven.subscribe("inbox");
  const id = await command("online-1", "identify");
  await until("the command arrives", () => oven.inbox.length > 0);
  expect(oven.inbox).toMatchObject([{ id, kind: "command", attempt: 1, body: { name: "identify" } }]);
  await until("it is known to be written", async () => (await phaseOf(id)) === "sent");
  await oven.say("replies", { commandId: id, atMs: Date.now(), ok: true, result: { blinks: 3 } });
  await until("the delivery is closed", async () => (await phaseOf(id)) === "done");
  const { body } = await service.api(`/api/v1/deliveries/${id}`);
  expect(body.receipts).toMatchObject([{ step: "replied", result: { blinks: 3 } }]);
  // What is closed is not sent again: at the next subscription the first thing that comes is the next command.
  await oven.client.endAsync();
  const again = await Oven.connect("online-1");
  await again.subscribe("inbox");
  const next = await command("online-1", "stop");
  await until("the next command arrives", () => again.inbox.length > 0);
  expect(again.inbox.map((one) => one.id)).toEqual([next]);
});

test("a command to an oven that is away expires, and is never delivered when it returns", async () => {
  const dead = await command("away-1", "load_program", 1_000);
  await until("the command is dead", async () => (await phaseOf(dead)) === "expired");
  const oven = await Oven.connect("away-1");
  await oven.subscribe("inbox");
  const alive = await command("away-1", "stop");
  await until("a command of now arrives", () => oven.inbox.length > 0);
  expect(oven.inbox.map(({ id }) => id)).toEqual([alive]);
  expect(await phaseOf(dead)).toBe("expired");
});

test("a published recipe is retained for its model and locale, the index after the item and with its hash; withdrawal empties it", async () => {
  const feed = "hearth/v1/content/oven/en/recipes";
  const watcher = await Oven.connect("feed-1");
  await watcher.client.subscribeAsync("hearth/v1/content/oven/en/#", { qos: 1 });
  const id = await newRecipe("Apple pie");
  const reach = { models: ["oven"], feed: "recipes" };
  const published = await service.api(`/api/v1/content/items/${id}/publish`, { method: "POST", body: reach });
  expect(published.status).toBe(200);
  await until("item and index arrive", () => watcher.messages.length >= 2);
  expect(watcher.messages.map(({ topic }) => topic)).toEqual([`${feed}/${id}`, feed]);

  const late = await Oven.connect("feed-2");
  await late.client.subscribeAsync("hearth/v1/content/oven/+/recipes/#", { qos: 1 });
  await until("both locales arrive", () => late.messages.length >= 4);
  expect(late.messages.every(({ retained }) => retained)).toBe(true);
  const [item] = late.on(`${feed}/${id}`);
  const [index] = late.on(feed).map(({ text }) => feedIndex.parse(JSON.parse(text)));
  expect(JSON.parse(item?.text ?? "")).toMatchObject({ id, locale: "en", title: "Apple pie" });
  const sha256 = createHash("sha256")
    .update(item?.text ?? "")
    .digest("hex");
  expect(index?.items).toEqual([{ id, version: 1, sha256 }]);
  const german = late.on(`hearth/v1/content/oven/de/recipes/${id}`);
  expect(JSON.parse(german[0]?.text ?? "")).toMatchObject({ locale: "de", title: "Apple pie (de)" });

  expect((await service.api(`/api/v1/content/items/${id}/withdraw`, { method: "POST" })).status).toBe(200);
  await until("index and removal arrive", () => watcher.messages.length >= 4);
  const [shorter, removal] = watcher.messages.slice(2);
  const after = feedIndex.parse(JSON.parse(shorter?.text ?? ""));
  expect(after.items).toEqual([]);
  expect(after.version).toBeGreaterThan(index?.version ?? 0);
  expect(removal).toMatchObject({ topic: `${feed}/${id}`, text: "" });
  // Who comes now finds the empty index, and no item: what is retained comes before anything else on the connection.
  await watcher.client.endAsync();
  const newcomer = await Oven.connect("feed-1");
  await newcomer.client.subscribeAsync("hearth/v1/content/oven/en/#", { qos: 1 });
  await newcomer.subscribe("inbox");
  await command("feed-1", "identify");
  await until("the marker arrives", () => newcomer.inbox.length > 0);
  expect(
    newcomer.messages.filter(({ topic }) => topic.startsWith("hearth/v1/content")).map(({ topic }) => topic),
  ).toEqual([feed]);
});

test("what is withdrawn while an oven is away is gone from its display when it comes back, and what else it holds stays", async () => {
  const feed = "hearth/v1/content/oven/en/recipes";
  const [gone, kept] = [await newRecipe("Gone"), await newRecipe("Kept")];
  const reach = { models: ["oven"], feed: "recipes" };
  for (const id of [gone, kept]) {
    expect((await service.api(`/api/v1/content/items/${id}/publish`, { method: "POST", body: reach })).status).toBe(
      200,
    );
  }
  // What the appliance keeps over the time in which it is away.
  const cache = new FeedCache();
  const shown = () => cache.items("recipes").map(({ id }) => id);
  const readFeed = async (holds: () => boolean): Promise<Oven> => {
    const oven = await Oven.connect("away-feed-1");
    await oven.client.subscribeAsync(`${feed}/#`, { qos: 1 });
    let read = 0;
    await until("its display is up to date", () => {
      for (const { topic, text } of oven.messages.slice(read)) {
        if (topic === feed) cache.takeIndex("recipes", Buffer.from(text));
        else cache.takeItem("recipes", topic.split("/").at(-1) ?? "", Buffer.from(text));
      }
      read = oven.messages.length;
      return holds();
    });
    return oven;
  };
  const before = await readFeed(() => shown().includes(gone) && shown().includes(kept));
  await before.client.endAsync();
  expect((await service.api(`/api/v1/content/items/${gone}/withdraw`, { method: "POST" })).status).toBe(200);
  expect(shown()).toContain(gone);
  await readFeed(() => !shown().includes(gone));
  expect(shown()).toContain(kept);
});

test("what is sent while the oven is away waits for its subscription, not for its connection", async () => {
  const item = await newRecipe("Bread");
  const body = { deviceIds: ["patient-1"] };
  const sent = await service.api(`/api/v1/content/items/${item}/send`, { method: "POST", body });
  expect(sent.body).toEqual({ deliveries: 1 });
  const list = await service.api("/api/v1/deliveries?device=patient-1");
  const [{ id, phase }] = list.body.items as [{ id: string; phase: string }];
  expect(phase).toBe("queued");

  const oven = await Oven.connect("patient-1");
  // A connection alone changes nothing: had it been sent now, this would be its `sent`.
  await oven.say("telemetry", { atMs: Date.now(), m: { cavity_c: 20 } });
  await until(
    "the connection is known",
    async () => (await service.api("/api/v1/devices/patient-1")).body.online === true,
  );
  expect(await phaseOf(id)).toBe("queued");
  await oven.subscribe("inbox");
  await until("the recipe arrives", () => oven.inbox.length > 0);
  expect(oven.inbox).toMatchObject([{ id, kind: "recipe", body: { id: item, title: "Bread", locale: "en" } }]);
  await oven.say("receipts", { deliveryId: id, attempt: 1, atMs: Date.now(), step: "stored" });
  await until("it is there", async () => (await phaseOf(id)) === "done");
  expect(oven.inbox).toHaveLength(1);
});

const want = (state: object) => service.api("/api/v1/devices/desired-1/desired", { method: "PUT", body: { state } });

test("the desired state arrives whole with its version, at the subscription and at every change", async () => {
  expect((await want({ childLock: true })).body).toEqual({ version: 1 });
  const oven = await Oven.connect("desired-1");
  await oven.subscribe("desired");
  // What went out for a change may cross the subscription, which asks for the same again: a repeat is no other message.
  const heard = () =>
    oven
      .on(oven.topic("desired"))
      .filter(({ text }, at, all) => text !== all[at - 1]?.text)
      .map(({ text }) => JSON.parse(text) as object);
  await until("it arrives", () => heard().length > 0);
  expect(heard()).toEqual([{ version: 1, state: { childLock: true }, tenure: 0 }]);
  expect((await want({ clock: "24h" })).body).toEqual({ version: 2 });
  await until("the change arrives", () => heard().length > 1);
  expect(heard()[1]).toEqual({ version: 2, state: { clock: "24h" }, tenure: 0 });
  // The two kinds of message come back to their own senders: deliveries go on beside it.
  await oven.subscribe("inbox");
  const id = await command("desired-1", "identify");
  await until("the command is known to be written", async () => (await phaseOf(id)) === "sent");
  expect(oven.inbox.map((one) => one.id)).toEqual([id]);
});

test("blocking an oven ends its connection, keeps it out, and touches no other", async () => {
  const [oven, neighbour] = await Promise.all([Oven.connect("blocked-1"), Oven.connect("neighbour-1")]);
  await Promise.all([oven.subscribe("inbox"), neighbour.subscribe("inbox")]);
  expect((await service.api("/api/v1/devices/blocked-1/block", { method: "POST" })).status).toBe(204);
  await until("its connection is gone", () => !oven.client.connected);
  await expect(Oven.connect("blocked-1")).rejects.toMatchObject({ code: 5 });
  await command("neighbour-1", "identify");
  await until("the neighbour hears", () => neighbour.inbox.length === 1);
  expect(neighbour.client.connected).toBe(true);
});
