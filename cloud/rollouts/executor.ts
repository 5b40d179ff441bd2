import type { Release } from "../firmware/firmware.ts";
import { type Db, transaction } from "../platform/database.ts";
import type { Principal } from "../staff/staff.ts";
import type { Freeze } from "./core/freeze.ts";
import { plan, type Step } from "./core/planner.ts";
import type { RolloutEvent, RolloutRefusal } from "./core/rollout.ts";
import type { Target } from "./eligibility.ts";
import { fleetViews, plannedOf, toFreeze } from "./fleet-views.ts";
import type { Journal, Note } from "./journal.ts";
import { measureGates } from "./measuring.ts";
import * as members from "./members-store.ts";
import { type Refused, type RolloutsDeps } from "./ports.ts";
import * as store from "./rollouts-store.ts";
import { startMembers } from "./starting.ts";
import type { Targets } from "./targets.ts";

/** How often appliances whose facts changed are looked for. */
const followEveryMs = 5_000;
/** A change may be committed so long after the time that it bears: what was looked at already is looked at again. */
const lateCommitMs = 60_000;
const minuteMs = 60_000;

/** Stays put while one tick lasts: releases are looked up once. */
interface Known {
  freezes: Freeze[];
  releases: Map<string, Release>;
  withdrawn: Map<string, { reason: string }>;
}

/**
 * Carries out what the planner says, each rollout in a transaction of its own under its row's lock. Nothing is remembered between two
 * ticks: whatever process ticks next goes on from the database.
 */
export class Executor {
  readonly #deps: RolloutsDeps;
  readonly #targets: Targets;
  readonly #journal: Journal;

  constructor(deps: RolloutsDeps, targets: Targets, journal: Journal) {
    this.#deps = deps;
    this.#targets = targets;
    this.#journal = journal;
  }

  /** Looks at every rollout that is alive. One that fails keeps none of the others. */
  async tick(nowMs: number): Promise<void> {
    const { db, telemetry, onError } = this.#deps;
    const rollouts = await store.aliveRollouts(db);
    if (rollouts.length === 0) return;
    const known = await this.#known(db, rollouts, nowMs);
    const views = await fleetViews(db, rollouts, known, nowMs);
    for (const row of rollouts) {
      try {
        await measureGates(db, telemetry, row, nowMs);
        const view = views.get(row.id);
        const isDue = isFollowDue(row, nowMs) || (view !== undefined && plan(plannedOf(row), view, nowMs).length > 0);
        if (isDue) await transaction(db, (tx) => this.#carryOn(tx, row.id, known, nowMs));
      } catch (error) {
        onError(error, row.id);
      }
    }
  }

  async #known(db: Db, rollouts: readonly store.RolloutRow[], nowMs: number): Promise<Known> {
    const freezes = (await store.freezesUntil(db, nowMs)).map(toFreeze);
    const known: Known = { freezes, releases: new Map(), withdrawn: new Map() };
    for (const id of new Set(rollouts.map((row) => row.release_id))) {
      const release = await this.#deps.firmware.release(id);
      if (release === null) throw new Error(`a rollout's release ${id} is gone`);
      known.releases.set(id, release);
      if (release.state === "withdrawn") known.withdrawn.set(id, { reason: "release_withdrawn" });
    }
    return known;
  }

  /** Plans again under the lock, since another process may have been faster, and carries it out. */
  async #carryOn(tx: Db, id: string, known: Known, nowMs: number): Promise<void> {
    const row = await store.lockFreeRollout(tx, id);
    if (row === null) return;
    if (isFollowDue(row, nowMs)) await this.#follow(tx, row, nowMs);
    const view = (await fleetViews(tx, [row], known, nowMs)).get(id);
    if (view === undefined) return;
    for (const step of plan(plannedOf(row), view, nowMs)) await this.#carryOut(tx, row, step, nowMs);
  }

  async #carryOut(tx: Db, row: store.RolloutRow, step: Step, nowMs: number): Promise<void> {
    switch (step.kind) {
      case "begin": {
        const outcome = await this.begin(tx, row, nowMs);
        if (outcome.kind === "refused") {
          const reason = [outcome.rule, outcome.detail].filter((text) => text !== undefined).join(": ");
          await this.stop(tx, row, { kind: "abort", atMs: nowMs, by: "system", reason }, nowMs);
        }
        return;
      }
      case "start": {
        const resolved = await this.#targets.resolve(row.plan);
        // Withdrawn a moment ago: the next tick ends the rollout.
        if (resolved.kind === "refused") return;
        await startMembers(tx, this.#deps, { row, ...resolved }, step, nowMs);
        return;
      }
      case "soak":
        return this.#move(
          tx,
          row,
          { kind: "soak", atMs: nowMs, stage: step.stage },
          { what: "soaking", stage: step.stage },
        );
      case "advance":
        return this.#move(
          tx,
          row,
          { kind: "advance", atMs: nowMs, stage: step.stage },
          { what: "stage_passed", stage: step.stage },
        );
      case "wait_for_approval":
        return this.#move(
          tx,
          row,
          { kind: "ask", atMs: nowMs, stage: step.stage },
          { what: "approval_asked", stage: step.stage },
        );
      case "finish":
        return this.#move(tx, row, { kind: "finish", atMs: nowMs }, { what: "finished" });
      case "halt":
        return this.stop(tx, row, { kind: "trip", atMs: nowMs, stage: step.stage, verdict: step.verdict }, nowMs);
      case "abort":
        return this.stop(tx, row, { kind: "abort", atMs: nowMs, by: "system", reason: step.reason }, nowMs);
    }
  }

  /** What the planner asks for, the state allows: anything else is a mistake of ours. */
  async #move(tx: Db, row: store.RolloutRow, event: RolloutEvent, note: Note): Promise<void> {
    const outcome = await this.#journal.move(tx, row, event, note);
    if (outcome.kind === "refused") throw new Error(`the planner's ${event.kind} was refused: ${outcome.rule}`);
  }

  /** Assigns a scheduled rollout's members and has it run. Refused where its target is empty by now, or claimed by somebody else. */
  async begin(
    tx: Db,
    row: store.RolloutRow,
    nowMs: number,
    by?: Principal,
  ): Promise<{ kind: "moved" } | Refused | { kind: "refused"; rule: RolloutRefusal; detail?: string }> {
    await store.allowLong(tx);
    await store.claimModel(tx, row.model);
    const resolved = await this.#targets.resolve(row.plan);
    if (resolved.kind === "refused") return resolved;
    const unavailable = await this.#targets.unavailable(tx, resolved.target, row.id, nowMs);
    if (unavailable !== null) return unavailable;
    const refusal = this.#journal.refusal(row, { kind: "begin", atMs: nowMs });
    if (refusal !== null) return { kind: "refused", rule: refusal };
    const { id, plan: wanted } = row;
    const assigned = await members.assignMembers(tx, { id, stages: wanted.stages }, resolved.target, nowMs);
    if (assigned === 0) throw new Error("a target that had somebody is empty in the same transaction");
    await store.setFollowed(tx, id, nowMs);
    row.followed_to_ms = nowMs;
    // Last: the audit log's lock is held from here to the commit, and assigning a million takes its time.
    const note = { what: "begun", data: { members: assigned } };
    return this.#journal.move(tx, row, { kind: "begin", atMs: nowMs }, note, by);
  }

  /** Ends a rollout early: what has begun goes on, what has not is called back, and nobody else starts. */
  async stop(
    tx: Db,
    row: store.RolloutRow,
    event: Extract<RolloutEvent, { kind: "abort" | "trip" }>,
    nowMs: number,
    by?: Principal,
  ): Promise<void> {
    const outcome = await this.tryStop(tx, row, event, nowMs, by);
    if (outcome.kind === "refused") throw new Error(`the planner's ${event.kind} was refused: ${outcome.rule}`);
  }

  async tryStop(
    tx: Db,
    row: store.RolloutRow,
    event: Extract<RolloutEvent, { kind: "abort" | "trip" }>,
    nowMs: number,
    by?: Principal,
  ): Promise<{ kind: "moved" } | { kind: "refused"; rule: RolloutRefusal }> {
    const refusal = this.#journal.refusal(row, event);
    if (refusal !== null) return { kind: "refused", rule: refusal };
    const reason = event.kind === "abort" ? "aborted" : "halted";
    await store.allowLong(tx);
    const [called] = await this.#deps.deliveries.cancelForSet<{ cancelled: number }>(
      tx,
      members.openDeliveries(row.id),
      members.cancelOffered(reason, nowMs),
    );
    const data = { calledBack: called?.cancelled ?? 0 };
    const note: Note =
      event.kind === "abort"
        ? { what: "aborted", reason: event.reason, data }
        : { what: "halted", stage: event.stage, reason: event.verdict.gate, data: { ...data, ...event.verdict } };
    return this.#journal.move(tx, row, event, note, by);
  }

  /** Looks at the appliances whose facts changed: waiting ones may have moved, and new ones may be meant. */
  async #follow(tx: Db, row: store.RolloutRow, nowMs: number): Promise<void> {
    const { id, plan: wanted, model, followed_to_ms } = row;
    if (followed_to_ms === null) return;
    const sinceMs = followed_to_ms - lateCommitMs;
    await members.refreshPlaces(tx, id, model, sinceMs);
    if (wanted.autoAssign && row.state.kind !== "paused") {
      const resolved = await this.#targets.resolve(wanted);
      if (resolved.kind === "ok") await this.#takeIn(tx, row, resolved.target, { sinceMs, nowMs });
    }
    row.followed_to_ms = nowMs;
    await store.setFollowed(tx, id, nowMs);
  }

  async #takeIn(
    tx: Db,
    row: store.RolloutRow,
    target: Target,
    range: { sinceMs: number; nowMs: number },
  ): Promise<void> {
    const { id, plan: wanted, release_counter, followed_to_ms } = row;
    await store.claimModel(tx, row.model);
    const rollout = { id, stages: wanted.stages, releaseCounter: release_counter };
    let count = await members.followTarget(tx, rollout, target, range);
    // Once a minute is often enough for those who were away for weeks.
    const isMinute = Math.floor(range.nowMs / minuteMs) > Math.floor((followed_to_ms ?? 0) / minuteMs);
    if (isMinute) count += await members.takeBackReturned(tx, id, target, range.nowMs);
    if (count > 0) await this.#journal.note(tx, row, { what: "assigned", data: { devices: count } });
  }
}

const isFollowDue = ({ followed_to_ms, state }: store.RolloutRow, nowMs: number): boolean =>
  followed_to_ms !== null &&
  (state.kind === "running" || state.kind === "paused" || state.kind === "finished") &&
  nowMs >= followed_to_ms + followEveryMs;
