import type { FastifyInstance } from "fastify";
import type { ZodTypeProvider } from "fastify-type-provider-zod";
import { z } from "zod";
import { deviceId } from "#protocol/ids.ts";
import { basedOnQuery, overtakenProblem } from "../platform/based-on.ts";
import { decodeCursor, encodeCursor } from "../platform/cursor.ts";
import { problem } from "../platform/problem.ts";
import { ruleDefinition, ruleModes, type ServiceRule, serviceRule } from "./core/rule.ts";
import { serviceProblems } from "./errors.ts";
import type { FiringWithDevice, Rules } from "./rules.ts";

const byId = z.object({ id: z.uuid() });
const tags = ["service"];

/** Of a rule that would fire on many appliances, by its last back-test. */
const consent = z.object({
  confirm: z
    .enum(["true", "false"])
    .default("false")
    .transform((text) => text === "true")
    .describe("Put it in force though its last back-test says that it fires on many appliances"),
});

const standingRule = serviceRule
  .extend({
    /** Appliances that it holds its cause on, in whichever mode. */
    holding: z.number(),
    /** Readings and events that came too late to make what they would have made in time. */
    tooLate: z.number(),
  })
  .meta({ id: "StandingServiceRule" });

const ruleWithVersions = z
  .object({ rule: serviceRule, versions: z.array(serviceRule) })
  .meta({ id: "ServiceRuleWithVersions" });

const firing = z
  .object({
    id: z.string(),
    ruleId: z.string(),
    ruleVersion: z.number(),
    deviceId: z.string(),
    cause: z.string(),
    /** Whether the cause came or went. */
    kind: z.enum(["raise", "clear"]),
    atMs: z.number(),
    mode: z.enum(["live", "shadow"]),
    /** What spoke for it: readings, events, or the device's own baseline and its last episodes. */
    trace: z.record(z.string(), z.unknown()),
    /** What became of points and content: `earned`, `sent`, or why not. Empty as long as nothing was done. */
    done: z.array(
      z.object({
        kind: z.enum(["award_points", "send_content"]),
        outcome: z.string(),
        points: z.number().optional(),
        itemId: z.string().optional(),
      }),
    ),
  })
  .meta({ id: "RuleFiring" });

export const lateLine = z
  .object({
    deviceId: z.string(),
    count: z.number(),
    /** The oldest and the newest of them, by the appliance's own time. */
    fromMs: z.number(),
    toMs: z.number(),
    /** When the last of them came. */
    notedAtMs: z.number(),
  })
  .meta({ id: "RuleLateLine" });

const refusal = (outcome: Exclude<Awaited<ReturnType<Rules["change"]>>, ServiceRule>) =>
  outcome.kind === "overtaken" ? overtakenProblem(outcome) : problem(serviceProblems, outcome.rule, outcome.detail);

const toFiring = (row: FiringWithDevice): z.infer<typeof firing> => ({
  id: row.id,
  ruleId: row.rule_id,
  ruleVersion: row.rule_version,
  deviceId: row.device_id,
  cause: row.cause,
  kind: row.kind,
  atMs: row.at_ms,
  mode: row.mode,
  trace: row.trace,
  done: row.done,
});

/** HTTP of rules: what they are, how they stand, what they found. */
export function ruleRoutes(server: FastifyInstance, rules: Rules): void {
  readingRoutes(server, rules);
  changingRoutes(server, rules);
  firingRoutes(server, rules);
}

function readingRoutes(server: FastifyInstance, rules: Rules): void {
  const app = server.withTypeProvider<ZodTypeProvider>();
  app.get(
    "/api/v1/service/rules",
    {
      config: { permission: "service.read" },
      schema: {
        summary: "List service rules, and how each stands",
        tags,
        response: { 200: z.object({ items: z.array(standingRule) }) },
      },
    },
    async () => {
      const items = await rules.list();
      return { items: items.map(({ rule, ...standing }) => ({ ...rule, ...standing })) };
    },
  );
  app.get(
    "/api/v1/service/rules/:id",
    {
      config: { permission: "service.read" },
      schema: {
        summary: "Read a service rule and its versions, newest first",
        tags,
        params: byId,
        response: { 200: ruleWithVersions },
      },
    },
    async ({ params }) => {
      const versions = await rules.versions(params.id);
      const [rule] = versions;
      if (rule === undefined) throw problem(serviceProblems, "service_rule_not_found");
      return { rule, versions };
    },
  );
  app.get(
    "/api/v1/service/rules/:id/late",
    {
      config: { permission: "service.read" },
      schema: {
        summary: "List the appliances of which something came too late for a rule, those who were late last first",
        description:
          "Readings and events that came when the rule had judged their time already, one line for each appliance. A back-test looks at them where they belong.",
        tags,
        params: byId,
        querystring: z.object({ limit: z.coerce.number().int().min(1).max(500).default(100) }),
        response: { 200: z.object({ items: z.array(lateLine) }) },
      },
    },
    async ({ params, query }) => {
      if (rules.inForce(params.id) === undefined) throw problem(serviceProblems, "service_rule_not_found");
      const found = await rules.late(params.id, query.limit);
      return {
        items: found.map((row) => ({
          deviceId: row.device_id,
          count: row.count,
          fromMs: row.from_ms,
          toMs: row.to_ms,
          notedAtMs: row.noted_at_ms,
        })),
      };
    },
  );
}

function changingRoutes(server: FastifyInstance, rules: Rules): void {
  const app = server.withTypeProvider<ZodTypeProvider>();
  app.post(
    "/api/v1/service/rules",
    {
      config: { permission: "service.rules" },
      schema: {
        summary: "Make a service rule",
        description:
          "Conditions (`where`) are CEL over the fields of the event or reading, and over model, hardware, version, country and tags of the appliance; of a reading over its model alone. Fields that are not well known are named with their kind in `fields`. What a condition says of a missing field does not hold.",
        tags,
        querystring: consent,
        body: ruleDefinition,
        response: { 201: serviceRule },
      },
    },
    async (request, reply) => {
      const outcome = await rules.create(request.principal, request.body, request.query);
      if ("kind" in outcome) throw problem(serviceProblems, outcome.rule, outcome.detail);
      return reply.code(201).send(outcome);
    },
  );
  app.put(
    "/api/v1/service/rules/:id",
    {
      config: { permission: "service.rules" },
      schema: {
        summary: "Put a rule's next version in force",
        description: "What it watches and the cause it finds stay as they are.",
        tags,
        params: byId,
        querystring: consent.extend(basedOnQuery.shape),
        body: ruleDefinition,
        response: { 200: serviceRule },
      },
    },
    async ({ principal, params, query, body }) => {
      const outcome = await rules.change(principal, params.id, body, query);
      if ("kind" in outcome) throw refusal(outcome);
      return outcome;
    },
  );
  app.post(
    "/api/v1/service/rules/:id/mode",
    {
      config: { permission: "service.rules" },
      schema: {
        summary: "Switch a rule live, to its shadow, or off",
        description:
          "The rule's next version, otherwise unchanged. In its shadow what it finds is noted and nothing follows; live again, it finds anew what still stands.",
        tags,
        params: byId,
        querystring: consent.extend(basedOnQuery.shape),
        body: z.strictObject({ mode: z.enum(ruleModes) }),
        response: { 200: serviceRule },
      },
    },
    async ({ principal, params, query, body }) => {
      const outcome = await rules.switchMode(principal, params.id, body.mode, query);
      if ("kind" in outcome) throw refusal(outcome);
      return outcome;
    },
  );
}

function firingRoutes(server: FastifyInstance, rules: Rules): void {
  const app = server.withTypeProvider<ZodTypeProvider>();
  app.get(
    "/api/v1/service/firings",
    {
      config: { permission: "service.read" },
      schema: {
        summary: "List what rules found, the last found first",
        tags,
        querystring: z.object({
          rule: z.uuid().optional(),
          device: deviceId.optional(),
          limit: z.coerce.number().int().min(1).max(500).default(100),
          cursor: z.string().max(200).optional(),
        }),
        response: { 200: z.object({ items: z.array(firing), nextCursor: z.string().nullable() }) },
      },
    },
    async ({ query }) => {
      const before = query.cursor === undefined ? null : decodeCursor(query.cursor, z.tuple([z.uuid()]));
      if (before === null && query.cursor !== undefined) throw problem(serviceProblems, "firing_cursor_invalid");
      const found = await rules.firings({
        ruleId: query.rule ?? null,
        deviceId: query.device ?? null,
        beforeId: before?.[0] ?? null,
        limit: query.limit,
      });
      const last = found.at(-1);
      const isFull = found.length === query.limit && last !== undefined;
      return { items: found.map(toFiring), nextCursor: isFull ? encodeCursor([last.id]) : null };
    },
  );
}
