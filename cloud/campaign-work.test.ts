/**
 * What campaigns leave behind is the same from their thread as from the main one. Whoever keeps something in memory that a page reads, or that
 * a watcher changes when a page tells of something, belongs into the story below; `loadForCampaigns` has the thread know it.
 */
import { sql } from "kysely";
import { expect, test } from "vitest";
import { type CampaignKitchen, campaignKitchen } from "../test/support/campaign-kitchen.ts";
import { hobModel, type KitchenAnswer } from "../test/support/kitchen.ts";
import { SharedClock } from "../test/support/shared-clock.ts";
import type { Db } from "./platform/database.ts";

const inThread = await campaignKitchen({ clock: new SharedClock(), campaignsInThread: true });
const inMain = await campaignKitchen();

const ok = ({ status, body }: KitchenAnswer): KitchenAnswer["body"] => {
  if (status >= 300) throw new Error(`${status} ${JSON.stringify(body)}`);
  return body;
};

const segment = (stage: CampaignKitchen, id: string, expression: string) =>
  stage.kitchen.as("content", "PUT", `/segments/${id}`, { title: id, expression }).then(ok);

/** What staff decide, anew for each `turn`. */
async function decide(stage: CampaignKitchen, turn: number): Promise<void> {
  const { kitchen } = stage;
  await segment(stage, `helped-${turn}`, "open_cases >= 1");
  await segment(stage, `settled-${turn}`, `days_since_paired >= ${30 - turn}`);
  await kitchen.slices.segments.tick();
  const { policy } = ok(await kitchen.as("admin", "GET", "/cases/policy"));
  const service = { ...policy.service, firstAnswerMs: 60_000, resolveMs: 3_600_000 * (1 + turn) };
  ok(await kitchen.as("admin", "PUT", "/cases/policy", { ...policy, service }));
  const stages = ok(await kitchen.as("admin", "GET", "/lifecycle/definition"));
  const disengaged = { ...stages.definition.disengaged, ratingMax: 3 - turn };
  const definition = { ...stages.definition, disengaged };
  ok(await kitchen.as("admin", "PUT", "/lifecycle/definition", { basedOn: stages.version, definition }));
  const program = ok(await kitchen.as("admin", "GET", "/loyalty/program")).definition;
  const keys = turn === 0 ? ["base", "silver"] : ["base", "bronze", "silver"];
  const tiers = keys.map((key, at) => ({ key, title: key, fromPoints: at * 20 }));
  ok(await kitchen.as("content", "PUT", "/loyalty/program", { ...program, tiers }));
  // Who has silver has the price of what is below it, where that is known.
  const prices = keys.slice(0, 2).map((tier, at) => ({ tier, priceMinor: 2_500 - 100 * at, reason: `For ${tier}` }));
  const stone = { title: "Baking stone", article: "S-1", currency: "EUR", listPriceMinor: 3_000, floorMinor: 1_000 };
  ok(await kitchen.as("content", "PUT", "/loyalty/offers/stone", { ...stone, prices, pointsCost: null }));
  const subscriptions = [{ kinds: ["case_opened"] }];
  const channel = { kind: "webhook", name: `Desk ${turn}`, url: `https://desk-${turn}.example/`, subscriptions };
  ok(await kitchen.as("admin", "POST", "/notices/channels", channel));
  await stage.policy({ caps: [{ days: 7, max: 1 + turn, classes: ["promotional"] }] });
}

/** Campaigns of all kinds, to households that come with each turn. */
async function tell(stage: CampaignKitchen, turn: number): Promise<void> {
  const { kitchen } = stage;
  const head = `T${turn}`;
  const toAll = (item: string, more = {}) => stage.run(stage.campaign([item], `${head}-0`, `${head}-9`, more));
  for (const n of [0, 1, 2]) await stage.household(`${head}-${n}`, ["market", "personalise"]);
  for (const n of [0, 1]) await kitchen.event(`${head}-${n}`, "program.finished");
  // By the first definition who is that dissatisfied leaves once a case is open, and by the second not.
  await kitchen.event(`${head}-0`, "feedback.given", { rating: 3 });
  await toAll(await stage.message(`Look at the seal ${turn}`, { class: "service", models: ["hob"] }));
  await stage.tick();
  const locales = { en: { title: "A stone", text: "Crisp crusts." } };
  const offer = await stage.item({ kind: "offer", class: "promotional", offerKey: "stone", locales });
  await toAll(offer, { goal: { event: "program.finished", withinDays: 7 } });
  await stage.tick();
  await toAll(await stage.message(`Roast on Sunday ${turn}`));
  const hinge = await stage.message(`The hinge ${turn}`, { class: "safety" });
  await stage.run(stage.recall(hinge, `${head}-0`, `${head}-9`));
  await stage.tick();
  await kitchen.event(`${head}-2`, "program.finished");
  kitchen.clock.forward(3_600_000);
  await stage.tick();
}

/** Ids and hashes. */
const names = /[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}|[0-9a-f]{64}/g;
/** The server's own clock and its count of transactions. */
const serverOwn = new Set(["xid", "recorded_at_ms", "run_at"]);

/** All rows of all tables, without what is drawn by chance. */
async function everything(db: Db): Promise<Record<string, string[]>> {
  const { rows: tables } = await sql<{ name: string }>`
    SELECT relname AS name FROM pg_class WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace ORDER BY 1`.execute(
    db,
  );
  const all: Record<string, string[]> = {};
  for (const { name } of tables) {
    const { rows } = await sql<{
      row: Record<string, unknown>;
    }>`SELECT to_jsonb(t) AS row FROM ${sql.table(name)} t`.execute(db);
    all[name] = rows.map(({ row }) => lineOf(row)).toSorted();
  }
  return all;
}

const lineOf = (row: Record<string, unknown>): string =>
  Object.entries(row)
    .filter(([column, value]) => !serverOwn.has(column) && !(typeof value === "string" && value.startsWith("\\x")))
    .map(([column, value]) => `${column} ${sorted(JSON.stringify(value).replaceAll(names, "ID"))}`)
    .join(", ");

/** Lines of one text in an order of their own: which household comes first is drawn by chance. */
const sorted = (text: string): string =>
  text
    .split(String.raw`\n`)
    .toSorted()
    .join(String.raw`\n`);

test("campaigns leave the same in every table, whatever staff change between two of them", async () => {
  for (const { stage } of [inThread, inMain]) {
    await stage.kitchen.as("admin", "PUT", "/models/hob", hobModel);
    for (const turn of [0, 1]) {
      await decide(stage, turn);
      await tell(stage, turn);
    }
  }
  const [thread, main] = await Promise.all([inThread, inMain].map(({ kitchen }) => everything(kitchen.base.db)));
  // The story is about all of these.
  for (const table of [
    "service_case",
    "segment_member",
    "lifecycle_change",
    "loyalty_grant",
    "notice",
    "decision",
    "delivery",
  ])
    expect([table, main?.[table]?.length ?? 0]).not.toEqual([table, 0]);
  expect(thread).toEqual(main);
});
