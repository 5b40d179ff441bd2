import { transaction } from "../platform/database.ts";
import { KeptLookUp } from "../platform/kept-look-up.ts";
import { type Refused, refused } from "../platform/refused.ts";
import type { Principal } from "../staff/staff.ts";
import type { CampaignRow, CampaignsStore } from "./campaigns-store.ts";
import { csvField } from "./core/csv-field.ts";
import type { EngagementDeps } from "./ports.ts";
import type { RecallRow, RecallsStore, RecallStatus, UnreachableWhy } from "./recalls-store.ts";

type RecallsDeps = Pick<EngagementDeps, "db" | "clock" | "audit" | "households" | "namesOf" | "referencesOf"> & {
  campaigns: CampaignsStore;
  recalls: RecallsStore;
};

type NoRecall = Refused<"campaign_not_found" | "not_a_recall">;

const exportedAtOnce = 1_000;

const whyWords: Record<UnreachableWhy, string> = {
  never_registered: "never registered",
  no_household: "no household",
  no_address: "no address",
  no_mail: "no mail server is set up",
  never_seen: "never seen it",
};

const isSeen = ({ shownAtMs, acknowledgedAtMs }: RecallRow["appliances"][number]): boolean =>
  shownAtMs !== null || acknowledgedAtMs !== null;

export const lettersColumns = [
  "household_id",
  "household_name",
  "household_people",
  "locale",
  "serials",
  "model",
  "why",
  "detail",
  "household_references",
] as const;

/** How a recall stands, household by household. */
export class Recalls {
  readonly #deps: RecallsDeps;
  readonly #counts: KeptLookUp<Awaited<ReturnType<RecallsStore["counts"]>>>;

  constructor(deps: RecallsDeps) {
    this.#deps = deps;
    this.#counts = new KeptLookUp(deps.clock);
  }

  /** How many stand where, and when that was so: its page asks every few seconds, and of a large recall counting takes longer than that. */
  counts(recall: CampaignRow) {
    const { db, recalls } = this.#deps;
    return this.#counts.ask(recall.id, () => recalls.counts(db, recall));
  }

  /** Its rows carry names of households: whoever opens the list is in the audit log. */
  async page(
    by: Principal,
    id: string,
    query: { status: RecallStatus | null; afterKey: string | null; limit: number },
  ): Promise<(RecallRow & { householdName: string | null })[] | NoRecall> {
    const { db, audit, recalls, namesOf } = this.#deps;
    const recall = await this.#recall(id);
    if ("rule" in recall) return recall;
    const rows = await recalls.page(db, recall, query);
    const names = await namesOf(
      db,
      rows.flatMap((row) => row.household_id ?? []),
    );
    // Its later pages belong to the same look.
    if (query.afterKey === null)
      await transaction(db, (tx) =>
        audit.record(tx, {
          principal: by,
          action: "recall.households_opened",
          subject: `campaign:${id}`,
          after: { status: query.status },
        }),
      );
    return rows.map((row) => ({ ...row, householdName: names.get(row.household_id ?? "") ?? null }));
  }

  /** Whom nothing reaches, for letters: lines of CSV, the head first. Whoever takes it is in the audit log. */
  async unreachable(by: Principal, id: string): Promise<AsyncIterable<string> | NoRecall> {
    const { db, audit } = this.#deps;
    const recall = await this.#recall(id);
    if ("rule" in recall) return recall;
    await transaction(db, (tx) =>
      audit.record(tx, { principal: by, action: "recall.unreachable_exported", subject: `campaign:${id}` }),
    );
    return this.#lines(recall);
  }

  async #recall(id: string): Promise<CampaignRow | NoRecall> {
    const row = await this.#deps.campaigns.get(this.#deps.db, id);
    if (row === null) return refused("campaign_not_found");
    return row.kind === "recall" ? row : refused("not_a_recall");
  }

  async *#lines(recall: CampaignRow): AsyncGenerator<string> {
    const { db, recalls, households, namesOf, referencesOf } = this.#deps;
    yield `${lettersColumns.join(",")}\n`;
    for (let afterKey: string | null = null; ;) {
      const rows: RecallRow[] = await recalls.page(db, recall, {
        status: "unreachable",
        afterKey,
        limit: exportedAtOnce,
      });
      const ids = rows.flatMap((row) => row.household_id ?? []);
      const [reach, names] = [await households.reachOf(db, ids), await namesOf(db, ids)];
      const references = await referencesOf(db, ids);
      for (const { household_id: householdId, appliances, why, detail } of rows) {
        const found = householdId === null ? undefined : reach.get(householdId);
        const line: Record<(typeof lettersColumns)[number], string> = {
          household_id: householdId ?? "",
          household_name: names.get(householdId ?? "") ?? "",
          household_people: (found?.members ?? []).map(({ name }) => name).join("; "),
          locale: found?.locale ?? "",
          // What was seen on one appliance needs no letter.
          serials: appliances.flatMap((one) => (isSeen(one) ? [] : [one.serial])).join("; "),
          model: appliances[0]?.model ?? "",
          why: why === null ? "" : whyWords[why],
          detail: detail ?? "",
          // Hearth knows no postal address; the shop may, by its own number for them.
          household_references: (references.get(householdId ?? "") ?? []).join("; "),
        };
        yield `${lettersColumns.map((column) => csvField(line[column])).join(",")}\n`;
      }
      if (rows.length < exportedAtOnce) return;
      afterKey = rows.at(-1)?.key ?? null;
    }
  }
}
