import type { FastifyInstance } from "fastify";
import type { ZodTypeProvider } from "fastify-type-provider-zod";
import { z } from "zod";
import { deviceId, modelKey } from "#protocol/ids.ts";
import { decodeCursor, encodeCursor } from "../platform/cursor.ts";
import { predicateLimits, predicateProblems } from "../platform/predicate/predicate.ts";
import { leftOut, leftOutOf } from "../platform/left-out.ts";
import { problem } from "../platform/problem.ts";
import { type Backtest, backtestStatuses } from "./backtest-store.ts";
import { backtestLimits, type Backtests } from "./backtests.ts";
import { firesWidelyShare, firingShare, verdicts } from "./core/backtest.ts";
import { evidence, seen } from "./core/operators/operator.ts";
import { actionKinds, ruleDefinition } from "./core/rule.ts";
import { wouldBe } from "./core/rule-effects.ts";
import { serviceProblems } from "./errors.ts";

const byId = z.object({ id: z.uuid() });
const tags = ["service"];
const problems = { ...serviceProblems, ...predicateProblems };
const epochMs = z.int().min(0);

const filter = z.strictObject({
  model: modelKey.optional(),
  deviceIds: z.array(deviceId).min(1).max(backtestLimits.devicesMax).optional(),
  target: z
    .string()
    .min(1)
    .max(predicateLimits.charactersMax)
    .optional()
    .describe("A condition in CEL over the facts of appliances, as targets of rollouts are"),
});

const asked = z
  .strictObject({
    ruleId: z.uuid().optional(),
    definition: ruleDefinition.optional(),
    fromMs: epochMs,
    toMs: epochMs,
    filter: filter.default({}),
    devicesMax: z.int().min(1).max(backtestLimits.devicesMax).default(200),
  })
  .refine(({ ruleId, definition }) => (ruleId === undefined) !== (definition === undefined), {
    path: ["definition"],
    message: "must be there where `ruleId` is not, and only there",
  })
  .meta({ id: "BacktestAsked" });

const backtestView = z
  .object({
    id: z.string(),
    by: z.string(),
    ruleId: z.string().nullable(),
    definition: ruleDefinition,
    fromMs: z.number(),
    toMs: z.number(),
    filter,
    status: z.enum(backtestStatuses),
    /** Why it ended before the last appliance. */
    reason: z.string().nullable(),
    /** Appliances that the filter means, those that were picked of them, and those that are done. */
    matching: z.number(),
    leftOut,
    devices: z.number(),
    done: z.number(),
    fired: z.number(),
    neverFired: z.number(),
    /** Those of which nothing was stored that the rule looks at: it may fire on them all the same. */
    noData: z.number(),
    raises: z.number().describe("How often its cause came, over all appliances"),
    /** What would have followed, had it been in force. Nothing did. */
    wouldBe: z.array(
      z.object({
        kind: z.enum(actionKinds),
        times: z.number(),
        points: z.number().optional(),
        what: z.string().optional(),
      }),
    ),
    /** Of those that it had something to look at, the share on which it fired; null where they are too few. */
    share: z.number().nullable(),
    /** To put it in force takes a confirmation. */
    firesWidely: z.boolean(),
    lookedAt: z.number(),
    startedAtMs: z.number(),
    endedAtMs: z.number().nullable(),
  })
  .meta({ id: "Backtest" });

const backtestDevice = z
  .object({
    deviceId: z.string(),
    verdict: z.enum(verdicts),
    /** Readings and events that the rule looked at. */
    evaluated: z.number(),
    /** How often its cause came. */
    raises: z.number(),
    /** The first times that it came and went, with what spoke for it. */
    firings: z.array(
      z.object({
        kind: z.enum(["raise", "clear"]),
        cause: z.string(),
        atMs: z.number(),
        trace: z.object({
          readings: z.array(evidence),
          events: z.array(seen),
          baseline: z.record(z.string(), z.unknown()).optional(),
        }),
      }),
    ),
  })
  .meta({ id: "BacktestDevice" });

function toView({ sha256: _sha256, leftOut: leftOutCount, ...backtest }: Backtest): z.infer<typeof backtestView> {
  const share = firingShare(backtest);
  return {
    ...backtest,
    leftOut: leftOutOf(leftOutCount),
    share,
    wouldBe: wouldBe(backtest.definition, backtest.raises),
    firesWidely: share !== null && share > firesWidelyShare,
  };
}

/** HTTP of back-tests. */
export function backtestRoutes(server: FastifyInstance, backtests: Backtests): void {
  workRoutes(server, backtests);
  readRoutes(server, backtests);
}

function workRoutes(server: FastifyInstance, backtests: Backtests): void {
  const app = server.withTypeProvider<ZodTypeProvider>();
  app.post(
    "/api/v1/service/rules/backtest",
    {
      config: { permission: "service.rules" },
      schema: {
        summary: "Try a rule on what appliances said in the past",
        description:
          "Answers at once with a back-test that goes on by itself: read it again to see how far it is. Of a larger fleet it looks at a sample. Appliances of households that did not agree that their data improves the product are left out, and `leftOut` says how many; what was said before an appliance was its household's is not looked at. Each key has one at a time.",
        tags,
        body: asked,
        response: { 202: backtestView },
      },
    },
    async ({ principal, body }, reply) => {
      const { ruleId, definition, ...rest } = body;
      const rule = definition === undefined ? { id: ruleId ?? "" } : { definition };
      const outcome = await backtests.start(principal, { ...rest, rule });
      if (outcome.kind === "refused") throw problem(problems, outcome.rule, outcome.detail);
      return reply.code(202).send(toView(outcome.backtest));
    },
  );
  app.post(
    "/api/v1/service/backtests/:id/cancel",
    {
      config: { permission: "service.rules" },
      schema: {
        summary: "Call a back-test off",
        description: "What it found until then stands.",
        tags,
        params: byId,
        response: { 200: backtestView },
      },
    },
    async ({ principal, params }) => {
      const outcome = await backtests.cancel(principal, params.id);
      if (outcome.kind === "refused") throw problem(problems, outcome.rule);
      const found = await backtests.get(params.id);
      if (found === null) throw problem(problems, "backtest_not_found");
      return toView(found);
    },
  );
}

function readRoutes(server: FastifyInstance, backtests: Backtests): void {
  const app = server.withTypeProvider<ZodTypeProvider>();
  app.get(
    "/api/v1/service/backtests",
    {
      config: { permission: "service.read" },
      schema: {
        summary: "List the last back-tests, newest first",
        tags,
        response: { 200: z.object({ items: z.array(backtestView) }) },
      },
    },
    async () => ({ items: (await backtests.list()).map(toView) }),
  );
  app.get(
    "/api/v1/service/backtests/:id",
    {
      config: { permission: "service.read" },
      schema: { summary: "Read a back-test, and how far it is", tags, params: byId, response: { 200: backtestView } },
    },
    async ({ params }) => {
      const found = await backtests.get(params.id);
      if (found === null) throw problem(problems, "backtest_not_found");
      return toView(found);
    },
  );
  app.get(
    "/api/v1/service/backtests/:id/devices",
    {
      config: { permission: "service.read" },
      schema: {
        summary: "List what a back-test found on each appliance",
        description: "`never_fired` had something to look at; of `no_data` nothing was stored that the rule looks at.",
        tags,
        params: byId,
        querystring: z.object({
          verdict: z.enum(verdicts).optional(),
          limit: z.coerce.number().int().min(1).max(500).default(100),
          cursor: z.string().max(200).optional(),
        }),
        response: { 200: z.object({ items: z.array(backtestDevice), nextCursor: z.string().nullable() }) },
      },
    },
    async ({ params, query }) => {
      const after = query.cursor === undefined ? [0] : decodeCursor(query.cursor, z.tuple([z.int().min(0)]));
      if (after === null) throw problem(problems, "backtest_cursor_invalid");
      const page = { verdict: query.verdict ?? null, afterKey: after[0] ?? 0, limit: query.limit };
      const found = await backtests.devices(params.id, page);
      if (found === null) throw problem(problems, "backtest_not_found");
      const last = found.length === query.limit ? found.at(-1) : undefined;
      const items = found.map(({ deviceKey: _key, firings, ...view }) => ({
        ...view,
        firings: firings.map(({ trace: { readings, events, baseline }, ...firing }) => ({
          ...firing,
          trace: {
            readings: [...readings],
            events: [...events],
            ...(baseline === undefined ? {} : { baseline: { ...baseline } }),
          },
        })),
      }));
      return { items, nextCursor: last === undefined ? null : encodeCursor([last.deviceKey]) };
    },
  );
}
