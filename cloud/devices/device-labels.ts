import { sql } from "kysely";
import type { Clock } from "../platform/clock.ts";
import { type Db, transaction } from "../platform/database.ts";
import type { Audit, Principal } from "../staff/staff.ts";
import { tagsMax } from "./core/labels.ts";
import type { FactsTold } from "./tenure.ts";

type Refused = { kind: "refused"; rule: "device_not_found" | "too_many_tags"; detail?: string };

interface Labels {
  country?: string | null | undefined;
  tags?: readonly string[] | undefined;
  soldAtMs?: number | null | undefined;
  warrantyUntilMs?: number | null | undefined;
}

interface LabelRow {
  household_id: string | null;
  country: string | null;
  tags: string[];
  sold_at_ms: number | null;
  warranty_until_ms: number | null;
}

export interface DeviceLabelsDeps {
  db: Db;
  clock: Clock;
  audit: Audit;
  told: FactsTold;
}

/** What people say of appliances: the country where one stands and tags, which rollouts ask for, and when it was sold and its warranty ends. */
export class DeviceLabels {
  readonly #deps: DeviceLabelsDeps;

  constructor(deps: DeviceLabelsDeps) {
    this.#deps = deps;
  }

  /** Sets what is given and leaves the rest. */
  async set(by: Principal, deviceId: string, labels: Labels): Promise<{ kind: "set" } | Refused> {
    return transaction(this.#deps.db, async (tx) => {
      const { rows } = await sql<LabelRow>`
        SELECT household_id, country, tags, sold_at_ms, warranty_until_ms FROM device
        WHERE id = ${deviceId} FOR UPDATE`.execute(tx);
      const [found] = rows;
      if (found === undefined) return { kind: "refused", rule: "device_not_found" };
      const { household_id, ...before } = found;
      const after = {
        country: labels.country === undefined ? before.country : labels.country,
        tags: labels.tags === undefined ? before.tags : [...new Set(labels.tags)].toSorted(),
        sold_at_ms: labels.soldAtMs === undefined ? before.sold_at_ms : labels.soldAtMs,
        warranty_until_ms: labels.warrantyUntilMs === undefined ? before.warranty_until_ms : labels.warrantyUntilMs,
      };
      if (JSON.stringify(before) === JSON.stringify(after)) return { kind: "set" };
      await sql`UPDATE device SET country = ${after.country}, tags = ${after.tags}::text[], sold_at_ms = ${after.sold_at_ms},
          warranty_until_ms = ${after.warranty_until_ms}, facts_at_ms = ${this.#deps.clock.nowMs()}
        WHERE id = ${deviceId}`.execute(tx);
      await this.#deps.told(tx, [household_id]);
      await this.#deps.audit.record(tx, {
        principal: by,
        action: "device.labelled",
        subject: `device:${deviceId}`,
        before,
        after,
      });
      return { kind: "set" };
    });
  }

  /** Adds tags to many appliances and takes others away, in one statement; all of them or none. @returns how many changed */
  async tag(
    by: Principal,
    deviceIds: readonly string[],
    change: { add: readonly string[]; remove: readonly string[] },
  ): Promise<{ kind: "tagged"; changed: number } | Refused> {
    const ids = [...new Set(deviceIds)];
    return transaction(this.#deps.db, async (tx) => {
      const { rows } = await sql<{ id: string; household_id: string | null; tags: string[]; next: string[] }>`
        SELECT d.id, d.household_id, d.tags, array(
          SELECT DISTINCT tag FROM unnest(d.tags || ${[...change.add]}::text[]) AS tag
          WHERE tag <> ALL(${[...change.remove]}::text[]) ORDER BY tag) AS next
        FROM device d WHERE d.id = ANY(${ids}::text[]) ORDER BY d.key FOR UPDATE`.execute(tx);
      const missing = ids.find((id) => !rows.some((row) => row.id === id));
      if (missing !== undefined) return { kind: "refused", rule: "device_not_found", detail: `The id is ${missing}.` };
      const full = rows.find(({ next }) => next.length > tagsMax);
      if (full !== undefined) return { kind: "refused", rule: "too_many_tags", detail: `The appliance is ${full.id}.` };
      const changed = rows.filter(({ tags, next }) => JSON.stringify(tags) !== JSON.stringify(next));
      if (changed.length === 0) return { kind: "tagged", changed: 0 };
      await sql`
        UPDATE device d SET tags = r.next, facts_at_ms = ${this.#deps.clock.nowMs()}
        FROM json_to_recordset(${JSON.stringify(changed)}::json) AS r(id text, next text[]) WHERE d.id = r.id`.execute(
        tx,
      );
      await this.#deps.told(
        tx,
        changed.map(({ household_id }) => household_id),
      );
      await this.#deps.audit.record(tx, {
        principal: by,
        action: "devices.tagged",
        subject: `devices:${changed.length}`,
        after: { ...change, ids: changed.slice(0, 20).map(({ id }) => id), count: changed.length },
      });
      return { kind: "tagged", changed: changed.length };
    });
  }
}
