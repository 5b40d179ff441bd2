import { transaction } from "../platform/database.ts";
import type { Principal } from "../staff/staff.ts";
import type { CampaignsStore } from "./campaigns-store.ts";
import { type EngagementDeps, type Refused, refused } from "./ports.ts";
import type { RecallRow, RecallsStore, RecallStatus } from "./recalls-store.ts";
import { sourceOf } from "./sources.ts";

type RecallsDeps = Pick<EngagementDeps, "db" | "audit" | "households"> & {
  campaigns: CampaignsStore;
  recalls: RecallsStore;
};

const exportedAtOnce = 1_000;

/** A field of a CSV file. What a spreadsheet would take for a formula is text. */
const field = (value: string): string => {
  const safe = /^[=+\-@\t\r]/.test(value) ? `'${value}` : value;
  return /[",\n\r]/.test(safe) ? `"${safe.replaceAll('"', '""')}"` : safe;
};

const csvHead = ["household_id", "household_people", "locale", "serials", "model", "why"].join(",");

/** How a recall stands, household by household. */
export class Recalls {
  readonly #deps: RecallsDeps;

  constructor(deps: RecallsDeps) {
    this.#deps = deps;
  }

  async counts(id: string) {
    return this.#deps.recalls.counts(this.#deps.db, id, sourceOf(id));
  }

  async page(
    id: string,
    query: { status: RecallStatus | null; afterKey: string | null; limit: number },
  ): Promise<RecallRow[] | Refused<"campaign_not_found" | "not_a_recall">> {
    const { db, campaigns, recalls } = this.#deps;
    const row = await campaigns.get(db, id);
    if (row === null) return refused("campaign_not_found");
    if (row.kind !== "recall") return refused("not_a_recall");
    return recalls.page(db, { campaignId: id, source: sourceOf(id), ...query });
  }

  /** Whom nothing reaches, for letters: lines of CSV, the head first. Whoever takes it is in the audit log. */
  async unreachable(
    by: Principal,
    id: string,
  ): Promise<AsyncIterable<string> | Refused<"campaign_not_found" | "not_a_recall">> {
    const first = await this.page(id, { status: "unreachable", afterKey: null, limit: 1 });
    if (!Array.isArray(first)) return first;
    const { db, audit } = this.#deps;
    await transaction(db, (tx) =>
      audit.record(tx, { principal: by, action: "recall.unreachable_exported", subject: `campaign:${id}` }),
    );
    return this.#lines(id);
  }

  async *#lines(id: string): AsyncGenerator<string> {
    yield `${csvHead}\n`;
    for (let afterKey: string | null = null; ;) {
      const rows: RecallRow[] | Refused<string> = await this.page(id, {
        status: "unreachable",
        afterKey,
        limit: exportedAtOnce,
      });
      if (!Array.isArray(rows)) return;
      const reach = await this.#deps.households.reachOf(
        this.#deps.db,
        rows.flatMap((row) => row.household_id ?? []),
      );
      for (const { household_id: householdId, appliances, reason } of rows) {
        const found = householdId === null ? undefined : reach.get(householdId);
        const people = (found?.members ?? []).map(({ name }) => name).join("; ");
        const serials = appliances.map(({ serial }) => serial).join("; ");
        const model = appliances[0]?.model ?? "";
        const why = reason ?? (householdId === null ? "nobody owns it" : "no channel");
        yield `${[householdId ?? "", people, found?.locale ?? "", serials, model, why].map(field).join(",")}\n`;
      }
      if (rows.length < exportedAtOnce) return;
      afterKey = rows.at(-1)?.key ?? null;
    }
  }
}
