import { Readable } from "node:stream";
import type { FastifyInstance } from "fastify";
import type { ZodTypeProvider } from "fastify-type-provider-zod";
import { z } from "zod";
import { modelKey } from "#protocol/ids.ts";
import { batchKey, serialNumber } from "#protocol/provisioning.ts";
import { epochMs } from "#protocol/text.ts";
import { cursorParam } from "../platform/cursor-param.ts";
import { encodeCursor } from "../platform/cursor.ts";
import { problem } from "../platform/problem.ts";
import { type BatchDetail, claimGraceMsDefault, claimGraceMsMax } from "./batches.ts";
import type { Batch } from "./batches-store.ts";
import { serialStates } from "./core/serial-life.ts";
import { provisioningProblems } from "./errors.ts";
import type { Provisioning } from "./provisioning.ts";
import { importLimits } from "./serial-import.ts";

/** More than anybody makes of one model in one batch. */
const quotaMax = 100_000_000;
const quota = z.int().min(1).max(quotaMax).describe("How many of its appliances may be enrolled");

const batchView = z
  .object({
    key: z.string(),
    model: z.string(),
    quota: z.number(),
    enrolled: z.number(),
    validFromMs: z.number(),
    validUntilMs: z.number().nullable(),
    state: z.enum(["open", "closed"]),
    createdAtMs: z.number(),
  })
  .meta({ id: "Batch" });

const batchDetail = batchView
  .extend({
    /** How many serial numbers are in which state. */
    serials: z.record(z.enum(serialStates), z.number()),
    /** Claim secrets that work now, the newest first: their age, and the end of their grace; nothing to log in with. */
    secrets: z.array(z.object({ createdAtMs: z.number(), validUntilMs: z.number().nullable() })),
  })
  .meta({ id: "BatchDetail" });

const view = ({ key, model, quota: places, enrolled, validFromMs, validUntilMs, state, createdAtMs }: Batch) => ({
  key,
  model,
  quota: places,
  enrolled,
  validFromMs,
  validUntilMs,
  state,
  createdAtMs,
});
const detail = (batch: BatchDetail) => ({ ...view(batch), serials: batch.serials, secrets: batch.secrets });

const keyParams = z.object({ key: batchKey });
const tags = ["provisioning"];

/** HTTP of production batches, and of what was made in them. */
export function batchesRoutes(server: FastifyInstance, provisioning: Provisioning): void {
  readingRoutes(server, provisioning);
  changingRoutes(server, provisioning);
  serialRoutes(server, provisioning);
  importRoute(server, provisioning);
}

function readingRoutes(server: FastifyInstance, { batches }: Provisioning): void {
  const app = server.withTypeProvider<ZodTypeProvider>();
  app.get(
    "/api/v1/batches",
    {
      config: { permission: "provisioning.read" },
      schema: {
        summary: "List production batches in the order of their keys",
        tags,
        querystring: z.object({
          cursor: cursorParam(z.tuple([batchKey])).optional(),
          limit: z.coerce.number().int().min(1).max(500).default(50),
        }),
        response: { 200: z.object({ items: z.array(batchView), nextCursor: z.string().nullable() }) },
      },
    },
    async ({ query: { cursor, limit } }) => {
      const rows = await batches.page(cursor?.[0] ?? null, limit + 1);
      const items = rows.slice(0, limit).map(view);
      const last = items.at(-1);
      return { items, nextCursor: rows.length > limit && last !== undefined ? encodeCursor([last.key]) : null };
    },
  );
  app.get(
    "/api/v1/batches/:key",
    {
      config: { permission: "provisioning.read" },
      schema: {
        summary: "Read a production batch, with how many of its serial numbers are in which state",
        tags,
        params: keyParams,
        response: { 200: batchDetail },
      },
    },
    async ({ params }) => {
      const batch = await batches.get(params.key);
      if (batch === null) throw problem(provisioningProblems, "batch_not_found");
      return detail(batch);
    },
  );
}

function changingRoutes(server: FastifyInstance, { batches }: Provisioning): void {
  const app = server.withTypeProvider<ZodTypeProvider>();
  app.post(
    "/api/v1/batches",
    {
      config: { permission: "provisioning.write" },
      schema: {
        summary: "Make a production batch",
        description:
          "The claim secret is in this answer and nowhere else: only its hash is kept. Every appliance of the batch carries it until it has a certificate of its own, and it opens nothing but that.",
        tags,
        body: z.strictObject({
          key: batchKey,
          model: modelKey,
          quota,
          validFromMs: epochMs.optional(),
          validUntilMs: epochMs.nullish(),
        }),
        response: { 201: z.object({ batch: batchView, secret: z.string() }) },
      },
    },
    async ({ principal, body }, reply) => {
      const outcome = await batches.create(principal, body);
      if (outcome.kind === "refused") throw problem(provisioningProblems, outcome.rule);
      return reply.code(201).send({ batch: view(outcome.batch), secret: outcome.secret });
    },
  );
  app.patch(
    "/api/v1/batches/:key",
    {
      config: { permission: "provisioning.write" },
      schema: {
        summary: "Change how many appliances of a batch may be enrolled, or until when",
        tags,
        params: keyParams,
        body: z.strictObject({ quota: quota.optional(), validUntilMs: epochMs.nullish() }),
        response: { 200: batchView },
      },
    },
    async ({ principal, params, body }) => {
      const outcome = await batches.change(principal, params.key, body);
      if (outcome.kind === "refused") throw problem(provisioningProblems, outcome.rule);
      return view(outcome.batch);
    },
  );
  for (const [verb, state] of [
    ["close", "closed"],
    ["reopen", "open"],
  ] as const) {
    app.post(
      `/api/v1/batches/:key/${verb}`,
      {
        config: { permission: "provisioning.write" },
        schema: {
          summary: verb === "close" ? "End a batch's enrolments now" : "Let a closed batch enrol again",
          tags,
          params: keyParams,
          response: { 200: batchView },
        },
      },
      async ({ principal, params }) => {
        const outcome = await batches.change(principal, params.key, { state });
        if (outcome.kind === "refused") throw problem(provisioningProblems, outcome.rule);
        return view(outcome.batch);
      },
    );
  }
  app.post(
    "/api/v1/batches/:key/secret",
    {
      config: { permission: "provisioning.write" },
      schema: {
        summary: "Give a batch a new claim secret",
        description:
          "The secret is in this answer and nowhere else. Those before it work until `graceEndsAtMs`, for the appliances that carry them; a `graceMs` of 0 ends them now.",
        tags,
        params: keyParams,
        body: z
          .strictObject({ graceMs: z.int().min(0).max(claimGraceMsMax).default(claimGraceMsDefault) })
          .nullish()
          .describe("Without a body the secrets before work for another 180 days."),
        response: { 200: z.object({ secret: z.string(), graceEndsAtMs: z.number().nullable() }) },
      },
    },
    async ({ principal, params, body }) => {
      const outcome = await batches.rotateSecret(principal, params.key, body?.graceMs ?? claimGraceMsDefault);
      if (outcome.kind === "refused") throw problem(provisioningProblems, outcome.rule);
      return { secret: outcome.secret, graceEndsAtMs: outcome.graceEndsAtMs };
    },
  );
}

const serialView = z
  .object({
    serial: z.string(),
    batch: z.string(),
    model: z.string(),
    state: z.enum(serialStates),
    country: z.string().nullable(),
    tags: z.array(z.string()),
    importedAtMs: z.number(),
    changedAtMs: z.number(),
  })
  .meta({ id: "ManufacturedSerial" });
const serialParams = z.object({ serial: serialNumber });

function serialRoutes(server: FastifyInstance, provisioning: Provisioning): void {
  const app = server.withTypeProvider<ZodTypeProvider>();
  app.get(
    "/api/v1/serials/:serial",
    {
      config: { permission: "provisioning.read" },
      schema: {
        summary: "Read how a manufactured serial number stands",
        tags,
        params: serialParams,
        response: { 200: serialView },
      },
    },
    async ({ params }) => {
      const found = await provisioning.serial(params.serial);
      if (found === null) throw problem(provisioningProblems, "serial_not_found");
      return found;
    },
  );
  for (const blocked of [true, false]) {
    app.post(
      blocked ? "/api/v1/serials/:serial/block" : "/api/v1/serials/:serial/unblock",
      {
        config: { permission: "provisioning.write" },
        schema: {
          summary: blocked ? "Keep a serial number from being enrolled" : "Let a blocked serial number be enrolled",
          tags,
          params: serialParams,
          response: { 200: serialView },
        },
      },
      async ({ principal, params }) => {
        const outcome = await provisioning.setSerialBlocked(principal, params.serial, blocked);
        if (outcome.kind === "refused") throw problem(provisioningProblems, outcome.rule);
        return outcome.serial;
      },
    );
  }
}

const importReport = z
  .object({
    imported: z.number(),
    /** Serial numbers that were there already, of the same batch. */
    unchanged: z.number(),
    /** The first 1,000 lines that were not imported. */
    errors: z.array(z.object({ line: z.number(), field: z.string(), message: z.string() })),
    /** How many more there are. */
    errorsMore: z.number(),
  })
  .meta({ id: "ImportReport" });

/** The table is the body, and streams in. Its parser lives in a scope of its own: no other route takes CSV. */
function importRoute(server: FastifyInstance, { imports }: Provisioning): void {
  server.register(async (scope) => {
    scope.removeAllContentTypeParsers();
    scope.addContentTypeParser("text/csv", (_request, payload, done) => done(null, payload));
    scope.withTypeProvider<ZodTypeProvider>().post(
      "/api/v1/devices/import",
      {
        config: { permission: "provisioning.write" },
        bodyLimit: importLimits.bytesMax,
        schema: {
          summary: "Import a table of manufactured serial numbers",
          description:
            "The body is CSV (text/csv, UTF-8) with the columns `serial`, `model` and `batch`, and where wanted `country` and `tags` (set apart by spaces), named in its first line; commas or semicolons. The appliance has country and tags from its enrolment on. Lines that are right are stored whatever is in the others, and the same table again changes nothing. It is read as it comes in, up to 5,000,000 lines.",
          tags,
          consumes: ["text/csv"],
          response: { 200: importReport },
        },
      },
      async (request, reply) => {
        const table = request.body instanceof Readable ? request.body : Readable.from([]);
        const outcome = await imports.run(request.principal, table);
        if (outcome.kind === "refused") {
          // What was not read of the body must not be taken for the next request.
          if (!table.readableEnded) reply.header("connection", "close");
          throw problem(provisioningProblems, outcome.rule, outcome.detail);
        }
        const { imported, unchanged, errors, errorsMore } = outcome;
        return { imported, unchanged, errors, errorsMore };
      },
    );
  });
}
