import { z } from "zod";
import type { Model } from "#protocol/model.ts";
import { type Api, ApiError, request } from "./api.ts";
import type { PlannedMember } from "./core/fleet-plan.ts";
import type { Sale } from "./core/sales.ts";

const devicesPerRequest = 1_000;
const tokens = z.object({ items: z.array(z.object({ id: z.string(), token: z.string() })) });

export type RegisteredMember = PlannedMember & { token: string };

/**
 * Puts the models and registers the planned appliances through the HTTP API.
 *
 * @param saleOf - where somebody knows of sales
 * @returns them with their tokens
 */
export async function register(
  api: Api,
  planned: readonly PlannedMember[],
  models: ReadonlyMap<string, Model>,
  saleOf?: (member: PlannedMember) => Sale,
): Promise<RegisteredMember[]> {
  for (const key of new Set(planned.map((member) => member.model)))
    await request(api, "PUT", `/models/${key}`, models.get(key));
  const members: RegisteredMember[] = [];
  for (let at = 0; at < planned.length; at += devicesPerRequest) {
    const part = planned.slice(at, at + devicesPerRequest);
    const answer = await request(api, "POST", "/devices/batch", {
      devices: part.map((member) => {
        const { id, model, country } = member;
        return { id, model, country, ...saleOf?.(member) };
      }),
    });
    const tokenOf = new Map(tokens.parse(answer).items.map(({ id, token }) => [id, token]));
    for (const member of part) {
      const token = tokenOf.get(member.id);
      if (token === undefined) throw new ApiError(`The API gave no token for ${member.id}.`);
      members.push({ ...member, token });
    }
  }
  return members;
}
