/**
 * Whether a release is worse than what appliances ran before it. Each appliance that went over is compared with itself: so long after
 * the change as before it. What is broken for long has faults on both sides, one fault that chatters counts once on a side, and an
 * appliance that is hardly used is quiet on both: what is left is the release, and the time of the year.
 *
 *        before                 change                after
 *   |----- length -----|- settling -|- settling -|----- length -----|
 *
 * Where the release makes no difference, an appliance with a fault has it before or after like a coin falls. How much less likely that
 * is than that the release is worse is a bet against the coin, at odds that any number of looks may be taken at: in the life of a sound
 * release the odds ever reach 1/a with a probability of at most a (Ville's inequality). The bet is the likelihood ratio against the coin,
 * averaged over all shares of `after` above one half.
 */

/** Of an appliance that went over to a release. */
export interface SwitchedDevice {
  deviceKey: number;
  switchedAtMs: number;
  /** Since when it is known to have run what it ran before. */
  beforeSinceMs: number;
}

export interface SeenFault {
  deviceKey: number;
  atMs: number;
  code: string;
}

/** Appliances with at least one fault on a side; `only` counts those that had it on that side alone. */
interface Sides {
  before: number;
  after: number;
  onlyBefore: number;
  onlyAfter: number;
}

export interface ReleaseFigures extends Sides {
  /** Appliances that were watched long enough, and how long all of them were on either side. */
  devices: number;
  deviceDays: number;
  /** After to before; null where there was nothing before. */
  ratio: number | null;
  /** That the release is worse, against that it makes no difference: for all faults, or for the code that says it clearest. */
  odds: number;
  /** The code that says it clearest; null where all faults together do. */
  code: string | null;
  /** The most frequent after the change. */
  codes: ({ code: string } & Sides)[];
}

export type ReleaseVerdict = "too_little" | "sound" | "worse";

/** How far to either side an appliance is watched. */
export const watchedMsMax = 14 * 86_400_000;
/** Around the change an appliance restarts, and tells of faults again that it had told of. */
export const settlingMs = 3_600_000;
export const devicesMin = 20;
export const deviceDaysMin = 20;
/** A sound release is called worse with this probability at most, in all of its life. */
export const falseAlarmMax = 0.01;
const oddsWanted = 1 / falseAlarmMax;
/** What is no more than this worse is nobody's incident. */
const ratioMin = 1.5;
/** An incident is over when the odds are even again: far below where it began. */
const oddsOver = 1;
const codesShown = 10;
const dayMs = 86_400_000;

const logFactorials = [0];
function logFactorial(n: number): number {
  for (let at = logFactorials.length; at <= n; at += 1) logFactorials.push((logFactorials[at - 1] ?? 0) + Math.log(at));
  return logFactorials[n] ?? 0;
}
const logChoose = (n: number, k: number) => logFactorial(n) - logFactorial(k) - logFactorial(n - k);

/** The odds that `after` is the likelier side, of so many on each. */
export function oddsOfWorse(before: number, after: number): number {
  const n = before + after;
  // P(Binomial(n + 1, 1/2) <= after), times 2^(n+1): what the average over shares above one half comes to.
  let most = -Infinity;
  const terms: number[] = [];
  for (let k = 0; k <= after; k += 1) {
    const term = logChoose(n + 1, k);
    most = Math.max(most, term);
    terms.push(term);
  }
  const logSum = most + Math.log(terms.reduce((sum, term) => sum + Math.exp(term - most), 0));
  return Math.exp(Math.min(700, logSum - Math.log(n + 1) - logChoose(n, after)));
}

interface Tally {
  before: Set<number>;
  after: Set<number>;
}
const newTally = (): Tally => ({ before: new Set(), after: new Set() });

function counted({ before, after }: Tally): Sides {
  const both = before.intersection(after).size;
  return {
    before: before.size,
    after: after.size,
    onlyBefore: before.size - both,
    onlyAfter: after.size - both,
  };
}

/** An appliance that had it on both sides says nothing about the release. */
const oddsOf = ({ onlyBefore, onlyAfter }: Sides): number => oddsOfWorse(onlyBefore, onlyAfter);

/** Both sides of an appliance are equally long. */
const lengthMs = ({ switchedAtMs, beforeSinceMs }: SwitchedDevice, nowMs: number): number =>
  Math.max(0, Math.min(nowMs - switchedAtMs, switchedAtMs - beforeSinceMs, watchedMsMax) - settlingMs);

/** What is known of a release by now. Faults of other appliances, and of other times, are passed over. */
export function releaseFigures(
  devices: readonly SwitchedDevice[],
  faults: readonly SeenFault[],
  nowMs: number,
): ReleaseFigures {
  const watched = new Map<number, { switchedAtMs: number; ms: number }>();
  let totalMs = 0;
  for (const device of devices) {
    const ms = lengthMs(device, nowMs);
    if (ms === 0) continue;
    watched.set(device.deviceKey, { switchedAtMs: device.switchedAtMs, ms });
    totalMs += ms;
  }
  const all = newTally();
  const byCode = new Map<string, Tally>();
  for (const { deviceKey, atMs, code } of faults) {
    const device = watched.get(deviceKey);
    if (device === undefined) continue;
    const offMs = atMs - device.switchedAtMs;
    const distanceMs = Math.abs(offMs) - settlingMs;
    if (distanceMs < 0 || distanceMs >= device.ms) continue;
    const side = offMs < 0 ? "before" : "after";
    const ofCode = byCode.get(code) ?? newTally();
    byCode.set(code, ofCode);
    ofCode[side].add(deviceKey);
    all[side].add(deviceKey);
  }
  const codes = [...byCode].map(([code, sides]) => ({ code, ...counted(sides) }));
  codes.sort((a, b) => b.after - a.after || a.code.localeCompare(b.code));
  const sides = counted(all);
  // Half of the risk is for all faults together, and the other half is shared among the codes.
  const bets = [
    { code: null, odds: oddsOf(sides) / 2 },
    ...codes.map((own) => ({ code: own.code, odds: oddsOf(own) / (2 * codes.length) })),
  ];
  const clearest = bets.reduce((best, bet) => (bet.odds > best.odds ? bet : best));
  return {
    devices: watched.size,
    deviceDays: totalMs / dayMs,
    ...sides,
    ratio: sides.before === 0 ? null : sides.after / sides.before,
    ...clearest,
    codes: codes.slice(0, codesShown),
  };
}

/** Whether figures call for an incident, where none is open; or whether an open one goes on. */
export function releaseVerdict(figures: ReleaseFigures, isOpen: boolean): ReleaseVerdict {
  if (figures.devices < devicesMin || figures.deviceDays < deviceDaysMin) return "too_little";
  if (isOpen) return figures.odds > oddsOver ? "worse" : "sound";
  const named = figures.code === null ? figures : figures.codes.find(({ code }) => code === figures.code);
  const isWorse = named !== undefined && named.onlyAfter >= ratioMin * named.onlyBefore;
  return figures.odds >= oddsWanted && isWorse ? "worse" : "sound";
}
