import { createHmac } from "node:crypto";
import {
  type HouseholdAct,
  type Households,
  moveRows,
  moveRowsBack,
  type NewProspect,
  type Reference,
} from "../households/households.ts";
import type { AfterCommit } from "../ingest/ingest.ts";
import type { Clock } from "../platform/clock.ts";
import { contested, type Db } from "../platform/database.ts";
import type { HouseholdData } from "../platform/household-data.ts";
import type { HouseholdEntry, TimelinePage } from "../platform/timeline.ts";
import { type Principal, principalText } from "../staff/staff.ts";
import { aheadMsMax, contentOf, type FactOutcome, type OutsideFact, readFact, refusal } from "./core/fact.ts";
import { FactsStore, type Identity, type StoredFact } from "./facts-store.ts";
import { ownData } from "./own-data.ts";

export { factProblems } from "./errors.ts";

interface FactsDeps {
  db: Db;
  clock: Clock;
  households: Pick<Households, "hold" | "prospects" | "partsOf" | "onMerged" | "onUnmerged">;
  /** Of this installation: what identities are kept under. */
  secret: Buffer;
  /** What follows from what a household did, in the transaction that stores it. */
  follow: (tx: Db, acts: readonly HouseholdAct[]) => Promise<AfterCommit[]>;
}

/** A fact on its way through `receive`. */
interface Incoming {
  /** Its place in the batch. */
  at: number;
  fact: OutsideFact;
  identity: Identity;
}

/** What households did outside their appliances, as web sites, apps, shops and people report it. */
export class Facts {
  readonly #deps: FactsDeps;
  readonly #store = new FactsStore();
  readonly householdData: readonly HouseholdData[] = ownData(this.#store);

  constructor(deps: FactsDeps) {
    this.#deps = deps;
    deps.households.onMerged((tx, merge) => moveRows(tx, "outside_fact", merge));
    deps.households.onUnmerged((tx, merge) => moveRowsBack(tx, "outside_fact", merge));
  }

  /**
   * Takes a batch of facts, each by itself: what is wrong with one does not concern its neighbours. What is accepted is stored, and what
   * follows from it happens, in one transaction. Sent again it is a duplicate and does nothing, for ever.
   *
   * @param items as they were sent
   * @returns an outcome for each, in their order
   */
  async receive(by: Principal, items: readonly unknown[]): Promise<FactOutcome[]> {
    const outcomes = new Map<number, FactOutcome>();
    const incoming: Incoming[] = [];
    for (const [at, item] of items.entries()) {
      const read = readFact(at, item);
      if (read.kind === "refused") outcomes.set(at, read.outcome);
      else incoming.push({ at, fact: read.fact, identity: this.#identity(read.fact) });
    }
    const afterCommit = await contested(this.#deps.db, (tx) => this.#receive(tx, by, incoming, outcomes));
    for (const after of afterCommit) after?.();
    return items.map((_item, at) => outcomes.get(at) ?? unreached());
  }

  /** A household's facts, newest first, below `before` where given; null where there is no such household. */
  async list(
    householdId: string,
    before: { atMs: number; sequence: number } | null,
    limit: number,
  ): Promise<StoredFact[] | null> {
    if ((await this.#deps.households.partsOf(householdId)).length === 0) return null;
    return this.#store.list(this.#deps.db, householdId, before, limit);
  }

  async timeline(householdId: string, page: TimelinePage): Promise<HouseholdEntry[]> {
    const before = { atMs: page.beforeMs, sequence: 0 };
    const facts = await this.#store.list(this.#deps.db, householdId, before, page.limit);
    return facts.map(({ sequence, atMs, type, source, data }) => ({
      atMs,
      kind: "fact",
      id: String(sequence),
      title: `${type} (${source})`,
      data: { ...data, type, source },
    }));
  }

  /** @param outcomes is filled; what an earlier try wrote there is written again */
  async #receive(
    tx: Db,
    by: Principal,
    incoming: readonly Incoming[],
    outcomes: Map<number, FactOutcome>,
  ): Promise<AfterCommit[]> {
    await this.#store.lockSources(
      tx,
      incoming.map(({ fact }) => fact.source),
    );
    const fresh = await this.#fresh(tx, incoming, outcomes);
    const owners = await this.#owners(tx, by, fresh);
    const receivedAtMs = this.#deps.clock.nowMs();
    const accepted = fresh.flatMap((one) => {
      const addressedId = owners.addressed(one.fact);
      const householdId = addressedId === undefined ? undefined : owners.held.get(addressedId);
      if (addressedId === undefined || householdId === undefined) {
        const reason = "householdId" in one.fact ? "household_unknown" : "reference_unknown";
        outcomes.set(one.at, refusal(one.at, one.fact.id, reason));
        return [];
      }
      outcomes.set(one.at, { at: one.at, id: one.fact.id, outcome: "accepted", householdId });
      return [{ ...one, addressedId, householdId }];
    });
    await this.#store.insertIdentities(
      tx,
      accepted.map(({ identity }) => identity),
    );
    const rows = accepted.map(({ fact: { source, id, type, atMs, data }, addressedId, householdId }) => ({
      householdId,
      addressedId,
      source,
      id,
      type,
      atMs,
      receivedAtMs,
      by: principalText(by),
      data,
    }));
    await this.#store.insert(tx, rows);
    const acts = rows.map(actOf);
    return acts.length === 0 ? [] : this.#deps.follow(tx, acts);
  }

  /** Those of a batch that were never accepted; of the others the outcome is noted. An id that comes twice in a batch counts once. */
  async #fresh(tx: Db, incoming: readonly Incoming[], outcomes: Map<number, FactOutcome>): Promise<Incoming[]> {
    const known = await this.#store.known(
      tx,
      incoming.map(({ identity }) => identity),
    );
    const latestMs = this.#deps.clock.nowMs() + aheadMsMax;
    return incoming.filter(({ at, fact, identity }) => {
      const key = this.#store.identityKey(identity);
      const before = known.get(key);
      if (before === undefined && fact.atMs > latestMs) {
        outcomes.set(at, refusal(at, fact.id, "at_in_the_future"));
        return false;
      }
      if (before === undefined) {
        known.set(key, identity.contentHmac);
        return true;
      }
      const isSame = before.equals(identity.contentHmac);
      outcomes.set(
        at,
        isSame ? { at, id: fact.id, outcome: "duplicate" } : refusal(at, fact.id, "id_with_other_content"),
      );
      return false;
    });
  }

  /** Whose each fact is, with the households held. A prospect is made for whom nobody has, where its fact asks for one. */
  async #owners(tx: Db, by: Principal, fresh: readonly Incoming[]) {
    const { prospects, hold } = this.#households();
    const references = new Map<string, { reference: Reference; prospect: NewProspect | undefined }>();
    for (const { fact } of fresh) {
      if (!("reference" in fact)) continue;
      const key = prospects.keyOf(fact.reference);
      const prospect = references.get(key)?.prospect ?? fact.prospect;
      references.set(key, { reference: fact.reference, prospect });
    }
    const named = await prospects.named(
      tx,
      [...references.values()].map(({ reference }) => reference),
    );
    const wanted = [...references].flatMap(([key, { reference, prospect }]) =>
      named.has(key) || prospect === undefined ? [] : [{ reference, prospect }],
    );
    for (const [key, id] of await prospects.make(tx, by, wanted)) named.set(key, id);
    const addressed = (fact: OutsideFact): string | undefined =>
      "householdId" in fact ? fact.householdId : named.get(prospects.keyOf(fact.reference));
    const held = await hold(tx, [...new Set(fresh.flatMap(({ fact }) => addressed(fact) ?? []))]);
    return { addressed, held };
  }

  #households() {
    const { households } = this.#deps;
    return { prospects: households.prospects, hold: households.hold.bind(households) };
  }

  /** Keyed, so that nobody who has the database can try ids or contents against it, also when the household is erased. */
  #identity(fact: OutsideFact): Identity {
    const hmac = (text: string) => createHmac("sha256", this.#deps.secret).update(text).digest();
    return {
      source: fact.source,
      idHmac: hmac(`fact id ${fact.source} ${fact.id}`),
      contentHmac: hmac(`fact content ${fact.source} ${fact.id} ${contentOf(fact)}`),
    };
  }
}

/** Every item has an outcome by the time a batch is answered. */
function unreached(): never {
  throw new Error("a fact of a batch was left without an outcome");
}

const actOf = ({
  householdId,
  source,
  id,
  type,
  atMs,
  data,
}: Pick<StoredFact, "householdId" | "source" | "id" | "type" | "atMs" | "data">): HouseholdAct => ({
  householdId,
  source: `${source}:${id}`,
  origin: source,
  type,
  atMs,
  data,
  device: null,
});

/** Those that are kept, as acts: of these types, in a time, the earliest first. */
export const factActs = async (
  db: Db,
  asked: Parameters<FactsStore["ofTypes"]>[1],
  limit: number,
): Promise<HouseholdAct[]> => (await new FactsStore().ofTypes(db, asked, limit)).map(actOf);
