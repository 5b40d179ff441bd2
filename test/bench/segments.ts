/**
 * `npm run bench -- segments`: membership of many households in many segments while events come at a pace that is set. Each batch of acts
 * is one transaction, as the up road has it: acts counted, profiles changed, segments that read what changed asked, comings and goings
 * written. An event's lag is from when it was due to come until its transaction is committed.
 */
import { setTimeout as sleep } from "node:timers/promises";
import { sql } from "kysely";
import type { HouseholdAct } from "../../cloud/households/households.ts";
import { type Db, transaction } from "../../cloud/platform/database.ts";
import type { Principal } from "../../cloud/staff/staff.ts";
import { CloudParts } from "./cloud-parts.ts";
import { percentile, perSecond, say } from "./figures.ts";
import { type Figures, mediansOf } from "./rounds.ts";

export interface SegmentFigures extends Figures {
  households: number;
  segments: number;
  offered_per_s: number;
  events_per_s: number;
  lag_ms_p50: number;
  lag_ms_p99: number;
  /** Of one processor, of this process and of the database server with all its backends, while the events came. */
  cpu_pct: number;
  database_cpu_pct: number;
  /** Comings and goings, while the events came. */
  moved: number;
  /** The same work with nothing to wait for. */
  events_per_s_max: number;
  /** One new segment over all households. */
  fill_ms: number;
  /** How many a condition means, before it is saved. */
  preview_ms: number;
  /** A day ends: all households whose day has come are looked at. */
  day_ms: number;
  day_households: number;
}

const by: Principal = { kind: "staff", id: "bench", name: "bench", role: "admin" };
const dayMs = 86_400_000;
/** What the up road hands over at once, at this pace. */
const batchMs = 100;
const rowsPerStatement = 50_000;

const types = [
  "program.finished",
  "recipe.finished",
  "program.aborted",
  "fault.raised",
  "page.viewed",
  "price.checked",
  "cart.added",
];

/** Households as they are after a year: with appliances, points, consents, and what they cooked. */
async function fillProfiles(db: Db, households: number, today: number): Promise<void> {
  for (let from = 1; from <= households; from += rowsPerStatement) {
    const to = Math.min(households, from + rowsPerStatement - 1);
    await sql`
      INSERT INTO household (id, name, locale, time_zone, channels, created_at_ms)
      SELECT ('00000000-0000-7000-8000-' || lpad(to_hex(n), 12, '0'))::uuid, 'Household ' || n, (ARRAY['de', 'fr', 'sv', 'en-GB'])[1 + n % 4],
        (ARRAY['Europe/Berlin', 'Europe/Paris', 'Europe/Stockholm', 'Europe/London', 'America/New_York', 'Asia/Tokyo'])[1 + n % 6],
        '{"order": ["display"], "quiet": null, "perWeekMax": null}', 0
      FROM generate_series(${from}::bigint, ${to}::bigint) AS n`.execute(db);
    await sql`
      INSERT INTO household_profile
      SELECT r.* FROM generate_series(${from}::bigint, ${to}::bigint) AS n,
        LATERAL (SELECT h.* FROM household h WHERE h.id = ('00000000-0000-7000-8000-' || lpad(to_hex(n), 12, '0'))::uuid) h,
        jsonb_populate_record(NULL::household_profile, jsonb_build_object('household_id', h.id, 'locale', h.locale, 'time_zone', h.time_zone,
          'appliances', 1, 'models', ARRAY['oven-x200'], 'kinds', ARRAY['oven'], 'firmware_versions', ARRAY['2.' || n % 5 || '.0'],
          'oldest_firmware', '2.' || n % 5 || '.0', 'oldest_firmware_parts', ARRAY[2, n % 5, 0], 'country', 'DE', 'tags', ARRAY[]::text[],
          'has_steam', n % 3 = 0, 'has_probe', true, 'paired_day', ${today}::int - n % 365,
          'consents', CASE WHEN n % 10 < 8 THEN ARRAY['run', 'personalise'] ELSE ARRAY['run'] END, 'points', n % 1000, 'tier', NULL,
          'stage', (ARRAY['activation', 'engagement', 'loyalty', 'disengaged'])[1 + n % 4], 'open_cases', (n % 50 = 0)::int,
          'programs', n % 200,
          'program_days', (SELECT coalesce(array_agg(d ORDER BY d), '{}') FROM generate_series(${today}::int - 89, ${today}::int) d WHERE (d * 31 + n) % 7 < n % 5),
          'last_cook_day', ${today}::int - n % 60, 'programs_used', ARRAY['HotAir'], 'steam_programs', n % 2, 'programs_aborted', n % 9,
          'aborted_days', ARRAY[]::int[], 'cleanings', n % 4, 'last_cleaned_day', ${today}::int - n % 200, 'faults', 0,
          'fault_days', ARRAY[]::int[], 'recipes_finished', n % 50, 'recipe_days', ARRAY[]::int[], 'recipes_aborted', 0, 'recipes_saved', 0,
          'recipes_searched', 0, 'shares', 0, 'page_views', 0, 'page_view_days', ARRAY[]::int[], 'outside_types', ARRAY[]::text[], 'outside_type_days', ARRAY[]::int[], 'price_checks', 0, 'orders', n % 3, 'returns', 0,
          'mentions', 0, 'mention_reach', 0, 'is_stale', false)) AS r`.execute(db);
  }
  await sql`VACUUM (ANALYZE) household, household_profile`.execute(db);
}

/** Conditions as product teams write them: over use, recency, recipes, the customer and what is outside, many of them moved by every event. */
function expressionOf(at: number): string {
  const n = 1 + Math.floor(at / 10);
  const kinds = [
    `programs_30d >= ${3 * n}`,
    `days_since_last_cook > ${5 * n}`,
    `programs_7d >= ${n} && has_steam`,
    `recipes_finished >= ${10 * n} && language == "de"`,
    `stage == "engagement" && points >= ${100 * n}`,
    `programs_90d < ${5 * n} && days_since_paired > 30`,
    `in_cart || days_since_price_check <= ${2 * n}`,
    `older(oldest_firmware, "2.${n}.0") && open_cases == 0`,
    `faults_30d >= ${n} || programs_aborted_30d >= ${n}`,
    `"personalise" in consents && orders >= ${n} && programs >= ${20 * n}`,
  ];
  return kinds[at % kinds.length] ?? "";
}

/** Acts of households by chance; a tenth of them late by days. The same every time. */
function acts(count: number, households: number, from: number, atMs: number): HouseholdAct[] {
  return Array.from({ length: count }, (_, at): HouseholdAct => {
    const number = from + at;
    const household = 1 + ((Math.imul(number, 2_654_435_761) >>> 0) % households);
    const type = types[number % types.length] ?? "";
    return {
      householdId: `00000000-0000-7000-8000-${household.toString(16).padStart(12, "0")}`,
      source: `bench/${number}`,
      origin: "appliance",
      type,
      atMs: number % 10 === 0 ? atMs - (number % 5) * dayMs : atMs,
      data: type === "program.finished" ? { program: "HotAir" } : { recipeId: "bread" },
      device: null,
    };
  });
}

const timed = async (work: () => Promise<unknown>): Promise<number> => {
  const from = performance.now();
  await work();
  return Math.round(performance.now() - from);
};

async function round(asked: {
  households: number;
  segments: number;
  perS: number;
  durationMs: number;
}): Promise<SegmentFigures> {
  const { households, segments: count, perS, durationMs } = asked;
  const cloud = await CloudParts.start();
  try {
    const { segments } = cloud.slices;
    const today = Math.floor(cloud.clock.nowMs() / dayMs);
    await cloud.preparing((db) => fillProfiles(db, households, today));
    for (const { id } of await segments.list()) await segments.delete(by, id);
    const put = (at: number) =>
      segments.put(by, `s${at}`, { title: `S ${at}`, description: "", expression: expressionOf(at) }, null);
    for (let at = 0; at < count - 1; at += 1) await put(at);
    while ((await segments.list()).some(({ isFilling }) => isFilling)) await segments.tick();
    await segments.tick();
    await put(count - 1);
    const fill_ms = await timed(async () => {
      while ((await segments.list()).some(({ isFilling }) => isFilling)) await segments.tick();
    });
    await sql`ANALYZE`.execute(cloud.db);
    await segments.tidy();
    const preview_ms = await timed(() => segments.preview("programs_30d >= 4 && has_steam", 10));
    const paced = await pace(cloud, { households, perS, durationMs });
    const flatOut = acts(perS * 5, households, 10_000_000, cloud.clock.nowMs());
    const flat_ms = await timed(async () => {
      for (let at = 0; at < flatOut.length; at += 1_000)
        await transaction(cloud.db, (tx) => segments.ingest(tx, flatOut.slice(at, at + 1_000)));
    });
    const { rows } = await sql<{ n: number }>`
      SELECT count(*) AS n FROM household_profile WHERE due_day <= ${today + 1}`.execute(cloud.db);
    cloud.clock.forward(dayMs);
    const day_ms = await timed(() => segments.tick());
    return {
      households,
      segments: count,
      offered_per_s: perS,
      ...paced,
      events_per_s_max: perSecond(flatOut.length, flat_ms),
      fill_ms,
      preview_ms,
      day_ms,
      day_households: rows[0]?.n ?? 0,
    };
  } finally {
    await cloud.stop();
  }
}

async function pace(
  cloud: CloudParts,
  { households, perS, durationMs }: { households: number; perS: number; durationMs: number },
) {
  const { segments } = cloud.slices;
  const perBatch = Math.round((perS * batchMs) / 1_000);
  const batches = Math.round(durationMs / batchMs);
  const lags: number[] = [];
  const outbox = async () =>
    (await sql<{ n: number }>`SELECT count(*) AS n FROM outbox WHERE type LIKE 'hearth.segment.%'`.execute(cloud.db))
      .rows[0]?.n ?? 0;
  const before = await outbox();
  const cpu = process.cpuUsage();
  const databaseCpu = cloud.databaseCpuMs;
  const from = performance.now();
  // What comes while a batch is committed waits, and goes with the next one: as the up road has it.
  for (let done = 0; done < batches;) {
    const dueMs = from + done * batchMs;
    if (performance.now() < dueMs) await sleep(dueMs - performance.now());
    const here = Math.min(batches, Math.floor((performance.now() - from) / batchMs) + 1);
    const batch = acts((here - done) * perBatch, households, done * perBatch, cloud.clock.nowMs());
    await transaction(cloud.db, (tx) => segments.ingest(tx, batch));
    const committed = performance.now();
    // Events come evenly over their tenth of a second.
    for (let at = 0; at < batch.length; at += 10)
      lags.push(committed - (from + (done - 1) * batchMs + (at / perBatch) * batchMs));
    done = here;
  }
  const tookMs = performance.now() - from;
  const { user, system } = process.cpuUsage(cpu);
  return {
    events_per_s: perSecond(batches * perBatch, tookMs),
    lag_ms_p50: percentile(lags, 0.5),
    lag_ms_p99: percentile(lags, 0.99),
    cpu_pct: Math.round((user + system) / 10 / tookMs),
    database_cpu_pct: Math.round(((cloud.databaseCpuMs - databaseCpu) * 100) / tookMs),
    moved: (await outbox()) - before,
  };
}

export async function benchSegments(asked: {
  households: number;
  segments: number;
  perS: number;
  durationMs: number;
  rounds: number;
}): Promise<Figures> {
  const rounds: SegmentFigures[] = [];
  for (let at = 1; at <= asked.rounds; at += 1) {
    const figures = await round(asked);
    say(`round ${at}: ${JSON.stringify(figures)}`);
    rounds.push(figures);
  }
  return mediansOf(rounds);
}
