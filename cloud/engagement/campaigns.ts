import { changedMeanwhile, type Overtaken } from "../platform/based-on.ts";
import { inPieces } from "../platform/clock.ts";
import { type Db, transaction } from "../platform/database.ts";
import { type Refused, refused } from "../platform/refused.ts";
import { type Principal, principalText } from "../staff/staff.ts";
import type { CampaignRow, CampaignsStore } from "./campaigns-store.ts";
import { type CampaignDefinition, type CampaignEvent, stepCampaign } from "./core/campaign.ts";
import { Calendar } from "./core/calendar.ts";
import { decide } from "./core/decide.ts";
import { type Lift, liftOf } from "./core/lift.ts";
import type { engagementProblems } from "./errors.ts";
import type { DecisionsStore } from "./decisions-store.ts";
import type { EstimateStore } from "./estimate-store.ts";
import type { FunnelStore } from "./funnel-store.ts";
import type { HouseholdStates } from "./household-states.ts";
import type { Policies } from "./policies.ts";
import type { EngagementDeps } from "./ports.ts";
import { audienceOf, candidatesOf, offerKeysOf, sendableItems, sourceOf } from "./sources.ts";

type Rule = keyof typeof engagementProblems;
type Outcome = CampaignRow | Overtaken | Refused<Rule>;

const campaignsMax = 1_000;
const lifeMsMax = 366 * 86_400_000;
/** Households that an estimate looks at; of more it takes this many by chance, and says so. */
const looked = 4_000;
const lookedInARow = 250;

export interface Funnel {
  members: number;
  decided: number;
  waiting: Record<string, number>;
  suppressed: Record<string, number>;
  /** Nothing but a person reaches them. */
  human: number;
  /** Decided to be sent: queued, or on its way. */
  queued: number;
  sent: number;
  shown: number;
  acted: number;
  /** Ran out, was dismissed or failed. */
  ended: number;
  arms: Record<"treated" | "held_out", { households: number; reached: number }>;
  lift: Lift | null;
}

export interface Estimate {
  households: number;
  /** How many of them were looked at; the counts are those of all, reckoned from these. */
  looked: number;
  send: Record<string, number>;
  waiting: Record<string, number>;
  suppressed: Record<string, number>;
  human: number;
  /** Of a recall: also those that nobody owns. */
  appliances: number | null;
  /** Of a recall: made, and never connected. They are on the list for letters. */
  neverRegistered: number | null;
}

const add = (to: Record<string, number>, key: string) => {
  to[key] = (to[key] ?? 0) + 1;
};

interface CampaignsDeps extends EngagementDeps {
  campaigns: CampaignsStore;
  decisions: DecisionsStore;
  funnels: FunnelStore;
  estimates: EstimateStore;
  states: HouseholdStates;
  policies: Policies;
  appReady: (db: Db) => Promise<boolean>;
  /** The goals that are watched have changed. */
  onGoals: () => Promise<void>;
}

const calendarMax = 500;

/** Campaigns, as people write, approve and steer them. */
export class Campaigns {
  readonly #deps: CampaignsDeps;

  constructor(deps: CampaignsDeps) {
    this.#deps = deps;
  }

  list(beforeId: string | null, limit: number): Promise<CampaignRow[]> {
    return this.#deps.campaigns.list(this.#deps.db, beforeId, limit);
  }

  /** What was approved, goes out or went out between two moments. */
  calendar(fromMs: number, toMs: number): Promise<CampaignRow[]> {
    return this.#deps.campaigns.calendar(this.#deps.db, fromMs, toMs, calendarMax);
  }

  get(id: string): Promise<CampaignRow | null> {
    return this.#deps.campaigns.get(this.#deps.db, id);
  }

  async create(by: Principal, definition: CampaignDefinition): Promise<CampaignRow | Refused<Rule>> {
    const { db, clock, ids, campaigns } = this.#deps;
    return transaction(db, async (tx) => {
      const wrong = await this.#wrong(tx, definition);
      if (wrong !== null) return wrong;
      if ((await campaigns.count(tx)) >= campaignsMax) return refused("too_many_campaigns");
      const nowMs = clock.nowMs();
      const who = principalText(by);
      const row: CampaignRow = {
        id: ids.next(),
        kind: definition.kind,
        state: "draft",
        definition,
        created_at_ms: nowMs,
        created_by: who,
        edited_by: who,
        authors: [who],
        edited_at_ms: nowMs,
        approved_by: null,
        approved_at_ms: null,
        started_at_ms: null,
        paused_at_ms: null,
        ended_at_ms: null,
        expires_at_ms: definition.expiresAtMs,
        after_household: null,
        assigned_at_ms: null,
      };
      await campaigns.insert(tx, row);
      await this.#note(tx, by, "created", row, definition);
      return row;
    });
  }

  /** Changes a draft; what was approved is a draft again. */
  async change(
    by: Principal,
    id: string,
    definition: CampaignDefinition,
    /** When the text that was changed was written. */
    basedOnMs?: number,
  ): Promise<Outcome> {
    return this.#move(by, id, { kind: "change" }, "changed", async (tx, row) => {
      const written = { version: row.edited_at_ms, atMs: row.edited_at_ms, by: row.edited_by };
      const other = changedMeanwhile(basedOnMs, written);
      if (other !== null) return other;
      const wrong = await this.#wrong(tx, definition);
      if (wrong !== null) return wrong;
      row.definition = definition;
      row.kind = definition.kind;
      row.expires_at_ms = definition.expiresAtMs;
      const who = principalText(by);
      row.edited_by = who;
      // What somebody else approved was read: only what is changed after that is still to be.
      row.authors = [...new Set(row.state === "approved" ? [who] : [...row.authors, who])];
      row.edited_at_ms = Math.max(this.#deps.clock.nowMs(), row.edited_at_ms + 1);
      row.approved_by = null;
      row.approved_at_ms = null;
      return null;
    });
  }

  approve(by: Principal, id: string): Promise<Outcome> {
    return this.#move(
      by,
      id,
      (row) => ({ kind: "approve", by: principalText(by), authors: row.authors }),
      "approved",
      (_tx, row) => {
        row.approved_by = principalText(by);
        row.approved_at_ms = this.#deps.clock.nowMs();
        return null;
      },
    );
  }

  start(by: Principal, id: string): Promise<Outcome> {
    return this.#move(by, id, { kind: "start" }, "started", async (tx, row) => {
      const wrong = await this.#wrong(tx, row.definition);
      row.started_at_ms = this.#deps.clock.nowMs();
      return wrong;
    });
  }

  pause(by: Principal, id: string): Promise<Outcome> {
    return this.#move(by, id, { kind: "pause" }, "paused", (_tx, row) => {
      row.paused_at_ms = this.#deps.clock.nowMs();
      return null;
    });
  }

  resume(by: Principal, id: string): Promise<Outcome> {
    return this.#move(by, id, { kind: "resume" }, "resumed", async (tx, row) => {
      row.paused_at_ms = null;
      await this.#deps.content.lookAgain(tx, row.definition.itemIds);
      return null;
    });
  }

  /** Ends it: what waits goes no more, what is on its way stays. */
  finish(by: Principal, id: string): Promise<Outcome> {
    return this.#move(by, id, { kind: "finish" }, "finished", async (tx, row) => {
      row.ended_at_ms = this.#deps.clock.nowMs();
      await this.#deps.decisions.drop(tx, sourceOf(id), "campaign_finished");
      return null;
    });
  }

  /** Ends what has expired. */
  async expire(): Promise<void> {
    const { db, clock, campaigns } = this.#deps;
    for (const id of await campaigns.expired(db, clock.nowMs())) await this.finish({ kind: "system" }, id);
  }

  /** What would become of it if it started now, by the same function that decides when it does. */
  async estimate(definition: CampaignDefinition): Promise<Estimate | Refused<Rule>> {
    const { db, clock, estimates, states, policies, appReady, appliances, made } = this.#deps;
    const wrong = await this.#wrong(db, definition);
    if (wrong !== null) return wrong;
    const audience = audienceOf(definition, this.#deps);
    const households = await estimates.size(db, audience);
    const ids = await estimates.sample(db, audience, looked);
    const nowMs = clock.nowMs();
    const items = await sendableItems(this.#deps, db, definition.itemIds);
    const candidates = candidatesOf({ id: "estimate", definition }, items);
    const circumstances = await states.circumstances(await policies.inForce(), await appReady(db), nowMs);
    const recalled = definition.kind === "recall" ? definition.audience : null;
    const affected = recalled === null ? null : await estimates.affected(db, appliances, recalled, ids);
    const read = await states.read(db, ids, candidates, nowMs, affected);
    const counts = { send: {}, waiting: {}, suppressed: {}, human: 0 } as Pick<
      Estimate,
      "send" | "waiting" | "suppressed" | "human"
    >;
    const calendar = new Calendar(nowMs);
    for await (const piece of inPieces([...read.values()], lookedInARow))
      for (const { state } of piece) {
        const decided = decide(candidates, state, nowMs, circumstances, calendar);
        // A household counts by the best that happens to it.
        const best = decided.find(({ answer }) => answer.kind !== "suppress") ?? decided[0];
        if (best === undefined) continue;
        if (best.answer.kind === "send") add(counts.send, best.answer.channels[0]);
        if (best.answer.kind === "hold") add(counts.waiting, best.answer.reason);
        if (best.answer.kind === "suppress") add(counts.suppressed, best.answer.reason);
        if (best.answer.kind === "human") counts.human += 1;
      }
    const scale = read.size === 0 ? 1 : households / read.size;
    const scaled = (given: Record<string, number>) =>
      Object.fromEntries(Object.entries(given).map(([key, count]) => [key, Math.round(count * scale)]));
    return {
      households,
      looked: read.size,
      send: scaled(counts.send),
      waiting: scaled(counts.waiting),
      suppressed: scaled(counts.suppressed),
      human: Math.round(counts.human * scale),
      appliances: recalled === null ? null : await estimates.appliances(db, appliances, recalled),
      neverRegistered: recalled === null ? null : await estimates.neverRegistered(db, { appliances, made }, recalled),
    };
  }

  async funnel(row: CampaignRow): Promise<Funnel> {
    const { db, clock, funnels } = this.#deps;
    const arms = { treated: { households: 0, reached: 0 }, held_out: { households: 0, reached: 0 } };
    const found: Funnel = {
      members: 0,
      decided: 0,
      human: 0,
      queued: 0,
      sent: 0,
      shown: 0,
      acted: 0,
      ended: 0,
      waiting: {},
      suppressed: {},
      arms,
      lift: null,
    };
    for (const { what, reason, households, sent, shown, acted, ended, reached } of await funnels.read(
      db,
      sourceOf(row.id),
    )) {
      if (what === "treated" || what === "held_out") {
        arms[what] = { households, reached };
        found.members += households;
        continue;
      }
      found.decided += households;
      if (what === "hold") found.waiting[reason ?? ""] = households;
      if (what === "suppress") found.suppressed[reason ?? ""] = households;
      if (what === "human") found.human += households;
      if (what !== "send") continue;
      found.queued += households;
      found.sent += sent;
      found.shown += shown;
      found.acted += acted;
      found.ended += ended;
    }
    const { definition, started_at_ms: startedAtMs } = row;
    if (definition.kind === "campaign" && definition.goal !== null && startedAtMs !== null)
      found.lift = liftOf(arms.treated, arms.held_out, (row.ended_at_ms ?? clock.nowMs()) - startedAtMs);
    return found;
  }

  /** What is wrong with a definition as things are now; null: nothing. */
  async #wrong(db: Db, definition: CampaignDefinition): Promise<Refused<Rule> | null> {
    const { clock, content, segments, models, offersMadeWhen } = this.#deps;
    const nowMs = clock.nowMs();
    if (definition.expiresAtMs <= nowMs || definition.expiresAtMs > nowMs + lifeMsMax)
      return refused("campaign_expired");
    const { audience } = definition;
    if (audience.kind === "segment" && (await segments.get(audience.segmentId)) === null)
      return refused("campaign_segment_not_found");
    if (audience.kind === "serials" && (await models.model(audience.model)) === null)
      return refused("campaign_model_unknown", `There is no ${audience.model}.`);
    const items = await content.forDecision(db, definition.itemIds);
    const missing = definition.itemIds.find((id) => !items.has(id));
    if (missing !== undefined) return refused("campaign_item_not_sendable", `It is ${missing}.`);
    const made = await offersMadeWhen(db, offerKeysOf(items));
    const empty = [...items.values()].find(({ kind, offerKey }) => kind === "offer" && !made.has(offerKey ?? ""));
    if (empty !== undefined)
      return refused("campaign_offer_not_made", `'${empty.title}' grants ${empty.offerKey ?? "nothing"}.`);
    if (definition.kind === "recall") {
      const other = [...items.values()].find((item) => item.class !== "recall" && item.class !== "safety");
      if (other !== undefined) return refused("recall_wants_recall_item", `'${other.title}' is ${other.class}.`);
    }
    return null;
  }

  async #move(
    by: Principal,
    id: string,
    event: CampaignEvent | ((row: CampaignRow) => CampaignEvent),
    verb: string,
    change: (tx: Db, row: CampaignRow) => Promise<Overtaken | Refused<Rule> | null> | null,
  ): Promise<Outcome> {
    const { db, campaigns, onGoals } = this.#deps;
    const outcome = await transaction(db, async (tx) => {
      const row = await campaigns.lock(tx, id);
      if (row === null) return refused("campaign_not_found");
      const before = row.state;
      const moved = stepCampaign(row.state, typeof event === "function" ? event(row) : event);
      if (moved.kind === "refused") return refused(moved.rule);
      const wrong = await change(tx, row);
      if (wrong !== null) return wrong;
      row.state = moved.to;
      await campaigns.update(tx, row);
      await this.#note(tx, by, verb, row, { before, state: row.state });
      return row;
    });
    await onGoals();
    return outcome;
  }

  async #note(tx: Db, by: Principal, verb: string, row: CampaignRow, after: object): Promise<void> {
    const { audit, outbox, clock } = this.#deps;
    const subject = `campaign:${row.id}`;
    const data = { campaignId: row.id, kind: row.kind, name: row.definition.name, state: row.state };
    await audit.record(tx, { principal: by, action: `campaign.${verb}`, subject, after });
    await outbox.add(tx, [{ type: `hearth.campaign.${verb}`, subject, atMs: clock.nowMs(), data }]);
  }
}
