import { createHash } from "node:crypto";
import type { Outbox } from "../events/events.ts";
import type { Households, Merged, Unmerged } from "../households/households.ts";
import { changedMeanwhile, newestOf, type Overtaken } from "../platform/based-on.ts";
import type { Clock } from "../platform/clock.ts";
import { contested, type Db, transaction } from "../platform/database.ts";
import type { HouseholdData } from "../platform/household-data.ts";
import type { Ids } from "../platform/ids.ts";
import { type Refused, refused } from "../platform/refused.ts";
import type { HouseholdEntry, TimelinePage } from "../platform/timeline.ts";
import { type Audit, type Principal, principalText } from "../staff/staff.ts";
import { ConsentStore, type NewReceipt, toReceipt, toSpoken } from "./consent-store.ts";
import {
  carried,
  type Choice,
  type ConsentReceipt,
  type ConsentText,
  choiceOf,
  heldBy,
  type NewConsentText,
  type Purpose,
  speak,
  type Standing,
} from "./core/consent.ts";
import { ownData } from "./own-data.ts";

export { consentFacts } from "./consent-store.ts";
export type { Purpose } from "./core/consent.ts";
export { consentProblems } from "./errors.ts";

/** A clock of somebody else may be ahead by so much. */
const aheadMsMax = 5 * 60_000;
/** Most versions of one text that are shown. */
const versionsShown = 50;

/** What somebody said, and where: the household itself, or staff for it. */
export interface Said {
  purpose: Purpose;
  party: string | null;
  /** What they read; null where they withdraw, which needs no words. */
  text: { locale: string; version: number } | null;
  channel: string;
  evidence: string | null;
  atMs?: number | undefined;
}

export type SaidRefusal =
  | "consent_household_not_found"
  | "consent_text_not_found"
  | "consent_text_outdated"
  | "party_without_share"
  | "run_is_the_contract"
  | "objection_stands"
  | "word_from_the_future";

interface ConsentDeps {
  db: Db;
  clock: Clock;
  ids: Ids;
  audit: Audit;
  outbox: Outbox;
  households: Pick<Households, "hold" | "onMerged" | "onUnmerged" | "partsOf">;
}

/**
 * What households agreed to: in which words, when, where, and for what in return. Receipts are only ever added; what holds now is the newest
 * word on each purpose, written beside its receipt in the same transaction, so that whoever asks next hears of it.
 */
export class Consent {
  readonly #deps: ConsentDeps;
  readonly #store = new ConsentStore();
  readonly householdData: readonly HouseholdData[] = ownData(this.#store);

  constructor(deps: ConsentDeps) {
    this.#deps = deps;
    deps.households.onMerged((tx, merge) => this.#merged(tx, merge));
    deps.households.onUnmerged((tx, merge) => this.#unmerged(tx, merge));
  }

  /** The purposes that each household agreed to; `run` is always among them. With `share` they agreed to one party at least. */
  async agreed(db: Db, householdIds: readonly string[]): Promise<Map<string, ReadonlySet<Purpose>>> {
    const held = new Map(householdIds.map((id) => [id, new Set<Purpose>(["run"])]));
    for (const { householdId, purpose } of await this.#store.given(db, householdIds))
      held.get(householdId)?.add(purpose);
    return held;
  }

  /** Those of the households that agreed to a purpose: what their appliances say may be used for it. */
  async agreedTo(db: Db, householdIds: readonly string[], purpose: Choice): Promise<ReadonlySet<string>> {
    const given = await this.#store.given(db, householdIds);
    return new Set(given.flatMap((one) => (one.purpose === purpose ? [one.householdId] : [])));
  }

  /** The third parties with whom each household agreed to share. */
  async sharedWith(db: Db, householdIds: readonly string[]): Promise<Map<string, ReadonlySet<string>>> {
    const parties = new Map(householdIds.map((id) => [id, new Set<string>()]));
    for (const { householdId, party } of await this.#store.given(db, householdIds))
      if (party !== "") parties.get(householdId)?.add(party);
    return parties;
  }

  /** The newest version of each text. */
  texts(): Promise<ConsentText[]> {
    return this.#store.texts(this.#deps.db);
  }

  /** Every version of one text, newest first. */
  versions(of: { purpose: Purpose; party: string | null; locale: string }): Promise<ConsentText[]> {
    return this.#store.versions(this.#deps.db, { ...of, party: of.party ?? "" }, versionsShown);
  }

  /** Puts a text's next version in force. The same words again change nothing. */
  async putText(
    by: Principal,
    given: NewConsentText,
    basedOn?: number,
  ): Promise<{ kind: "put"; text: ConsentText } | Overtaken | Refused<"party_without_share" | "party_unnamed">> {
    const { db, clock, audit } = this.#deps;
    const { purpose, party, partyName, locale, words, inReturn } = given;
    if ((purpose === "share") !== (party !== null)) return refused("party_without_share");
    return transaction(db, async (tx) => {
      await this.#store.lockTexts(tx);
      const createdAtMs = clock.nowMs();
      if (party !== null && !(await this.#store.nameParty(tx, party, partyName, createdAtMs)))
        return refused("party_unnamed");
      const [before] = await this.#store.versions(tx, { purpose, party: party ?? "", locale }, 1);
      if (before?.words === words && before.inReturn === inReturn) return { kind: "put", text: before };
      const other = changedMeanwhile(basedOn, before === undefined ? null : newestOf(before));
      if (other !== null) return other;
      const wordsSha256 = createHash("sha256").update(words).digest("hex");
      const version = (before?.version ?? 0) + 1;
      const made = { wordsSha256, createdAtMs, createdBy: principalText(by) };
      const text: ConsentText = {
        purpose,
        party,
        partyName: partyName ?? null,
        locale,
        version,
        words,
        inReturn,
        ...made,
      };
      await this.#store.insertText(tx, text);
      const subject = `consent_text:${purpose}/${locale}`;
      await audit.record(tx, { principal: by, action: "consent_text.changed", subject, before, after: text });
      return { kind: "put", text };
    });
  }

  /** What holds of a household. */
  standings(householdId: string): Promise<Standing[]> {
    return this.#store.standings(this.#deps.db, householdId);
  }

  /** A household's receipts, newest first, those of prospects that it was among them; null where there is no such household. */
  async receipts(
    householdId: string,
    beforeSequence: number | null,
    limit: number,
  ): Promise<{ items: ConsentReceipt[]; lastSequence: number | null } | null> {
    const { db, households } = this.#deps;
    const parts = await households.partsOf(householdId);
    if (parts.length === 0) return null;
    const rows = await this.#store.receipts(db, parts, beforeSequence, limit);
    return { items: rows.map(toReceipt), lastSequence: rows.at(-1)?.sequence ?? null };
  }

  /** Notes that a household agreed to a purpose, or withdrew, and puts it into force at once. */
  async say(
    by: Principal,
    householdId: string,
    said: Said,
  ): Promise<{ kind: "said"; receipt: ConsentReceipt } | Refused<SaidRefusal>> {
    const { purpose, party, text } = said;
    if (purpose === "run") return refused("run_is_the_contract");
    if ((purpose === "share") !== (party !== null)) return refused("party_without_share");
    const recordedAtMs = this.#deps.clock.nowMs();
    const atMs = said.atMs ?? recordedAtMs;
    if (atMs > recordedAtMs + aheadMsMax) return refused("word_from_the_future");
    return contested(this.#deps.db, async (tx) => {
      const id = (await this.#deps.households.hold(tx, [householdId])).get(householdId);
      if (id === undefined) return refused("consent_household_not_found");
      const read = text === null ? null : await this.#read(tx, { purpose, party, ...text });
      if (typeof read === "string") return refused(read);
      return this.#write(tx, by, id, { ...said, purpose, atMs, recordedAtMs, read });
    });
  }

  /** What households said before a time, newest first. */
  async timeline(householdId: string, page: TimelinePage): Promise<HouseholdEntry[]> {
    const { db, households } = this.#deps;
    const rows = await this.#store.receiptsBefore(db, await households.partsOf(householdId), page.beforeMs, page.limit);
    return rows.map((row) => ({
      atMs: row.at_ms,
      kind: "consent",
      id: row.id,
      title: `${row.decision === "given" ? "Agreed" : "Withdrew"}: ${row.purpose}${row.party === "" ? "" : ` with ${row.party}`}`,
      data: {
        decision: row.decision,
        purpose: row.purpose,
        party: row.party,
        channel: row.channel,
        by: row.by_principal,
      },
    }));
  }

  /** The words that were read, where they are the newest: somebody who read older ones did not agree to these. */
  async #read(
    tx: Db,
    asked: { purpose: Purpose; party: string | null; locale: string; version: number },
  ): Promise<ConsentText | "consent_text_not_found" | "consent_text_outdated"> {
    const versions = await this.#store.versions(tx, { ...asked, party: asked.party ?? "" }, versionsShown);
    const [newest] = versions;
    if (newest === undefined || asked.version > newest.version) return "consent_text_not_found";
    return newest.version === asked.version ? newest : "consent_text_outdated";
  }

  async #write(
    tx: Db,
    by: Principal,
    householdId: string,
    said: Said & { purpose: Choice; atMs: number; recordedAtMs: number; read: ConsentText | null },
  ): Promise<{ kind: "said"; receipt: ConsentReceipt } | Refused<"objection_stands">> {
    const { purpose, channel, evidence, atMs, recordedAtMs, read } = said;
    const party = said.party ?? "";
    const now = (await this.#store.standings(tx, householdId)).find(
      (one) => one.purpose === purpose && one.party === party,
    );
    const decision = read === null ? ("withdrawn" as const) : ("given" as const);
    const outcome = speak(now ?? null, purpose, { decision, atMs, isOwn: by.kind === "owner" });
    if (outcome.kind === "refused") return outcome;
    const receipt: NewReceipt = {
      id: this.#deps.ids.next(),
      householdId,
      purpose,
      party,
      decision,
      textLocale: read?.locale ?? null,
      textVersion: read?.version ?? null,
      wordsSha256: read?.wordsSha256 ?? null,
      inReturn: read?.inReturn ?? null,
      channel,
      evidence,
      atMs,
      recordedAtMs,
      by: principalText(by),
      carriedFrom: null,
    };
    await this.#store.insertReceipts(tx, [receipt]);
    if (outcome.kind === "holds") {
      const standing = { purpose, party, isGiven: decision === "given", atMs, receiptId: receipt.id };
      await this.#store.putStandings(tx, householdId, [standing]);
      await this.#tell(tx, householdId, [standing], recordedAtMs);
    }
    const after = { purpose, party, decision, receiptId: receipt.id, channel };
    const subject = `household:${householdId}`;
    await this.#deps.audit.record(tx, { principal: by, action: `consent.${decision}`, subject, after });
    const { householdId: _id, ...rest } = receipt;
    return { kind: "said", receipt: { ...rest, party: said.party, words: read?.words ?? null } };
  }

  async #tell(
    tx: Db,
    householdId: string,
    changed: readonly Standing[],
    atMs: number,
    carriedBy?: string,
  ): Promise<void> {
    await this.#deps.outbox.add(
      tx,
      changed.map(({ purpose, party, isGiven }) => ({
        type: `hearth.consent.${isGiven ? "given" : "withdrawn"}`,
        subject: `household:${householdId}`,
        atMs,
        data: {
          householdId,
          purpose,
          ...(party === "" ? {} : { party }),
          ...(carriedBy === undefined ? {} : { carriedBy }),
        },
      })),
    );
  }

  /** What the prospect said holds for the household that it is. Its own receipts stay its own, so that the merge can be undone. */
  async #merged(tx: Db, { mergeId, from, into }: Merged): Promise<void> {
    const [theirs, ours] = [await this.#store.standings(tx, from), await this.#store.standings(tx, into)];
    await this.#repeat(tx, into, carried(theirs, ours), { channel: "merge", evidence: mergeId });
  }

  /**
   * What holds because somebody said it who is gone again is as it would be without them: what the household said itself, and what those
   * who stay brought, in the order in which it came.
   */
  async #unmerged(tx: Db, { mergeId, into, parts, staying }: Unmerged): Promise<void> {
    const gone = new Set(parts);
    const now = await this.#store.standings(tx, into);
    const speakers = await this.#store.speakers(
      tx,
      now.map(({ receiptId }) => receiptId),
    );
    const theirs = now.filter(({ receiptId }) => gone.has(speakers.get(receiptId) ?? ""));
    if (theirs.length === 0) return;
    const came = await Promise.all(
      staying.map(async ({ from, atMs }) => ({ atMs, standings: await this.#store.standings(tx, from) })),
    );
    const own = await this.#store.receipts(tx, [into], null, 1_000);
    const words = own.flatMap((row) => (row.carried_from === null ? [toSpoken(row)] : [])).toReversed();
    const held = heldBy(words, came);
    const back = theirs.flatMap((one) => held.get(choiceOf(one)) ?? []);
    await this.#repeat(tx, into, back, { channel: "unmerge", evidence: mergeId });
    const never = theirs.filter((one) => !held.has(choiceOf(one)));
    await this.#store.removeStandings(tx, into, never);
    const ended = never.filter(({ isGiven }) => isGiven).map((one) => ({ ...one, isGiven: false }));
    await this.#tell(tx, into, ended, this.#deps.clock.nowMs(), "unmerge");
  }

  /** Writes receipts that repeat others, and puts them into force. */
  async #repeat(
    tx: Db,
    householdId: string,
    standings: readonly Standing[],
    how: { channel: string; evidence: string },
  ): Promise<void> {
    const { ids, clock } = this.#deps;
    const recordedAtMs = clock.nowMs();
    const originals = await this.#store.receiptsById(
      tx,
      standings.map(({ receiptId }) => receiptId),
    );
    const copies = originals.map((row) => {
      const { words: _words, ...same } = toReceipt(row);
      const copy = { id: ids.next(), householdId, party: row.party, ...how, recordedAtMs, by: "system" };
      return { ...same, ...copy, carriedFrom: row.carried_from ?? row.id };
    });
    await this.#store.insertReceipts(tx, copies);
    const put = copies.map((copy): Standing => {
      const { purpose, party, decision, atMs, id } = copy;
      return { purpose, party, isGiven: decision === "given", atMs, receiptId: id };
    });
    await this.#store.putStandings(tx, householdId, put);
    await this.#tell(tx, householdId, put, recordedAtMs, how.channel);
  }
}
