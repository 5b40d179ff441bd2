import type { Release } from "../firmware/firmware.ts";
import type { Db } from "../platform/database.ts";
import type { Plan } from "./core/plan.ts";
import { planRefused } from "./core/plan-check.ts";
import { compileTarget, type Target } from "./eligibility.ts";
import * as members from "./members-store.ts";
import { type Refused, refused, type RolloutsDeps } from "./ports.ts";
import { otherClaims, type RolloutRow } from "./rollouts-store.ts";

export interface Resolved {
  kind: "ok";
  release: Release;
  target: Target;
}

/** Another rollout that lays claim to some of the same appliances. */
export interface Overlap {
  rollout: RolloutRow;
  devices: number;
}

/** What a plan means for the fleet: its release, its target, and who else wants these appliances. */
export class Targets {
  readonly #deps: Pick<RolloutsDeps, "firmware" | "models">;

  constructor(deps: Pick<RolloutsDeps, "firmware" | "models">) {
    this.#deps = deps;
  }

  /** The release and the target of a plan, whatever else may be wrong with it. */
  async resolve(plan: Pick<Plan, "releaseId" | "target">): Promise<Resolved | Refused> {
    const release = await this.#deps.firmware.release(plan.releaseId);
    if (release === null) return refused("rollout_release_not_found");
    if (release.state === "withdrawn") return refused("rollout_release_withdrawn", `It is ${release.version}.`);
    if (release.state !== "published")
      return refused("rollout_release_not_published", `${release.version} is ${release.state}.`);
    const compiled = compileTarget(plan.target);
    if (compiled.kind === "refused") return refused(compiled.rule, compiled.detail);
    const passThroughs = await this.#deps.firmware.passThroughs(release.model);
    return { kind: "ok", release, target: { release, predicate: compiled.predicate, passThroughs } };
  }

  /** What is wrong with a plan in itself, or null. */
  async wrong(plan: Plan, release: Release, nowMs: number): Promise<Refused | null> {
    const bad = planRefused(plan, release, nowMs);
    if (bad !== null) return refused(bad.rule, bad.detail);
    const wanted = plan.stages.flatMap(({ gate }) =>
      gate?.metric?.source.kind === "metric" ? [gate.metric.source.name] : [],
    );
    if (wanted.length === 0) return null;
    const model = await this.#deps.models.model(release.model);
    const unknown = wanted.find((name) => model?.metrics.every((metric) => metric.name !== name) ?? true);
    return unknown === undefined ? null : refused("gate_metric_unknown", `${release.model} measures no ${unknown}.`);
  }

  /** Whether the target has anybody whom nobody else lays claim to. */
  async unavailable(db: Db, target: Target, exceptId: string | null, nowMs: number): Promise<Refused | null> {
    if (!(await members.targetHasAny(db, target, nowMs))) return refused("rollout_target_empty");
    const [first] = await this.overlaps(db, target, exceptId, nowMs);
    if (first === undefined) return null;
    const { rollout, devices } = first;
    const have = devices === 1 ? "1 appliance" : `${devices} appliances`;
    return refused("rollout_target_overlaps", `${rollout.name} (${rollout.id}) lays claim to ${have} of it.`);
  }

  /** Unfinished rollouts of the same model with appliances in common. */
  async overlaps(db: Db, target: Target, exceptId: string | null, nowMs: number): Promise<Overlap[]> {
    const others = await otherClaims(db, target.release.model, exceptId);
    const begun = others.filter(({ followed_to_ms }) => followed_to_ms !== null);
    const ids = begun.map(({ id }) => id);
    const shared = new Map(
      (await members.sharedWithMembers(db, target, ids, nowMs)).map(({ rollout_id, n }) => [rollout_id, n]),
    );
    // One that has not begun has no members yet: its target says whom it will ask.
    for (const other of others) {
      if (other.followed_to_ms !== null) continue;
      const resolved = await this.resolve(other.plan);
      if (resolved.kind === "ok")
        shared.set(other.id, await members.sharedWithTarget(db, target, resolved.target, nowMs));
    }
    return others.flatMap((rollout) => {
      const devices = shared.get(rollout.id) ?? 0;
      return devices === 0 ? [] : [{ rollout, devices }];
    });
  }
}
