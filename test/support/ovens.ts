/** A model of oven and ovens of it, registered through the API: what tests of the whole service begin with. */
import type { RunningService } from "./service-process.ts";

/** The service answered otherwise than a test's preparation needs. */
function expectStatus(what: string, answer: { status: number; body: unknown }, wanted: number): void {
  if (answer.status !== wanted) throw new Error(`${what}: ${answer.status} ${JSON.stringify(answer.body)}`);
}

export const ovenModel = {
  key: "oven",
  version: 1,
  brand: "B",
  name: "Oven",
  kind: "oven",
  hardwareIds: ["h1"],
  locales: ["en", "de"],
  metrics: [
    { name: "cavity_c", unit: "°C" },
    { name: "power_w", unit: "W" },
  ],
  capabilities: { programs: ["HotAir"], setpoint_c_max: 250 },
};

/** A rule of service: whoever's oven is above 240 °C, until it is below 200. */
export const hotOvenRule = (cause: string, actions: readonly object[]) => ({
  kind: "threshold",
  title: "A hot oven",
  severity: "info",
  cause,
  metric: "cavity_c",
  direction: "above",
  limit: 240,
  clearAt: 200,
  holdMs: 0,
  actions,
});

/** Puts the model, and registers an oven under each id. Returns their tokens in the same order. */
export async function registerOvens(service: RunningService, ids: readonly string[]): Promise<string[]> {
  expectStatus("model", await service.api("/api/v1/models/oven", { method: "PUT", body: ovenModel }), 200);
  const devices = ids.map((id) => ({ id, model: "oven" }));
  const registered = await service.api("/api/v1/devices/batch", { method: "POST", body: { devices } });
  expectStatus("devices", registered, 201);
  const tokens = new Map(
    (registered.body.items as { id: string; token: string }[]).map(({ id, token }) => [id, token]),
  );
  return ids.map((id) => tokens.get(id) ?? "");
}

/** How many readings of an oven the API has between two times. */
export async function readingsOf(service: RunningService, id: string, fromMs: number, toMs: number): Promise<number> {
  const path = `/api/v1/devices/${id}/telemetry?metrics=cavity_c&fromMs=${fromMs}&toMs=${toMs}&points=10`;
  const answer = await service.api(path);
  expectStatus("telemetry", answer, 200);
  const [series] = answer.body.series as { points: number[][] }[];
  return (series?.points ?? []).reduce((sum, point) => sum + (point[4] ?? 0), 0);
}
