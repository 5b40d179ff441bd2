import type { FastifyInstance } from "fastify";
import type { ZodTypeProvider } from "fastify-type-provider-zod";
import { z } from "zod";
import { deviceId } from "#protocol/ids.ts";
import { epochMs, metricName } from "#protocol/text.ts";
import { deviceProblems, type MetricLayout, type SeenDevice } from "../devices/devices.ts";
import type { Clock } from "../platform/clock.ts";
import { problem } from "../platform/problem.ts";
import type { Principal } from "../staff/staff.ts";
import type { Telemetry } from "./telemetry.ts";

/** What the routes need of devices. */
interface KnownDevices {
  seenBy(principal: Principal, id: string): Promise<SeenDevice | null>;
  layout(model: string): MetricLayout;
}

const metricsMax = 20;

const metricList = z
  .string()
  .max(1_400)
  .transform((text) => [...new Set(text.split(","))])
  .pipe(z.array(metricName).min(1).max(metricsMax));

const rangeAnswer = z
  .object({
    fromMs: z.number(),
    toMs: z.number(),
    bucketMs: z.number(),
    series: z.array(
      z.object({
        metric: z.string(),
        unit: z.string(),
        label: z.string(),
        /** Of each bucket that holds anything: [its beginning, minimum, mean, maximum, count]. */
        points: z.array(z.tuple([z.number(), z.number(), z.number(), z.number(), z.number()])),
      }),
    ),
  })
  .meta({ id: "TelemetryRange" });

const latestAnswer = z
  .object({
    items: z.array(
      z.object({
        metric: z.string(),
        label: z.string(),
        unit: z.string(),
        value: z.union([z.number(), z.boolean()]),
        atMs: z.number(),
        clockSuspect: z.boolean(),
        declared: z.boolean(),
      }),
    ),
  })
  .meta({ id: "TelemetryLatest" });

/** `cavity_c` reads `Cavity` where the model gives no label; the unit stands on its own. */
function describe(metric: string, layout: MetricLayout): { unit: string; label: string; declared: boolean } {
  const declaration = layout.declared.get(metric);
  const words = metric.replaceAll("_", " ");
  return {
    unit: declaration?.unit ?? "",
    label: declaration?.label ?? words.charAt(0).toUpperCase() + words.slice(1),
    declared: declaration !== undefined,
  };
}

/** The same for staff and for owners, each at an address of their own; an owner sees the time since the appliance is theirs. */
const addresses = [
  { devices: "/api/v1/devices", permission: "telemetry.read", tags: ["telemetry"] },
  { devices: "/api/v1/my/devices", permission: "my.read", tags: ["my"] },
] as const;

/** HTTP of the telemetry slice. */
export function telemetryRoutes(
  server: FastifyInstance,
  telemetry: Telemetry,
  devices: KnownDevices,
  clock: Clock,
): void {
  for (const address of addresses) {
    rangeRoute(server, address, telemetry, devices, clock);
    latestRoute(server, address, telemetry, devices);
  }
}

type Address = (typeof addresses)[number];

async function seen(devices: KnownDevices, principal: Principal, id: string) {
  const found = await devices.seenBy(principal, id);
  if (found === null) throw problem(deviceProblems, "device_not_found");
  return { device: found.device, sinceMs: found.owner?.sinceMs ?? 0 };
}

function rangeRoute(
  server: FastifyInstance,
  address: Address,
  telemetry: Telemetry,
  devices: KnownDevices,
  clock: Clock,
): void {
  server.withTypeProvider<ZodTypeProvider>().get(
    `${address.devices}/:id/telemetry`,
    {
      config: { permission: address.permission },
      schema: {
        summary: "What an appliance measured, in a number of buckets",
        description:
          "Each bucket has its minimum, mean and maximum, so that peaks and dips stay visible at any zoom. Without a range: the last 24 hours.",
        tags: address.tags,
        params: z.object({ id: deviceId }),
        querystring: z.object({
          metrics: metricList.describe(`Up to ${metricsMax} names, divided by commas`),
          fromMs: z.coerce.number().pipe(epochMs).optional(),
          toMs: z.coerce.number().pipe(epochMs).optional(),
          points: z.coerce.number().int().min(1).max(5_000).default(600),
        }),
        response: { 200: rangeAnswer },
      },
    },
    async ({ principal, params, query }) => {
      const { device, sinceMs } = await seen(devices, principal, params.id);
      const { metrics, points } = query;
      const toMs = query.toMs ?? clock.nowMs() + 1;
      const fromMs = Math.min(query.fromMs ?? toMs - 86_400_000, toMs - 1);
      const { bucketMs, series } = await telemetry.store.range({
        devices: [{ device, sinceMs }],
        metrics,
        fromMs,
        toMs,
        points,
      });
      const layout = devices.layout(device.model);
      return {
        fromMs,
        toMs,
        bucketMs,
        series: series.map(({ metric, buckets }) => ({
          metric,
          unit: describe(metric, layout).unit,
          label: describe(metric, layout).label,
          points: buckets.map(({ atMs, min, mean, max, count }): [number, number, number, number, number] => [
            atMs,
            min,
            mean,
            max,
            count,
          ]),
        })),
      };
    },
  );
}

function latestRoute(server: FastifyInstance, address: Address, telemetry: Telemetry, devices: KnownDevices): void {
  server.withTypeProvider<ZodTypeProvider>().get(
    `${address.devices}/:id/telemetry/latest`,
    {
      config: { permission: address.permission },
      schema: {
        summary: "The last value of every metric of an appliance",
        tags: address.tags,
        params: z.object({ id: deviceId }),
        response: { 200: latestAnswer },
      },
    },
    async ({ principal, params }) => {
      const { device, sinceMs } = await seen(devices, principal, params.id);
      const layout = devices.layout(device.model);
      const items = (await telemetry.store.latest([{ device, sinceMs }])).get(device.key) ?? [];
      return { items: items.map((item) => ({ ...item, ...describe(item.metric, layout) })) };
    },
  );
}
