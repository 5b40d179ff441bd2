import type { DeviceRef } from "../devices/devices.ts";
import type { Merged, Unmerged } from "../households/households.ts";
import { contested, type Db } from "../platform/database.ts";
import { type Refused, refused } from "../platform/refused.ts";
import { type Audit, type Principal, principalText } from "../staff/staff.ts";
import { appliancesOf } from "./case-appliances.ts";
import { CaseChanges, type CaseChangesDeps } from "./case-changes.ts";
import type { ServiceAppliances } from "./case-appliances.ts";
import type { CaseWithDevice } from "./case-desk.ts";
import { CaseMergesStore, type MergedPart } from "./case-merges-store.ts";
import type { ConversationStore } from "./conversation-store.ts";
import type { ServiceCase } from "./case-row.ts";
import { joined, mergedCasesMax, mergeRefusal, type MergeRefusal, parted } from "./core/case-merge.ts";
import { isClosed, ownerWaits } from "./core/case-promise.ts";
import { stepCase } from "./core/case.ts";

export interface CaseMergesDeps extends CaseChangesDeps {
  db: Db;
  audit: Audit;
  appliances: ServiceAppliances;
  talk: ConversationStore;
}

/** Most cases that are offered to go into. */
const candidatesMax = 20;
const byHouseholds: Principal = { kind: "service", name: "households" };

type DeviceOf = (serviceCase: Pick<ServiceCase, "deviceKey">) => DeviceRef | undefined;

/** Cases that are one matter, and those that turn out not to be. */
export class CaseMerges {
  readonly #deps: CaseMergesDeps;
  readonly #store = new CaseMergesStore();

  constructor(deps: CaseMergesDeps) {
    this.#deps = deps;
  }

  /** The cases that went into one, as they came. */
  async parts(caseId: string): Promise<(Omit<MergedPart, "deviceKey"> & { deviceId: string | null })[]> {
    const found = await this.#store.parts(this.#deps.db, caseId);
    const deviceOf = await appliancesOf(this.#deps.appliances, found);
    return found.map(({ deviceKey, ...part }) => ({ ...part, deviceId: deviceOf({ deviceKey })?.id ?? null }));
  }

  /** The open cases that one can go into; null where there is no such case. */
  async targets(caseId: string): Promise<CaseWithDevice[] | null> {
    const { db, store, appliances } = this.#deps;
    const from = await store.get(db, caseId);
    if (from === null) return null;
    const candidates = await this.#store.candidates(db, from, candidatesMax);
    const found = candidates.filter((into) => mergeRefusal(from, into) === null);
    const deviceOf = await appliancesOf(appliances, found);
    return found.map((serviceCase) => ({ serviceCase, deviceId: deviceOf(serviceCase)?.id ?? null }));
  }

  /** Puts a case into another one: what was said and done in it goes along, what was promised in it ends, and is owed there. */
  merge(
    by: Principal,
    pair: { from: string; into: string },
    note: string | null,
  ): Promise<
    { kind: "merged" } | Refused<MergeRefusal | "case_not_found" | "case_merge_target_unknown" | "case_merge_too_many">
  > {
    const { db, store, audit, appliances } = this.#deps;
    return contested(db, async (tx) => {
      const held = await store.lockAll(tx, [pair.from, pair.into]);
      const from = held.find(({ id }) => id === pair.from);
      const into = held.find(({ id }) => id === pair.into);
      if (from === undefined) return refused("case_not_found");
      if (into === undefined) return refused("case_merge_target_unknown");
      const rule = mergeRefusal(from, into);
      if (rule !== null) return refused(rule, whither(rule === "case_merged" ? from : into));
      const [ours, theirs] = [await this.#store.partsOf(tx, from.id), await this.#store.partsOf(tx, into.id)];
      if (ours.length + theirs.length > mergedCasesMax + 1) return refused("case_merge_too_many");
      await this.#join(tx, by, { from, into, note }, await appliancesOf(appliances, [from, into]));
      await audit.record(tx, {
        principal: by,
        action: "case.merged",
        subject: `case:${from.id}`,
        before: { status: from.state.status, assignee: from.assignee },
        after: { into: into.id },
      });
      return { kind: "merged" };
    });
  }

  /** Takes a case out of the one that it went into, with what came along, and what was promised for it. */
  unmerge(
    by: Principal,
    id: string,
    note: string | null,
  ): Promise<{ kind: "unmerged" } | Refused<"case_not_found" | "case_not_merged" | "case_merge_other_household">> {
    const { db, store } = this.#deps;
    return contested(db, async (tx) => {
      const known = await store.get(tx, id);
      if (known === null) return refused("case_not_found");
      const { from, into } = await this.#holdBoth(tx, id);
      if (into === null) return refused("case_not_merged");
      if (from.householdId !== into.householdId) return refused("case_merge_other_household");
      await this.#split(tx, by, { from, into, note });
      return { kind: "unmerged" };
    });
  }

  /** A household became part of another: its cases are that one's. In its transaction. */
  householdMerged(tx: Db, merge: Merged): Promise<void> {
    return this.#store.householdMerged(tx, merge);
  }

  /** It was another household all the same: its cases go back, and none of either stays in one of the other's. */
  async householdUnmerged(tx: Db, merge: Unmerged): Promise<void> {
    for (const id of await this.#store.householdUnmerged(tx, merge)) {
      const both = await this.#holdBoth(tx, id);
      if (both.into !== null) await this.#split(tx, byHouseholds, { from: both.from, into: both.into, note: null });
    }
  }

  /** A case and the one that stands for it now, held; `into` is null where it stands for itself. */
  async #holdBoth(tx: Db, id: string): Promise<{ from: ServiceCase; into: ServiceCase | null }> {
    const { store } = this.#deps;
    for (;;) {
      const final = await store.finalOf(tx, id);
      const held = await store.lockAll(tx, [id, final]);
      const from = held.find((one) => one.id === id);
      const into = held.find((one) => one.id === final);
      if (from === undefined || into === undefined) throw new Error("a case is never deleted");
      // It may have gone elsewhere while it was waited for.
      if ((await store.finalOf(tx, id)) === final) return { from, into: final === id ? null : into };
    }
  }

  async #join(
    tx: Db,
    by: Principal,
    { from, into, note }: { from: ServiceCase; into: ServiceCase; note: string | null },
    deviceOf: DeviceOf,
  ): Promise<void> {
    const { clock, policies, talk } = this.#deps;
    const line = { atMs: clock.nowMs(), by: principalText(by) };
    const ended = stepCase(from.state, { kind: "merged", ...line, intoId: into.id });
    if (ended.kind === "refused") throw new Error(`a case that may be merged is not: ${ended.rule}`);
    const spoken = await talk.get(tx, from.id);
    const waitedMs = await talk.waitsSinceMs(tx, from.id);
    await this.#store.moveInto(tx, from.id, into.id);
    const made = new CaseChanges(this.#deps);
    const terms = (severity: ServiceCase["severity"]) => policies.terms(severity);
    const data = { case: from.id, cause: from.cause, severity: from.severity };
    const { assignee, assignedAtMs } = into.assignee === null ? from : into;
    const owedSinceMs = waitedMs ?? (spoken !== null && from.promise.answeredAtMs === null ? from.knownAtMs : null);
    const isOwedAnew = into.promise.answeredAtMs !== null && owedSinceMs !== null;
    const together = joined(from, into, terms, isOwedAnew ? owedSinceMs : null);
    let after = made.add(
      { ...into, ...together, assignee, assignedAtMs },
      { kind: "merged", ...line, text: note, data },
      deviceOf(into)?.id ?? null,
      false,
    );
    // The owner's word that it waited for may have come in the other one.
    const heard =
      from.state.status === "waiting_for_staff"
        ? stepCase(after.state, { kind: "owner_answered", atMs: line.atMs })
        : null;
    if (heard?.kind === "moved")
      after = made.move(after, heard.to, { ...line, text: null, data: {} }, deviceOf(into)?.id ?? null);
    const gone = { ...line, text: null, data: { into: into.id } };
    made.move(from, ended.to, gone, deviceOf(from)?.id ?? null);
    await made.write(tx);
    const { escalatesAtMs } = ownerWaits(owedSinceMs ?? 0, 0, terms(after.severity));
    await talk.joined(tx, from.id, into.id, isOwedAnew ? { sinceMs: owedSinceMs, escalatesAtMs } : null);
  }

  async #split(
    tx: Db,
    by: Principal,
    { from, into, note }: { from: ServiceCase; into: ServiceCase; note: string | null },
  ): Promise<void> {
    const { clock, appliances, audit, policies } = this.#deps;
    const deviceOf = await appliancesOf(appliances, [from, into]);
    const line = { atMs: clock.nowMs(), by: principalText(by) };
    // What was solved together is solved, and of one cause one case is open.
    const isOver = isClosed(into.state.status) || (await this.#store.isReplaced(tx, from.id));
    const step = stepCase(from.state, { kind: "unmerged", ...line, isOver });
    if (step.kind === "refused") throw new Error(`a case that was merged is not: ${step.rule}`);
    const parts = await this.#store.partsOf(tx, from.id);
    await this.#store.moveBack(tx, from.id, parts);
    await this.#stopOwing(tx, { from, into, parts }, step.to.status === "open");
    const made = new CaseChanges(this.#deps);
    const terms = (severity: ServiceCase["severity"]) => policies.terms(severity);
    // Whoever has it because they had the other one has that one.
    const inherited =
      from.assignee !== null && into.assignee === from.assignee && into.assignedAtMs === from.assignedAtMs;
    const alone = {
      ...into,
      ...parted(parts, into, terms),
      ...(inherited ? { assignee: null, assignedAtMs: null } : {}),
    };
    made.move(from, step.to, { ...line, text: note, data: { from: into.id } }, deviceOf(from)?.id ?? null);
    const data = { case: from.id };
    made.add(alone, { kind: "unmerged", ...line, text: null, data }, deviceOf(into)?.id ?? null, false);
    await made.write(tx);
    await audit.record(tx, {
      principal: by,
      action: "case.unmerged",
      subject: `case:${from.id}`,
      before: { into: into.id },
      after: { status: step.to.status },
    });
  }

  /** What was promised for a case is owed no more in those that it was in: the one that stands, and any between. */
  async #stopOwing(
    tx: Db,
    { from, into, parts }: { from: ServiceCase; into: ServiceCase; parts: readonly string[] },
    goesOn: boolean,
  ): Promise<void> {
    const { store, talk, policies } = this.#deps;
    const terms = (severity: ServiceCase["severity"]) => policies.terms(severity);
    const between = await store.lockAll(tx, await this.#store.between(tx, from.id, into.id));
    await store.write(
      tx,
      between.map((one) => ({ ...one, ...parted(parts, one, terms) })),
    );
    for (const { caseId, waitsSinceMs } of into.promise.takenOver?.offers ?? []) {
      if (waitsSinceMs === null || !parts.includes(caseId)) continue;
      const stillWaits = await talk.waitsNoMore(tx, into.id, waitsSinceMs);
      // Where it owes its first answer, that is promised anyway.
      if (stillWaits && goesOn && from.promise.answeredAtMs !== null) {
        const { escalatesAtMs } = ownerWaits(waitsSinceMs, 0, terms(from.severity));
        await talk.ownerWaits(tx, from.id, waitsSinceMs, escalatesAtMs);
      }
    }
  }
}

/** Where a case is that cannot be merged because it is in another one. */
const whither = ({ state }: ServiceCase): string | undefined =>
  state.status === "merged" ? `It went into case ${state.intoId}.` : undefined;
