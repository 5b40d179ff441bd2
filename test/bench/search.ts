/**
 * `npm run bench -- search`: what a support agent types, over a registry of a million appliances with the households of six in ten, a
 * member each, and a case for every fifth appliance. Times are those of the service without HTTP, which adds a millisecond.
 */
import { sql } from "kysely";
import type { Db } from "../../cloud/platform/database.ts";
import type { Principal } from "../../cloud/staff/staff.ts";
import { CloudParts } from "./cloud-parts.ts";
import { median, percentile, rounded, say } from "./figures.ts";
import { fillRegistry } from "./registry.ts";
import { type Figures, mediansOf } from "./rounds.ts";

export interface SearchPlan {
  devices: number;
  rounds: number;
  /** Questions of each kind. */
  perKind: number;
}

const by: Principal = { kind: "staff", id: "bench", name: "bench", role: "viewer" };

const firstNames = ["Ada", "Ben", "Chloe", "Dario", "Eva", "Femke", "Goran", "Hanna", "Ivo", "Jana", "Kofi", "Lena"];
const lastNames = ["Huber", "Maier", "Rossi", "Novak", "Jansen", "Dupont", "Silva", "Kowalski", "Berg", "Okafor"];

/** A member of each household, and a case for every fifth appliance. */
async function fillPeopleAndCases(db: Db): Promise<void> {
  await sql`
    INSERT INTO household_member (id, household_id, name, email, created_at_ms)
    SELECT ('00000001' || substr(id::text, 9))::uuid, id, first || ' ' || last,
      lower(first || '.' || last || n || '@example.org'), created_at_ms
    FROM (
      SELECT id, created_at_ms, n, (${firstNames}::text[])[1 + n % ${firstNames.length}::int] AS first,
        (${lastNames}::text[])[1 + (n / 7) % ${lastNames.length}::int] AS last
      FROM (SELECT id, created_at_ms, substr(name, 11)::int AS n FROM household) AS numbered
    ) AS named`.execute(db);
  await sql`
    INSERT INTO service_case (id, device_key, household_id, rule_id, cause, severity, title, status, opened_at_ms, status_at_ms, resolved_by)
    SELECT ('01' || lpad(to_hex(key), 6, '0') || '-0000-7000-8000-' || lpad(to_hex(key), 12, '0'))::uuid, key, household_id,
      '01890000-0000-7000-8000-000000000001', (ARRAY['over_temperature', 'fan_stuck', 'silent', 'door_seal'])[1 + key % 4], 'service',
      (ARRAY['Cavity too hot', 'Fault fan_stuck', 'Silent device', 'Door seal leaks heat'])[1 + key % 4], 'resolved', 1, 1, 'cause'
    FROM device WHERE key % 5 = 0`.execute(db);
  await sql`VACUUM (ANALYZE) device, device_name, household, household_member, service_case`.execute(db);
}

/** Questions of one kind, for appliances all over the registry, and whether each has an answer. */
type Kind = { name: string; ask: (number: number) => string; finds: boolean };

const padded = (number: number) => String(number).padStart(9, "0");
const personOf = (number: number) => {
  const first = firstNames[number % firstNames.length] ?? "";
  const last = lastNames[Math.floor(number / 7) % lastNames.length] ?? "";
  return { first, last };
};
/** The nearest appliance that has a household. */
const owned = (number: number) => number - (number % 5) + 1;

const kinds: readonly Kind[] = [
  { name: "serial", ask: (number) => `S${padded(number)}`, finds: true },
  { name: "serial_with_dashes", ask: (number) => `s${padded(number).replaceAll(/(...)/g, "-$1")}`, finds: true },
  { name: "serial_beginning", ask: (number) => `S${padded(number).slice(0, 6)}`, finds: true },
  { name: "serial_end", ask: (number) => padded(number).slice(-5), finds: true },
  { name: "serial_part", ask: (number) => padded(number).slice(2, 8), finds: true },
  { name: "three_digits", ask: (number) => padded(number).slice(4, 7), finds: true },
  { name: "everything", ask: () => "bench", finds: true },
  { name: "part_of_everything", ask: () => "ench", finds: true },
  { name: "nothing", ask: (number) => `zq${number}x`, finds: false },
  {
    name: "email",
    ask: (number) => `${personOf(owned(number)).first}.${personOf(owned(number)).last}${owned(number)}@example.org`,
    finds: true,
  },
  { name: "name", ask: (number) => `${personOf(number).last} ${personOf(number).first}`, finds: true },
  { name: "household", ask: (number) => `household ${owned(number)}`, finds: true },
  {
    name: "case_id",
    ask: (number) =>
      `01${Math.max(5, number - (number % 5))
        .toString(16)
        .padStart(6, "0")}`,
    finds: true,
  },
  { name: "case_title", ask: () => "door seal", finds: true },
];

async function measure(cloud: CloudParts, plan: SearchPlan): Promise<Figures> {
  const all: number[] = [];
  const figures: Figures = {};
  let incomplete = 0;
  for (const { name, ask, finds } of kinds) {
    const times: number[] = [];
    for (let at = 0; at < plan.perKind; at += 1) {
      // All over the registry, and the same each time.
      const number = 1 + ((at * 7_919 + 13) % Math.max(1, plan.devices - 10));
      const q = ask(number);
      const sinceMs = performance.now();
      const outcome = await cloud.slices.search.find(by, q, 20);
      times.push(performance.now() - sinceMs);
      if (outcome.kind === "refused") throw new Error(`${q} was refused: ${outcome.rule}`);
      incomplete += outcome.incomplete.length;
      if (outcome.incomplete.length === 0 && outcome.items.length > 0 !== finds)
        throw new Error(`${name}: "${q}" found ${outcome.items.length}`);
    }
    all.push(...times);
    figures[`${name}_p95_ms`] = percentile(times, 0.95);
  }
  return {
    p50_ms: rounded(median(all), 1),
    p95_ms: percentile(all, 0.95),
    max_ms: percentile(all, 1),
    incomplete,
    ...figures,
  };
}

/** Medians of all rounds over one registry; the first round finds the caches cold. */
export async function benchSearch(plan: SearchPlan): Promise<Figures> {
  const cloud = await CloudParts.start();
  try {
    const sinceMs = performance.now();
    await cloud.preparing(async (db) => {
      await fillRegistry(db, plan.devices, cloud.clock.nowMs());
      await fillPeopleAndCases(db);
    });
    say(`search: ${plan.devices} appliances in ${Math.round((performance.now() - sinceMs) / 1_000)} s`);
    const rounds: Figures[] = [];
    for (let round = 1; round <= plan.rounds; round += 1) {
      rounds.push(await measure(cloud, plan));
      say(`search ${round}/${plan.rounds}: ${JSON.stringify(rounds.at(-1))}`);
    }
    return { devices: plan.devices, ...mediansOf(rounds) };
  } finally {
    await cloud.stop();
  }
}
