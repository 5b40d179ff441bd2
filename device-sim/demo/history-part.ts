import type { Model } from "#protocol/model.ts";
import type { Api } from "../api.ts";
import type { MachineState } from "../core/machine.ts";
import type { TokenMember } from "../fleet.ts";
import { planAilments } from "../history/ailing-plan.ts";
import { backfill, type BackfillProgress } from "../history/backfill.ts";
import { systemRandom } from "../platform/random.ts";
import { pause, systemTimers } from "../platform/timers.ts";
import { readBacklog } from "./hearth-api.ts";

const dayMs = 86_400_000;
/** So many appliances tell all of their past: enough for charts and rules, and told within seconds. */
const wholeMax = 40;
/** In a small fleet every fifth. */
const wholeOneIn = 5;
/** The others tell this much of it. */
const briefDays = 2;
/** Of those that tell all of it, every fifth is worn in some way. */
const ailingEveryNth = 5;
/** Records that may still wait for their commit when time begins, and how long is waited for that. */
const backlogMax = 200;
const settleMsMax = 60_000;
const settlePollMs = 200;

export interface PastOptions {
  api: Api & { signal: AbortSignal };
  broker: string;
  models: ReadonlyMap<string, Model>;
  days: number;
  /** Where their past ends, and their time begins. */
  toMs: number;
  onProgress: (progress: BackfillProgress) => void;
  tell: (sentence: string) => void;
}

/** Gives the appliances a past. @returns them as it left them */
export async function givePast(members: readonly TokenMember[], options: PastOptions): Promise<TokenMember[]> {
  const { api, broker, models, days, toMs, onProgress, tell } = options;
  if (days === 0) return [...members];
  const whole = Math.min(wholeMax, Math.ceil(members.length / wholeOneIn));
  const fromMs = toMs - days * dayMs;
  const known = members.flatMap((member) => {
    const model = models.get(member.model);
    return model === undefined ? [] : [{ ...member, member, model }];
  });
  const ailments = planAilments(known.slice(0, whole), ailingEveryNth, { fromMs, toMs });
  tell(
    `${whole} appliances tell ${days} days of their past, the others ${Math.min(days, briefDays)}; ${ailments.size} are worn in some way.`,
  );
  const machines = new Map<string, MachineState>();
  let readings = 0;
  await backfill({
    members: known.map(({ member, model, id }, at) => ({
      member,
      model,
      ailment: ailments.get(id) ?? null,
      fromMs: at < whole ? fromMs : toMs - Math.min(days, briefDays) * dayMs,
    })),
    toMs,
    broker,
    timers: systemTimers,
    random: systemRandom,
    signal: api.signal,
    onProgress: (progress) => {
      ({ readings } = progress);
      onProgress(progress);
    },
    onDone: (id, machine) => {
      machines.set(id, machine);
    },
  });
  tell(`Their past is told: ${readings.toLocaleString("en-GB")} readings, acknowledged and on disk.`);
  await backlogGone(api);
  return members.map((member) => {
    const [machine, ailment] = [machines.get(member.id), ailments.get(member.id)];
    return { ...member, ...(machine === undefined ? {} : { machine }), ...(ailment === undefined ? {} : { ailment }) };
  });
}

/** Waits a while for the service to commit what it has acknowledged, so that the present does not queue behind the past. */
async function backlogGone(api: Api & { signal: AbortSignal }): Promise<void> {
  const limit = AbortSignal.any([api.signal, AbortSignal.timeout(settleMsMax)]);
  while (!limit.aborted && (await readBacklog(api).catch(() => 0)) > backlogMax)
    await pause(systemTimers, settlePollMs, limit);
}

/** Those of whom something will be heard: the story is not told with appliances whose network module is dead. */
export const speaking = (members: readonly TokenMember[]): TokenMember[] =>
  members.filter(({ ailment }) => ailment?.name !== "silent");
