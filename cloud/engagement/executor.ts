/**
 * Brings running campaigns forward, a page of households at a time.
 *
 *   assign: who is in the audience, with its arm --> page: read, decide in memory, write --> deliveries, letters, cases
 *   due: what was held until now is decided anew, in the same way; so is what must reach people and came to nothing on the ways it took
 *
 * A page is one transaction: its decisions and all that follows from them are there together or not at all, and (source, household, item)
 * is unique. So nothing is sent twice, whatever crashes in between.
 */
import { setTimeout as sleep } from "node:timers/promises";
import { type Db, transaction } from "../platform/database.ts";
import type { ApplianceRow, CampaignRow, CampaignsStore } from "./campaigns-store.ts";
import { CarryingOut, type Deciding } from "./carrying-out.ts";
import { Calendar } from "./core/calendar.ts";
import type { Candidate, Circumstances, Failed } from "./core/candidate.ts";
import { decide, type Decision } from "./core/decide.ts";
import { quarterOf } from "./core/holdout.ts";
import { itemClasses, rankOf } from "./core/policy.ts";
import { type Made, rowOf } from "./decided.ts";
import type { DecisionsStore, NewDecision } from "./decisions-store.ts";
import type { HouseholdStates, ReadHousehold } from "./household-states.ts";
import type { MessagesStore } from "./messages-store.ts";
import type { Policies } from "./policies.ts";
import type { EngagementDeps } from "./ports.ts";
import { audienceOf, candidatesOf, sendableItems, sourceOf } from "./sources.ts";

/** Households of one transaction: few, so that what a page locks is soon free. */
const pageSize = 400;
/** So long a page takes at least, 5,300 households a second: a campaign has hours, and what appliances say has not. Recalls do not wait. */
const pageMsMin = 75;
/**
 * So many full pages of campaigns are a round, about a second: then a recall that began meanwhile goes first, and what the clock brings is
 * seen to. Recalls do not wait for rounds either.
 */
const pagesPerRound = 12;
/** Appliances of a recall that are told without a new decision, in one transaction. */
const appliancesAtOnce = 2_000;
/** Who came into the audience meanwhile is looked for that often. */
const assignEveryMs = 60_000;

interface ExecutorDeps extends EngagementDeps {
  campaigns: CampaignsStore;
  decisions: DecisionsStore;
  messages: MessagesStore;
  states: HouseholdStates;
  policies: Policies;
  appReady: (db: Db) => Promise<boolean>;
}

interface Page extends Deciding {
  contextId: string;
  candidates: Candidate[];
  circumstances: Circumstances;
}

type Step = "due" | "fresh" | "ownerless" | "late";
type Running = Pick<CampaignRow, "id" | "kind">;

/** What a round came to. */
export interface Round {
  /** How many decisions were made. */
  decided: number;
  /** The next one has something to do already. */
  more: boolean;
}

/** What is left of a round. */
interface Room {
  pages: number;
}

const nothing = () => {};
const isRecall = ({ kind }: CampaignRow) => Number(kind === "recall");

export class Executor {
  readonly #deps: ExecutorDeps;
  readonly #carrying: CarryingOut;

  readonly #steps = {
    due: (tx: Db, page: Page) => this.#due(tx, page),
    fresh: (tx: Db, page: Page) => this.#fresh(tx, page),
    ownerless: (tx: Db, page: Page) => this.#ownerless(tx, page),
    late: (tx: Db, page: Page) => this.#late(tx, page),
  };

  constructor(deps: ExecutorDeps) {
    this.#deps = deps;
    this.#carrying = new CarryingOut(deps);
  }

  /** Brings running campaigns forward, each as far as it goes before the next one, until the round is over. */
  async round(beforePage = async () => {}): Promise<Round> {
    const { db, campaigns, onError } = this.#deps;
    const room = { pages: pagesPerRound };
    let decided = 0;
    for (const { id, kind } of await this.#running()) {
      try {
        await this.#assign(id);
        for (const step of ["due", "fresh", "ownerless", "late"] as const)
          decided += await this.#pages({ id, kind }, step, room, beforePage);
      } catch (error) {
        // Another campaign has nothing to do with it; this one goes on with the next round.
        onError(error);
      }
    }
    for (const id of await campaigns.owing(db))
      try {
        decided += await this.#pages({ id, kind: "campaign" }, "due", room, beforePage);
      } catch (error) {
        onError(error);
      }
    return { decided, more: room.pages <= 0 };
  }

  /**
   * The most important first, as the test of priority has it within a call: a household's room and caps go to what is more important, whichever
   * campaign it is of. A campaign counts by the most important of its items.
   */
  async #running(): Promise<CampaignRow[]> {
    const { db, campaigns, content } = this.#deps;
    const running = await campaigns.running(db);
    if (running.length < 2) return running;
    const itemIds = [...new Set(running.flatMap(({ definition }) => definition.itemIds))];
    const items = await content.forDecision(db, itemIds);
    const rankOfItem = (id: string) => {
      const item = items.get(id);
      return item === undefined ? itemClasses.length : rankOf(item.class);
    };
    const rank = ({ definition }: CampaignRow) => Math.min(...definition.itemIds.map(rankOfItem));
    return running.toSorted((a, b) => isRecall(b) - isRecall(a) || rank(a) - rank(b));
  }

  /** All pages of a step, as far as there is room. @returns how many decisions were made */
  async #pages({ id, kind }: Running, step: Step, room: Room, beforePage: () => Promise<void>): Promise<number> {
    let made = 0;
    for (;;) {
      if (kind !== "recall" && room.pages <= 0) return made;
      const pace = sleep(kind === "recall" ? 0 : pageMsMin);
      await beforePage();
      const { decided, more, afterCommit } = await this.#page(id, step);
      afterCommit();
      made += decided;
      if (!more) return made;
      room.pages -= 1;
      await pace;
    }
  }

  /** Puts into the campaign who is in its audience by now. */
  async #assign(id: string): Promise<void> {
    const { db, clock, campaigns, segments, appliances, policies } = this.#deps;
    await transaction(db, async (tx) => {
      const campaign = await campaigns.lock(tx, id);
      const nowMs = clock.nowMs();
      if (campaign?.state !== "running") return;
      if (campaign.assigned_at_ms !== null && nowMs - campaign.assigned_at_ms < assignEveryMs) return;
      const { definition } = campaign;
      if (definition.kind === "recall") await campaigns.assignAppliances(tx, id, appliances, definition.audience);
      const policy = await policies.inForce(tx);
      // Nobody is kept from a recall.
      const share = definition.kind === "recall" ? 0 : policy.holdoutShare;
      const households = audienceOf(definition, { segments, appliances });
      const added = await campaigns.assign(tx, id, households, { quarter: quarterOf(nowMs), share, nowMs });
      await campaigns.noteAssigned(tx, id, nowMs, added > 0);
    });
  }

  #page(id: string, step: Step): Promise<{ decided: number; more: boolean; afterCommit: () => void }> {
    const { db, clock, ids, campaigns, content, states, policies, appReady } = this.#deps;
    return transaction(db, async (tx) => {
      const campaign = await campaigns.lock(tx, id);
      // Somebody paused it between two pages. What did not arrive is seen to after its end as well, when nothing but a person is left.
      if (campaign === null || !(campaign.state === "running" || (campaign.state === "finished" && step === "due")))
        return { decided: 0, more: false, afterCommit: nothing };
      const nowMs = clock.nowMs();
      await content.holdLimits(tx, campaign.definition.itemIds);
      const items = await sendableItems(this.#deps, tx, campaign.definition.itemIds);
      const endedMs = campaign.ended_at_ms ?? Infinity;
      const candidates = candidatesOf(campaign, items).map((one) => ({
        ...one,
        untilMs: Math.min(one.untilMs ?? Infinity, endedMs, campaign.expires_at_ms),
      }));
      const circumstances = await states.circumstances(await policies.inForce(tx), await appReady(tx), nowMs);
      const offers = new Map(
        [...items.values()].flatMap((item) => (item.offerKey === null ? [] : [[item.id, item.offerKey] as const])),
      );
      const contextId = ids.next();
      const page = { contextId, campaign, source: sourceOf(id), candidates, circumstances, offers, nowMs };
      return this.#steps[step](tx, page);
    });
  }

  /** Members about whom nothing was decided yet. */
  async #fresh(tx: Db, page: Page) {
    const { campaigns } = this.#deps;
    const { campaign, source, candidates } = page;
    if (candidates.length === 0) return { decided: 0, more: false, afterCommit: nothing };
    const members = await campaigns.nextMembers(tx, campaign, source, pageSize);
    const last = members.at(-1);
    if (last === undefined) return { decided: 0, more: false, afterCommit: nothing };
    const ids = members.flatMap((one) => (one.is_decided ? [] : [one.household_id]));
    const made = await this.#decide(tx, page, ids, null, new Map());
    const added = await this.#deps.decisions.insert(
      tx,
      made.map(({ row }) => row),
    );
    const fresh = made.filter(({ row }) => added.has(row.id));
    await this.#noteContext(tx, page, fresh);
    const afterCommit = await this.#carrying.carryOut(tx, page, fresh);
    await campaigns.advance(tx, campaign.id, last.household_id);
    return { decided: added.size, more: members.length === pageSize, afterCommit };
  }

  /** What was held until now. */
  async #due(tx: Db, page: Page) {
    const { decisions } = this.#deps;
    const rows = await decisions.due(tx, page.source, page.nowMs, pageSize);
    if (rows.length === 0) return { decided: 0, more: false, afterCommit: nothing };
    const known = new Map(rows.map((row) => [`${row.household_id} ${row.item_id}`, row]));
    const ids = [...new Set(rows.map((row) => row.household_id))];
    const failing = rows.filter(({ reason }) => reason === "way_failed").map(({ id }) => id);
    const failed = failing.length === 0 ? new Map<string, Failed>() : await decisions.failed(tx, failing);
    const failedOf = new Map(
      [...known].flatMap(([key, { id }]): [string, Failed][] => {
        const one = failed.get(id);
        return one === undefined ? [] : [[key, one]];
      }),
    );
    const made = await this.#decide(tx, page, ids, new Set(known.keys()), failedOf);
    const again = made.map((one): Made => {
      const before = known.get(`${one.row.household_id} ${one.row.item_id}`);
      return before === undefined ? one : { ...one, row: { ...one.row, id: before.id } };
    });
    await decisions.again(
      tx,
      again.map(({ row }) => row),
    );
    await this.#noteContext(tx, page, again);
    const answered = new Set(again.map(({ row }) => row.id));
    // The item was withdrawn, or the household is gone.
    await decisions.withdraw(
      tx,
      rows.map(({ id }) => id).filter((id) => !answered.has(id)),
    );
    const afterCommit = await this.#carrying.carryOut(tx, page, again);
    return { decided: rows.length, more: rows.length === pageSize, afterCommit };
  }

  /** Appliances of a recall that belong to nobody show it all the same. */
  async #ownerless(tx: Db, page: Page) {
    const { id, kind } = page.campaign;
    if (kind !== "recall") return { decided: 0, more: false, afterCommit: nothing };
    const { more, afterCommit } = await this.#tell(
      tx,
      page,
      await this.#deps.campaigns.ownerless(tx, id, appliancesAtOnce),
    );
    return { decided: 0, more, afterCommit };
  }

  /** What a household got after the recall had decided about it shows it like what it had then, by the same decision. */
  async #late(tx: Db, page: Page) {
    const { campaigns, decisions } = this.#deps;
    if (page.campaign.kind !== "recall") return { decided: 0, more: false, afterCommit: nothing };
    const rows = await campaigns.late(tx, page.campaign.id, page.source, appliancesAtOnce);
    const decisionOf = new Map(rows.map((row) => [row.device_id, row.decision_id]));
    const { deliveries, more, afterCommit } = await this.#tell(tx, page, rows);
    await decisions.insertDeliveries(
      tx,
      deliveries.flatMap(({ deviceId, deliveryId }) => {
        const decisionId = decisionOf.get(deviceId);
        return decisionId === undefined ? [] : [{ deliveryId, decisionId }];
      }),
    );
    return { decided: 0, more, afterCommit };
  }

  async #tell(tx: Db, { campaign, nowMs }: Page, rows: readonly ApplianceRow[]) {
    const { campaigns, content } = this.#deps;
    const [itemId] = campaign.definition.itemIds;
    if (itemId === undefined || rows.length === 0 || nowMs >= campaign.expires_at_ms)
      return { deliveries: [], more: false, afterCommit: nothing };
    const { deliveries, afterCommit } = await content.deliver(
      tx,
      rows.map((row) => ({ itemId, device: refOf(row), expiresAtMs: campaign.expires_at_ms })),
    );
    await campaigns.applianceSent(tx, campaign.id, deliveries);
    return { deliveries, more: deliveries.length === appliancesAtOnce, afterCommit };
  }

  /**
   * @param only of what is decided anew, `household item` of each that waits; the others of the campaign stay as they are
   * @param failed on what it came to nothing already, by the same words
   */
  async #decide(
    tx: Db,
    page: Page,
    ids: readonly string[],
    only: ReadonlySet<string> | null,
    failed: ReadonlyMap<string, Failed>,
  ): Promise<Made[]> {
    const { campaigns, states } = this.#deps;
    const { campaign, candidates, circumstances, nowMs } = page;
    const appliances = campaign.kind === "recall" ? await campaigns.appliancesOf(tx, campaign.id, ids) : null;
    const onlyDevices = appliances === null ? null : new Set(appliances.map((row) => row.device_id));
    const households = await states.read(tx, ids, candidates, nowMs, onlyDevices);
    const calendar = new Calendar(nowMs);
    const made: Made[] = [];
    for (const [householdId, read] of households) {
      const household = withFailed(read, page, failed);
      const wanted =
        only === null ? candidates : candidates.filter(({ itemId }) => only.has(`${householdId} ${itemId}`));
      for (const decision of decide(wanted, household.state, nowMs, circumstances, calendar))
        made.push({ row: this.#rowOf(page, decision, household), decision, household });
    }
    return made;
  }

  async #noteContext(tx: Db, page: Page, made: readonly Made[]): Promise<void> {
    if (made.length === 0) return;
    const { contextId: id, nowMs, circumstances, candidates } = page;
    await this.#deps.decisions.insertContext(
      tx,
      { id, made_at_ms: nowMs, circumstances, candidates },
      made.map(({ row }) => row),
    );
  }

  #rowOf({ contextId, candidates, nowMs }: Page, decision: Decision, household: ReadHousehold): NewDecision {
    const candidate = candidates.find((one) => one.itemId === decision.itemId);
    return rowOf({ id: this.#deps.ids.next(), contextId, nowMs, candidate }, decision, household);
  }
}

/** The household with what items of this campaign came to nothing on, where there is such. */
function withFailed(read: ReadHousehold, { source, candidates }: Page, failed: ReadonlyMap<string, Failed>) {
  const own = candidates.flatMap(({ itemId }) => {
    const one = failed.get(`${read.state.id} ${itemId}`);
    return one === undefined ? [] : [{ source, itemId, ...one }];
  });
  return own.length === 0 ? read : { ...read, state: { ...read.state, failed: own } };
}

const refOf = (row: ApplianceRow) => ({
  key: row.device_key,
  id: row.device_id,
  model: row.model,
  householdId: row.household_id,
  householdSinceMs: row.household_since_ms,
});
