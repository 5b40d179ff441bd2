/**
 * `npm run bench -- campaign`: a campaign to so many households, from its start until every household is decided about,
 * stored with its trace, and what is to go out is queued; and what ingest commits beside it, against what it commits alone.
 *
 * Each round measures both kinds. `out`: 41 in 100 households are sent something, and it is handed down to their appliances after
 * that; `waits`: the campaign comes on the day of the one before, so that by the caps nobody is sent anything.
 */
import { monitorEventLoopDelay } from "node:perf_hooks";
import { loadavg } from "node:os";
import { setTimeout as sleep } from "node:timers/promises";
import { sql } from "kysely";
import type { SequencedRecord } from "#protocol/link/up-chunk.ts";
import { model as modelSchema } from "#protocol/model.ts";
import { contentDraft } from "../../cloud/content/content-shapes.ts";
import { campaignDefinition } from "../../cloud/engagement/core/campaign.ts";
import type { Db } from "../../cloud/platform/database.ts";
import type { Principal } from "../../cloud/staff/staff.ts";
import { CloudParts } from "./cloud-parts.ts";
import { perSecond, rounded, say } from "./figures.ts";
import { type Figures, mediansOf } from "./rounds.ts";

export interface CampaignFigures extends Figures {
  households: number;
  decided: number;
  queued: number;
  campaign_ms: number;
  decisions_per_s: number;
  ingest_alone_per_s: number;
  ingest_beside_per_s: number;
  ingest_share: number;
  /** Messages that the gateway was given, from the start of the campaign until all were. */
  handed_down: number;
  handed_down_ms: number;
  /** From the end of the campaign until all were handed down; 1 where that took no time to measure in. */
  ingest_share_after: number;
  loop_held_ms_max: number;
  trace_bytes: number;
  load_1m: number;
}

const author: Principal = {
  kind: "staff",
  id: "00000000-0000-4000-8000-000000000001",
  name: "author",
  role: "content",
};
const approver: Principal = { ...author, id: "00000000-0000-4000-8000-000000000002", name: "approver" };
const modelKey = "bench-oven";
const aloneMs = 8_000;
/** After so long neither caps nor what was not seen on a display stand in the way. */
const apartMs = 8 * 86_400_000;
/** Readings of one batch of the up road, and the appliances that send them. */
const batchRecords = 500;
const sendingDevices = 200;
const rowsPerStatement = 50_000;
/** How long readings are under way at most, and what is between two runs of the load, so that none comes twice. */
const onTheWayMs = 60_000;
const betweenRunsMs = 10 * 60_000;

const model = modelSchema.parse({
  key: modelKey,
  version: 1,
  brand: "Bench",
  name: "Bench oven",
  kind: "oven",
  hardwareIds: ["r1"],
  locales: ["en"],
  metrics: [{ name: "cavity_c", unit: "°C" }],
  capabilities: { programs: ["HotAir"], setpoint_c_max: 250 },
});

const householdOf = sql`('00000000-0000-7000-8000-' || lpad(to_hex(n), 12, '0'))::uuid`;

/** Households with an oven each: seven in ten agree to marketing, half to personal advice, and those have habits and interests. */
async function fill(db: Db, households: number, nowMs: number): Promise<void> {
  const zones = [
    "Europe/Berlin",
    "Europe/London",
    "America/New_York",
    "America/Los_Angeles",
    "Asia/Tokyo",
    "Australia/Sydney",
  ];
  const channels = JSON.stringify({ order: ["display", "email"], quiet: null, perWeekMax: null });
  const night = JSON.stringify({
    order: ["display"],
    quiet: { fromMinute: 1_320, toMinute: 420, meanwhile: "hold" },
    perWeekMax: 3,
  });
  for (let from = 1; from <= households; from += rowsPerStatement) {
    const numbers = sql`generate_series(${from}::bigint, ${Math.min(households, from + rowsPerStatement - 1)}::bigint) AS n`;
    await sql`
      INSERT INTO household (id, name, locale, time_zone, channels, created_at_ms)
      SELECT ${householdOf}, 'Household ' || n, 'en', (${zones}::text[])[1 + n % 6],
        CASE WHEN n % 4 = 0 THEN ${night}::jsonb ELSE ${channels}::jsonb END, ${nowMs}::bigint FROM ${numbers}`.execute(
      db,
    );
    await sql`
      INSERT INTO household_member (id, household_id, name, email, role, created_at_ms)
      SELECT gen_random_uuid(), ${householdOf}, 'Person', 'p' || n || '@example.com', 'owner', ${nowMs}::bigint FROM ${numbers}`.execute(
      db,
    );
    await sql`
      INSERT INTO device (id, model, serial, household_id, created_at_ms, facts_at_ms)
      SELECT 'bench-' || lpad(n::text, 9, '0'), ${modelKey}, 'S' || lpad(n::text, 9, '0'), ${householdOf}, ${nowMs}::bigint,
        ${nowMs}::bigint FROM ${numbers}`.execute(db);
    await sql`
      INSERT INTO household_habit (household_id, hours, best_hours)
      SELECT ${householdOf}, array_fill((n % 3)::int, ARRAY[168]), array_fill(CASE WHEN n % 3 > 0 THEN 0 END, ARRAY[7]) FROM ${numbers} WHERE n % 2 = 0`.execute(
      db,
    );
    await sql`
      INSERT INTO household_interest (household_id, subject, cooked, last_at_ms)
      SELECT ${householdOf}, 'topic:' || t, 2, ${nowMs}::bigint FROM ${numbers}, unnest(ARRAY['bread', 'fish']) AS t
      WHERE n % 2 = 0`.execute(db);
  }
  await fillConsents(db, households, nowMs);
  await sql`VACUUM (ANALYZE) household, household_member, device, household_habit, household_interest, consent_standing`.execute(
    db,
  );
}

async function fillConsents(db: Db, households: number, nowMs: number): Promise<void> {
  const numbers = sql`generate_series(1, ${households}::bigint) AS n`;
  for (const [purpose, of] of [
    ["market", sql`n % 10 < 7`],
    ["personalise", sql`n % 2 = 0`],
  ] as const) {
    await sql`
      WITH given AS (
        INSERT INTO consent_receipt (id, household_id, purpose, decision, text_locale, text_version, channel, at_ms, recorded_at_ms,
          by_principal)
        SELECT gen_random_uuid(), ${householdOf}, ${purpose}, 'given', 'en', 1, 'app', ${nowMs}::bigint, ${nowMs}::bigint, 'system'
        FROM ${numbers} WHERE ${of} RETURNING id, household_id, at_ms
      )
      INSERT INTO consent_standing (household_id, purpose, is_given, receipt_id, at_ms)
      SELECT household_id, ${purpose}, true, id, at_ms FROM given`.execute(db);
  }
}

/** Commits readings one batch after another until it is told to stop, and takes the next one apart meanwhile, as a gateway's link does. */
class IngestLoad {
  readonly #cloud: CloudParts;
  #sequence = 0;
  #committed = 0;
  #stops = false;

  constructor(cloud: CloudParts) {
    this.#cloud = cloud;
  }

  async run(): Promise<void> {
    this.#stops = false;
    const { source, slices, clock } = this.#cloud;
    const { ingest } = slices;
    const nowMs = clock.nowMs();
    const firstSequence = this.#sequence;
    const nextBatch = () => {
      const records = Array.from({ length: batchRecords }, (): SequencedRecord => {
        const sequence = this.#sequence;
        this.#sequence += 1;
        const deviceId = `bench-${String(1 + (sequence % sendingDevices)).padStart(9, "0")}`;
        const atMs = nowMs - onTheWayMs + Math.floor((sequence - firstSequence) / sendingDevices);
        const payload = Buffer.from(JSON.stringify({ atMs, m: { cavity_c: sequence % 250 } }));
        return { sequence, channel: "telemetry", deviceId, receivedAtMs: nowMs, payload };
      });
      return { records, prepared: ingest.prepare(source, records) };
    };
    let next = nextBatch();
    for (;;) {
      const { records, prepared } = next;
      const committing = ingest.commit(source, records, await prepared);
      if (this.#stops) {
        await committing;
        return;
      }
      next = nextBatch();
      await committing;
      this.#committed += records.length;
    }
  }

  stop(): void {
    this.#stops = true;
  }

  get committed(): number {
    return this.#committed;
  }
}

async function makeItem(cloud: CloudParts, title: string, topic: string): Promise<string> {
  const draft = contentDraft.parse({
    kind: "message",
    class: "promotional",
    topics: [topic],
    locales: { en: { title, text: `${title}.` } },
  });
  const made = await cloud.slices.content.library.create(author, draft);
  if (made.kind !== "created") throw new Error("the item was not made");
  await sql`UPDATE content_version SET state = 'live' WHERE item_id = ${made.item.id}`.execute(cloud.db);
  return made.item.id;
}

type Kind = "out" | "waits";

async function approved(cloud: CloudParts): Promise<string> {
  const { campaigns } = cloud.slices.engagement;
  const itemIds = [await makeItem(cloud, "Bread", "bread")];
  const made = await campaigns.create(
    author,
    campaignDefinition.parse({
      kind: "campaign",
      name: "Bench",
      audience: { kind: "serials", model: modelKey, ranges: [{ from: "S000000000", to: "S999999999" }] },
      itemIds,
      bestHour: true,
      expiresAtMs: cloud.clock.nowMs() + 30 * 86_400_000,
      goal: { event: "program.finished", withinDays: 7 },
    }),
  );
  if (made.kind === "refused") throw new Error(made.rule);
  await campaigns.approve(approver, made.id);
  return made.id;
}

async function measure(cloud: CloudParts, load: IngestLoad, households: number, kind: Kind): Promise<CampaignFigures> {
  const { engagement } = cloud.slices;
  cloud.clock.forward(kind === "out" ? apartMs : betweenRunsMs);
  const id = await approved(cloud);
  const mark = () => ({ committed: load.committed, atMs: performance.now(), down: cloud.handedDown });
  const rate = (from: ReturnType<typeof mark>, to: ReturnType<typeof mark>) =>
    perSecond(to.committed - from.committed, to.atMs - from.atMs);
  const begun = mark();
  const running = load.run();
  await sleep(aloneMs);
  const before = rate(begun, mark());
  const held = monitorEventLoopDelay({ resolution: 10 });
  held.enable();
  const started = mark();
  await engagement.campaigns.start(author, id);
  const decided = await engagement.tick();
  const ended = mark();
  held.disable();
  const row = await engagement.campaigns.get(id);
  if (row === null) throw new Error("the campaign is gone");
  const { queued } = await engagement.campaigns.funnel(row);
  // Each is for one display.
  while (cloud.handedDown - started.down < queued) await sleep(20);
  const handed = mark();
  await sleep(aloneMs);
  // Such a machine is faster at one minute than at the next: what ingest does alone is measured on both sides of what stands beside it.
  const alone = Math.round((before + rate(handed, mark())) / 2);
  load.stop();
  await running;
  if (queued > 0 !== (kind === "out")) throw new Error(`${queued} were queued in a round of the kind '${kind}'`);
  await engagement.campaigns.finish(author, id);
  const share = (perS: number) => Math.round((perS / alone) * 1_000) / 1_000;
  const ms = ended.atMs - started.atMs;
  return {
    households,
    decided,
    queued,
    campaign_ms: rounded(ms, 0),
    decisions_per_s: perSecond(decided, ms),
    ingest_alone_per_s: alone,
    ingest_beside_per_s: rate(started, ended),
    ingest_share: share(rate(started, ended)),
    handed_down: handed.down - started.down,
    handed_down_ms: rounded(handed.atMs - started.atMs, 0),
    ingest_share_after: handed.atMs - ended.atMs < 1_000 ? 1 : share(rate(ended, handed)),
    loop_held_ms_max: rounded(held.max / 1e6, 0),
    trace_bytes: await traceBytes(cloud, id),
    load_1m: Math.round((loadavg()[0] ?? 0) * 10) / 10,
  };
}

async function traceBytes(cloud: CloudParts, id: string): Promise<number> {
  const { rows } = await sql<{ bytes: number }>`
    SELECT sum(bytes) / sum(n)::float8 AS bytes FROM (
      SELECT pg_column_size(evidence) AS bytes, (SELECT count(*) FROM decision WHERE context_id = c.id AND source = ${`campaign:${id}`}) AS n
      FROM decision_context c ORDER BY id DESC LIMIT 20
    ) AS looked WHERE n > 0`.execute(cloud.db);
  return rounded(rows[0]?.bytes ?? 0, 0);
}

export async function benchCampaign({ households, rounds }: { households: number; rounds: number }) {
  say(`filling ${households} households`);
  const cloud = await CloudParts.start();
  const figures: Record<Kind, CampaignFigures[]> = { out: [], waits: [] };
  try {
    const put = await cloud.slices.devices.putModel({ kind: "system" }, model);
    if (put === null) throw new Error("the model was not put");
    await cloud.preparing((db) => fill(db, households, cloud.clock.nowMs() - 86_400_000));
    const load = new IngestLoad(cloud);
    for (let round = 1; round <= rounds; round += 1) {
      for (const kind of ["out", "waits"] as const) {
        const measured = await measure(cloud, load, households, kind);
        say(`${round}/${rounds} ${kind}: ${JSON.stringify(measured)}`);
        figures[kind].push(measured);
      }
    }
  } finally {
    await cloud.stop();
  }
  return { rounds, out: mediansOf(figures.out), waits: mediansOf(figures.waits) };
}
