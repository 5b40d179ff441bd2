import { z } from "zod";
import { type Api, request } from "../api.ts";
import type { Stage } from "./stage.ts";

const dayMs = 86_400_000;
/** Households with a past to speak of are at the front. */
const householdsMax = 40;

const life = z.object({
  stage: z.string(),
  facts: z.object({ pairedAtMs: z.number().nullable(), programs: z.number(), lastUseMs: z.number().nullable() }),
});
const counts = z.object({ after: z.record(z.string(), z.number()) });

const readLife = async (api: Api, householdId: string) =>
  life.parse(await request(api, "GET", `/households/${householdId}/lifecycle`));

/** What people touched in their menu, so many days ago; by the household's place. */
const ratingsOf = (place: number): { rating: number; daysAgo: number }[] => {
  switch (place % 8) {
    case 0:
    case 4:
      return [{ rating: 5, daysAgo: 16 }];
    case 1:
      return [{ rating: 4, daysAgo: 8 }];
    case 2:
      return [
        { rating: 5, daysAgo: 18 },
        { rating: 3, daysAgo: 5 },
      ];
    case 3:
      return [{ rating: 2, daysAgo: 3 }];
    default:
      return [];
  }
};

/** Households say how they like it, some bring others, and their stages follow. What they noted days ago counts as of then. */
export async function playLives(stage: Stage): Promise<void> {
  const { api, fleet, members, homeOf, clocks, tell } = stage.deps;
  const nowMs = clocks.device.nowMs();
  let rated = 0;
  const shares: { source: "app"; id: string; type: string; atMs: number; householdId: string; data: object }[] = [];
  for (const [place, { id }] of members.slice(0, householdsMax).entries()) {
    const home = homeOf.get(id);
    if (home === undefined) continue;
    const { facts } = await readLife(api, home.id);
    // Who has only just begun has nothing to say yet.
    if (facts.programs < 3 || facts.pairedAtMs === null) continue;
    for (const { rating, daysAgo } of ratingsOf(place)) {
      const atMs = nowMs - daysAgo * dayMs;
      if (atMs < facts.pairedAtMs) continue;
      fleet.rate(id, rating, atMs);
      rated += 1;
    }
    if (place % 10 !== 5) continue;
    const atMs = nowMs - 2 * dayMs;
    shares.push({ source: "app", id: `share-${home.id}`, type: "share.cooked", atMs, householdId: home.id, data: {} });
  }
  if (shares.length > 0) await request(api, "POST", "/facts", { facts: shares });
  if (rated === 0) return;
  tell(`${rated} times a household touched one of five faces within the last weeks; their stages follow.`);
  await stage.until(async () => (await readStages(stage))["satisfaction"] !== 0);
  const { satisfaction = 0, advocacy = 0, disengaged = 0 } = await readStages(stage);
  tell(
    `${satisfaction} households are satisfied, ${advocacy} bring others, and ${disengaged} ${disengaged === 1 ? "is" : "are"} about to be lost.`,
  );
}

async function readStages({ deps: { api, clocks } }: Stage): Promise<Record<string, number>> {
  const toMs = clocks.real.nowMs();
  return counts.parse(await request(api, "GET", `/lifecycle/flows?fromMs=${toMs - 30 * dayMs}&toMs=${toMs}`)).after;
}
