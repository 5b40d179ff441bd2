import { sql } from "kysely";
import type { Model } from "#protocol/model.ts";
import type { Db } from "../platform/database.ts";

/** An appliance of a household, as far as it is asked of many households at once. */
export interface OwnedAppliance {
  model: string;
  /** Of the model's newest version; null where the model is not known any more. */
  kind: string | null;
  firmware: string | null;
  country: string | null;
  tags: readonly string[];
  hasSteam: boolean;
  hasProbe: boolean;
  /** From when on it is the household's. */
  fromMs: number;
}

/** Whether appliances of a model are known otherwise by its next version. */
export const isKnownOtherwise = (before: Model, after: Model): boolean =>
  before.kind !== after.kind ||
  before.capabilities.steam !== after.capabilities.steam ||
  before.capabilities.probe !== after.capabilities.probe;

/** The appliances of each of some households; who has none is left out. */
export async function ownedAppliances(db: Db, householdIds: readonly string[]): Promise<Map<string, OwnedAppliance[]>> {
  const { rows } = await sql<{
    household_id: string;
    model: string;
    kind: string | null;
    firmware_version: string | null;
    country: string | null;
    tags: string[];
    has_steam: boolean;
    has_probe: boolean;
    from_ms: number;
  }>`
    WITH newest AS (SELECT DISTINCT ON (key) key, document FROM model ORDER BY key, version DESC)
    SELECT d.household_id, d.model, n.document ->> 'kind' AS kind, d.firmware_version, d.country, d.tags,
      coalesce((n.document #>> '{capabilities,steam}')::boolean, false) AS has_steam,
      coalesce((n.document #>> '{capabilities,probe}')::boolean, false) AS has_probe,
      coalesce(d.household_since_ms, d.created_at_ms) AS from_ms
    FROM device d LEFT JOIN newest n ON n.key = d.model
    WHERE d.household_id = ANY(${[...householdIds]}::uuid[]) ORDER BY d.key`.execute(db);
  const owned = new Map<string, OwnedAppliance[]>();
  for (const { household_id, firmware_version: firmware, has_steam, has_probe, from_ms, ...own } of rows) {
    const appliance = { ...own, firmware, hasSteam: has_steam, hasProbe: has_probe, fromMs: from_ms };
    const known = owned.get(household_id);
    if (known === undefined) owned.set(household_id, [appliance]);
    else known.push(appliance);
  }
  return owned;
}
