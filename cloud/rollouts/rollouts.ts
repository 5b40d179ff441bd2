import { mayRetryUpdate } from "../deliveries/deliveries.ts";
import type { DeviceRef } from "../devices/devices.ts";
import { type Db, transaction } from "../platform/database.ts";
import type { TimelineEntry, TimelinePage } from "../platform/timeline.ts";
import { type Principal, principalText } from "../staff/staff.ts";
import { memberAfter } from "./core/member.ts";
import type { MemberState, Plan } from "./core/plan.ts";
import type { RolloutEvent, RolloutState } from "./core/rollout.ts";
import { Executor } from "./executor.ts";
import { memberSentence } from "./eligibility.ts";
import { type FleetFilter, type FleetSample, fleetSample } from "./fleet-sample.ts";
import { fleetViews } from "./fleet-views.ts";
import { Freezes } from "./freezes.ts";
import { Journal, type Note } from "./journal.ts";
import * as lists from "./member-lists-store.ts";
import * as members from "./members-store.ts";
import { type Refused, refused, type RolloutsDeps } from "./ports.ts";
import { type Preview, previewPlan } from "./preview.ts";
import { type RolloutDetail, type RolloutSummary, tallyOf, toDetail, toHistory, toSummary } from "./rollout-views.ts";
import * as store from "./rollouts-store.ts";
import { type Schedule, scheduledRollouts, scheduleOf } from "./schedule.ts";
import { Targets } from "./targets.ts";

export { predicateProblems } from "../platform/predicate/predicate.ts";
export { rolloutProblems } from "./errors.ts";

export type { FleetFilter } from "./fleet-sample.ts";

const historyInDetail = 20;

type Summary = Omit<RolloutSummary, "stages"> & { stages: number };
type Changed = { kind: "changed"; rollout: RolloutDetail } | Refused;

/** Staged rollouts: plans that bring a release to a target set in stages behind gates, and that stop by themselves. */
export class Rollouts {
  readonly freezes: Freezes;
  readonly #deps: RolloutsDeps;
  readonly #targets: Targets;
  readonly #journal: Journal;
  readonly #executor: Executor;

  constructor(deps: RolloutsDeps) {
    this.#deps = deps;
    this.freezes = new Freezes(deps);
    this.#targets = new Targets(deps);
    this.#journal = new Journal(deps);
    this.#executor = new Executor(deps, this.#targets, this.#journal);
    deps.deliveries.onMoved(async (tx, moves) => {
      const firmware = moves.filter(({ kind }) => kind === "firmware");
      const next = firmware.map(({ deliveryId, to, step, cause, reason }) => ({
        deliveryId,
        ...memberAfter({ phase: to, step, cause, reason }),
      }));
      const real = next.filter(({ fresh, begun }) => fresh !== null || begun !== null);
      await members.moveMembers(tx, real, deps.clock.nowMs());
    });
  }

  /** As many as are wanted of the appliances that a filter means. */
  sample(filter: FleetFilter, limit: number): Promise<FleetSample> {
    return fleetSample(this.#deps.db, filter, this.#deps.clock.nowMs(), limit);
  }

  /** Carries every rollout on as far as it may go now. Any number of processes may call it at once. */
  tick(): Promise<void> {
    return this.#executor.tick(this.#deps.clock.nowMs());
  }

  // Plans

  /** Writes a draft. Refused where its plan could not be carried out as things are. */
  async create(by: Principal, plan: Plan): Promise<{ kind: "created"; rollout: RolloutDetail } | Refused> {
    const { db, clock, ids } = this.#deps;
    const nowMs = clock.nowMs();
    const resolved = await this.#targets.resolve(plan);
    if (resolved.kind === "refused") return resolved;
    const { release, target } = resolved;
    const wrong =
      (await this.#targets.wrong(plan, release, nowMs)) ?? (await this.#targets.unavailable(db, target, null, nowMs));
    if (wrong !== null) return wrong;
    const row: store.RolloutRow = {
      id: ids.next(),
      name: plan.name,
      release_id: release.id,
      model: release.model,
      version: release.version,
      release_kind: release.kind,
      release_counter: release.releaseCounter,
      plan,
      state: { kind: "draft" },
      created_at_ms: nowMs,
      created_by: principalText(by),
      changed_at_ms: nowMs,
      followed_to_ms: null,
      measured_at_ms: 0,
    };
    await transaction(db, async (tx) => {
      await store.insertRollout(tx, row);
      await this.#journal.note(tx, row, { what: "created", data: { plan } }, by);
    });
    return { kind: "created", rollout: await this.#detail(db, row) };
  }

  /** Changes a draft's plan. */
  async change(by: Principal, id: string, patch: Partial<Plan>): Promise<Changed> {
    return this.#locked(id, async (tx, row) => {
      if (row.state.kind !== "draft") return refused("rollout_not_draft");
      const nowMs = this.#deps.clock.nowMs();
      const plan = { ...row.plan, ...patch };
      const resolved = await this.#targets.resolve(plan);
      if (resolved.kind === "refused") return resolved;
      const wrong =
        (await this.#targets.wrong(plan, resolved.release, nowMs)) ??
        (await this.#targets.unavailable(tx, resolved.target, id, nowMs));
      if (wrong !== null) return wrong;
      const before = row.plan;
      row.plan = plan;
      row.name = plan.name;
      await store.setPlan(tx, id, plan, nowMs);
      await this.#journal.note(tx, row, { what: "changed", data: { before, plan } }, by);
      return null;
    });
  }

  async preview(plan: Plan, exceptId: string | null = null): Promise<Preview> {
    const { db, clock } = this.#deps;
    const nowMs = clock.nowMs();
    const freezes = await this.freezes.current(db, nowMs);
    const others = (await scheduledRollouts(db, freezes, nowMs, nowMs)).filter(({ id }) => id !== exceptId);
    return previewPlan(db, this.#targets, plan, { freezes, others, exceptId }, nowMs);
  }

  async schedule(range: { fromMs: number; toMs: number }): Promise<Schedule> {
    const { db, clock } = this.#deps;
    return scheduleOf(db, await this.freezes.current(db, range.fromMs), range, clock.nowMs());
  }

  // What people do

  /** Hands a draft in: to a second person where the plan asks for one, otherwise to be started. */
  async submit(by: Principal, id: string): Promise<Changed> {
    return this.#locked(id, async (tx, row) => {
      const nowMs = this.#deps.clock.nowMs();
      const event: RolloutEvent = { kind: "submit", atMs: nowMs, by: principalText(by) };
      const refusal = this.#journal.refusal(row, event);
      if (refusal !== null) return refused(refusal);
      await store.claimModel(tx, row.model);
      const resolved = await this.#targets.resolve(row.plan);
      if (resolved.kind === "refused") return resolved;
      const wrong =
        (await this.#targets.wrong(row.plan, resolved.release, nowMs)) ??
        (await this.#targets.unavailable(tx, resolved.target, id, nowMs));
      if (wrong !== null) return wrong;
      return this.#move(tx, row, event, { what: "submitted" }, by);
    });
  }

  /** By another principal than the author: of the plan, or of the next stage. */
  approve(by: Principal, id: string): Promise<Changed> {
    return this.#locked(id, async (tx, row) => {
      const event: RolloutEvent = { kind: "approve", atMs: this.#deps.clock.nowMs(), by: principalText(by) };
      const refusal = this.#journal.refusal(row, event);
      if (refusal !== null) return refused(refusal);
      // Whoever changed the draft is an author of what is approved, also where others wrote it first and handed it in.
      if (await store.hasChangedPlan(tx, id, principalText(by))) return refused("approver_is_author");
      return this.#move(tx, row, event, { what: "approved" }, by);
    });
  }

  /** When it is to begin; null: when somebody starts it. */
  setStart(by: Principal, id: string, startAtMs: number | null): Promise<Changed> {
    const note: Note = { what: "scheduled", data: { startAtMs } };
    return this.#act(by, id, (atMs) => ({ kind: "schedule", atMs, startAtMs }), note);
  }

  /** Begins now, whatever the plan says of the time. */
  async start(by: Principal, id: string): Promise<Changed> {
    return this.#locked(id, async (tx, row) => {
      const nowMs = this.#deps.clock.nowMs();
      const refusal = this.#journal.refusal(row, { kind: "begin", atMs: nowMs });
      if (refusal !== null) return refused(refusal);
      const outcome = await this.#executor.begin(tx, row, nowMs, by);
      return outcome.kind === "refused" ? outcome : null;
    });
  }

  /** Nothing more starts; what has begun goes on and is watched. */
  pause(by: Principal, id: string, reason: string): Promise<Changed> {
    return this.#act(by, id, (atMs) => ({ kind: "pause", atMs, by: principalText(by), reason }), {
      what: "paused",
      reason,
    });
  }

  resume(by: Principal, id: string): Promise<Changed> {
    return this.#act(by, id, (atMs) => ({ kind: "resume", atMs }), { what: "resumed" });
  }

  /** Ends it for good: what is done stays, what has begun goes on, offers are called back, nobody else gets it. */
  async abort(by: Principal, id: string, reason: string): Promise<Changed> {
    return this.#locked(id, async (tx, row) => {
      const nowMs = this.#deps.clock.nowMs();
      const event = { kind: "abort", atMs: nowMs, by: principalText(by), reason } as const;
      const outcome = await this.#executor.tryStop(tx, row, event, nowMs, by);
      return outcome.kind === "refused" ? refused(outcome.rule) : null;
    });
  }

  /** Ends the current stage before its sample and its soak time. */
  async promote(by: Principal, id: string, reason: string): Promise<Changed> {
    return this.#locked(id, async (tx, row) => {
      const { state } = row;
      const stage = state.kind === "running" ? state.progress.stage : null;
      const event: RolloutEvent = { kind: "promote", atMs: this.#deps.clock.nowMs() };
      return this.#move(tx, row, event, { what: "promoted", stage, reason }, by);
    });
  }

  /** Has those try again that failed for a reason which may pass; with `force` all that failed. */
  async retryFailed(by: Principal, id: string, force: boolean): Promise<Changed> {
    return this.#locked(id, async (tx, row) => {
      const { state } = row;
      if (state.kind !== "running" && state.kind !== "paused")
        return refused(state.kind === "draft" ? "rollout_not_begun" : "rollout_not_running");
      const failures = await lists.failuresByReason(tx, id);
      const notAgain = force
        ? []
        : failures.filter(({ reason }) => !mayRetryUpdate(reason)).map(({ reason }) => reason);
      const devices = await members.retryFailed(tx, id, notAgain);
      if (devices === 0) return refused("nothing_to_retry");
      await this.#journal.note(tx, row, { what: "retried", data: { devices, force } }, by);
      return null;
    });
  }

  // Reading

  async list(query: store.ListQuery): Promise<Summary[]> {
    const rows = await store.listRollouts(this.#deps.db, query);
    const ids = rows.map(({ id }) => id);
    const counts = Map.groupBy(await lists.stateCounts(this.#deps.db, ids), ({ rollout_id }) => rollout_id);
    return rows.map((row) => toSummary(row, tallyOf(counts.get(row.id) ?? [])));
  }

  /** What rollouts are called, by id. */
  async namesOf(ids: readonly string[]): Promise<Map<string, string>> {
    return new Map((await store.namesOf(this.#deps.db, ids)).map(({ id, name }) => [id, name]));
  }

  async get(id: string): Promise<RolloutDetail | null> {
    const row = await store.findRollout(this.#deps.db, id);
    return row === null ? null : this.#detail(this.#deps.db, row);
  }

  /** A page of members in a fixed order, or null where there is no such rollout. */
  async members(
    id: string,
    query: { state: MemberState | null; stage: number | null; reason: string | null; afterKey: number; limit: number },
  ): Promise<lists.MemberRow[] | null> {
    if ((await store.findRollout(this.#deps.db, id)) === null) return null;
    return lists.listMembers(this.#deps.db, { rolloutId: id, ...query });
  }

  async failures(id: string) {
    if ((await store.findRollout(this.#deps.db, id)) === null) return null;
    const rows = await lists.failuresByReason(this.#deps.db, id);
    return rows.map(({ n, ...row }) => ({ ...row, count: n, retryable: mayRetryUpdate(row.reason) }));
  }

  async history(id: string, page: { beforeId: number | null; limit: number }) {
    if ((await store.findRollout(this.#deps.db, id)) === null) return null;
    return (await store.historyOf(this.#deps.db, id, page)).map(toHistory);
  }

  /** Why a rollout left an appliance out, or took its offer back. */
  async timeline(device: DeviceRef, page: TimelinePage): Promise<TimelineEntry[]> {
    const rows = await lists.leftOut(this.#deps.db, device, page);
    return rows.map(({ rollout_id: rolloutId, name, version, state, reason, stage, at_ms: atMs }) => ({
      atMs,
      kind: "rollout",
      id: `${rolloutId}:${atMs}`,
      title: state === "skipped" ? `Left out of the rollout ${name}` : `Called back from the rollout ${name}`,
      data: { rolloutId, version, stage, reason, why: memberSentence(reason) },
    }));
  }

  /** How many rollouts are in which state. */
  async counts(): Promise<Partial<Record<RolloutState["kind"], number>>> {
    return store.countStates(this.#deps.db);
  }

  async #detail(db: Db, row: store.RolloutRow): Promise<RolloutDetail> {
    const nowMs = this.#deps.clock.nowMs();
    const freezes = await this.freezes.current(db, nowMs);
    const view = (await fleetViews(db, [row], { freezes, withdrawn: new Map() }, nowMs)).get(row.id);
    if (view === undefined) throw new Error("a rollout has no view");
    const failures = await lists.failuresByReason(db, row.id);
    const retryable = failures.filter(({ reason }) => mayRetryUpdate(reason)).reduce((sum, { n }) => sum + n, 0);
    const history = await store.historyOf(db, row.id, { beforeId: null, limit: historyInDetail });
    const outcomeMs = await lists.medianUpdateMs(db, row.id);
    return toDetail(row, view, { freezes, history, outcomeMs, retryable }, nowMs);
  }

  /** Locks a rollout for `work`, which says what is wrong or null; a refusal leaves nothing behind. */
  async #locked(id: string, work: (tx: Db, row: store.RolloutRow) => Promise<Refused | null>): Promise<Changed> {
    return transaction(this.#deps.db, async (tx): Promise<Changed> => {
      const row = await store.lockRollout(tx, id);
      if (row === null) return refused("rollout_not_found");
      const wrong = await work(tx, row);
      return wrong ?? { kind: "changed", rollout: await this.#detail(tx, row) };
    });
  }

  #act(by: Principal, id: string, event: (atMs: number) => RolloutEvent, note: Note): Promise<Changed> {
    return this.#locked(id, (tx, row) => this.#move(tx, row, event(this.#deps.clock.nowMs()), note, by));
  }

  async #move(tx: Db, row: store.RolloutRow, event: RolloutEvent, note: Note, by: Principal): Promise<Refused | null> {
    const outcome = await this.#journal.move(tx, row, event, note, by);
    return outcome.kind === "refused" ? refused(outcome.rule) : null;
  }
}
