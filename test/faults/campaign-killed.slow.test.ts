/** The whole service killed with SIGKILL while campaigns run, and started again on what it left. */
import type pg from "pg";
import { afterAll, beforeAll, expect, test } from "vitest";
import { approvedCampaign } from "../support/approved-campaign.ts";
import { killBeforeAdding } from "../support/killed-while-writing.ts";
import { Mailbox } from "../support/mailbox.ts";
import { ovenModel } from "../support/ovens.ts";
import { preparedDataDir } from "../support/prepared-data-dir.ts";
import {
  databaseOf,
  removeDataDir,
  type RunningService,
  startServiceProcess,
  stopServiceProcess,
  until,
} from "../support/service-process.ts";

/** More than one page, so that there is a time between two pages too. */
const households = 2_400;
/** One in so many is written to, and has nothing on its display. */
const writtenTo = 40;

let dataDir: string;
let mailbox: Mailbox;
let service: RunningService;
let env: Record<string, string>;

beforeAll(async () => {
  dataDir = await preparedDataDir();
  mailbox = await Mailbox.open();
  env = { HEARTH_SMTP_URL: mailbox.url, HEARTH_SMTP_FROM: "hearth@maker.example" };
  service = await startServiceProcess({ dataDir, env });
  await service.api("/api/v1/models/oven", { method: "PUT", body: ovenModel });
  const policy = { caps: [], roomMax: 20, holdoutShare: 0.1 };
  await service.api("/api/v1/engagement/policy", { method: "PUT", body: policy });
  await withDatabase(fillHomes);
});
afterAll(async () => {
  await stopServiceProcess(service);
  await mailbox.close();
  await removeDataDir(dataDir);
});

async function withDatabase<T>(work: (client: pg.Client) => Promise<T>): Promise<T> {
  const client = await databaseOf(dataDir);
  try {
    return await work(client);
  } finally {
    await client.end().catch(() => {});
  }
}

const order = (channel: string) => `'{"order": ["${channel}"], "quiet": null, "perWeekMax": null}'::jsonb`;

/** Households that agreed to marketing, each with an oven and one person. */
async function fillHomes(client: pg.Client): Promise<void> {
  const home = "('00000000-0000-7000-8000-' || lpad(to_hex(n), 12, '0'))::uuid";
  const numbers = `generate_series(1, ${households}) AS n`;
  const now = Date.now();
  await client.query(`
    INSERT INTO household (id, name, locale, time_zone, channels, created_at_ms)
    SELECT ${home}, 'Household ' || n, 'en', 'Europe/Berlin',
      CASE WHEN n % ${writtenTo} = 0 THEN ${order("email")} ELSE ${order("display")} END, ${now} FROM ${numbers};
    INSERT INTO household_member (id, household_id, name, email, role, created_at_ms)
    SELECT gen_random_uuid(), ${home}, 'Person', 'p' || n || '@example.com', 'owner', ${now} FROM ${numbers};
    INSERT INTO device (id, model, serial, household_id, created_at_ms, facts_at_ms)
    SELECT 'oven-' || n, 'oven', 'S' || lpad(n::text, 6, '0'), ${home}, ${now}, ${now} FROM ${numbers};
    WITH given AS (
      INSERT INTO consent_receipt (id, household_id, purpose, decision, text_locale, text_version, channel, at_ms, recorded_at_ms,
        by_principal)
      SELECT gen_random_uuid(), ${home}, 'market', 'given', 'en', 1, 'app', ${now}, ${now}, 'system' FROM ${numbers}
      RETURNING id, household_id, at_ms)
    INSERT INTO consent_standing (household_id, purpose, is_given, receipt_id, at_ms)
    SELECT household_id, 'market', true, id, at_ms FROM given`);
}

const start = async (id: string) => {
  const { status } = await service.api(`/api/v1/campaigns/${id}/start`, { method: "POST" });
  expect(status).toBe(200);
};
const funnelOf = async (id: string) => (await service.api(`/api/v1/campaigns/${id}`)).body.funnel;

async function killAndStartAgain(): Promise<void> {
  await stopServiceProcess(service, "SIGKILL");
  service = await startServiceProcess({ dataDir, env, key: service.key });
}

async function killBefore(table: string, begin: () => Promise<void>): Promise<void> {
  await killBeforeAdding(service, table, begin);
  service = await startServiceProcess({ dataDir, env, key: service.key });
}

interface Counted {
  members: number;
  heldOut: number;
  decisions: number;
  decided: number;
  told: number;
  toSend: number;
  deliveries: number;
  onDisplay: number;
  messages: number;
  toWrite: number;
}

/** What there is of a campaign, counted in the rows themselves. */
async function countsOf(id: string): Promise<Counted> {
  return withDatabase(async (client) => {
    const { rows } = await client.query<Counted>(
      `SELECT
        (SELECT count(*)::int FROM campaign_member WHERE campaign_id = $1::uuid) AS members,
        (SELECT count(*)::int FROM campaign_member WHERE campaign_id = $1::uuid AND arm = 'held_out') AS "heldOut",
        (SELECT count(*)::int FROM decision WHERE source = 'campaign:' || $1) AS decisions,
        (SELECT count(DISTINCT household_id)::int FROM decision WHERE source = 'campaign:' || $1) AS decided,
        (SELECT sum((data->>'decided')::int)::int FROM outbox
          WHERE type = 'hearth.campaign.decided' AND subject = 'campaign:' || $1) AS told,
        (SELECT count(*)::int FROM decision WHERE source = 'campaign:' || $1 AND answer = 'send') AS "toSend",
        (SELECT count(*)::int FROM delivery WHERE subject IN (
          SELECT item_id::text FROM decision WHERE source = 'campaign:' || $1)) AS deliveries,
        (SELECT count(*)::int FROM decision d JOIN decision_delivery dd ON dd.decision_id = d.id
          WHERE d.source = 'campaign:' || $1 AND d.channels = '{display}') AS "onDisplay",
        (SELECT count(*)::int FROM engagement_message m JOIN decision d ON d.id = m.decision_id
          WHERE d.source = 'campaign:' || $1) AS messages,
        (SELECT count(*)::int FROM decision WHERE source = 'campaign:' || $1 AND channels = '{email}') AS "toWrite"`,
      [id],
    );
    const [row] = rows;
    if (row === undefined) throw new Error("a count is a row");
    return row;
  });
}

async function expectOnce(id: string): Promise<void> {
  await until("everybody is decided about", async () => (await funnelOf(id)).decided >= households);
  const found = await countsOf(id);
  expect(found).toMatchObject({ members: households, decisions: households, decided: households, told: households });
  expect(found.heldOut).toBeGreaterThan(0);
  expect(found.toSend).toBe(households - found.heldOut);
  expect(found.toWrite).toBeGreaterThan(0);
  expect(found).toMatchObject({
    deliveries: found.toSend - found.toWrite,
    onDisplay: found.toSend - found.toWrite,
    messages: found.toWrite,
  });
}

test("a campaign whose process is killed in the middle decides, delivers and writes each household exactly once", async () => {
  const ids: string[] = [];
  const prepare = async (name: string) => {
    const id = await approvedCampaign(service, name);
    ids.push(id);
    return id;
  };
  // Within a page: before its decisions are written, before what follows from them is, and when all but the letters are.
  for (const table of ["campaign_member", "decision", "delivery", "decision_delivery", "engagement_message"]) {
    const id = await prepare(`Killed before ${table}`);
    await killBefore(table, () => start(id));
  }
  // At any moment, and again while it goes on.
  const id = await prepare("Killed at any moment");
  await start(id);
  await until("its first decisions are there", async () => (await countsOf(id)).decisions > 0);
  for (let kill = 0; kill < 2; kill += 1) await killAndStartAgain();
  for (const one of ids) await expectOnce(one);
  const letters = async () => (await Promise.all(ids.map(countsOf))).reduce((sum, { toWrite }) => sum + toWrite, 0);
  const wanted = await letters();
  // A letter that was under way when its sender was killed comes again under its name, so that a mail program shows it once.
  await withDatabase((client) => client.query("UPDATE engagement_message SET next_at_ms = 0 WHERE status = 'queued'"));
  await until("every letter is out", async () => {
    const sent = await Promise.all(ids.map(async (one) => (await funnelOf(one)).sent as number));
    return sent.reduce((sum, count) => sum + count, 0) >= wanted;
  });
  const names = mailbox.got.map(({ messageId }) => messageId);
  expect(new Set(names).size).toBe(wanted);
  expect(new Set(mailbox.got.map(({ messageId, to }) => `${messageId} ${to}`)).size).toBe(wanted);
});

/** A campaign for one household that is written to. @returns what its letter is called and where it stands */
async function oneLetter(name: string) {
  const id = await approvedCampaign(service, name, `S${String(writtenTo).padStart(6, "0")}`);
  // Of forty households the last alone is written to.
  const standing = () =>
    withDatabase(async (client) => {
      const { rows } = await client.query<{ id: string; status: string; attempts: number; sent: boolean }>(
        `SELECT m.id, m.status, m.attempts, d.sent_at_ms IS NOT NULL AS sent FROM engagement_message m
         JOIN decision d ON d.id = m.decision_id WHERE d.source = $1`,
        [`campaign:${id}`],
      );
      return rows;
    });
  return { id, standing };
}

test("a letter whose sender is killed before it hears that it was taken goes out again under the same Message-ID, and counts once", async () => {
  await service.api("/api/v1/engagement/policy", { method: "PUT", body: { caps: [], roomMax: 20, holdoutShare: 0 } });
  const { id, standing } = await oneLetter("Taken and not noted");
  mailbox.got.length = 0;
  const killed = new Promise<void>((resolve) => {
    mailbox.beforeAnswer = async () => {
      await stopServiceProcess(service, "SIGKILL");
      resolve();
    };
  });
  await start(id);
  await killed;
  mailbox.beforeAnswer = async () => {};
  service = await startServiceProcess({ dataDir, env, key: service.key });
  const [left] = await standing();
  expect(left).toMatchObject({ status: "queued", attempts: 1, sent: false });
  // Until the lease of the one who was killed is over nobody else sends it. Here that time is gone by.
  await withDatabase((client) => client.query("UPDATE engagement_message SET next_at_ms = 0 WHERE status = 'queued'"));
  await until("it is noted as sent", async () => (await standing())[0]?.status === "delivered");
  expect(await standing()).toMatchObject([{ id: left?.id, attempts: 2, sent: true }]);
  const messageId = `<${left?.id}@hearth>`;
  expect(mailbox.got.map((letter) => letter.messageId)).toEqual([messageId, messageId]);
  expect(await funnelOf(id)).toMatchObject({ sent: 1 });
});
