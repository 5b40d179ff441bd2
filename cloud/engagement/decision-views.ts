import { fallbackLocale } from "../platform/best-locale.ts";
import type { Db } from "../platform/database.ts";
import { type Refused, refused } from "../platform/refused.ts";
import type { CampaignRow, CampaignsStore } from "./campaigns-store.ts";
import { Calendar } from "./core/calendar.ts";
import { sentChannels } from "./core/channels.ts";
import { isCapped, type ItemClass } from "./core/policy.ts";
import { whyWords } from "./core/why-words.ts";
import { type Answer, decide, type Decision, holdReasons, suppressReasons } from "./core/decide.ts";
import { sentenceOf } from "./core/words.ts";
import type { DecisionRow, DecisionsStore, StoredDecision, Trace } from "./decisions-store.ts";
import type { HouseholdStates } from "./household-states.ts";
import type { MessagesStore } from "./messages-store.ts";
import type { Policies } from "./policies.ts";
import type { EngagementDeps } from "./ports.ts";
import { candidatesOf, sendableItems, sourceOf } from "./sources.ts";

export interface DecisionView {
  id: string;
  campaign: { id: string; name: string } | null;
  itemId: string;
  version: number;
  title: string;
  class: ItemClass;
  answer: DecisionRow["answer"];
  reason: string | null;
  channels: string[];
  untilMs: number | null;
  decidedAtMs: number;
  sentAtMs: number | null;
  shownAtMs: number | null;
  actedAtMs: number | null;
  ended: string | null;
  score: number;
  /** Why, in a sentence. */
  says: string;
  /** Null: it was decided longer ago than traces are kept. */
  trace: Trace | null;
}

/** What a household would be answered now. */
export interface WouldBe {
  campaign: { id: string; name: string; state: string };
  /** Whether it is in the audience, as far as that was looked for. */
  isMember: boolean;
  answer: string;
  reason: string | null;
  says: string;
  trace: Trace;
}

export interface Explanation {
  householdId: string;
  itemId: string;
  /** The newest decision about it, with what it was before. */
  stored: DecisionView | null;
  before: { decidedAtMs: number; answer: string; reason: string | null; untilMs: number | null }[];
  /** What became of letters and messages. */
  messages: { channel: string; status: string; attempts: number; detail: string | null }[];
  /** Decided again from what is stored with it: the same, or something changed the code or the record. Null: nothing is stored any more. */
  replay: { same: boolean; answer: string; reason: string | null } | null;
  now: WouldBe[];
}

type ViewsDeps = EngagementDeps & {
  campaigns: CampaignsStore;
  decisions: DecisionsStore;
  messages: MessagesStore;
  states: HouseholdStates;
  policies: Policies;
  appReady: (db: Db) => Promise<boolean>;
  deliveries: { heldUntil(ids: readonly string[]): Promise<ReadonlyMap<string, number>> };
};

/** Answers that come of something else than the eight tests. */
const lateReasons: Readonly<Record<string, string>> = {
  way_failed: "It did not arrive: another way is chosen, or a person takes over.",
  withdrawn: "Not sent: the item was withdrawn before its time came.",
  campaign_finished: "Not sent: the campaign ended before its time came.",
  merged: "Not sent: the household became part of another, which was decided about by itself.",
  consent_withdrawn: "Taken back: the household no longer agrees to marketing.",
  turned_away: "Taken back: the household has turned away, and is left in peace.",
};

/** The stored answer as it was given. */
export function answerOf(row: Pick<DecisionRow, "answer" | "reason" | "until_ms" | "channels">): Answer {
  switch (row.answer) {
    case "human":
      return { kind: "human" };
    case "hold":
      return {
        kind: "hold",
        reason: holdReasons.find((one) => one === row.reason) ?? "not_yet",
        untilMs: row.until_ms ?? 0,
      };
    case "suppress":
      return { kind: "suppress", reason: suppressReasons.find((one) => one === row.reason) ?? "no_channel" };
    case "send": {
      const [first = "display", ...others] = sentChannels.filter((one) => row.channels.includes(one));
      return { kind: "send", channels: [first, ...others], deviceIds: [] };
    }
  }
}

export class DecisionViews {
  readonly #deps: ViewsDeps;

  constructor(deps: ViewsDeps) {
    this.#deps = deps;
  }

  /** A household's decisions, newest first; null where there is no such household. */
  async ofHousehold(
    householdId: string,
    query: { itemId: string | null; before: [number, string] | null; limit: number },
  ): Promise<DecisionView[] | null> {
    const { db, decisions, namesOf } = this.#deps;
    if (!(await namesOf(db, [householdId])).has(householdId)) return null;
    return this.#views(await decisions.ofHousehold(db, { householdId, ...query }));
  }

  /** The same for the household itself: each that it got with why, in its own language. */
  async ofOwn(
    householdId: string,
    query: { itemId: string | null; before: [number, string] | null; limit: number },
  ): Promise<(DecisionView & { why: string | null })[]> {
    const { db, households, consent } = this.#deps;
    const views = (await this.ofHousehold(householdId, query)) ?? [];
    const locale = (await households.reachOf(db, [householdId])).get(householdId)?.locale ?? fallbackLocale;
    // What was learnt of them is told only while they agree to it.
    const mayTellHabits = (await consent.agreed(db, [householdId])).get(householdId)?.has("personalise") === true;
    return views.map((view) => ({
      ...view,
      why: view.answer === "send" ? whyWords(view.class, view.trace, mayTellHabits, locale) : null,
    }));
  }

  async #views(rows: readonly StoredDecision[]): Promise<DecisionView[]> {
    const names = await this.#names(rows.map(({ source }) => source));
    const held = await this.#heldUntil(rows);
    return rows.map((row) => {
      const answer = answerOf(row);
      return {
        id: row.id,
        campaign: names.get(row.source) ?? null,
        itemId: row.item_id,
        version: row.item_version,
        title: row.title,
        class: row.class,
        answer: row.answer,
        reason: row.reason,
        channels: row.channels,
        untilMs: held.get(row.id) ?? row.until_ms,
        decidedAtMs: row.decided_at_ms,
        sentAtMs: row.sent_at_ms,
        shownAtMs: row.shown_at_ms,
        actedAtMs: row.acted_at_ms,
        ended: row.ended,
        score: row.score,
        says:
          lateReasons[row.reason ?? ""] ??
          sentenceOf(answer, row.trace?.tests ?? null, row.state?.timeZone ?? "UTC", {
            isSeen: row.shown_at_ms !== null,
            ended: row.ended,
            heldUntilMs: held.get(row.id),
          }),
        trace: row.trace,
      };
    });
  }

  /** Until when quiet hours keep from the display what is to go there, by decision. */
  async #heldUntil(rows: readonly StoredDecision[]): Promise<Map<string, number>> {
    const { db, decisions, deliveries } = this.#deps;
    const open = rows.filter(
      (row) => row.answer === "send" && row.shown_at_ms === null && row.ended === null && isCapped(row.class),
    );
    const decisionOf = await decisions.deliveriesOf(
      db,
      open.map(({ id }) => id),
    );
    const held = await deliveries.heldUntil([...decisionOf.keys()]);
    return new Map(
      [...held].flatMap(([deliveryId, untilMs]): [string, number][] => {
        const id = decisionOf.get(deliveryId);
        return id === undefined ? [] : [[id, untilMs]];
      }),
    );
  }

  async #names(sources: readonly string[]): Promise<Map<string, { id: string; name: string }>> {
    const ids = [...new Set(sources)].flatMap((source) => (source.startsWith("campaign:") ? [source.slice(9)] : []));
    const names = await this.#deps.campaigns.names(this.#deps.db, ids);
    return new Map(names.map(({ id, name }) => [sourceOf(id), { id, name }]));
  }

  /** Why a household got an item, or why it did not, and what it would be answered now. */
  async explain(
    householdId: string,
    itemId: string,
  ): Promise<Explanation | Refused<"decision_household_not_found" | "decision_item_not_found">> {
    const { db, decisions, messages, campaigns, content } = this.#deps;
    const found = await this.ofHousehold(householdId, { itemId, before: null, limit: 1 });
    if (found === null) return refused("decision_household_not_found");
    const [stored = null] = found;
    const withItem = await campaigns.withItem(db, itemId);
    if (stored === null && withItem.length === 0 && !(await content.forDecision(db, [itemId])).has(itemId))
      return refused("decision_item_not_found");
    const row = stored === null ? null : await decisions.get(db, stored.id);
    return {
      householdId,
      itemId,
      stored,
      before:
        stored === null
          ? []
          : (await decisions.past(db, stored.id)).map(
              ({ decided_at_ms: decidedAtMs, answer, reason, until_ms: untilMs }) => ({
                decidedAtMs,
                answer,
                reason,
                untilMs,
              }),
            ),
      messages: stored === null ? [] : await messages.ofDecision(db, stored.id),
      replay: row === null ? null : await this.#replay(row),
      now: await this.#now(householdId, itemId, withItem),
    };
  }

  /** Decides again from what lies beside the decision. */
  async #replay(row: StoredDecision): Promise<Explanation["replay"]> {
    const { state, trace } = row;
    if (state === null || trace === null) return null;
    const context = await this.#deps.decisions.context(this.#deps.db, row.context_id);
    if (context === null) return null;
    const { candidates, circumstances } = context;
    const decided = decide(candidates, state, row.decided_at_ms, circumstances);
    const again = decided.find((one) => one.source === row.source && one.itemId === row.item_id);
    if (again === undefined) return null;
    const { kind } = again.answer;
    const reason = "reason" in again.answer ? again.answer.reason : null;
    const same = JSON.stringify(sorted(again.trace)) === JSON.stringify(sorted(trace.tests));
    return { same, answer: kind, reason };
  }

  async #now(householdId: string, itemId: string, withItem: readonly CampaignRow[]): Promise<WouldBe[]> {
    const { db, clock, states, policies, appReady, campaigns } = this.#deps;
    const nowMs = clock.nowMs();
    const circumstances = await states.circumstances(await policies.inForce(), await appReady(db), nowMs);
    const answers: WouldBe[] = [];
    for (const campaign of withItem) {
      const items = await sendableItems(this.#deps, db, campaign.definition.itemIds);
      const candidates = candidatesOf(campaign, items);
      const only =
        campaign.kind === "recall"
          ? new Set((await campaigns.appliancesOf(db, campaign.id, [householdId])).map((one) => one.device_id))
          : null;
      const read = (await states.read(db, [householdId], candidates, nowMs, only)).get(householdId);
      const decided: Decision[] =
        read === undefined ? [] : decide(candidates, read.state, nowMs, circumstances, new Calendar(nowMs));
      const mine = decided.find((one) => one.itemId === itemId);
      if (read === undefined || mine === undefined) continue;
      answers.push({
        campaign: { id: campaign.id, name: campaign.definition.name, state: campaign.state },
        isMember: await campaigns.isMember(db, campaign.id, householdId),
        answer: mine.answer.kind,
        reason: "reason" in mine.answer ? mine.answer.reason : null,
        says: sentenceOf(mine.answer, mine.trace, read.state.timeZone),
        trace: { tests: mine.trace, terms: mine.terms },
      });
    }
    return answers;
  }
}

/** PostgreSQL keeps the keys of an object in an order of its own. */
const sorted = (value: unknown): unknown =>
  Array.isArray(value)
    ? value.map(sorted)
    : typeof value === "object" && value !== null
      ? Object.fromEntries(
          Object.entries(value)
            .toSorted(([a], [b]) => (a < b ? -1 : 1))
            .map(([key, inner]) => [key, sorted(inner)]),
        )
      : value;
