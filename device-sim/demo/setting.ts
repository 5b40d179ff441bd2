import type { Model } from "#protocol/model.ts";
import { type Api, request } from "../api.ts";
import { planFleet } from "../core/fleet-plan.ts";
import { saleOf } from "../core/sales.ts";
import type { TokenMember } from "../fleet.ts";
import { register } from "../register.ts";
import { type Home, planHomes } from "./core/homes.ts";
import { make } from "./hearth-api.ts";

/** Requests under way at a time. */
const requestsMax = 8;

export interface Setting {
  homes: Home[];
  members: TokenMember[];
}

/** Registers the appliances, each with its sale. They belong to nobody yet. @param atWorkMs - by when all of them were at work */
export async function registerFleet(
  api: Api,
  models: ReadonlyMap<string, Model>,
  options: { appliances: number; seed: number; atWorkMs: number },
): Promise<Setting> {
  const planned = planFleet({ count: options.appliances, seed: options.seed, prefix: "demo" });
  const homes = planHomes(planned, (model) => models.get(model)?.kind === "oven");
  return { homes, members: await register(api, planned, models, (member) => saleOf(member, options.atWorkMs)) };
}

/** A household that Hearth knows. */
export type KnownHome = Home & { id: string };

/** Makes the households and gives them their appliances. @returns the household of each appliance */
export async function settleHomes(api: Api, homes: readonly Home[]): Promise<Map<string, KnownHome>> {
  const homeOf = new Map<string, KnownHome>();
  const waiting = [...homes];
  const worker = async (): Promise<void> => {
    for (let home = waiting.pop(); home !== undefined; home = waiting.pop()) {
      const { name, locale, timeZone, appliances } = home;
      const known = { ...home, id: await make(api, "/households", { name, locale, timeZone }) };
      for (const appliance of appliances) {
        await request(api, "PUT", `/households/${known.id}/devices/${appliance}`);
        homeOf.set(appliance, known);
      }
    }
  };
  await Promise.all(Array.from({ length: requestsMax }, worker));
  return homeOf;
}
