/**
 * `npm run bench -- ledger`: acts of many households through the earning rules into the ledger, batch after batch, each in a transaction
 * of its own with limits, lots, tiers and the outbox; once more with all that follow the outbox. An entry is a transfer that is committed.
 */
import { loadavg } from "node:os";
import { sql } from "kysely";
import type { HouseholdAct } from "../../cloud/households/households.ts";
import { Loyalty } from "../../cloud/loyalty/loyalty.ts";
import { Outbox } from "../../cloud/events/events.ts";
import { randomIds } from "../../cloud/platform/ids.ts";
import { transaction } from "../../cloud/platform/database.ts";
import { CloudParts } from "./cloud-parts.ts";
import { rounded, say } from "./figures.ts";
import { type Figures, mediansOf } from "./rounds.ts";

export interface LedgerPlan {
  households: number;
  /** Acts of one round. */
  acts: number;
  batch: number;
  rounds: number;
}

/** As many batches under way at once. */
const lanes = 2;

const idOf = (number: number) => `01890000-0000-7000-8000-${number.toString(16).padStart(12, "0")}`;

/** The round's acts, in batches; a lane has households of its own, so that none waits for another's. */
function batchesOf({ households, acts, batch }: LedgerPlan, round: number, nowMs: number): HouseholdAct[][] {
  return Array.from({ length: Math.ceil(acts / batch) }, (_, place) =>
    Array.from({ length: Math.min(batch, acts - place * batch) }, (_one, at): HouseholdAct => {
      const number = place * batch + at;
      const household = (number * lanes + (place % lanes)) % households;
      return {
        householdId: idOf(household),
        source: `oven-${household}/${round}-${number}`,
        origin: "appliance",
        type: "recipe.finished",
        atMs: nowMs,
        data: { recipe: "bread" },
        device: { key: household + 1, id: `oven-${household}`, model: "oven" },
      };
    }),
  );
}

const sumOf = ({ user, system }: NodeJS.CpuUsage): number => user + system;

async function measure(cloud: CloudParts, loyalty: Loyalty, plan: LedgerPlan, round: number): Promise<Figures> {
  // A day further each time: nobody is over a limit.
  cloud.clock.forward(86_400_000);
  const batches = batchesOf(plan, round, cloud.clock.nowMs());
  const before = await countOf(cloud);
  const databaseMs = cloud.databaseCpuMs;
  const own = process.cpuUsage();
  const sinceMs = performance.now();
  await Promise.all(
    Array.from({ length: lanes }, async (_, lane) => {
      for (const [place, acts] of batches.entries())
        if (place % lanes === lane) await transaction(cloud.db, (tx) => loyalty.ingest(tx, acts));
    }),
  );
  const tookMs = performance.now() - sinceMs;
  const entries = (await countOf(cloud)) - before;
  return {
    entries,
    entries_per_s: Math.round((entries / tookMs) * 1_000),
    database_cpu_us_per_entry: rounded(((cloud.databaseCpuMs - databaseMs) / entries) * 1_000, 1),
    own_cpu_us_per_entry: rounded(sumOf(process.cpuUsage(own)) / entries, 1),
    load_1min: rounded(loadavg()[0] ?? 0, 1),
  };
}

/** The ledger with its outbox, and nobody who listens to that: what segments and stages make of points is measured on its own. */
async function ledgerAlone(cloud: CloudParts): Promise<Loyalty> {
  const { clock, slices } = cloud;
  const loyalty = new Loyalty({
    db: cloud.db,
    clock,
    ids: randomIds,
    audit: slices.staff.audit,
    outbox: new Outbox(randomIds),
    households: {
      timeZoneOf: (ids, db) => slices.households.timeZoneOf(ids, db),
      onMerged() {},
      onUnmerged() {},
    },
    profiles: { facts: {}, of: () => Promise.resolve(new Map()) },
    acts: () => Promise.resolve([]),
    secret: Buffer.alloc(32, 9),
    reach: "public",
    deliveries: slices.deliveries,
    service: slices.service,
    appliances: slices.devices,
  });
  await loyalty.load();
  return loyalty;
}

async function countOf(cloud: CloudParts): Promise<number> {
  const { rows } = await sql<{ entries: number }>`SELECT count(*) AS entries FROM ledger_transfer`.execute(cloud.db);
  return rows[0]?.entries ?? 0;
}

export async function benchLedger(plan: LedgerPlan): Promise<Figures & { holds: number }> {
  const cloud = await CloudParts.start();
  try {
    await sql`
      INSERT INTO household (id, name, locale, time_zone, channels, created_at_ms)
      SELECT ('01890000-0000-7000-8000-' || lpad(to_hex(n), 12, '0'))::uuid, 'Bench ' || n, 'de', 'Europe/Berlin', '{"order": []}', 0
      FROM generate_series(0, ${plan.households - 1}::int) AS n`.execute(cloud.db);
    const alone = await ledgerAlone(cloud);
    const rounds: Figures[] = [];
    // The first round makes the accounts, and is not counted.
    for (let round = 0; round <= plan.rounds; round += 1) {
      const figures = await measure(cloud, alone, plan, round);
      say(`ledger ${round}/${plan.rounds}: ${JSON.stringify(figures)}`);
      if (round > 0) rounds.push(figures);
    }
    const followed = await measure(cloud, cloud.slices.loyalty, plan, plan.rounds + 1);
    say(`ledger with who follows it: ${JSON.stringify(followed)}`);
    const check = await alone.check();
    return {
      households: plan.households,
      batch: plan.batch,
      ...mediansOf(rounds),
      followed_entries_per_s: followed["entries_per_s"] ?? 0,
      holds: check.ok ? 1 : 0,
    };
  } finally {
    await cloud.stop();
  }
}
