import { z } from "zod";
import { request } from "../api.ts";
import type { Stage } from "./stage.ts";

const segments = z.object({
  items: z.array(z.object({ title: z.string(), members: z.number(), isFilling: z.boolean() })),
});

const ours = {
  title: "Weekend bakers",
  description:
    "They agreed that we may look, own an oven and cook at least once a week: the first to hear of the sourdough series.",
  expression: '"oven" in kinds && programs_30d >= 4 && !(stage == "disengaged")',
};

/** Of so many households the first to agree that what they do may be used to suit them. */
const asked = 60;
const agreement = {
  purpose: "personalise",
  locale: "en",
  version: 1,
  channel: "app",
  evidence: "The app's first start",
};

/** Two of three agree; of the others nothing that they do is asked by any segment. */
async function agree({ deps: { api, homeOf } }: Stage): Promise<void> {
  const homes = [...new Set([...homeOf.values()].map(({ id }) => id))].slice(0, asked);
  const agreeing = homes.filter((_, at) => at % 3 !== 2);
  await Promise.all(agreeing.map((id) => request(api, "POST", `/households/${id}/consents`, agreement)));
}

/** Some of those who agreed look at a price, and a few leave something in the cart. */
async function shop({ deps: { api, homeOf, clocks } }: Stage): Promise<void> {
  const homes = [...new Set([...homeOf.values()].map(({ id }) => id))].slice(0, 18).filter((_, at) => at % 3 === 0);
  const facts = homes.flatMap((householdId, at) =>
    ["price.checked", ...(at % 2 === 0 ? ["cart.added"] : [])].map((type) => ({
      source: "shop",
      id: `${type}-${householdId}`,
      type,
      atMs: clocks.real.nowMs() - 3_600_000,
      householdId,
      data: { article: "baking-stone" },
    })),
  );
  await request(api, "POST", "/facts", { facts });
}

/** A product manager writes a segment, and who is in it follows at once what the households do. */
export async function playSegments(stage: Stage): Promise<void> {
  const { api, tell } = stage.deps;
  await agree(stage);
  await shop(stage);
  await request(api, "PUT", "/segments/weekend-bakers", ours);
  const read = async () => segments.parse(await request(api, "GET", "/segments")).items;
  await stage.until(async () => (await read()).every(({ isFilling }) => !isFilling));
  const filled = (await read()).filter(({ members }) => members > 0);
  const words = filled.map(({ title, members }) => `${title} ${members}`);
  tell(
    `A product manager writes the segment "${ours.title}". Households by segment: ${words.join(", ") || "none yet"}.`,
  );
}
