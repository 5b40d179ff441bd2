import { z } from "zod";
import { epochMs, jsonObject, safeText } from "#protocol/text.ts";
import { factSources, newProspect, reference } from "../../households/households.ts";

/** Most facts of one request. */
export const batchMax = 500;
/** Longest data of one fact, as JSON. */
export const dataCharactersMax = 8_192;

/** Types that come of themselves. Any other is stored too: a maker's shop has words of its own. */
export const knownTypes = [
  "page.viewed",
  "recipe.saved",
  "recipe.searched",
  "price.checked",
  "cart.added",
  "order.placed",
  "order.returned",
  "mention.posted",
] as const;

const said = {
  source: z.enum(factSources),
  id: safeText(200).min(1).describe("The sender's own, unique for ever within its source"),
  type: z
    .string()
    .regex(/^[a-z][a-z0-9_]*(\.[a-z][a-z0-9_]*)+$/, "must be words divided by dots, such as price.checked")
    .max(64),
  atMs: epochMs,
  data: jsonObject
    .refine(
      (data) => JSON.stringify(data).length <= dataCharactersMax,
      `must be at most ${dataCharactersMax} characters`,
    )
    .default({}),
};

/** Something that a household did where no appliance saw it: whose it is, by its id or by what the sender calls it. */
export const outsideFact = z
  .union(
    [
      z.strictObject({ ...said, householdId: z.uuid() }),
      z.strictObject({
        ...said,
        reference,
        prospect: newProspect
          .optional()
          .describe("Makes a household with no appliance, where nobody has the reference; refused without it"),
      }),
    ],
    "must name `householdId` or `reference`, and nothing that is not a part of a fact",
  )
  .meta({ id: "OutsideFact" });
export type OutsideFact = z.infer<typeof outsideFact>;

/** Why a fact was not taken. */
export const factRefusals = [
  "not_a_fact",
  "household_unknown",
  "reference_unknown",
  "id_with_other_content",
  "at_in_the_future",
] as const;
export type FactRefusal = (typeof factRefusals)[number];

export const factOutcome = z
  .discriminatedUnion("outcome", [
    z.object({ at: z.number(), id: z.string().nullable(), outcome: z.literal("accepted"), householdId: z.uuid() }),
    z.object({ at: z.number(), id: z.string().nullable(), outcome: z.literal("duplicate") }),
    z.object({
      at: z.number(),
      id: z.string().nullable(),
      outcome: z.literal("refused"),
      reason: z.enum(factRefusals),
      detail: z.string(),
    }),
  ])
  .meta({ id: "FactOutcome" });
export type FactOutcome = z.infer<typeof factOutcome>;

/** What a refusal means, and what to do. */
const details: Record<Exclude<FactRefusal, "not_a_fact">, string> = {
  household_unknown: "There is no such household.",
  reference_unknown: "No household has this reference. Send `prospect` to make one.",
  id_with_other_content: "This id was sent before with other content. Give another fact another id.",
  at_in_the_future: "`atMs` lies ahead of this service's clock.",
};

export const refusal = (at: number, id: string, reason: Exclude<FactRefusal, "not_a_fact">): FactOutcome => ({
  at,
  id,
  outcome: "refused",
  reason,
  detail: details[reason],
});

/** A clock of somebody else may be ahead by so much. */
export const aheadMsMax = 5 * 60_000;

/** The parts of a sent fact that make it this one: who it is about is not among them, since that may be learnt later. */
export const contentOf = ({ type, atMs, data }: OutsideFact): string => JSON.stringify([type, atMs, sorted(data)]);

/** The same JSON whatever order its keys came in. */
function sorted(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(sorted);
  if (typeof value !== "object" || value === null) return value;
  return Object.entries(value)
    .toSorted(([a], [b]) => (a < b ? -1 : 1))
    .map(([key, inner]) => [key, sorted(inner)]);
}

/** Reads one item of a batch. An item that cannot be read is refused by itself, and its neighbours are not. */
export function readFact(
  at: number,
  item: unknown,
): { kind: "read"; fact: OutsideFact } | { kind: "refused"; outcome: FactOutcome } {
  const read = outsideFact.safeParse(item);
  if (read.success) return { kind: "read", fact: read.data };
  const id = typeof item === "object" && item !== null && "id" in item && typeof item.id === "string" ? item.id : null;
  return {
    kind: "refused",
    outcome: { at, id: id?.slice(0, 200) ?? null, outcome: "refused", reason: "not_a_fact", detail: wrongOf(item) },
  };
}

/** The first field that is wrong, by the shape that the item means to have. */
function wrongOf(item: unknown): string {
  const isById = typeof item === "object" && item !== null && "householdId" in item;
  const [byId, byReference] = outsideFact.options;
  const tried = (isById ? byId : byReference).safeParse(item);
  const issue = tried.success ? undefined : tried.error.issues[0];
  if (issue === undefined) return "It must name `householdId` or `reference`.";
  return `/${issue.path.join("/")}: ${issue.message}`;
}
