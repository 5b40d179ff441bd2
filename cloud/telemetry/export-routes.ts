import { Readable } from "node:stream";
import type { FastifyInstance } from "fastify";
import type { ZodTypeProvider } from "fastify-type-provider-zod";
import { z } from "zod";
import { deviceId } from "#protocol/ids.ts";
import { epochMs, metricName } from "#protocol/text.ts";
import type { Clock } from "../platform/clock.ts";
import { problem } from "../platform/problem.ts";
import type { Principal } from "../staff/staff.ts";
import { csvHeader, csvLine, type ExportedReading, ndjsonLine } from "./core/export-lines.ts";
import { type MetricView, metricView } from "./core/metric-view.ts";
import { queryLimits } from "./core/query-limits.ts";
import { telemetryProblems } from "./telemetry-problems.ts";
import {
  addresses,
  type AgreedToImprove,
  type KnownDevices,
  listOf,
  lookedAtTogether,
  rangeOf,
  spansOf,
} from "./telemetry-routes.ts";
import type { Telemetry } from "./telemetry.ts";
import type { DeviceSpan } from "./telemetry-store.ts";

export interface ExportRoutesDeps {
  telemetry: Telemetry;
  devices: KnownDevices;
  agreedToImprove: AgreedToImprove;
  clock: Clock;
  /** Puts on record who of the staff takes whose readings away. */
  exported: (by: Principal, what: { deviceIds: readonly string[]; fromMs: number; toMs: number }) => Promise<void>;
}

const { exportDevicesMax, exportMetricsMax, exportsAtOnceMax } = queryLimits;
const time = z.coerce.number().pipe(epochMs);
const querystring = z.strictObject({
  devices: listOf(deviceId, exportDevicesMax).describe(`Up to ${exportDevicesMax} ids, divided by commas`),
  metrics: listOf(metricName, exportMetricsMax)
    .optional()
    .describe("Only these. Without them: in CSV all that the models declare, in NDJSON all there are"),
  format: z.enum(["csv", "ndjson"]).default("csv"),
  fromMs: time.optional(),
  toMs: time.optional(),
});

/** HTTP of the raw readings, as a file. */
export function exportRoutes(server: FastifyInstance, deps: ExportRoutesDeps): void {
  const running = new Set<AsyncIterable<string>>();
  for (const { root, permission, tags } of addresses) {
    server.withTypeProvider<ZodTypeProvider>().get(
      `${root}/telemetry/export`,
      {
        config: { permission },
        schema: {
          summary: "Raw readings of appliances as a file",
          description: `A stream: device by device, each in the order of time, as fast as it is read. CSV has the unit of each metric in its header, NDJSON in \`units\` of the first line of each appliance. Values outside their declared range, and clocks that cannot be right, are named in each line. At most ${exportsAtOnceMax} at once. Without a range: the last 24 hours. Where they are of several households, appliances of those that did not agree that their data improves the product are left out: the header \`hearth-left-out\` says how many, and why.`,
          tags,
          querystring,
          produces: ["text/csv", "application/x-ndjson"],
        },
      },
      async ({ principal, query }, reply) => {
        if (running.size >= exportsAtOnceMax) throw problem(telemetryProblems, "telemetry_exports_busy");
        const named = await spansOf(deps.devices, principal, query.devices);
        const { spans, leftOut } = await lookedAtTogether(deps.agreedToImprove, named);
        const range = rangeOf(query, deps.clock);
        await deps.exported(principal, { deviceIds: query.devices, ...range });
        const lines = exportLines(deps, spans, { ...range, metrics: query.metrics ?? null }, query.format);
        running.add(lines);
        const stream = Readable.from(lines, { objectMode: false });
        // Also where the client goes: the generator is ended with its stream, and asks for no further page.
        stream.once("close", () => running.delete(lines));
        const type = query.format === "csv" ? "text/csv; charset=utf-8; header=present" : "application/x-ndjson";
        if (leftOut !== null) reply.header("hearth-left-out", `devices=${leftOut.devices}; because=${leftOut.because}`);
        return reply
          .header("content-type", type)
          .header("content-disposition", `attachment; filename="readings.${query.format}"`)
          .send(stream);
      },
    );
  }
}

/** The file, a page of readings at a time: whoever reads slowly holds one page, and no connection to the database. */
async function* exportLines(
  { telemetry, devices }: ExportRoutesDeps,
  spans: readonly DeviceSpan[],
  query: { metrics: readonly string[] | null; fromMs: number; toMs: number },
  format: "csv" | "ndjson",
): AsyncGenerator<string> {
  const byKey = new Map(spans.map(({ device }) => [device.key, device]));
  const models = [...new Set(spans.map(({ device }) => device.model))];
  const views = new Map<string, (metric: string) => MetricView>(models.map((model) => [model, viewer(devices, model)]));
  const declared = models.flatMap((model) => [...devices.layout(model).declared.keys()]);
  const metrics = query.metrics ?? (format === "csv" ? [...new Set(declared)] : null);
  // A name means the same thing in every model: the unit is its last word.
  const unitOf = (metric: string) => {
    const model = models.find((one) => devices.layout(one).declared.has(metric)) ?? models[0] ?? "";
    return metricView(metric, devices.layout(model));
  };
  if (format === "csv") yield csvHeader(metrics ?? [], unitOf);
  let lastKey: number | null = null;
  for await (const page of telemetry.store.readings({ ...query, devices: spans, metrics })) {
    let text = "";
    for (const { deviceKey, ...reading } of page) {
      const device = byKey.get(deviceKey);
      const viewOf = views.get(device?.model ?? "") ?? unitOf;
      const exported: ExportedReading = { ...reading, deviceId: device?.id ?? "" };
      const isFirst = deviceKey !== lastKey;
      lastKey = deviceKey;
      text +=
        format === "csv"
          ? csvLine(exported, metrics ?? [], viewOf)
          : ndjsonLine(exported, viewOf, isFirst ? unitsIn(devices, device?.model ?? "", metrics) : undefined);
    }
    yield text;
  }
}

/** What a model says of its metrics, looked up once each. */
function viewer(devices: KnownDevices, model: string): (metric: string) => MetricView {
  const layout = devices.layout(model);
  const known = new Map<string, MetricView>();
  return (metric) => {
    const view = known.get(metric) ?? metricView(metric, layout);
    known.set(metric, view);
    return view;
  };
}

/** The units that a model declares, of these metrics or of all. */
function unitsIn(devices: KnownDevices, model: string, metrics: readonly string[] | null): Record<string, string> {
  const { declared } = devices.layout(model);
  const wanted = metrics ?? [...declared.keys()];
  return Object.fromEntries(
    wanted.flatMap((metric) => {
      const unit = declared.get(metric)?.unit ?? "";
      return unit === "" ? [] : [[metric, unit]];
    }),
  );
}
