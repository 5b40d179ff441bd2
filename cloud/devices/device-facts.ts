import { type RawBuilder, sql } from "kysely";

/** A row of `deviceFacts`. */
export interface DeviceFactsRow {
  key: number;
  id: string;
  model: string;
  hardware: string | null;
  version: string | null;
  version_parts: number[] | null;
  counter: number | null;
  tags: string[];
  locale: string | null;
  country: string | null;
  /** IANA name: the appliance's own, else its household's, else UTC. */
  time_zone: string;
  household_id: string | null;
  /** What happened before is not its household's; null: all of it is. */
  household_since_ms: number | null;
  /** When it last came or went; of one that never came, when it was registered. */
  last_seen_ms: number;
  online: boolean;
  blocked: boolean;
  /** When one of these last changed, but for `last_seen_ms` and `online`. */
  facts_at_ms: number;
}

/**
 * What there is to know of every appliance, for statements over many of them: a table expression with the columns of `DeviceFactsRow`.
 *
 * @param households a table expression with `id` and `time_zone` of every household
 */
export const deviceFacts = (households: RawBuilder<unknown>): RawBuilder<unknown> => sql`(
  SELECT d.key, d.id, d.model, d.hardware, d.firmware_version AS version, d.firmware_parts AS version_parts,
    d.release_counter AS counter, d.tags, d.locale, d.country, coalesce(d.time_zone, h.time_zone, 'UTC') AS time_zone,
    d.household_id, d.household_since_ms, coalesce(d.presence_at_ms, d.created_at_ms) AS last_seen_ms, d.online, d.blocked_at_ms IS NOT NULL AS blocked,
    d.facts_at_ms
  FROM device d LEFT JOIN ${households} h ON h.id = d.household_id)`;
