import { sql } from "kysely";
import { type Deliveries } from "../deliveries/deliveries.ts";
import type { NotableFact } from "../events/events.ts";
import type { Db } from "../platform/database.ts";
import { transaction } from "../platform/database.ts";
import type { Candidate } from "./core/candidate.ts";
import { decide } from "./core/decide.ts";
import { whyWords } from "./core/why-words.ts";
import { messagesOf, openCase, rowOf } from "./decided.ts";
import type { DecisionsStore, NewDecision } from "./decisions-store.ts";
import type { HouseholdStates } from "./household-states.ts";
import type { MessagesStore } from "./messages-store.ts";
import type { Policies } from "./policies.ts";
import type { EngagementDeps } from "./ports.ts";
import { tierSources } from "./sources.ts";

/** The message about a tier that ends: no item of content, since the program says it by itself. */
const tierItemId = "01900000-0000-7000-8000-7469657273ff";
const title = "A tier is about to end";
const atOnce = 100;
/** As other messages about points have it: quiet hours are kept at the appliance too. */
const displayPriority = 4;
/** Cases that are opened for people in thirty days; whom nothing reaches beyond is on the list of decisions. */
const casesMax = 200;
const casesForMs = 30 * 86_400_000;

type Deps = EngagementDeps & {
  decisions: DecisionsStore;
  messages: MessagesStore;
  states: HouseholdStates;
  policies: Policies;
  appReady: (db: Db) => Promise<boolean>;
  deliveries: Pick<Deliveries, "create">;
};

/** The tier and its end that a decision's source names; null: it is about something else. */
function tierOf(source: string): { tier: string; untilMs: number } | null {
  if (!source.startsWith(tierSources)) return null;
  const [tier = "", until] = source.slice(tierSources.length).split(":");
  return { tier, untilMs: Number(until) };
}

/**
 * Tells households that their tier is about to end, by the decision like everything else about points: within caps and quiet hours, on the
 * channels that they chose; where it comes to nothing on these it goes on to the others, and at last to a person. What is noted with the notice, in its transaction, is decided about by a tick; (tier, end) and the household make
 * it one message, whatever crashes in between. Its words are made when it goes, and what is no longer so is not told.
 */
export class TierNotices {
  readonly #deps: Deps;

  constructor(deps: Deps) {
    this.#deps = deps;
  }

  /** Notes which tiers are about to end, in the transaction that gives the notice. */
  async hear(tx: Db, facts: readonly NotableFact[]): Promise<void> {
    const { decisions, ids } = this.#deps;
    for (const { type, atMs, data } of facts) {
      const { householdId, tier, untilMs } = data;
      if (type !== "hearth.tier.ending" || typeof householdId !== "string") continue;
      const source = `${tierSources}${String(tier)}:${String(untilMs)}`;
      const waits: Omit<NewDecision, "state" | "trace"> = {
        id: ids.next(),
        source,
        household_id: householdId,
        item_id: tierItemId,
        item_version: 1,
        title,
        class: "loyalty_status",
        priority: displayPriority,
        answer: "hold",
        reason: "not_yet",
        channels: [],
        until_ms: atMs,
        decided_at_ms: atMs,
        expires_at_ms: Number(untilMs),
        score: 0,
        context_id: ids.next(),
      };
      await decisions.insert(tx, [waits]);
    }
  }

  /** Decides about those that wait, a household and a transaction each. */
  async tick(): Promise<void> {
    const { db, clock, onError } = this.#deps;
    const { rows } = await sql<{ id: string }>`
      SELECT id FROM decision WHERE answer = 'hold' AND until_ms <= ${clock.nowMs()} AND starts_with(source, ${tierSources})
        AND rests_merge_id IS NULL ORDER BY until_ms LIMIT ${atOnce}`.execute(db);
    for (const { id } of rows)
      try {
        const afterCommit = await transaction(db, (tx) => this.#look(tx, id));
        afterCommit?.();
      } catch (error) {
        // Another household has nothing to do with it; this one is looked at again with the next tick.
        onError(error);
      }
  }

  /** What a letter or the app says; null: it is no message about a tier. `none`: it is no longer so. */
  async wordsOf(db: Db, source: string, householdId: string, locale: string) {
    const about = tierOf(source);
    if (about === null) return null;
    const words = await this.#deps.tierEnding(db, { householdId, locale, ...about });
    return words === null ? "none" : { kind: "message" as const, id: tierItemId, version: 1, ...words };
  }

  async #look(tx: Db, id: string): Promise<(() => void) | undefined> {
    const { clock, ids, decisions, messages, states, policies, appReady, deliveries } = this.#deps;
    const nowMs = clock.nowMs();
    const { rows } = await sql<{ source: string; household_id: string }>`
      SELECT source, household_id FROM decision WHERE id = ${id} AND answer = 'hold' AND until_ms <= ${nowMs} AND rests_merge_id IS NULL
      FOR UPDATE SKIP LOCKED`.execute(tx);
    const [waits] = rows;
    const about = waits === undefined ? null : tierOf(waits.source);
    if (waits === undefined || about === null) return undefined;
    const candidate = candidateOf(waits.source, about.untilMs);
    const { household_id: householdId, source } = waits;
    const household = await this.#read(tx, id, householdId, candidate, nowMs);
    const item = household === undefined ? "none" : await this.wordsOf(tx, source, householdId, household.locale);
    if (household === undefined || item === null || item === "none") {
      await decisions.withdraw(tx, [id]);
      return undefined;
    }
    const circumstances = await states.circumstances(await policies.inForce(tx), await appReady(tx), nowMs);
    const [decision] = decide([candidate], household.state, nowMs, circumstances);
    if (decision === undefined) return undefined;
    const contextId = ids.next();
    const row = rowOf({ id, contextId, nowMs, candidate }, decision, household);
    await decisions.again(tx, [row]);
    await decisions.insertContext(tx, { id: contextId, made_at_ms: nowMs, circumstances, candidates: [candidate] }, [
      row,
    ]);
    if (decision.answer.kind === "human") await this.#openCase(tx, row, item, nowMs);
    if (decision.answer.kind !== "send") return undefined;
    await messages.insert(tx, messagesOf(ids, { row, household }, nowMs, about.untilMs));
    const why = whyWords(row.class, row.trace, true, item.locale);
    const devices = decision.answer.deviceIds.flatMap((deviceId) => household.devices.get(deviceId) ?? []);
    const { ids: made, afterCommit } = await deliveries.create(
      tx,
      devices.map((device) => ({
        device,
        kind: "message",
        subject: tierItemId,
        label: item.title,
        body: { ...item, why },
        priority: displayPriority,
        expiresAtMs: about.untilMs,
      })),
    );
    await decisions.insertDeliveries(
      tx,
      made.map((deliveryId) => ({ deliveryId, decisionId: id })),
    );
    return afterCommit;
  }

  /** The household, with what the notice came to nothing on. */
  async #read(tx: Db, id: string, householdId: string, candidate: Candidate, nowMs: number) {
    const { states, decisions } = this.#deps;
    const read = (await states.read(tx, [householdId], [candidate], nowMs, null)).get(householdId);
    const failed = (await decisions.failed(tx, [id])).get(id);
    if (read === undefined || failed === undefined) return read;
    const { source, itemId } = candidate;
    return { ...read, state: { ...read.state, failed: [{ source, itemId, ...failed }] } };
  }

  async #openCase(tx: Db, row: NewDecision, words: { title: string; text: string }, nowMs: number): Promise<void> {
    const { rows } = await sql<{ n: number }>`
      SELECT count(*)::int AS n FROM decision WHERE answer = 'human' AND starts_with(source, ${tierSources})
        AND decided_at_ms > ${nowMs - casesForMs}`.execute(tx);
    if ((rows[0]?.n ?? 0) > casesMax) return;
    await openCase(this.#deps.service, tx, row, words);
  }
}

const candidateOf = (source: string, untilMs: number): Candidate => ({
  source,
  itemId: tierItemId,
  version: 1,
  title,
  kind: "message",
  class: "loyalty_status",
  topics: [],
  needs: { programs: [], setpoint_c_max: null, steam: false, probe: false },
  models: null,
  priority: displayPriority,
  fromMs: 0,
  untilMs,
  localFrom: null,
  localUntil: null,
  bestHour: false,
  choice: null,
  measured: false,
  owed: true,
});
