import type { FastifyInstance } from "fastify";
import type { ZodTypeProvider } from "fastify-type-provider-zod";
import { z } from "zod";
import { safeText } from "#protocol/text.ts";
import { basedOnQuery, overtakenProblem } from "../platform/based-on.ts";
import { cursorParam } from "../platform/cursor-param.ts";
import { encodeCursor } from "../platform/cursor.ts";
import { problem } from "../platform/problem.ts";
import { refusedUrlFields } from "../platform/webhooks/webhook-sender.ts";
import { testNames } from "./core/decide.ts";
import { engagementPolicy } from "./core/policy.ts";
import type { DecisionView } from "./decision-views.ts";
import type { Engagement } from "./engagement.ts";
import { engagementProblems } from "./errors.ts";
import type { PolicyVersion } from "./policies.ts";
import { traceDays } from "./retention.ts";

const tags = ["decisions"];
const answers = z.enum(["send", "hold", "suppress", "human"]);

export const traceView = z
  .object({
    /** The eight tests, in their order. */
    tests: z.array(
      z.object({
        test: z.enum(testNames),
        outcome: z.enum(["passes", "holds", "suppresses", "not_asked"]),
        says: z.string(),
        with: z.record(z.string(), z.union([z.string(), z.number(), z.array(z.string()).readonly()])).optional(),
      }),
    ),
    /** What the score is made of. */
    terms: z.array(
      z.object({
        from: z.enum(["intent", "context", "history"]),
        term: z.string(),
        points: z.number(),
        about: z.string().optional(),
      }),
    ),
  })
  .meta({ id: "DecisionTrace" });

const named = z.object({ id: z.string(), name: z.string() });

export const decisionView = z
  .object({
    id: z.string(),
    campaign: named.nullable(),
    itemId: z.string(),
    version: z.number(),
    title: z.string(),
    class: z.string(),
    answer: answers,
    reason: z.string().nullable(),
    channels: z.array(z.string()),
    untilMs: z.number().nullable(),
    decidedAtMs: z.number(),
    sentAtMs: z.number().nullable(),
    shownAtMs: z.number().nullable(),
    actedAtMs: z.number().nullable(),
    ended: z.string().nullable(),
    score: z.number(),
    says: z.string(),
    trace: traceView.nullable().describe(`Null of what was decided more than ${traceDays} days ago`),
  })
  .meta({ id: "Decision" });

export const explanation = z
  .object({
    householdId: z.string(),
    itemId: z.string(),
    stored: decisionView.nullable(),
    before: z.array(
      z.object({
        decidedAtMs: z.number(),
        answer: z.string(),
        reason: z.string().nullable(),
        untilMs: z.number().nullable(),
      }),
    ),
    messages: z.array(
      z.object({ channel: z.string(), status: z.string(), attempts: z.number(), detail: z.string().nullable() }),
    ),
    replay: z.object({ same: z.boolean(), answer: z.string(), reason: z.string().nullable() }).nullable(),
    now: z.array(
      z.object({
        campaign: z.object({ id: z.string(), name: z.string(), state: z.string() }),
        isMember: z.boolean(),
        answer: z.string(),
        reason: z.string().nullable(),
        says: z.string(),
        trace: traceView,
      }),
    ),
  })
  .meta({ id: "DecisionExplanation" });

/** What an owner reads: what came, or did not, and why. */
const ownerDecision = decisionView
  .pick({
    id: true,
    itemId: true,
    title: true,
    class: true,
    answer: true,
    channels: true,
    decidedAtMs: true,
    shownAtMs: true,
    says: true,
    trace: true,
  })
  .extend({ why: z.string().nullable().describe("Of what was sent: why you got it, in your household's language") })
  .meta({ id: "MyDecision" });

const page = z.object({
  item: z.uuid().optional(),
  cursor: cursorParam(z.tuple([z.number(), z.uuid()])).optional(),
  limit: z.coerce.number().int().min(1).max(100).default(20),
});

const nextOf = (items: readonly DecisionView[], limit: number): string | null => {
  const last = items.at(-1);
  return last === undefined || items.length < limit ? null : encodeCursor([last.decidedAtMs, last.id]);
};

/** HTTP of decisions, of the policy behind them, and of the maker's app. */
export function decisionsRoutes(server: FastifyInstance, engagement: Engagement): void {
  readRoutes(server, engagement);
  policyRoutes(server, engagement);
  appRoutes(server, engagement);
  mailRoutes(server, engagement);
}

function readRoutes(server: FastifyInstance, { views }: Engagement): void {
  const app = server.withTypeProvider<ZodTypeProvider>();
  app.get(
    "/api/v1/households/:id/decisions",
    {
      config: { permission: "decisions.read" },
      schema: {
        summary: "List what was decided about a household, newest first, each with its trace",
        tags,
        params: z.object({ id: z.uuid() }),
        querystring: page,
        response: { 200: z.object({ items: z.array(decisionView), nextCursor: z.string().nullable() }) },
      },
    },
    async ({ params: { id }, query: { item, cursor, limit } }) => {
      const items = await views.ofHousehold(id, { itemId: item ?? null, before: cursor ?? null, limit });
      if (items === null) throw problem(engagementProblems, "decision_household_not_found");
      return { items, nextCursor: nextOf(items, limit) };
    },
  );
  app.post(
    "/api/v1/decisions/explain",
    {
      config: { permission: "decisions.read" },
      schema: {
        summary: "Say why a household got an item, or why it did not",
        description:
          "Decides again from what is stored with the decision, and says what would be decided now. Changes nothing.",
        tags,
        body: z.strictObject({ householdId: z.uuid(), itemId: z.uuid() }),
        response: { 200: explanation },
      },
    },
    async ({ body: { householdId, itemId } }) => {
      const outcome = await views.explain(householdId, itemId);
      if ("kind" in outcome) throw problem(engagementProblems, outcome.rule);
      return outcome;
    },
  );
  app.get(
    "/api/v1/my/decisions",
    {
      config: { permission: "my.read" },
      schema: {
        summary: "Why did I get this, and what did I not get",
        tags: ["my"],
        querystring: page,
        response: { 200: z.object({ items: z.array(ownerDecision), nextCursor: z.string().nullable() }) },
      },
    },
    async ({ principal, query: { item, cursor, limit } }) => {
      if (principal.kind !== "owner") throw problem(engagementProblems, "decision_household_not_found");
      const query = { itemId: item ?? null, before: cursor ?? null, limit };
      const items = await views.ofOwn(principal.householdId, query);
      return { items, nextCursor: nextOf(items, limit) };
    },
  );
}

export const policyInForce = engagementPolicy
  .extend({
    /** What a change names as `basedOn`; 0 where nobody set it yet. */
    version: z.number(),
    createdAtMs: z.number(),
    createdBy: z.string(),
  })
  .meta({ id: "EngagementPolicyInForce" });

const toPolicyInForce = ({ policy, ...made }: PolicyVersion): z.infer<typeof policyInForce> => ({ ...policy, ...made });

function policyRoutes(server: FastifyInstance, { policies }: Engagement): void {
  const app = server.withTypeProvider<ZodTypeProvider>();
  app.get(
    "/api/v1/engagement/policy",
    {
      config: { permission: "campaigns.read" },
      schema: { summary: "Read the caps and the hold-out", tags, response: { 200: policyInForce } },
    },
    async () => toPolicyInForce(await policies.newest()),
  );
  app.put(
    "/api/v1/engagement/policy",
    {
      config: { permission: "engagement.write" },
      schema: {
        summary: "Set the caps and the hold-out",
        description:
          "All caps hold at once. A share of the hold-out that changes holds for whoever comes into a campaign from then on.",
        tags,
        querystring: basedOnQuery,
        body: engagementPolicy,
        response: { 200: policyInForce },
      },
    },
    async ({ principal, query, body }) => {
      const outcome = await policies.put(principal, body, query.basedOn);
      if ("kind" in outcome) throw overtakenProblem(outcome);
      return toPolicyInForce(outcome);
    },
  );
}

export const appInForce = z
  .object({
    url: z.string().nullable(),
    goneAtMs: z.number().nullable(),
    /** 0 where nobody ever said it. */
    version: z.number(),
    /** Who set the address and its secret, or took them away, and when; null where nobody ever did. */
    changedAtMs: z.number().nullable(),
    changedBy: z.string().nullable(),
  })
  .meta({ id: "EngagementApp" });

function appRoutes(server: FastifyInstance, { app: hook }: Engagement): void {
  const app = server.withTypeProvider<ZodTypeProvider>();
  app.get(
    "/api/v1/engagement/app",
    {
      config: { permission: "campaigns.read" },
      schema: {
        summary: "Read where the maker's app is told what households are to get",
        tags,
        response: { 200: appInForce },
      },
    },
    async () => {
      const told = await hook.get();
      return {
        url: told?.url ?? null,
        goneAtMs: told?.goneAtMs ?? null,
        version: told?.version ?? 0,
        changedAtMs: told?.createdAtMs ?? null,
        changedBy: told?.createdBy ?? null,
      };
    },
  );
  app.put(
    "/api/v1/engagement/app",
    {
      config: { permission: "engagement.write" },
      schema: {
        summary: "Have the maker's app told by webhook",
        description: "Signed as Standard Webhooks says, with the secret in the answer: it is shown this once.",
        tags,
        querystring: basedOnQuery,
        body: z.strictObject({ url: safeText(2_000).trim().min(1) }),
        response: { 200: z.object({ url: z.string(), secret: z.string(), version: z.number() }) },
      },
    },
    async ({ principal, query, body: { url } }) => {
      const outcome = await hook.put(principal, url, query.basedOn);
      if (outcome.kind === "overtaken") throw overtakenProblem(outcome);
      if (outcome.kind === "refused") {
        const fields = refusedUrlFields(url, outcome.rule === "app_url_private");
        throw problem(engagementProblems, outcome.rule, undefined, fields);
      }
      return { url: outcome.url, secret: outcome.secret, version: outcome.version };
    },
  );
  app.delete(
    "/api/v1/engagement/app",
    {
      config: { permission: "engagement.write" },
      schema: {
        summary: "Tell the maker's app nothing any more",
        tags,
        querystring: basedOnQuery,
        response: { 204: z.null() },
      },
    },
    async ({ principal, query }, reply) => {
      const outcome = await hook.remove(principal, query.basedOn);
      if (outcome.kind === "overtaken") throw overtakenProblem(outcome);
      return reply.code(204).send(null);
    },
  );
}

const mailEvent = z.strictObject({
  kind: z.enum(["bounce", "complaint"]),
  address: z.email().max(254),
  /** Of a bounce: the address is no more. A mailbox that is full stops nothing. */
  permanent: z.boolean().default(true),
  detail: safeText(300).nullable().default(null),
});

function mailRoutes(server: FastifyInstance, { mailWord }: Engagement): void {
  server.withTypeProvider<ZodTypeProvider>().post(
    "/api/v1/mail-events",
    {
      config: { permission: "mail.events" },
      schema: {
        summary: "Report bounces and complaints, as the mail server's hook says them",
        description:
          "An address that bounced for good is written to no more; one that complained, with no advertising. A key with the role `mail` opens this and nothing else.",
        tags,
        body: z.strictObject({ events: z.array(mailEvent).min(1).max(500) }),
        response: { 200: z.object({ stopped: z.number() }) },
      },
    },
    async ({ principal, body: { events } }) => ({ stopped: await mailWord.hear(principal, events) }),
  );
}
