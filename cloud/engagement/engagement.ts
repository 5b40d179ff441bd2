/**
 * Engagement: who gets what, when, and why.
 *
 *   campaign (segment or serial range) --assign, with the hold-out--> members --decide (pure), page by page--> decisions with their traces
 *   decisions --> deliveries to displays, letters, the maker's app, a case for a person
 *   receipts, what appliances say, acts --> shown, acted, goal: the funnel
 */
import { type RawBuilder, sql } from "kysely";
import type { Deliveries, DeliveryMove } from "../deliveries/deliveries.ts";
import type { NotableFact } from "../events/events.ts";
import type { HouseholdAct, Households } from "../households/households.ts";
import type { Db } from "../platform/database.ts";
import { AppHook } from "./app-hook.ts";
import { ChosenTopics } from "./chosen-topics.ts";
import { Campaigns } from "./campaigns.ts";
import { CampaignsStore, type GoalWatch } from "./campaigns-store.ts";
import { itemOf } from "./core/habit.ts";
import { DecisionsStore, type Moved } from "./decisions-store.ts";
import { DecisionViews } from "./decision-views.ts";
import { EstimateStore } from "./estimate-store.ts";
import { Executor, type Round } from "./executor.ts";
import { FunnelStore } from "./funnel-store.ts";
import { Habits } from "./habits.ts";
import { engagementData } from "./household-rows.ts";
import { HouseholdStates } from "./household-states.ts";
import { Letters } from "./letters.ts";
import { MailWord } from "./mail-word.ts";
import { MergesStore } from "./merges-store.ts";
import { MessagesStore } from "./messages-store.ts";
import { People } from "./people.ts";
import { Policies } from "./policies.ts";
import type { EngagementDeps } from "./ports.ts";
import { Recalls } from "./recalls.ts";
import { RecallsStore } from "./recalls-store.ts";
import { Retention } from "./retention.ts";
import { StoppedAddresses } from "./stopped-addresses.ts";
import { TakenBackDecisions } from "./taken-back-decisions.ts";
import { TierNotices } from "./tier-notices.ts";
import { UnsubscribeLinks } from "./unsubscribe-links.ts";

export { Calendar } from "./core/calendar.ts";
export { triedWords } from "./core/words.ts";
export { engagementProblems } from "./errors.ts";
export type { Round } from "./executor.ts";
export { traceDays } from "./retention.ts";

/** What engagement hears of deliveries, and how it takes one back. */
interface DeliveryRoad {
  onMoved(witness: (tx: Db, moved: readonly DeliveryMove[]) => Promise<void>): void;
  cancelForSet<Row>(tx: Db, deliveries: RawBuilder<unknown>, andThen: RawBuilder<unknown>): Promise<Row[]>;
  create: Deliveries["create"];
  forgetWhy(tx: Db, deliveries: RawBuilder<unknown>): Promise<void>;
  heldUntil(ids: readonly string[]): Promise<ReadonlyMap<string, number>>;
}

type Deps = EngagementDeps & {
  households: Households;
  deliveries: DeliveryRoad;
  /** Has a round of campaigns carried out elsewhere, as `carryOut` does here; here where it is left out. */
  carryOutElsewhere?: (() => Promise<Round>) | undefined;
};

export class Engagement {
  readonly campaigns: Campaigns;
  readonly recalls: Recalls;
  readonly people: People;
  readonly views: DecisionViews;
  readonly policies: Policies;
  readonly app: AppHook;
  readonly topics: ChosenTopics;
  readonly mailWord: MailWord;
  /** What a limit took back of what was decided. */
  readonly takenBack: TakenBackDecisions;
  readonly householdData = engagementData;
  readonly #deps: Deps;
  readonly #campaignsStore = new CampaignsStore();
  readonly #decisions = new DecisionsStore();
  readonly #funnels = new FunnelStore();
  readonly #retention: Retention;
  readonly #habits: Habits;
  readonly #executor: Executor;
  readonly #letters: Letters;
  readonly #tierNotices: TierNotices;
  /** Null until they are loaded: where none are, no act may be missed. */
  #goals: GoalWatch[] | null = null;

  constructor(deps: Deps) {
    this.#deps = deps;
    const [campaigns, decisions, messages] = [this.#campaignsStore, this.#decisions, new MessagesStore()];
    const stopped = new StoppedAddresses(deps.secret);
    const links = new UnsubscribeLinks(deps.secret);
    this.#habits = new Habits({ ...deps, timeZoneOf: (ids, db) => deps.households.timeZoneOf(ids, db) });
    this.topics = new ChosenTopics(deps);
    const states = new HouseholdStates({ ...deps, habits: this.#habits, topics: this.topics, stopped });
    this.policies = new Policies(deps);
    this.app = new AppHook(deps);
    const appReady = (db: Db) => this.app.isReady(db);
    const parts = { ...deps, campaigns, decisions, messages, states, policies: this.policies, appReady };
    const onGoals = () => this.#watchGoals();
    this.campaigns = new Campaigns({ ...parts, funnels: this.#funnels, estimates: new EstimateStore(), onGoals });
    this.recalls = new Recalls({ ...deps, campaigns, recalls: new RecallsStore(deps.made, deps.mail !== null) });
    this.people = new People(parts);
    this.views = new DecisionViews(parts);
    this.takenBack = new TakenBackDecisions(deps);
    this.mailWord = new MailWord({ ...deps, messages, decisions, stopped, links });
    this.#executor = new Executor(parts);
    this.#retention = new Retention(deps);
    this.#tierNotices = new TierNotices(parts);
    this.#letters = new Letters({ ...parts, tierNotices: this.#tierNotices, stopped, links, app: this.app });
    deps.deliveries.onMoved((tx, moves) => this.#moved(tx, moves));
    deps.outbox.onAdded((tx, facts) => this.#hear(tx, facts));
    const merges = new MergesStore();
    for (const part of [merges, this.topics]) {
      deps.households.onMerged((tx, merge) => part.merged(tx, merge));
      deps.households.onUnmerged((tx, merge) => part.unmerged(tx, merge));
    }
  }

  async load(): Promise<void> {
    await this.#watchGoals();
  }

  /**
   * What the clock asks for, and brings every running campaign as far as it goes now, by turns: what hours a household keeps is looked at when
   * no page has it in its hands, and none takes long.
   *
   * @returns how many decisions were made
   */
  async tick(): Promise<number> {
    for (let decided = 0; ;) {
      await this.#whatIsDue();
      const round = await this.#round();
      decided += round.decided;
      if (!round.more) return decided;
    }
  }

  async #whatIsDue(): Promise<void> {
    const { db, clock, households } = this.#deps;
    await this.campaigns.expire();
    await households.hoursChanges.take(db, "decisions", (tx, changed) =>
      this.#decisions.quietOver(tx, changed, clock.nowMs()),
    );
    await this.#tierNotices.tick();
  }

  async #round(): Promise<Round> {
    const { carryOutElsewhere } = this.#deps;
    if (carryOutElsewhere === undefined) return this.carryOut();
    return (await this.isAnyToCarryOut()) ? carryOutElsewhere() : { decided: 0, more: false };
  }

  /** Whether a campaign runs, or one that is over has something that did not arrive. */
  isAnyToCarryOut(): Promise<boolean> {
    return this.#campaignsStore.isAnyToCarryOut(this.#deps.db);
  }

  /**
   * Brings running campaigns forward for a round, here and now.
   *
   * @param beforePage runs before each page of households
   */
  carryOut(beforePage?: () => Promise<void>): Promise<Round> {
    return this.#executor.round(beforePage);
  }

  /** Sends letters and messages that are due. */
  tickLetters(): Promise<void> {
    return this.#letters.tick();
  }

  /** Forgets how old decisions came about, and what long ended campaigns decided. */
  trim(): Promise<void> {
    return this.#retention.tick();
  }

  /** Keeps the counts of campaigns short. */
  tidy(): Promise<void> {
    return this.#funnels.fold(this.#deps.db);
  }

  /** What households did, in the transaction that records it: habits, interests, what was seen, goals that were reached. */
  async ingest(tx: Db, acts: readonly HouseholdAct[]): Promise<void> {
    await this.#habits.ingest(tx, acts);
    const seen = acts.flatMap(({ type, householdId, data, atMs }) => {
      if (type !== "content.shown" && type !== "content.acted") return [];
      const itemId = itemOf(data);
      return itemId === null ? [] : [{ householdId, itemId, acted: type === "content.acted", atMs }];
    });
    if (seen.length > 0) await this.#decisions.noticed(tx, seen);
    const goals = this.#goals;
    if (goals === null) throw new Error("the goals of campaigns were not loaded");
    if (goals.length === 0) return;
    const reached = acts.flatMap(({ type, householdId, atMs }) =>
      goals.flatMap(({ id, event, withinMs }) =>
        event === type ? [{ campaignId: id, householdId, atMs, withinMs }] : [],
      ),
    );
    if (reached.length > 0) await this.#campaignsStore.reached(tx, reached);
  }

  /** What uses segments, so that none is deleted under it. */
  async usersOfSegments(
    db: Db,
    segmentIds: readonly string[],
  ): Promise<Map<string, { kind: string; id: string; name: string }[]>> {
    const users = new Map<string, { kind: string; id: string; name: string }[]>();
    for (const { segment_id: segmentId, id, name } of await this.#campaignsStore.usingSegments(db, segmentIds))
      users.set(segmentId, [...(users.get(segmentId) ?? []), { kind: "campaign", id, name }]);
    return users;
  }

  async #watchGoals(): Promise<void> {
    this.#goals = await this.#campaignsStore.goals(this.#deps.db, this.#deps.clock.nowMs());
  }

  async #moved(tx: Db, moves: readonly DeliveryMove[]): Promise<void> {
    const told = moves.flatMap((move) => movedOf(move) ?? []);
    if (told.length === 0) return;
    const nowMs = this.#deps.clock.nowMs();
    const ended = await this.#decisions.moved(tx, told, nowMs);
    await this.#campaignsStore.applianceMoved(tx, told, nowMs);
    const failed = ended.filter((one) => one.must_reach && !tookBack.has(one.ended));
    await this.#decisions.waysFailed(
      tx,
      failed.map(({ id }) => id),
      nowMs,
    );
    const unwanted = ended.filter((one) => one.ended === "dismissed" || one.ended === "expired");
    await this.#habits.ignored(
      tx,
      unwanted.map(({ household_id: householdId, item_id: itemId }) => ({ householdId, itemId, atMs: nowMs })),
    );
  }

  /** Who takes a consent back, or turns away, is left alone with the next message; what lies stored about the former goes. */
  async #hear(tx: Db, facts: readonly NotableFact[]): Promise<void> {
    /** Where each household is now: of several stages that are told at once the last. */
    const stages = new Map<string, unknown>();
    await this.#tierNotices.hear(tx, facts);
    for (const { type, data } of facts) {
      const { householdId, purpose } = data;
      if (typeof householdId !== "string") continue;
      if (type === "hearth.lifecycle.changed") stages.set(householdId, data["to"]);
      if (type !== "hearth.consent.withdrawn") continue;
      if (purpose === "personalise") {
        await this.#habits.forget(tx, [householdId]);
        // What was learnt of them is not told in their kitchen either. What an appliance has already, it keeps.
        await this.#deps.deliveries.forgetWhy(tx, this.#decisions.deliveriesTo(householdId));
      }
      if (purpose === "market") await this.#takeBack(tx, householdId, "consent_withdrawn");
    }
    for (const [householdId, stage] of stages)
      if (stage === "disengaged") await this.#takeBack(tx, householdId, "turned_away");
  }

  async #takeBack(tx: Db, householdId: string, reason: "consent_withdrawn" | "turned_away"): Promise<void> {
    const open = await this.#decisions.takeBack(tx, householdId, reason);
    if (open.length === 0) return;
    await this.#deps.deliveries.cancelForSet(
      tx,
      sql`SELECT unnest(${open}::uuid[])`,
      sql`SELECT delivery_id FROM cancelled`,
    );
  }
}

/** What somebody or a limit took back, or something newer replaced, is nothing that came to nothing. */
const tookBack: ReadonlySet<string> = new Set(["cancelled", "superseded", "limit"]);

/** What a delivery's move says of the decision behind it; null: nothing. */
function movedOf({ kind, deliveryId, to, step, cause }: DeliveryMove): Moved | null {
  if (kind !== "message" && kind !== "offer" && kind !== "recipe") return null;
  const acted = step === "acted" || step === "cooked";
  const isShown = acted || step === "shown" || step === "opened" || step === "dismissed";
  const isSent = to === "sent" || to === "received" || to === "done";
  const ended =
    step === "dismissed" || to === "rejected"
      ? "dismissed"
      : to === "expired" || to === "failed" || to === "superseded" || to === "cancelled"
        ? cause === "limit"
          ? "limit"
          : to
        : null;
  if (!acted && !isShown && !isSent && ended === null) return null;
  return { deliveryId, sent: isSent || isShown, shown: isShown, acted, ended };
}
