/** `npm run ledger -- verify`: recomputes what must hold of the ledger, whether or not the service runs. */
import { parseArgs } from "node:util";
import { Devices } from "../devices/devices.ts";
import { Outbox } from "../events/events.ts";
import { householdFacts, namesOf } from "../households/households.ts";
import { Loyalty } from "../loyalty/loyalty.ts";
import { systemClock } from "../platform/clock.ts";
import { readConfig, StartError } from "../platform/config.ts";
import { type Database, type Db, migrate } from "../platform/database.ts";
import { randomIds } from "../platform/ids.ts";
import { secretFile } from "../platform/storage.ts";
import { retainedActs } from "../retained-acts.ts";
import { Audit } from "../staff/staff.ts";
import { Telemetry } from "../telemetry/telemetry.ts";
import { profileFacts } from "../segments/segments.ts";
import { sql } from "kysely";
import { withDatabase } from "./own-database.ts";

const usage = `usage: npm run ledger -- verify [--replay] [--json]

Recomputes what must hold of the ledger: debits equal credits, balances are the sums of their entries, lots sum to the balances, nothing
was earned twice. With --replay all that is kept of what households did is told again and taken back: it must earn nothing.
Ends with 1 where something does not hold. Uses HEARTH_DATA_DIR (./data) or DATABASE_URL, as \`npm start\` does.`;

/** Nothing is told to anybody from here. */
const deliversNothing = { create: () => Promise.resolve({ ids: [], afterCommit() {} }) };

async function verify(database: Database, secret: Buffer, replay: boolean) {
  const { db } = database;
  await migrate(db);
  const base = { db, clock: systemClock, ids: randomIds, audit: new Audit(systemClock) };
  const devices = new Devices(base);
  const layoutOf = (model: string) => devices.layout(model);
  const modelsOf = (keys: readonly number[]) => devices.modelsOf(keys);
  const telemetry = new Telemetry({ ...base, layoutOf, modelsOf, influx: undefined });
  const loyalty = new Loyalty({
    ...base,
    outbox: new Outbox(randomIds),
    households: {
      timeZoneOf: (ids, tx = db) => zonesOf(tx, ids),
      onMerged() {},
      onUnmerged() {},
    },
    // Conditions over profiles were judged when the acts were told, and are not judged again.
    profiles: { facts: profileFacts, of: () => Promise.resolve(new Map()) },
    acts: (tx, asked, limit) => retainedActs({ devices, telemetry }, tx, asked, limit),
    secret,
    reach: "public",
    deliveries: deliversNothing,
    service: { openFor: () => Promise.reject(new Error("a check opens no cases")) },
    appliances: devices,
  });
  await loyalty.load();
  const check = await loyalty.check({ replay });
  const missing = check.replay?.missing ?? [];
  const ids = [...check.broken.flatMap(({ householdIds }) => householdIds), ...missing.map((one) => one.householdId)];
  return { check, names: await namesOf(db, [...new Set(ids)]) };
}

async function zonesOf(db: Db, ids: readonly string[]): Promise<Map<string, { timeZone: string; locale: string }>> {
  const { rows } = await sql<{ id: string; time_zone: string; locale: string }>`
    SELECT h.id, h.time_zone, h.locale FROM ${householdFacts} AS h WHERE h.id = ANY(${[...ids]}::uuid[])`.execute(db);
  return new Map(rows.map((row) => [row.id, { timeZone: row.time_zone, locale: row.locale }]));
}

function report({ check, names }: Awaited<ReturnType<typeof verify>>): string {
  // Of who was erased nothing is left but the account, under an id that is nobody's.
  const whose = (ids: readonly string[]) =>
    ids.map((id) => `; household ${id}, ${names.get(id) ?? "of which no name is kept"}`).join("");
  const lines = [
    `${check.transfers} transfers, ${check.accounts} households, ${check.held} points held, ${check.reserved} put aside`,
    ...Object.entries(check.refusals).map(([why, count]) => `refused ${why}: ${count}`),
    ...check.broken.map(({ rule, detail, householdIds }) => `BROKEN ${rule}: ${detail}${whose(householdIds)}`),
  ];
  if (check.replay !== undefined) {
    const { acts, isCut, missing } = check.replay;
    lines.push(`told again: ${acts} acts${isCut ? ", the first of more" : ""}, ${missing.length} would earn`);
    lines.push(
      ...missing.map(
        ({ source, rule, points, householdId }) =>
          `BROKEN replay: ${source} would earn ${points} by ${rule}${whose([householdId])}`,
      ),
    );
  }
  lines.push(check.ok ? "The ledger holds." : "The ledger does not hold.");
  return lines.join("\n");
}

/** The same for programs. */
function named({ check, names }: Awaited<ReturnType<typeof verify>>) {
  return { ...check, households: Object.fromEntries(names) };
}

try {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: {
      replay: { type: "boolean", default: false },
      json: { type: "boolean", default: false },
      help: { type: "boolean", short: "h", default: false },
    },
  });
  if (values.help) {
    process.stdout.write(`${usage}\n`);
    process.exit(0);
  }
  if (positionals[0] !== "verify" || positionals.length > 1) throw new StartError(usage);
  const config = readConfig(process.env);
  const found = await withDatabase(config, async (database) =>
    verify(database, await secretFile(config.dataDir, "files.key"), values.replay),
  );
  process.stdout.write(`${values.json ? JSON.stringify(named(found)) : report(found)}\n`);
  process.exitCode = found.check.ok ? 0 : 1;
} catch (error) {
  const known = error instanceof StartError || (error instanceof TypeError && "code" in error);
  process.stderr.write(known ? `${error.message}\n` : `${error instanceof Error ? error.stack : String(error)}\n`);
  process.exit(1);
}
