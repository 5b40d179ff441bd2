import { deliveryLifeMs } from "../deliveries/deliveries.ts";
import { offerBody, type OfferTerms, type Release } from "../firmware/firmware.ts";
import type { Db } from "../platform/database.ts";
import type { Plan } from "./core/plan.ts";
import type { Step } from "./core/planner.ts";
import type { Target } from "./eligibility.ts";
import * as members from "./members-store.ts";
import type { RolloutsDeps } from "./ports.ts";
import { noteStarts, type RolloutRow } from "./rollouts-store.ts";

/** 0 (whenever there is room) to 9 (safety). */
const priorities = { security: 7, feature: 5 } as const;

const offerTerms = (rolloutId: string, plan: Plan, nowMs: number): OfferTerms => {
  const notBeforeMs = plan.noticeMs === 0 ? null : nowMs + plan.noticeMs;
  const earliestMs = notBeforeMs ?? nowMs;
  return {
    rolloutId,
    consent: plan.consent,
    notBeforeMs,
    postponeUntilMsMax: plan.postponeMsMax === 0 ? null : earliestMs + plan.postponeMsMax,
    windows: plan.windows,
  };
};

/**
 * Offers the release to the next waiting members of a stage. Those whom it does not fit any more are left out, as are those that are
 * busy with another update.
 *
 * @returns how many were offered it
 */
export async function startMembers(
  tx: Db,
  deps: Pick<RolloutsDeps, "deliveries" | "firmware" | "notices">,
  rollout: { row: RolloutRow; release: Release; target: Target },
  step: Extract<Step, { kind: "start" }>,
  nowMs: number,
): Promise<number> {
  const { row, release, target } = rollout;
  const { id, plan } = row;
  // Withdrawn at this moment: the next tick ends the rollout.
  if (!(await deps.firmware.markOffered(tx, release.id, nowMs))) return 0;
  await members.pickStarting(tx, id, step, target, nowMs);
  await members.skipStarting(tx, id, nowMs);
  const terms = offerTerms(id, plan, nowMs);
  const [counted] = await deps.deliveries.createForSet<{ offered: number }>(
    tx,
    {
      devices: members.startingDevices,
      kind: "firmware",
      subject: "firmware",
      label: release.version,
      body: { ...offerBody(release, terms) },
      priority: priorities[release.kind],
      // It lives as long after it was put off as far as can be.
      expiresAtMs: Math.max(nowMs, terms.notBeforeMs ?? 0, terms.postponeUntilMsMax ?? 0) + deliveryLifeMs("firmware"),
      attemptsMax: plan.attemptsMax,
      andThen: members.offerStarting(id, nowMs),
    },
    { rolloutId: id, releaseId: release.id, stage: step.stage },
  );
  const offered = counted?.offered ?? 0;
  if (offered === 0) return 0;
  if (terms.notBeforeMs !== null) {
    await deps.notices.tellBefore(tx, {
      devices: members.justOffered(id, nowMs),
      version: release.version,
      security: release.kind === "security",
      fromMs: terms.notBeforeMs,
      postponeUntilMsMax: terms.postponeUntilMsMax,
      asksFirst: terms.consent === "ask",
    });
  }
  await noteStarts(tx, id, { atMs: nowMs, stage: step.stage, n: offered });
  return offered;
}
