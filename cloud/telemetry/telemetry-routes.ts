import type { FastifyInstance } from "fastify";
import type { ZodTypeProvider } from "fastify-type-provider-zod";
import { z } from "zod";
import { deviceId, modelKey } from "#protocol/ids.ts";
import { epochMs, metricName, safeText } from "#protocol/text.ts";
import { type DeviceRef, deviceProblems, type MetricLayout, type SeenDevice } from "../devices/devices.ts";
import type { Clock } from "../platform/clock.ts";
import { problem } from "../platform/problem.ts";
import type { Principal } from "../staff/staff.ts";
import { type LeftOut, leftOut } from "../platform/left-out.ts";
import { isOutside, metricView } from "./core/metric-view.ts";
import { queryLimits, tooWide } from "./core/query-limits.ts";
import { askedHouseholds, together } from "./core/together.ts";
import { telemetryProblems } from "./telemetry-problems.ts";
import type { Telemetry } from "./telemetry.ts";
import type { DeviceSpan } from "./telemetry-store.ts";

/** What the routes need of devices. */
export interface KnownDevices {
  seenBy(principal: Principal, id: string): Promise<SeenDevice | null>;
  layout(model: string): MetricLayout;
  model(key: string): Promise<object | null>;
  ofModel(model: string, limit: number): Promise<DeviceRef[]>;
}

/** Those of the households that agreed that what their appliances say improves the product. */
export type AgreedToImprove = (householdIds: readonly string[]) => Promise<ReadonlySet<string>>;

interface Deps {
  telemetry: Telemetry;
  devices: KnownDevices;
  agreedToImprove: AgreedToImprove;
  clock: Clock;
}

const dayMs = 86_400_000;
const { devicesMax, metricsMax, pointsMax, latestDevicesMax, countedDevicesMax } = queryLimits;

/** Names divided by commas, each once. */
export const listOf = <Item extends z.ZodType<string, string>>(item: Item, max: number) =>
  z
    .string()
    .max(max * 70)
    .transform((text) => [...new Set(text.split(","))])
    .pipe(z.array(item).min(1).max(max));

const time = z.coerce.number().pipe(epochMs);
const window = { fromMs: time.optional(), toMs: time.optional() };
// Strict, here and below: a misspelt `from` would else be answered with the last day.
const rangeQuery = z.strictObject({
  metrics: listOf(metricName, metricsMax).describe(`Up to ${metricsMax} names, divided by commas`),
  ...window,
  points: z.coerce.number().int().min(1).max(pointsMax).default(600),
});

const seriesView = z.object({
  deviceId: z.string(),
  metric: z.string(),
  unit: z.string(),
  label: z.string(),
  /** The range that the model declares. */
  min: z.number().nullable(),
  max: z.number().nullable(),
  declared: z.boolean(),
  personal: z.boolean(),
  /** Of each bucket that holds anything: [its beginning, minimum, mean, maximum, count]. */
  points: z.array(z.tuple([z.number(), z.number(), z.number(), z.number(), z.number()])),
  /** The beginnings of the buckets in which something lies outside the declared range. */
  outside: z.array(z.number()),
});

const rangeAnswer = z
  .object({ fromMs: z.number(), toMs: z.number(), bucketMs: z.number(), series: z.array(seriesView), leftOut })
  .meta({ id: "TelemetryRange" });

const latestItem = z.object({
  metric: z.string(),
  label: z.string(),
  unit: z.string(),
  min: z.number().nullable(),
  max: z.number().nullable(),
  value: z.union([z.number(), z.boolean()]),
  atMs: z.number(),
  /** Outside the declared range. */
  outside: z.boolean(),
  clockSuspect: z.boolean(),
  declared: z.boolean(),
  personal: z.boolean(),
});
const latestAnswer = z.object({ items: z.array(latestItem) }).meta({ id: "TelemetryLatest" });
const latestOfMany = z
  .object({ devices: z.array(z.object({ deviceId: z.string(), items: z.array(latestItem) })), leftOut })
  .meta({ id: "TelemetryLatestOfMany" });

const countsAnswer = z
  .object({
    fromMs: z.number(),
    toMs: z.number(),
    bucketMs: z.number(),
    /** Most frequent first; of each bucket that holds any: [its beginning, how many]. */
    types: z.array(
      z.object({ type: z.string(), total: z.number(), points: z.array(z.tuple([z.number(), z.number()])) }),
    ),
    leftOut,
  })
  .meta({ id: "EventCounts" });

/** The same for staff and for owners, each at an address of their own; an owner sees the time since the appliance is theirs. */
export const addresses = [
  { root: "/api/v1", permission: "telemetry.read", tags: ["telemetry"] },
  { root: "/api/v1/my", permission: "my.read", tags: ["my"] },
] as const;
type Address = (typeof addresses)[number];

const togetherWords =
  "Where the appliances are of several households, those of households that did not agree that their data improves the product are left out, and `leftOut` says how many; what was said before an appliance was its household's is in no such answer.";

const rangeWords =
  "Each bucket has its minimum, mean and maximum, so that peaks and dips stay visible at any zoom; buckets begin at round times. Values outside the range that the model declares are kept, and their buckets named. Readings whose time cannot be right are in none. Without a range: the last 24 hours.";

/** HTTP of the telemetry slice. */
export function telemetryRoutes(server: FastifyInstance, deps: Deps) {
  for (const address of addresses) {
    rangeRoutes(server, address, deps);
    latestRoutes(server, address, deps);
    countRoutes(server, address, deps);
  }
}

/** The appliances as this principal may see them, in the order asked for. */
export async function spansOf(devices: KnownDevices, by: Principal, ids: readonly string[]): Promise<DeviceSpan[]> {
  const spans: DeviceSpan[] = [];
  for (const id of ids) {
    const found = await devices.seenBy(by, id);
    if (found === null) {
      // Of several it is said which; the answer about one alone is the same whatever its name.
      throw problem(deviceProblems, "device_not_found", ids.length > 1 ? `The id is ${id}.` : undefined);
    }
    spans.push({ device: found.device, sinceMs: found.owner?.sinceMs ?? 0 });
  }
  return spans;
}

/** Of appliances of several households those that may be looked at together; all where they are of one, which is looking after it. */
export async function lookedAtTogether(
  agreedToImprove: AgreedToImprove,
  spans: DeviceSpan[],
): Promise<{ spans: DeviceSpan[]; leftOut: LeftOut }> {
  const asked = askedHouseholds(spans.map(({ device }) => device));
  return asked.length === 0 ? { spans, leftOut: null } : together(spans, await agreedToImprove(asked));
}

const seenTogether = async ({ devices, agreedToImprove }: Deps, by: Principal, ids: readonly string[]) =>
  lookedAtTogether(agreedToImprove, await spansOf(devices, by, ids));

/** The range asked for; without one, the last day. One that ends before it begins is refused: it is a mistake, and not a time without readings. */
export function rangeOf(query: { fromMs?: number | undefined; toMs?: number | undefined }, clock: Clock) {
  if (query.fromMs !== undefined && query.toMs !== undefined && query.fromMs >= query.toMs)
    throw problem(telemetryProblems, "telemetry_range_backwards");
  const toMs = query.toMs ?? clock.nowMs() + 1;
  return { fromMs: Math.min(query.fromMs ?? toMs - dayMs, toMs - 1), toMs };
}

async function answerRange(
  deps: Deps,
  by: Principal,
  ids: readonly string[],
  query: z.output<typeof rangeQuery>,
): Promise<z.infer<typeof rangeAnswer>> {
  const { telemetry, devices, clock } = deps;
  const { metrics, points } = query;
  const wide = tooWide({ points, devices: ids.length, metrics: metrics.length });
  if (wide !== null) throw problem(telemetryProblems, "telemetry_range_too_wide", wide);
  const { spans, leftOut: missing } = await seenTogether(deps, by, ids);
  const { fromMs, toMs } = rangeOf(query, clock);
  const { bucketMs, series } = await telemetry.store.range({ devices: spans, metrics, fromMs, toMs, points });
  const byKey = new Map(spans.map(({ device }) => [device.key, device]));
  return {
    fromMs,
    toMs,
    bucketMs,
    leftOut: missing,
    series: series.map(({ deviceKey, metric, buckets }) => {
      const device = byKey.get(deviceKey);
      const view = metricView(metric, devices.layout(device?.model ?? ""));
      return {
        deviceId: device?.id ?? "",
        metric,
        ...view,
        points: buckets.map(({ atMs, min, mean, max, count }): [number, number, number, number, number] => [
          atMs,
          min,
          mean,
          max,
          count,
        ]),
        outside: buckets.filter(({ min, max }) => isOutside(min, view) || isOutside(max, view)).map(({ atMs }) => atMs),
      };
    }),
  };
}

function rangeRoutes(server: FastifyInstance, address: Address, deps: Deps): void {
  const app = server.withTypeProvider<ZodTypeProvider>();
  const { permission, tags } = address;
  app.get(
    `${address.root}/devices/:id/telemetry`,
    {
      config: { permission },
      schema: {
        summary: "What an appliance measured, in a number of buckets",
        description: rangeWords,
        tags,
        params: z.object({ id: deviceId }),
        querystring: rangeQuery,
        response: { 200: rangeAnswer },
      },
    },
    ({ principal, params, query }) => answerRange(deps, principal, [params.id], query),
  );
  app.get(
    `${address.root}/telemetry/range`,
    {
      config: { permission },
      schema: {
        summary: "What several appliances measured, in a number of buckets",
        description: `${rangeWords} At most ${queryLimits.cellsMax} points x series: what is wider is refused with what would fit. ${togetherWords}`,
        tags,
        querystring: rangeQuery.extend({
          devices: listOf(deviceId, devicesMax).describe(`Up to ${devicesMax} ids, divided by commas`),
        }),
        response: { 200: rangeAnswer },
      },
    },
    ({ principal, query }) => answerRange(deps, principal, query.devices, query),
  );
}

async function answerLatest(deps: Deps, by: Principal, ids: readonly string[]) {
  const { telemetry, devices } = deps;
  const { spans, leftOut: missing } = await seenTogether(deps, by, ids);
  const latest = await telemetry.store.latest(spans);
  const shown = spans.map(({ device }) => ({
    deviceId: device.id,
    items: (latest.get(device.key) ?? []).map((item) => {
      const view = metricView(item.metric, devices.layout(device.model));
      return { ...item, ...view, outside: isOutside(item.value, view) };
    }),
  }));
  return { devices: shown, leftOut: missing };
}

function latestRoutes(server: FastifyInstance, address: Address, deps: Deps): void {
  const app = server.withTypeProvider<ZodTypeProvider>();
  const { permission, tags } = address;
  app.get(
    `${address.root}/devices/:id/telemetry/latest`,
    {
      config: { permission },
      schema: {
        summary: "The last value of every metric of an appliance",
        tags,
        params: z.object({ id: deviceId }),
        response: { 200: latestAnswer },
      },
    },
    async ({ principal, params }) => ({
      items: (await answerLatest(deps, principal, [params.id])).devices[0]?.items ?? [],
    }),
  );
  app.get(
    `${address.root}/telemetry/latest`,
    {
      config: { permission },
      schema: {
        summary: "The last value of every metric of several appliances",
        description: togetherWords,
        tags,
        querystring: z.strictObject({
          devices: listOf(deviceId, latestDevicesMax).describe(`Up to ${latestDevicesMax} ids, divided by commas`),
        }),
        response: { 200: latestOfMany },
      },
    },
    ({ principal, query }) => answerLatest(deps, principal, query.devices),
  );
}

const countsQuery = z.strictObject({
  devices: listOf(deviceId, devicesMax).optional().describe(`Up to ${devicesMax} ids, divided by commas`),
  types: listOf(safeText(100).min(1), metricsMax).optional().describe("Only these types of event"),
  ...window,
  points: z.coerce.number().int().min(1).max(1_000).default(60),
});

function countRoutes(server: FastifyInstance, address: Address, deps: Deps): void {
  const { telemetry, devices, clock } = deps;
  const isMine = address.permission === "my.read";
  server.withTypeProvider<ZodTypeProvider>().get(
    `${address.root}/telemetry/event-counts`,
    {
      config: { permission: address.permission },
      schema: {
        summary: "How often appliances said what",
        description: `Device events by type, in buckets that begin at round times${isMine ? "" : `, of appliances or of a model with at most ${countedDevicesMax} of them`}. Without a range: the last 24 hours. ${togetherWords}`,
        tags: address.tags,
        querystring: isMine ? countsQuery : countsQuery.extend({ model: modelKey.optional() }),
        response: { 200: countsAnswer },
      },
    },
    async ({ principal, query }) => {
      const model = "model" in query && typeof query.model === "string" ? query.model : null;
      if (query.devices === undefined && model === null) throw problem(telemetryProblems, "telemetry_nothing_asked");
      if (model !== null && (await devices.model(model)) === null) throw problem(deviceProblems, "model_not_found");
      const named = await spansOf(devices, principal, query.devices ?? []);
      const ofModel = model === null ? [] : await devices.ofModel(model, countedDevicesMax + 1);
      if (ofModel.length > countedDevicesMax) {
        const detail = `The model has more than ${countedDevicesMax} appliances: name up to ${devicesMax} of them.`;
        throw problem(telemetryProblems, "telemetry_range_too_wide", detail);
      }
      const meant = [...named, ...ofModel.map((device) => ({ device, sinceMs: 0 }))];
      const { spans, leftOut: missing } = await lookedAtTogether(deps.agreedToImprove, meant);
      const range = { ...rangeOf(query, clock), points: query.points, types: query.types ?? null };
      const { fromMs, toMs } = range;
      return { fromMs, toMs, leftOut: missing, ...(await telemetry.eventCounts(spans, range)) };
    },
  );
}
