import type { FastifyInstance } from "fastify";
import type { ZodTypeProvider } from "fastify-type-provider-zod";
import { z } from "zod";
import { faultCode, helpTextMax, helpTopics, rating } from "#protocol/help.ts";
import { deviceId } from "#protocol/ids.ts";
import { epochMs, safeText } from "#protocol/text.ts";
import { problem } from "../platform/problem.ts";
import type { Refused } from "../platform/refused.ts";
import { serveStream } from "../platform/serve-stream.ts";
import { type OwnerPrincipal, owner } from "../staff/staff.ts";
import type { CaseStreams } from "./case-streams.ts";
import { caseId } from "./case-views.ts";
import { conversationProblems } from "./conversation-errors.ts";
import type { Conversations } from "./conversation.ts";
import { caseStatuses } from "./core/case.ts";
import { severities } from "./core/severity.ts";
import type { Feedback } from "./feedback.ts";
import type { OwnerCase, OwnerCases } from "./owner-cases.ts";

const tags = ["my"];
const text = safeText(4_000).trim().min(1);

const helpAsked = z.strictObject({
  topic: z.enum(helpTopics).optional(),
  code: faultCode.optional().describe("The fault on the display"),
  text: safeText(helpTextMax).trim().min(1).optional(),
  wantsHuman: z.boolean().default(false).describe("A person shall answer, and nothing automatic"),
});

const standing = z
  .object({
    caseId: z.string(),
    status: z.enum(caseStatuses),
    statusAtMs: z.number(),
    ahead: z.number().nullable().describe("How many are ahead of you; null while nobody works on it"),
    answerByMs: z.number().nullable().describe("Until when a first answer is promised; null once it was given"),
    solutionByMs: z.number().nullable().describe("Until when it shall be solved; null while it waits for you"),
    causeGoneAtMs: z
      .number()
      .nullable()
      .describe(
        "Since when the appliance shows it no more, while it stays open because a person shall look at it first",
      ),
    expectedAnswer: z
      .object({
        basis: z.enum(["measured", "too_few"]),
        sample: z.number().describe("Cases that this is made of, of the last 14 days"),
        p50Ms: z.number().optional().describe("Half were answered within this time"),
        p80Ms: z.number().optional(),
        fromMs: z.number().optional(),
        toMs: z.number().optional(),
      })
      .nullable(),
    lastSequence: z.number().describe("Grows with everything that happens to the case"),
  })
  .meta({ id: "MyCaseStanding" });

const myCase = z
  .object({
    id: z.string(),
    deviceId: z.string().nullable().describe("Null where it is no appliance's matter"),
    title: z.string(),
    severity: z.enum(severities),
    openedAtMs: z.number(),
    standing,
  })
  .meta({ id: "MyCase" });

const alternative = z.discriminatedUnion("kind", [
  z.strictObject({
    kind: z.literal("call_back"),
    phone: z.string().regex(/^\+?[0-9][0-9 ()/-]{3,29}$/, "must be a telephone number"),
    fromMs: epochMs,
    toMs: epochMs,
  }),
  z.strictObject({ kind: z.literal("self_help") }),
  z.strictObject({ kind: z.literal("technician"), note: safeText(500).trim().min(1).nullable().default(null) }),
]);

const myCaseWhole = myCase
  .extend({
    wantsHuman: z.boolean(),
    rating: z.number().nullable(),
    chosen: z.enum(["call_back", "self_help", "technician"]).nullable(),
    messages: z.array(
      z.object({
        sequence: z.number(),
        atMs: z.number(),
        from: z.enum(["you", "support", "automatic"]),
        text: z.string(),
        alternatives: z.array(z.string()).describe("What you may choose instead of waiting on"),
        shownAtMs: z.number().nullable().describe("When it was seen on the appliance's display"),
      }),
    ),
  })
  .meta({ id: "MyCaseWithMessages" });

export interface MyCasesRoutesDeps {
  conversations: Conversations;
  ownerCases: OwnerCases;
  feedback: Feedback;
  caseStreams: CaseStreams;
}

const view = ({ serviceCase, title, deviceId: id, standing: stands }: OwnerCase): z.infer<typeof myCase> => ({
  id: serviceCase.id,
  deviceId: id,
  title,
  severity: serviceCase.severity,
  openedAtMs: serviceCase.openedAtMs,
  standing: stands,
});

/** HTTP of a household's own cases: asking for help, how it stands, what is said and chosen. */
export function myCasesRoutes(server: FastifyInstance, deps: MyCasesRoutesDeps): void {
  readRoutes(server, deps);
  writeRoutes(server, deps);
}

async function wholeCase({ ownerCases }: MyCasesRoutesDeps, householdId: string, id: string) {
  const found = await ownerCases.get(householdId, id);
  if (found === null) throw problem(conversationProblems, "my_case_not_found");
  const { conversation, messages } = found;
  return {
    ...view(found),
    wantsHuman: conversation?.wantsHuman ?? false,
    rating: conversation?.rating ?? null,
    chosen: conversation?.alternative?.kind ?? null,
    messages,
  };
}

function readRoutes(server: FastifyInstance, deps: MyCasesRoutesDeps): void {
  const app = server.withTypeProvider<ZodTypeProvider>();
  const { ownerCases, caseStreams, conversations } = deps;
  app.get(
    "/api/v1/my/cases",
    {
      config: { permission: "my.cases" },
      schema: {
        summary: "Your cases, newest first",
        description:
          "Of the appliances that you have, from when you had them, and those that are no appliance's matter; the last 50.",
        tags,
        response: { 200: z.object({ items: z.array(myCase) }) },
      },
    },
    async ({ principal }) => ({ items: (await ownerCases.list(owner(principal).householdId)).map(view) }),
  );
  app.get(
    "/api/v1/my/cases/:id",
    {
      config: { permission: "my.cases" },
      schema: {
        summary: "Read one of your cases",
        description: "Two that turned out to be one matter are one, and found under the id of either.",
        tags,
        params: caseId,
        response: { 200: myCaseWhole },
      },
    },
    async ({ principal, params }) => wholeCase(deps, owner(principal).householdId, params.id),
  );
  app.get(
    "/api/v1/my/cases/:id/stream",
    {
      config: { permission: "my.cases" },
      sse: { kind: "only" },
      schema: {
        summary: "Watch how one of your cases stands (server-sent events)",
        description:
          "An event `standing` at once and whenever something changes: status, how many are ahead, what is promised and expected; a greater `lastSequence` says that there is something to read. A stream ends after 15 minutes, or when the case is no longer yours.",
        tags,
        params: caseId,
      },
    },
    async (request, reply) => {
      const { householdId } = owner(request.principal);
      const mine = await conversations.mine(householdId, request.params.id);
      if (mine === null) throw problem(conversationProblems, "my_case_not_found");
      const { id } = mine.serviceCase;
      const stream = caseStreams.open({ householdId, caseId: id }, () => reply.raw.destroy());
      if (stream === null) throw problem(conversationProblems, "too_many_case_streams");
      try {
        await caseStreams.look(new Set([stream]));
        await serveStream(request, reply, {
          messages: standings(caseStreams.words(stream)),
          cut: () => stream.end(),
          stillTheirs: async () => (await conversations.mine(householdId, id)) !== null,
        });
      } finally {
        caseStreams.close(stream);
      }
    },
  );
}

async function* standings(words: AsyncGenerator<z.infer<typeof standing>, void, void>) {
  for await (const data of words) yield { event: "standing", data };
}

function writeRoutes(server: FastifyInstance, deps: MyCasesRoutesDeps): void {
  const app = server.withTypeProvider<ZodTypeProvider>();
  const { conversations, ownerCases, feedback } = deps;
  const config = { permission: "my.cases" } as const;
  const done = async (
    by: OwnerPrincipal,
    id: string,
    outcome: { kind: "said" | "chosen" | "given" } | Refused<keyof typeof conversationProblems>,
  ) => {
    if (outcome.kind === "refused") throw problem(conversationProblems, outcome.rule);
    return wholeCase(deps, by.householdId, id);
  };
  const step = { tags, params: caseId, response: { 200: myCaseWhole } };
  app.post(
    "/api/v1/my/devices/:id/help",
    {
      config,
      schema: {
        summary: "Ask for help with one of your appliances",
        description:
          "Joins the case that is open for the appliance, or opens one. A first answer may come at once from the help articles; `wantsHuman` asks for a person.",
        tags,
        params: z.object({ id: deviceId }),
        body: helpAsked,
        response: { 201: myCaseWhole },
      },
    },
    async ({ principal, params, body }, reply) => {
      const by = owner(principal);
      const outcome = await conversations.ask(by, params.id, body);
      if (outcome.kind === "refused") throw problem(conversationProblems, outcome.rule);
      return reply.code(201).send(await wholeCase(deps, by.householdId, outcome.caseId));
    },
  );
  app.post(
    "/api/v1/my/help",
    {
      config,
      schema: {
        summary: "Ask for help with something that is no appliance's matter",
        description:
          "Your account, an order, a question before you have an appliance. Joins the case that is open for it, or opens one.",
        tags,
        body: helpAsked.omit({ code: true }),
        response: { 201: myCaseWhole },
      },
    },
    async ({ principal, body }, reply) => {
      const by = owner(principal);
      const outcome = await conversations.ask(by, null, body);
      if (outcome.kind === "refused") throw problem(conversationProblems, outcome.rule);
      return reply.code(201).send(await wholeCase(deps, by.householdId, outcome.caseId));
    },
  );
  app.post(
    "/api/v1/my/cases/:id/messages",
    {
      config,
      schema: {
        ...step,
        summary: "Write in one of your cases, or ask for a person",
        description: "A case that was closed less than 7 days ago opens again.",
        body: z
          .strictObject({ text: text.optional(), wantsHuman: z.boolean().default(false) })
          .refine((said) => said.text !== undefined || said.wantsHuman, "must hold `text`, or ask for a person"),
      },
    },
    async ({ principal, params, body }) => {
      const by = owner(principal);
      const said = { text: body.text ?? null, wantsHuman: body.wantsHuman };
      return done(by, params.id, await conversations.ownerSays(by, params.id, said));
    },
  );
  app.post(
    "/api/v1/my/cases/:id/alternative",
    {
      config,
      schema: {
        ...step,
        summary: "Choose something else than waiting on",
        description:
          "A call-back at a time of yours, which is then what is promised; instructions to help yourself; or a technician.",
        body: alternative,
      },
    },
    async ({ principal, params, body }) => {
      const by = owner(principal);
      return done(by, params.id, await ownerCases.choose(by, params.id, body));
    },
  );
  app.post(
    "/api/v1/my/cases/:id/feedback",
    {
      config,
      schema: { ...step, summary: "Say how well you were helped, once", body: z.strictObject({ rating }) },
    },
    async ({ principal, params, body }) => {
      const by = owner(principal);
      return done(by, params.id, await feedback.give(by, params.id, body.rating));
    },
  );
}
