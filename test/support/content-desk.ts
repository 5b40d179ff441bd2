/** Two editors at a real database, with the road down to the appliances. */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect } from "vitest";
import { type Model, model as modelSchema } from "#protocol/model.ts";
import { Content, type FeedTopics, type Reader } from "../../cloud/content/content.ts";
import { contentRoutes } from "../../cloud/content/content-routes.ts";
import { Deliveries } from "../../cloud/deliveries/deliveries.ts";
import { downRoad, testApi } from "./down-road.ts";
import { createTestDatabase } from "./postgres.ts";

const hourMs = 3_600_000;

export const text = (title: string, more: object = {}) => ({ title, text: "Wipe the door.", ...more });
export const tip = (locales: object = { en: text("Tip") }) => ({ kind: "tip", locales });

/** What a model can do that bakes with hot air up to a temperature. */
export const hotAirUpTo = (setpoint_c_max: number) => ({
  locales: ["en"],
  capabilities: { programs: ["HotAir"], setpoint_c_max },
});

/** A version of such a model, as a maker stores it. */
export const hotAirOven = (key: string, version: number, setpoint_c_max: number, name = key): Model => {
  const said = { brand: "T", name, kind: "oven", hardwareIds: ["h1"], metrics: [] };
  return modelSchema.parse({ key, version, ...said, ...hotAirUpTo(setpoint_c_max) });
};

export type ContentDesk = Awaited<ReturnType<typeof openContentDesk>>;

export async function openContentDesk() {
  const database = await createTestDatabase();
  const road = downRoad(database.db);
  const artifactsDir = await mkdtemp(join(tmpdir(), "hearth-content-"));
  await road.devices.addModel("oven-x200", {
    capabilities: { programs: ["HotAir"], setpoint_c_max: 250 },
    locales: ["de-CH", "en-US", "ja"],
  });
  const deliveries = new Deliveries(road.deps);
  /** What the feeds brought, the first change first. */
  const changes: FeedTopics[] = [];
  /** What households read, by their devices' keys. */
  const reads = new Map<number, Reader>();
  const content = new Content({
    ...road.deps,
    deliveries,
    readersOf: async () => reads,
    onChanged: (topics) => changes.push(topics),
    onMissed() {},
    artifactsDir,
    secret: Buffer.alloc(32, 7),
    publicUrl: () => "http://hearth.example",
  });
  road.devices.onModelPut((tx, before, after) => content.feedFit.modelPut(tx, before, after));
  road.devices.onCame((tx, deviceKeys) => content.newcomers.came(tx, deviceKeys));
  const api = await testApi(road.staff, (app) => contentRoutes(app, content));
  const [mara, jonas] = [await api.as("content"), await api.as("content")];

  async function ask(method: "GET" | "POST" | "PUT" | "DELETE", url: string, payload?: object, headers = mara) {
    const body = payload === undefined ? {} : { payload };
    const response = await api.app.inject({ method, url: `/api/v1/content${url}`, headers, ...body });
    return { status: response.statusCode, body: response.json() };
  }
  async function written(draft: object): Promise<string> {
    const { status, body } = await ask("POST", "/items", draft);
    expect([status, body]).toEqual([201, expect.anything()]);
    return body.id as string;
  }
  return {
    database,
    road,
    artifactsDir,
    deliveries,
    content,
    changes,
    reads,
    api,
    mara,
    jonas,
    ask,
    written,
    async approved(draft: object): Promise<string> {
      const id = await written(draft);
      await ask("POST", `/items/${id}/submit`, {});
      expect((await ask("POST", `/items/${id}/approve`, {}, jonas)).body).toMatchObject({ state: "approved" });
      return id;
    },
    schedule: (id: string, when: object) => ask("POST", `/items/${id}/schedule`, when),
    stateOf: async (id: string) => (await ask("GET", `/items/${id}`)).body.state as string,
    /** What the last change of the feeds brought in English. */
    inEnglish: () => changes.at(-1)?.items.find(({ topic }) => topic.includes("/en/"))?.payload ?? "",
    /** A local time so many hours from now, in UTC. */
    inHours: (hours: number) => new Date(road.clock.nowMs() + hours * hourMs).toISOString().slice(0, 16),
    async close() {
      await api.app.close();
      await database.drop();
      await rm(artifactsDir, { recursive: true, force: true });
    },
  };
}
