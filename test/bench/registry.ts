/** A registry as a maker with many appliances has it: of several models, all over the world, most of them behind the newest release. */
import { sql } from "kysely";
import type { Db } from "../../cloud/platform/database.ts";

export const registryModel = "bench-oven";
/** The hardware that the bench's release is for; a tenth of the appliances are of another revision. */
export const registryHardware = ["r1", "r2"];
/** The release that most of the registry runs has this counter; the oldest has 1. */
export const newestCounter = 12;
/** What ring 0 bears: one in a thousand. */
export const ringTag = "internal";
/** The target that the bench asks for, besides what the release itself does: about three quarters of the registry. */
export const registryTarget =
  'country in ["DE", "AT", "CH", "FR", "IT", "ES", "NL", "PL", "SE", "GB", "US", "CA", "AU"] && !("shop" in tags) && last_seen_days < 300.0';

/** Country, time zone, language, and how many of a hundred appliances stand there. */
const places: readonly [string, string, string, number][] = [
  ["DE", "Europe/Berlin", "de", 20],
  ["AT", "Europe/Vienna", "de", 5],
  ["CH", "Europe/Zurich", "de", 4],
  ["FR", "Europe/Paris", "fr", 9],
  ["IT", "Europe/Rome", "it", 8],
  ["ES", "Europe/Madrid", "es", 7],
  ["NL", "Europe/Amsterdam", "nl", 5],
  ["PL", "Europe/Warsaw", "pl", 5],
  ["SE", "Europe/Stockholm", "sv", 3],
  ["GB", "Europe/London", "en-GB", 8],
  ["US", "America/New_York", "en-US", 5],
  ["US", "America/Chicago", "en-US", 3],
  ["US", "America/Denver", "en-US", 1],
  ["US", "America/Los_Angeles", "en-US", 3],
  ["CA", "America/Toronto", "en-CA", 2],
  ["AU", "Australia/Sydney", "en-AU", 2],
  ["AU", "Australia/Perth", "en-AU", 1],
  ["JP", "Asia/Tokyo", "ja", 3],
  ["KR", "Asia/Seoul", "ko", 2],
  ["BR", "America/Sao_Paulo", "pt-BR", 2],
  ["IN", "Asia/Kolkata", "en-IN", 2],
];
/** One for each of a hundred appliances. */
const columnOf = (at: 0 | 1 | 2): string[] => places.flatMap((place) => Array<string>(place[3]).fill(place[at]));

/** Rows that one statement writes: a registry of a million is no single transaction in life either. */
const rowsPerStatement = 100_000;

/** The household of every appliance whose number leaves 0, 1 or 2 when it is divided by 5. */
const householdOf = (number: ReturnType<typeof sql.raw>) =>
  sql`('00000000-0000-7000-8000-' || lpad(to_hex(${number}), 12, '0'))::uuid`;

/**
 * Fills the registry with so many appliances, and the households of six in ten. The same every time.
 *
 * @param nowMs all that happened to them happened before
 */
export async function fillRegistry(db: Db, devices: number, nowMs: number): Promise<void> {
  for (let from = 1; from <= devices; from += rowsPerStatement) {
    await fill(db, { from, to: Math.min(devices, from + rowsPerStatement - 1) }, nowMs);
  }
  await sql`VACUUM (ANALYZE) device, household`.execute(db);
}

/** A number from 0 to 1, of which each k has another in each row `n`. */
const chance = (k: number) => sql`(hashint8extended(n, ${k}) & 4294967295) / 4294967296.0::float8`;

async function fill(db: Db, { from, to }: { from: number; to: number }, nowMs: number): Promise<void> {
  const number = sql.raw("n");
  // `place` is 1 to 100.
  const inYear = (k: number) => sql`(${nowMs}::bigint - (${chance(k)} * 31536000000)::bigint)`;
  await sql`
    INSERT INTO household (id, name, locale, time_zone, channels, created_at_ms)
    SELECT ${householdOf(number)}, 'Household ' || n, (${columnOf(2)}::text[])[place], (${columnOf(1)}::text[])[place], '[]', ${inYear(1)}
    FROM (SELECT n, 1 + floor(${chance(2)} * 100)::int AS place FROM generate_series(${from}::bigint, ${to}::bigint) AS n) AS numbered
    WHERE n % 5 < 3`.execute(db);
  await sql`
    INSERT INTO device (id, model, serial, household_id, sold_at_ms, created_at_ms, blocked_at_ms, online, gateway_id,
      boot_id, connection_id, presence_at_ms, reported, household_since_ms, hardware, firmware_version, firmware_parts,
      release_counter, locale, time_zone, country, tags, facts_at_ms)
    SELECT id, model, 'S' || lpad(n::text, 9, '0'), CASE WHEN n % 5 < 3 THEN ${householdOf(number)} END, sold_at_ms, sold_at_ms,
      CASE WHEN ${chance(3)} < 0.002 THEN ${inYear(4)} END, online, 'main',
      '00000000-0000-4000-8000-000000000000', n, seen_at_ms,
      jsonb_build_object('firmware', jsonb_build_object('value', version, 'atMs', seen_at_ms),
        'hardware', jsonb_build_object('value', hardware, 'atMs', seen_at_ms),
        'releaseCounter', jsonb_build_object('value', counter, 'atMs', seen_at_ms),
        'operation', jsonb_build_object('value', 'idle', 'atMs', seen_at_ms),
        'locale', jsonb_build_object('value', locale, 'atMs', seen_at_ms)),
      CASE WHEN n % 5 < 3 THEN sold_at_ms END, hardware, version, ARRAY[2, counter, 0], counter, locale,
      -- Half of them say where they are; of the others the household is asked.
      CASE WHEN n % 2 = 0 THEN (${columnOf(1)}::text[])[place] END, (${columnOf(0)}::text[])[place], tags, seen_at_ms
    FROM (
      SELECT n, 'bench-' || lpad(n::text, 9, '0') AS id, place, '2.' || counter || '.0' AS version, counter,
        CASE WHEN ${chance(5)} < 0.92 THEN ${registryModel} WHEN ${chance(5)} < 0.97 THEN 'bench-hob' ELSE 'bench-hood' END AS model,
        CASE WHEN ${chance(6)} < 0.5 THEN 'r2' WHEN ${chance(6)} < 0.9 THEN 'r1' ELSE 'r0' END AS hardware,
        (${columnOf(2)}::text[])[place] AS locale, online,
        CASE WHEN online THEN ${nowMs}::bigint - (${chance(7)} * 86400000)::bigint ELSE ${inYear(8)} END AS seen_at_ms,
        ${inYear(9)} - 31536000000 AS sold_at_ms,
        array_remove(ARRAY[CASE WHEN ${chance(10)} < 0.001 THEN ${ringTag}::text END, CASE WHEN ${chance(11)} < 0.01 THEN 'beta' END,
          CASE WHEN ${chance(12)} < 0.02 THEN 'shop' END], NULL) AS tags
      FROM (
        SELECT n, 1 + floor(${chance(2)} * 100)::int AS place, ${chance(13)} < 0.6 AS online,
          -- Most run one of the last few releases.
          ${newestCounter}::int - floor(power(${chance(14)}, 3) * ${newestCounter})::int AS counter
        FROM generate_series(${from}::bigint, ${to}::bigint) AS n
      ) AS chosen
    ) AS described`.execute(db);
}

/** A published release for the registry's model, newer than all that it runs. @returns its id */
export async function insertRelease(db: Db, id: string, nowMs: number): Promise<void> {
  const version = `2.${newestCounter + 1}.0`;
  const hash = "0".repeat(64);
  await sql`
    INSERT INTO firmware_release (id, model, hardware_ids, version, release_counter, length, sha256, path, state, min_counter, kind,
      created_at_ms, created_by, published_at_ms)
    VALUES (${id}, ${registryModel}, ${registryHardware}, ${version}, ${newestCounter + 1}, 20000000, ${hash},
      ${`fw/${registryModel}/${version}.img`}, 'published', 2, 'feature', ${nowMs}, 'system', ${nowMs})`.execute(db);
}
