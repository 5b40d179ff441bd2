/**
 * A rollout as it would go, in simulated time: the real planner, gates and states over appliances that are made up. Seeded, so that the
 * same seed gives the same course. It shows what a gate is worth before a fleet has to.
 */
import { outcomeCount, sampleWanted, startedCount } from "./gates.ts";
import { bucketOf } from "./membership.ts";
import { emptyTally, type MemberState, type Plan, type Tally } from "./plan.ts";
import { type FleetView, plan, type PlannedRollout, type Step } from "./planner.ts";
import { type RolloutEvent, type RolloutState, stepRollout } from "./rollout.ts";

/** How appliances take a release. */
export interface SimulatedBuild {
  /** Of those that begin, 0 to 1. */
  failureShare: number;
  /** Of those that begin, 0 to 1: they are not heard of again. */
  timeoutShare: number;
  /** Of those that are offered it: they are switched off and never begin. */
  offlineShare: number;
  /** From the offer to the outcome: each length between the two is as likely. */
  updateMs: { min: number; max: number };
  /** The same for those that fail, who may fail early or late. */
  failureMs: { min: number; max: number };
  /** After this the service gives up on one that is silent. */
  silenceMs: number;
}

export interface SimulatedFleet {
  devices: number;
  /** Each is as likely. */
  timeZones: readonly string[];
}

export interface SimulationTerms {
  seed: number;
  fromMs: number;
  /** Where the course is cut off. */
  toMs: number;
  /** From one planning to the next. */
  tickMs: number;
}

export interface SimulatedStage {
  members: number;
  tally: Tally;
  /** When its gate had its sample; null: never, or it has no gate. */
  sampleAtMs: number | null;
}

export interface SimulatedRollout {
  state: RolloutState;
  /** When the planning ended. */
  atMs: number;
  stages: SimulatedStage[];
}

interface Member {
  stage: number;
  timeZone: string;
}

interface World {
  rollout: PlannedRollout;
  build: SimulatedBuild;
  random: () => number;
  tickMs: number;
  nowMs: number;
  /** In the order of buckets. */
  waiting: Member[][];
  /** How many of them there are in each zone. */
  places: Map<string, number>[];
  stages: SimulatedStage[];
  starts: { atMs: number; count: number }[];
  /** What comes of appliances, by the tick at which it is known. */
  ahead: Map<number, { stage: number; from: MemberState; to: MemberState }[]>;
}

/** The plan's stages take shares of the whole, a count, or the rest; nobody bears a tag. */
export function simulate(
  plannedRollout: Pick<Plan, "stages" | "windows" | "startsPerMinuteMax" | "autoAssign">,
  build: SimulatedBuild,
  fleet: SimulatedFleet,
  terms: SimulationTerms,
): SimulatedRollout {
  const random = chance(terms.seed);
  const waiting = membersOf(plannedRollout.stages, fleet, terms.seed, random);
  const world: World = {
    rollout: {
      plan: plannedRollout,
      state: { kind: "scheduled", startAtMs: terms.fromMs, approvedBy: null },
    },
    build,
    random,
    tickMs: terms.tickMs,
    nowMs: terms.fromMs,
    waiting,
    places: waiting.map(placesOf),
    stages: waiting.map(({ length }) => ({
      members: length,
      tally: { ...emptyTally(), waiting: length },
      sampleAtMs: null,
    })),
    starts: [],
    ahead: new Map(),
  };
  for (; world.nowMs < terms.toMs; world.nowMs += terms.tickMs) {
    hear(world);
    for (const step of plan(world.rollout, viewOf(world), world.nowMs)) carryOut(world, step);
    const { kind } = world.rollout.state;
    if (kind !== "scheduled" && kind !== "running") break;
  }
  return { state: world.rollout.state, atMs: world.nowMs, stages: world.stages };
}

/** A well-known generator of 32 bits of state (mulberry32): evenly from 0 up to 1. */
function chance(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d_2b_79_f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
  };
}

/** Who is in which stage, by the order that real members have. */
function membersOf(
  stages: Plan["stages"],
  { devices, timeZones }: SimulatedFleet,
  seed: number,
  random: () => number,
): Member[][] {
  const order = Array.from({ length: devices }, (_, at) => ({
    at,
    bucket: bucketOf(`simulated-${seed}`, `device-${at}`),
  }));
  order.sort((a, b) => a.bucket - b.bucket || a.at - b.at);
  let next = 0;
  return stages.map(({ size }, stage) => {
    const left = devices - next;
    const wanted = size.kind === "share" ? Math.round(size.share * devices) : size.kind === "count" ? size.count : left;
    const count = size.kind === "tag" ? 0 : Math.min(left, wanted);
    const members = order.slice(next, next + count);
    next += count;
    return members.map(() => ({ stage, timeZone: timeZones[Math.floor(random() * timeZones.length)] ?? "UTC" }));
  });
}

/** What has become known since the last tick. */
function hear(world: World): void {
  for (const { stage, from, to } of world.ahead.get(world.nowMs) ?? []) put(world, stage, from, to);
  world.ahead.delete(world.nowMs);
  for (const [index, there] of world.stages.entries()) {
    const gate = world.rollout.plan.stages[index]?.gate ?? null;
    const isEnough = outcomeCount(there.tally) >= sampleWanted(gate, there.tally) && startedCount(there.tally) > 0;
    if (gate !== null && there.sampleAtMs === null && isEnough) there.sampleAtMs = world.nowMs;
  }
}

function placesOf(members: readonly Member[]): Map<string, number> {
  const places = new Map<string, number>();
  for (const { timeZone } of members) places.set(timeZone, (places.get(timeZone) ?? 0) + 1);
  return places;
}

function viewOf({ stages, places, starts, nowMs }: World): FleetView {
  return {
    stages: stages.map(({ tally }, index) => ({
      tally,
      waiting: [...(places[index] ?? [])].map(([timeZone, members]) => ({ timeZone, country: null, count: members })),
      measured: null,
    })),
    frozen: [],
    startsLastMinute: starts.filter(({ atMs }) => atMs > nowMs - 60_000).reduce((sum, { count }) => sum + count, 0),
    withdrawn: null,
  };
}

function carryOut(world: World, step: Step): void {
  const atMs = world.nowMs;
  switch (step.kind) {
    case "begin":
      return move(world, { kind: "begin", atMs });
    case "start":
      return offer(world, step.stage, step.limit, new Set(step.openZones));
    case "soak":
      return move(world, { kind: "soak", atMs, stage: step.stage });
    case "advance":
      return move(world, { kind: "advance", atMs, stage: step.stage });
    case "wait_for_approval":
      move(world, { kind: "ask", atMs, stage: step.stage });
      // The person who is asked agrees at once.
      return move(world, { kind: "approve", atMs, by: "staff:second" });
    case "finish":
      return move(world, { kind: "finish", atMs });
    case "halt":
      return move(world, { kind: "trip", atMs, stage: step.stage, verdict: step.verdict });
    case "abort":
      return move(world, { kind: "abort", atMs, by: "system", reason: step.reason });
  }
}

function move(world: World, event: RolloutEvent): void {
  const stages = world.rollout.plan.stages.length;
  const terms = {
    createdBy: "staff:first",
    approval: "not_needed" as const,
    stages,
    asksAfter: new Set<number>(),
    follows: false,
    startAtMs: null,
  };
  const outcome = stepRollout(terms, world.rollout.state, event);
  if (outcome.kind === "refused") throw new Error(`the planner asked for ${event.kind}: ${outcome.rule}`);
  world.rollout = { ...world.rollout, state: outcome.to };
}

function offer(world: World, stage: number, limit: number, openZones: ReadonlySet<string>): void {
  const kept: Member[] = [];
  let started = 0;
  for (const member of world.waiting[stage] ?? []) {
    if (started >= limit || !openZones.has(member.timeZone)) kept.push(member);
    else {
      started += 1;
      decide(world, stage);
    }
  }
  world.waiting[stage] = kept;
  world.places[stage] = placesOf(kept);
  world.starts = [
    ...world.starts.filter(({ atMs }) => atMs > world.nowMs - 60_000),
    { atMs: world.nowMs, count: started },
  ];
}

/** What will become of one that was offered the release. */
function decide(world: World, stage: number): void {
  const { build, random } = world;
  if (random() < build.offlineShare) {
    put(world, stage, "waiting", "offered");
    return later(world, build.silenceMs, { stage, from: "offered", to: "skipped" });
  }
  put(world, stage, "waiting", "started");
  const luck = random();
  const between = ({ min, max }: { min: number; max: number }) => min + random() * (max - min);
  if (luck < build.failureShare)
    return later(world, between(build.failureMs), { stage, from: "started", to: "failed" });
  if (luck < build.failureShare + build.timeoutShare)
    return later(world, build.silenceMs, { stage, from: "started", to: "timed_out" });
  return later(world, between(build.updateMs), { stage, from: "started", to: "done" });
}

function later(world: World, ms: number, change: { stage: number; from: MemberState; to: MemberState }): void {
  const atMs = world.nowMs + Math.max(1, Math.ceil(ms / world.tickMs)) * world.tickMs;
  const there = world.ahead.get(atMs);
  if (there === undefined) world.ahead.set(atMs, [change]);
  else there.push(change);
}

/** Moves one appliance from a state to another. */
function put({ stages }: World, stage: number, from: MemberState, to: MemberState): void {
  const tally = stages[stage]?.tally;
  if (tally === undefined) throw new RangeError(`there is no stage ${stage}`);
  tally[from] -= 1;
  tally[to] += 1;
}
