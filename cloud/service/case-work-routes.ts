import type { FastifyInstance } from "fastify";
import type { ZodTypeProvider } from "fastify-type-provider-zod";
import { z } from "zod";
import { deviceId } from "#protocol/ids.ts";
import { safeText } from "#protocol/text.ts";
import { idempotencyHeaders } from "../platform/idempotency.ts";
import { problem } from "../platform/problem.ts";
import type { Refused } from "../platform/refused.ts";
import { type CaseDesk, workingStatuses } from "./case-desk.ts";
import { caseId, caseWithEntries, viewOf } from "./case-views.ts";
import { severities } from "./core/severity.ts";
import { serviceProblems } from "./errors.ts";

const text = safeText(4_000).trim().min(1);

const newCase = z
  .strictObject({
    deviceId: deviceId.optional().describe("The appliance; its household is the case's"),
    householdId: z.uuid().optional().describe("A household alone, where what is the matter is no appliance's"),
    severity: z.enum(severities),
    cause: z
      .string()
      .regex(/^[a-z][a-z0-9_]{0,63}$/, "must be snake_case, at most 64 characters")
      .default("reported_by_hand"),
    title: safeText(200).trim().min(1),
    text: text.optional(),
  })
  .superRefine(({ deviceId: device, householdId }, issues) => {
    if ((device === undefined) === (householdId === undefined))
      issues.addIssue({
        code: "custom",
        path: ["deviceId"],
        message: "name an appliance, or a household, and not both",
      });
  });

type Outcome = { kind: "done" } | Refused<keyof typeof serviceProblems>;

/** HTTP of working on cases. */
export function caseWorkRoutes(server: FastifyInstance, desk: CaseDesk): void {
  const app = server.withTypeProvider<ZodTypeProvider>();
  const tags = ["cases"];
  const answer = async (id: string) => {
    const found = await desk.get(id);
    if (found === null) throw problem(serviceProblems, "case_not_found");
    return { ...viewOf(found), entries: found.entries };
  };
  const done = (id: string, outcome: Outcome) => {
    if (outcome.kind === "refused") throw problem(serviceProblems, outcome.rule, outcome.detail);
    return answer(id);
  };
  const config = { permission: "cases.write" } as const;
  const step = { tags, params: caseId, response: { 200: caseWithEntries } };

  app.post(
    "/api/v1/cases",
    {
      config,
      schema: {
        summary: "Open a case by hand",
        description:
          "One that was resolved for the same cause less than 7 days ago is reopened. `cause` names its article in the catalogue of causes. With an `Idempotency-Key` it may be sent again: the first answer comes again, and there is one case.",
        tags,
        headers: idempotencyHeaders,
        body: newCase,
        response: { 201: caseWithEntries },
      },
    },
    async ({ principal, headers, body }, reply) => {
      const { deviceId: ofDevice, householdId = "", severity, cause, title } = body;
      const of = ofDevice === undefined ? { deviceId: null, householdId } : { deviceId: ofDevice, householdId: null };
      const asked = { of, severity, cause, title, text: body.text ?? null };
      const outcome = await desk.open(principal, asked, headers["idempotency-key"]);
      if (outcome.kind === "refused") throw problem(serviceProblems, outcome.rule, outcome.detail);
      const { found } = outcome;
      return reply.code(201).send({ ...viewOf(found), entries: found.entries });
    },
  );
  app.post(
    "/api/v1/cases/:id/resolve",
    {
      config,
      schema: {
        ...step,
        summary: "Resolve a case",
        description: "Its cause reopens it when it returns within 7 days.",
        body: z.strictObject({ note: text }),
      },
    },
    async ({ principal, params, body }) => done(params.id, await desk.resolve(principal, params.id, body.note)),
  );
  app.post(
    "/api/v1/cases/:id/acknowledge",
    {
      config,
      schema: {
        ...step,
        summary: "Say that a person has seen a case",
        description:
          "A safety case whose cause goes away stays open until somebody of the staff has done something with it, this or anything else. Where the cause is gone already, this resolves the case.",
      },
    },
    async ({ principal, params }) => done(params.id, await desk.acknowledge(principal, params.id)),
  );
  app.post(
    "/api/v1/cases/:id/fixed-in",
    {
      config,
      schema: {
        ...step,
        summary: "Say in which release a case is mended",
        description:
          "The case waits until the appliance confirms that release or a newer one, and is then resolved. When its cause returns there, or still stands a day later, it reopens by itself.",
        body: z.strictObject({
          version: safeText(64).min(1),
          releaseCounter: z.int().min(1).max(2_147_483_647),
          note: text.optional(),
        }),
      },
    },
    async ({ principal, params, body }) =>
      done(
        params.id,
        await desk.fixedIn(
          principal,
          params.id,
          { version: body.version, counter: body.releaseCounter },
          body.note ?? null,
        ),
      ),
  );
  app.post(
    "/api/v1/cases/:id/notes",
    {
      config,
      schema: {
        ...step,
        summary: "Add a note to a case, and say whom it waits for",
        body: z.strictObject({ text, status: z.enum(workingStatuses).optional() }),
      },
    },
    async ({ principal, params, body }) =>
      done(params.id, await desk.note(principal, params.id, body.text, body.status ?? null)),
  );
  app.post(
    "/api/v1/cases/:id/take",
    {
      config,
      schema: {
        ...step,
        summary: "Take a case that nobody has",
      },
    },
    async ({ principal, params }) => done(params.id, await desk.take(principal, params.id)),
  );
  app.post(
    "/api/v1/cases/:id/give",
    {
      config,
      schema: {
        ...step,
        summary: "Give a case to somebody, whoever has it",
        body: z.strictObject({ staffKeyId: z.uuid() }),
      },
    },
    async ({ principal, params, body }) => done(params.id, await desk.give(principal, params.id, body.staffKeyId)),
  );
  app.post(
    "/api/v1/cases/:id/release",
    {
      config,
      schema: {
        ...step,
        summary: "Put a case back for anybody to take",
      },
    },
    async ({ principal, params }) => done(params.id, await desk.release(principal, params.id)),
  );
}
