/** The whole service killed with SIGKILL while it tells households that their tier ends, and started again on what it left. */
import { randomUUID } from "node:crypto";
import { afterAll, beforeAll, expect, test } from "vitest";
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

const dayMs = 86_400_000;

/** On which way a household is told. */
type Way = "display" | "email" | "person";

let dataDir: string;
let mailbox: Mailbox;
let service: RunningService;
let env: Record<string, string>;
let tier: string;

beforeAll(async () => {
  dataDir = await preparedDataDir();
  mailbox = await Mailbox.open();
  env = { HEARTH_SMTP_URL: mailbox.url, HEARTH_SMTP_FROM: "hearth@maker.example" };
  service = await startServiceProcess({ dataDir, env });
  await service.api("/api/v1/models/oven", { method: "PUT", body: ovenModel });
  tier = (await service.api("/api/v1/loyalty/program")).body.definition.tiers[1].key;
});
afterAll(async () => {
  await stopServiceProcess(service);
  await mailbox.close();
  await removeDataDir(dataDir);
});

async function rowsOf<Row extends object>(text: string, values: unknown[] = []): Promise<Row[]> {
  const client = await databaseOf(dataDir);
  try {
    return (await client.query<Row>(text, values)).rows;
  } finally {
    await client.end().catch(() => {});
  }
}

const addressOf = (id: string) => `${id}@example.com`;

/** A household whose tier ends in ten days, and that one way alone reaches. */
async function ending(id: string, way: Way): Promise<void> {
  const now = Date.now();
  await rowsOf(
    `WITH home AS (
      INSERT INTO household (id, name, locale, time_zone, channels, created_at_ms)
      VALUES ($1, 'Home', 'en', 'Europe/Berlin', '{"order": ["display"], "quiet": null, "perWeekMax": null}', $2) RETURNING id
    ), member AS (
      INSERT INTO household_member (id, household_id, name, email, role, created_at_ms)
      SELECT gen_random_uuid(), id, 'Person', CASE WHEN $3 = 'email' THEN $4 END, 'owner', $2 FROM home
    ), oven AS (
      INSERT INTO device (id, model, serial, household_id, created_at_ms, facts_at_ms)
      SELECT 'oven-' || id, 'oven', id::text, id, $2, $2 FROM home WHERE $3 = 'display'
    ), account AS (
      INSERT INTO ledger_account (program, kind, household_id) SELECT 'points', 'household', id FROM home RETURNING key
    )
    INSERT INTO loyalty_standing (account, tier, since_ms, until_ms) SELECT key, $5, $2, $6 FROM account`,
    [id, now, way, addressOf(id), tier, now + 10 * dayMs],
  );
}

/** Everything that there is of the notice to one household. */
async function toldOf(id: string): Promise<Record<string, number>> {
  const [row] = await rowsOf<Record<string, number>>(
    `SELECT
      (SELECT count(*)::int FROM outbox WHERE type = 'hearth.tier.ending' AND subject = 'household:' || $1) AS noticed,
      (SELECT count(*)::int FROM decision WHERE household_id = $1::uuid) AS decided,
      (SELECT count(*)::int FROM delivery WHERE device_id = 'oven-' || $1) AS shown,
      (SELECT count(*)::int FROM engagement_message m JOIN decision d ON d.id = m.decision_id WHERE d.household_id = $1::uuid) AS written,
      (SELECT count(*)::int FROM service_case WHERE household_id = $1::uuid) AS cases`,
    [id],
  );
  return row ?? {};
}

test("a notice that a tier ends whose process is killed in the middle is given, decided and told exactly once", async () => {
  const homes: { id: string; way: Way }[] = [];
  for (const [table, way] of [
    // While the notice is given, and while it is decided about: before what is added there.
    ["decision", "display"],
    ["delivery", "display"],
    ["decision_delivery", "display"],
    ["engagement_message", "email"],
    ["service_case", "person"],
  ] as const) {
    const id = randomUUID();
    homes.push({ id, way });
    await killBeforeAdding(service, table, () => ending(id, way));
    service = await startServiceProcess({ dataDir, env, key: service.key });
  }
  await until("everybody is told", async () => {
    const rows = await rowsOf("SELECT 1 FROM decision WHERE answer IN ('send', 'human')");
    return rows.length === homes.length && mailbox.got.length > 0;
  });
  for (const { id, way } of homes)
    expect([way, await toldOf(id)]).toEqual([
      way,
      {
        noticed: 1,
        decided: 1,
        shown: Number(way === "display"),
        written: Number(way === "email"),
        cases: Number(way === "person"),
      },
    ]);
  const written = homes.flatMap(({ id, way }) => (way === "email" ? [addressOf(id)] : []));
  expect(mailbox.got.map(({ to }) => to)).toEqual(written);
}, 600_000);

test("its letter, whose sender is killed before it hears that it was taken, goes out again under the same Message-ID", async () => {
  const id = randomUUID();
  mailbox.got.length = 0;
  const killed = new Promise<void>((resolve) => {
    mailbox.beforeAnswer = async () => {
      await stopServiceProcess(service, "SIGKILL");
      resolve();
    };
  });
  await ending(id, "email");
  await killed;
  mailbox.beforeAnswer = async () => {};
  service = await startServiceProcess({ dataDir, env, key: service.key });
  // Until the lease of the one who was killed is over nobody else sends it. Here that time is gone by.
  await rowsOf("UPDATE engagement_message SET next_at_ms = 0 WHERE status = 'queued'");
  await until("it is noted as sent", async () => {
    const rows = await rowsOf("SELECT 1 FROM engagement_message WHERE status = 'queued'");
    return rows.length === 0;
  });
  expect(await toldOf(id)).toMatchObject({ noticed: 1, decided: 1, written: 1 });
  const [first, second, ...others] = mailbox.got.map(({ messageId }) => messageId);
  expect([second, others]).toEqual([first, []]);
});
