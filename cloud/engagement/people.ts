import { transaction } from "../platform/database.ts";
import { type Refused, refused } from "../platform/refused.ts";
import type { Principal } from "../staff/staff.ts";
import type { CampaignsStore } from "./campaigns-store.ts";
import { csvField } from "./core/csv-field.ts";
import type { DecisionsStore, HumanRow } from "./decisions-store.ts";
import type { EngagementDeps } from "./ports.ts";
import { sourceOf } from "./sources.ts";

type PeopleDeps = Pick<EngagementDeps, "db" | "audit" | "households" | "namesOf" | "referencesOf"> & {
  campaigns: CampaignsStore;
  decisions: DecisionsStore;
};

type NoCampaign = Refused<"campaign_not_found">;

const exportedAtOnce = 1_000;

export const peopleColumns = [
  "household_id",
  "household_name",
  "household_people",
  "locale",
  "title",
  "decided_at",
  "household_references",
] as const;

/** Whom of a campaign nothing but a person reaches: all of them, also those beyond the cases that it opens. */
export class People {
  readonly #deps: PeopleDeps;

  constructor(deps: PeopleDeps) {
    this.#deps = deps;
  }

  /** In the order of the households. Its rows carry their names: whoever opens the list is in the audit log. */
  async page(
    by: Principal,
    id: string,
    query: { after: [string, string] | null; limit: number },
  ): Promise<(HumanRow & { householdName: string | null })[] | NoCampaign> {
    const { db, decisions, namesOf } = this.#deps;
    if ((await this.#deps.campaigns.get(db, id)) === null) return refused("campaign_not_found");
    const rows = await decisions.humanPage(db, sourceOf(id), query.after, query.limit);
    const names = await namesOf(
      db,
      rows.map((row) => row.household_id),
    );
    // Its later pages belong to the same look.
    if (query.after === null) await this.#note(by, id, "campaign.people_opened");
    return rows.map((row) => ({ ...row, householdName: names.get(row.household_id) ?? null }));
  }

  /** The same as lines of CSV, the head first. Whoever takes it is in the audit log. */
  async export(by: Principal, id: string): Promise<AsyncIterable<string> | NoCampaign> {
    if ((await this.#deps.campaigns.get(this.#deps.db, id)) === null) return refused("campaign_not_found");
    await this.#note(by, id, "campaign.people_exported");
    return this.#lines(id);
  }

  #note(principal: Principal, id: string, action: string): Promise<void> {
    const { db, audit } = this.#deps;
    return transaction(db, async (tx) => {
      await audit.record(tx, { principal, action, subject: `campaign:${id}` });
    });
  }

  async *#lines(id: string): AsyncGenerator<string> {
    const { db, decisions, households, namesOf, referencesOf } = this.#deps;
    yield `${peopleColumns.join(",")}\n`;
    for (let after: [string, string] | null = null; ;) {
      const rows: HumanRow[] = await decisions.humanPage(db, sourceOf(id), after, exportedAtOnce);
      const ids = rows.map((row) => row.household_id);
      const [reach, names] = [await households.reachOf(db, ids), await namesOf(db, ids)];
      const references = await referencesOf(db, ids);
      for (const { household_id: householdId, title, decided_at_ms: decidedAtMs } of rows) {
        const found = reach.get(householdId);
        const line: Record<(typeof peopleColumns)[number], string> = {
          household_id: householdId,
          household_name: names.get(householdId) ?? "",
          household_people: (found?.members ?? []).map(({ name }) => name).join("; "),
          locale: found?.locale ?? "",
          title,
          decided_at: new Date(decidedAtMs).toISOString(),
          household_references: (references.get(householdId) ?? []).join("; "),
        };
        yield `${peopleColumns.map((column) => csvField(line[column])).join(",")}\n`;
      }
      const last = rows.at(-1);
      if (last === undefined || rows.length < exportedAtOnce) return;
      after = [last.household_id, last.item_id];
    }
  }
}
