/**
 * Lifecycle: in which stage of its life as a customer each household is, and how it came there.
 *
 *   acts, facts of other slices --same transaction--> signals, each once --in the order of their time--> stage, history with causes
 *   tick: what comes with time alone, when it is due
 */
import type { NotableFact, Outbox } from "../events/events.ts";
import type { HouseholdAct, Merged, Unmerged } from "../households/households.ts";
import type { Clock } from "../platform/clock.ts";
import { type Db, transaction } from "../platform/database.ts";
import type { HouseholdData } from "../platform/household-data.ts";
import type { HouseholdEntry, TimelinePage } from "../platform/timeline.ts";
import type { Service } from "../service/service.ts";
import type { Audit } from "../staff/staff.ts";
import { causeWords } from "./core/cause-words.ts";
import { dissatisfied } from "./core/dissatisfied.ts";
import type { Stage } from "./core/definition.ts";
import { signalOfAct, signalOfFact } from "./core/signal.ts";
import { Definitions } from "./definitions.ts";
import { type DeskDeps, LifecycleDesk } from "./lifecycle-desk.ts";
import { lifecycleData } from "./lifecycle-data.ts";
import { FeedbackAsks, type FeedbackAsksDeps } from "./feedback-asks.ts";
import { LifecycleStore } from "./lifecycle-store.ts";
import { LifecycleViews } from "./lifecycle-views.ts";
import { Teller, type ToldChange } from "./teller.ts";

export { lifecycleProblems } from "./errors.ts";
export type { Stage } from "./core/definition.ts";

export interface LifecycleDeps {
  db: Db;
  clock: Clock;
  audit: Audit;
  outbox: Outbox;
  households: DeskDeps["households"];
  /** Has a person look after somebody who is about to leave. */
  service: Pick<Service, "openFor">;
  asking: Pick<FeedbackAsksDeps, "ids" | "askable" | "hoursChanged" | "claimWeek" | "appliances" | "deliveries">;
}

const dayMs = 86_400_000;
/** How long changes of stage take is measured anew after so long, where nothing else has it done. */
const measuredForMs = 300_000;
/** Of households whose time has come, so many in one transaction. */
const atOnce = 500;
/** Signals are kept one by one for so long; what happened before that and is told later counts for nothing any more. */
const keptMs = 400 * dayMs;
/** How much more may have gathered before the old ones are put together. */
const slackMs = 30 * dayMs;

/** Who opens the cases of those who are about to leave. */
const self = { kind: "service", name: "lifecycle" } as const;

export class Lifecycle {
  readonly definitions: Definitions;
  readonly desk: LifecycleDesk;
  readonly householdData: readonly HouseholdData[];
  readonly #deps: LifecycleDeps;
  readonly #store = new LifecycleStore();
  readonly #views = new LifecycleViews();
  readonly #teller: Teller;
  readonly #asks: FeedbackAsks;
  #usualDays = new Map<string, number>();
  #measuredAtMs = -Infinity;

  constructor(deps: LifecycleDeps) {
    this.#deps = deps;
    this.definitions = new Definitions(deps);
    this.desk = new LifecycleDesk({ ...deps, definitions: this.definitions, views: this.#views });
    this.#asks = new FeedbackAsks({ ...deps, ...deps.asking, definition: () => this.definitions.inForce.definition });
    this.householdData = [...lifecycleData(this.#store), this.#asks.householdData];
    this.#teller = new Teller({
      store: this.#store,
      outbox: deps.outbox,
      versions: () => this.definitions.versions,
      medianDays: (from, to) => this.#usualDays.get(`${from} ${to}`) ?? null,
      onTold: (tx, told) => this.#lookAfter(tx, told),
    });
    deps.outbox.onAdded((tx, facts) => this.hear(tx, facts));
  }

  /** Before the first batch. */
  async load(): Promise<void> {
    await this.definitions.load();
    await this.measure();
  }

  /** What is kept in memory, as others may have changed it since: for a thread beside the one in which it is changed. */
  async reload(): Promise<void> {
    await this.definitions.load();
    if (this.#deps.clock.nowMs() - this.#measuredAtMs >= measuredForMs) await this.measure();
  }

  /** What households did, in the transaction that records it: late, again and in any order it comes to the same. */
  async ingest(tx: Db, acts: readonly HouseholdAct[]): Promise<void> {
    const signals = acts.flatMap((act) => signalOfAct(act) ?? []);
    await this.#teller.heed(tx, signals, this.#deps.clock.nowMs());
  }

  /** What became of households elsewhere in the service, in its transaction. */
  async hear(tx: Db, facts: readonly NotableFact[]): Promise<void> {
    const signals = facts.flatMap((fact) => signalOfFact(fact) ?? []);
    await this.#teller.heed(tx, signals, this.#deps.clock.nowMs());
    await this.#asks.hear(tx, facts);
    const erased = facts.flatMap(({ type, data }) =>
      type === "hearth.household.erased" && typeof data.householdId === "string" ? [data.householdId] : [],
    );
    // Whatever was said of it on the way is gone with it.
    if (erased.length > 0) {
      await this.#store.erase(tx, erased);
      await this.#asks.erase(tx, erased);
    }
  }

  /** The stage of each household; of whom nothing is known yet, acquisition. */
  async stages(db: Db, householdIds: readonly string[]): Promise<Map<string, Stage>> {
    const found = await this.#store.stages(db, householdIds);
    return new Map(householdIds.map((id) => [id, found.get(id) ?? "acquisition"]));
  }

  /** The changes of a household's stage, newest first. */
  async timeline(householdId: string, page: TimelinePage): Promise<HouseholdEntry[]> {
    const changes = await this.#views.changesBefore(this.#deps.db, householdId, page.beforeMs, page.limit);
    return changes.map(({ place, atMs, from, to, causes }) => ({
      atMs,
      kind: "stage",
      id: `${householdId}/${place}`,
      title: `${from === null ? "Begins in" : `From ${from} to`} ${to}: ${causes.map(causeWords).join("; ")}`,
      data: { from, to, causes },
    }));
  }

  /** What comes with time alone, and what a new definition changes. About every second. */
  async tick(): Promise<void> {
    const { db, clock } = this.#deps;
    const once = () =>
      transaction(db, async (tx) => {
        const nowMs = clock.nowMs();
        const held = await this.#store.holdDue(tx, nowMs, this.definitions.inForce.version, atOnce);
        await this.#teller.wait(tx, held, nowMs);
        return held.length;
      });
    while ((await once()) === atOnce);
    await this.#asks.tick();
  }

  /** Measures how long changes of stage usually take. Every few minutes. */
  async measure(): Promise<void> {
    this.#usualDays = await this.#views.usualDays(this.#deps.db);
    this.#measuredAtMs = this.#deps.clock.nowMs();
  }

  /** Puts signals together that are older than they are kept. Every hour. */
  async trim(): Promise<void> {
    const { db, clock } = this.#deps;
    const untilMs = clock.nowMs() - keptMs;
    const once = () =>
      transaction(db, async (tx) => {
        const held = await this.#store.holdOld(tx, untilMs - slackMs, atOnce);
        await this.#teller.putTogether(tx, held, untilMs);
        return held.length;
      });
    while ((await once()) === atOnce);
  }

  /** What somebody was before they paired is part of the household's life. */
  async merged(tx: Db, merge: Merged): Promise<void> {
    await this.#store.merge(tx, merge);
    await this.#teller.anew(tx, [merge.into], this.#deps.clock.nowMs());
  }

  async unmerged(tx: Db, merge: Unmerged): Promise<void> {
    await this.#store.unmerge(tx, merge);
    await this.#teller.anew(tx, [merge.from, merge.into], this.#deps.clock.nowMs());
  }

  /** Whoever leaves in anger is called by a person. */
  async #lookAfter(tx: Db, told: readonly ToldChange[]): Promise<void> {
    for (const change of told) {
      const wanted = change.isCurrent ? dissatisfied(change) : null;
      if (wanted === null) continue;
      const about = { householdId: change.householdId, device: null, severity: "service" as const };
      await this.#deps.service.openFor(tx, { ...about, ...wanted, dedupeKey: "dissatisfied" }, self);
    }
  }
}
