import type { FastifyInstance } from "fastify";
import type { ZodTypeProvider } from "fastify-type-provider-zod";
import { z } from "zod";
import { maintenanceWindow } from "#protocol/maintenance-window.ts";
import { epochMs } from "#protocol/text.ts";
import { firmwareOffer } from "#protocol/update.ts";
import { problem } from "../platform/problem.ts";
import { owner, type Principal } from "../staff/staff.ts";
import { deliveryPhases } from "./core/delivery-life.ts";
import { updateNextCodes } from "./core/update-next.ts";
import type { OwnerWord } from "./core/update-terms.ts";
import { deliveryProblems } from "./errors.ts";
import type { MyUpdate, OwnerUpdates } from "./owner-updates.ts";

const tags = ["my"];
const byDelivery = z.object({ deliveryId: z.uuid() });

const myUpdate = z
  .object({
    id: z.uuid(),
    deviceId: z.string(),
    version: z.string(),
    security: z.boolean(),
    notes: z.string(),
    phase: z.enum(deliveryPhases),
    step: z.string().nullable(),
    progress: z.number().nullable().describe("0 to 1, within the step"),
    reason: z.string().nullable().describe("What the appliance gave as its reason"),
    attempt: z.number(),
    createdAtMs: z.number(),
    changedAtMs: z.number(),
    expiresAtMs: z.number(),
    consent: firmwareOffer.shape.consent,
    mayBeginAtMs: z.number().nullable().describe("Nothing begins before; null: it may begin now, or has begun"),
    postponeUntilMsMax: z.number().nullable().describe("How far it can be put off; null: it cannot be"),
    windows: z.array(maintenanceWindow).describe("When it may be installed, by the clock where the appliance stands"),
    timeZone: z.string().describe("The appliance's"),
    can: z.object({ agree: z.boolean(), postpone: z.boolean(), decline: z.boolean() }),
    next: z.object({
      code: z.enum(updateNextCodes),
      text: z.string().describe("What happens next, in one sentence"),
      atMs: z.number().nullable().describe("The time that the sentence names"),
    }),
  })
  .meta({ id: "MyUpdate" });

/** HTTP of the updates of a household's own appliances: what comes, when, and a say in it. */
export function myUpdatesRoutes(server: FastifyInstance, updates: OwnerUpdates): void {
  const app = server.withTypeProvider<ZodTypeProvider>();
  const say = async (principal: Principal, deliveryId: string, word: OwnerWord): Promise<MyUpdate> => {
    const outcome = await updates.say(owner(principal), deliveryId, word);
    if (outcome.kind === "taken") return outcome.update;
    const { rule, latestMs } = outcome;
    const detail = latestMs === undefined ? undefined : `The latest time is ${latestMs}.`;
    throw problem(deliveryProblems, rule, detail);
  };
  app.get(
    "/api/v1/my/updates",
    {
      config: { permission: "my.read" },
      schema: {
        summary: "Open and recent updates of your appliances",
        description: "Newest first, the last 20 of each appliance. Nothing that was made for whoever had it before.",
        tags,
        response: { 200: z.object({ items: z.array(myUpdate) }) },
      },
    },
    async (request) => ({ items: await updates.list(owner(request.principal).householdId) }),
  );
  app.post(
    "/api/v1/my/updates/:deliveryId/agree",
    {
      config: { permission: "my.updates" },
      schema: {
        summary: "Agree to an update",
        description:
          "It may begin from now on, also where it was put off. It still waits until the appliance is neither hot nor running, and for its windows.",
        tags,
        params: byDelivery,
        response: { 200: myUpdate },
      },
    },
    ({ principal, params }) => say(principal, params.deliveryId, { kind: "agreed" }),
  );
  app.post(
    "/api/v1/my/updates/:deliveryId/postpone",
    {
      config: { permission: "my.updates" },
      schema: {
        summary: "Put an update off",
        description:
          "Until `postponeUntilMsMax` at the latest, as often as you like, until the appliance downloads it.",
        tags,
        params: byDelivery,
        body: z.strictObject({ untilMs: epochMs }),
        response: { 200: myUpdate },
      },
    },
    ({ principal, params, body }) => say(principal, params.deliveryId, { kind: "postponed", untilMs: body.untilMs }),
  );
  app.post(
    "/api/v1/my/updates/:deliveryId/decline",
    {
      config: { permission: "my.updates" },
      schema: {
        summary: "Decline an update",
        description:
          "For good: this one is not offered again. A security update that comes by itself can be put off and not declined.",
        tags,
        params: byDelivery,
        response: { 200: myUpdate },
      },
    },
    ({ principal, params }) => say(principal, params.deliveryId, { kind: "declined" }),
  );
}
