import fc from "fast-check";
import { expect, test } from "vitest";
import { windowState, type MaintenanceWindow } from "#protocol/maintenance-window.ts";
import { isFrozen } from "./freeze.ts";
import type { GateVerdict } from "./gates.ts";
import { emptyTally, type Gate, type MemberState, memberStates, type Stage, type Tally } from "./plan.ts";
import { type FleetView, plan, type PlannedRollout, type StageFleet, type Step } from "./planner.ts";
import { type RolloutEvent, type RolloutState, stepRollout } from "./rollout.ts";

const minuteMs = 60_000;
const bornAtMs = Date.UTC(2026, 2, 28, 12);

interface Appliance {
  stage: number;
  timeZone: string;
  country: string | null;
  state: MemberState;
}

interface World {
  rollout: PlannedRollout;
  appliances: Appliance[];
  starts: { atMs: number; stage: number; count: number }[];
  frozen: "all" | string[];
  withdrawn: { reason: string } | null;
  nowMs: number;
  /** When each stage's soak began. */
  soaked: Map<number, number>;
}

const tallyOf = (appliances: readonly Appliance[]): Tally => {
  const tally = emptyTally();
  for (const { state } of appliances) tally[state] += 1;
  return tally;
};

const fleetOf = (world: World): FleetView => ({
  stages: world.rollout.plan.stages.map((_, stage): StageFleet => {
    const members = world.appliances.filter((one) => one.stage === stage);
    const waiting = members
      .filter(({ state }) => state === "waiting")
      .map(({ timeZone, country }) => ({ timeZone, country, count: 1 }));
    return { tally: tallyOf(members), waiting, measured: null };
  }),
  frozen: world.frozen,
  startsLastMinute: world.starts
    .filter(({ atMs }) => atMs > world.nowMs - minuteMs)
    .reduce((sum, { count }) => sum + count, 0),
  withdrawn: world.withdrawn,
});

function move(world: World, event: RolloutEvent): void {
  const terms = {
    createdBy: "staff:author",
    approval: "not_needed" as const,
    stages: world.rollout.plan.stages.length,
    asksAfter: new Set<number>(),
    follows: world.rollout.plan.autoAssign,
    startAtMs: null,
  };
  const outcome = stepRollout(terms, world.rollout.state, event);
  if (outcome.kind === "moved") world.rollout = { ...world.rollout, state: outcome.to };
}

/** Carries a step out as the executor's SQL does. */
function carryOut(world: World, step: Step): void {
  const atMs = world.nowMs;
  switch (step.kind) {
    case "begin":
      return move(world, { kind: "begin", atMs });
    case "start": {
      const picked = world.appliances
        .filter(
          ({ stage, state, timeZone, country }) =>
            stage === step.stage &&
            state === "waiting" &&
            step.openZones.includes(timeZone) &&
            !isFrozen([...step.frozenCountries], country),
        )
        .slice(0, step.limit);
      for (const one of picked) one.state = "offered";
      world.starts.push({ atMs, stage: step.stage, count: picked.length });
      return;
    }
    case "soak":
      world.soaked.set(step.stage, atMs);
      return move(world, { kind: "soak", atMs, stage: step.stage });
    case "advance":
      return move(world, { kind: "advance", atMs, stage: step.stage });
    case "wait_for_approval":
      return move(world, { kind: "ask", atMs, stage: step.stage });
    case "finish":
      return move(world, { kind: "finish", atMs });
    case "halt":
      return move(world, { kind: "trip", atMs, stage: step.stage, verdict: step.verdict });
    case "abort":
      return move(world, { kind: "abort", atMs, by: "system", reason: step.reason });
  }
}

const windows: MaintenanceWindow[] = [{ weekdays: [1, 2, 3, 4, 5, 6, 7], from: "01:00", to: "04:00" }];
const zones = ["Europe/Berlin", "Asia/Tokyo", "America/New_York", "Pacific/Apia"];

const anyGate: fc.Arbitrary<Gate> = fc.record({
  failureShareMax: fc.option(fc.constantFrom(0, 0.1, 0.3)),
  failuresMax: fc.option(fc.nat(4)),
  timeoutShareMax: fc.option(fc.constantFrom(0, 0.2)),
  sampleMin: fc.integer({ min: 1, max: 12 }),
  metric: fc.constant(null),
});

const anyStage: fc.Arbitrary<Stage> = fc.record({
  name: fc.constant("a stage"),
  size: fc.constant({ kind: "rest" as const }),
  soakMs: fc.constantFrom(0, minuteMs, 10 * minuteMs),
  gate: fc.option(anyGate, { freq: 4 }),
  next: fc.constantFrom("continue" as const, "wait_for_approval" as const),
});

const anyWorld: fc.Arbitrary<World> = fc
  .record({
    stages: fc.array(anyStage, { minLength: 1, maxLength: 4 }),
    startsPerMinuteMax: fc.integer({ min: 1, max: 6 }),
    hasWindows: fc.boolean(),
    appliances: fc.array(
      fc.record({
        stage: fc.nat(3),
        timeZone: fc.constantFrom(...zones),
        country: fc.constantFrom("DE", "JP", null),
      }),
      { maxLength: 40 },
    ),
    autoAssign: fc.boolean(),
  })
  .map(({ stages, startsPerMinuteMax, hasWindows, appliances, autoAssign }) => ({
    rollout: {
      plan: { stages, startsPerMinuteMax, windows: hasWindows ? windows : [], autoAssign },
      state: { kind: "scheduled" as const, startAtMs: bornAtMs, approvedBy: null },
    },
    appliances: appliances
      .filter(({ stage }) => stage < stages.length)
      .map((one) => ({ ...one, state: "waiting" as const })),
    starts: [],
    frozen: [],
    withdrawn: null,
    nowMs: bornAtMs,
    soaked: new Map<number, number>(),
  }));

/** What happens besides the planner: time, appliances and people. */
type Happening =
  | { kind: "time"; ms: number }
  | { kind: "appliances"; to: MemberState; picks: number[] }
  | { kind: "frozen"; frozen: "all" | string[] }
  | { kind: "person"; does: "pause" | "resume" | "abort" | "approve" | "promote" }
  | { kind: "withdrawn" };

const anyHappening: fc.Arbitrary<Happening> = fc.oneof(
  {
    weight: 60,
    arbitrary: fc.record({
      kind: fc.constant("time" as const),
      ms: fc.constantFrom(1_000, minuteMs, 3_600_000, 6 * 3_600_000),
    }),
  },
  {
    weight: 80,
    arbitrary: fc.record({
      kind: fc.constant("appliances" as const),
      to: fc.constantFrom<MemberState>("started", "done", "done", "failed", "timed_out", "declined", "skipped"),
      picks: fc.array(fc.nat(39), { maxLength: 20 }),
    }),
  },
  {
    weight: 10,
    arbitrary: fc.record({
      kind: fc.constant("frozen" as const),
      frozen: fc.constantFrom<"all" | string[]>("all", [], ["DE"]),
    }),
  },
  {
    weight: 20,
    arbitrary: fc.record({
      kind: fc.constant("person" as const),
      does: fc.constantFrom(
        "pause" as const,
        "resume" as const,
        "resume" as const,
        "approve" as const,
        "promote" as const,
      ),
    }),
  },
  { weight: 2, arbitrary: fc.constant({ kind: "person" as const, does: "abort" as const }) },
  { weight: 1, arbitrary: fc.constant({ kind: "withdrawn" as const }) },
);

const canBecome: Record<MemberState, MemberState[]> = {
  waiting: [],
  offered: ["started", "failed", "declined", "skipped"],
  started: ["done", "failed", "timed_out"],
  done: [],
  failed: [],
  timed_out: [],
  declined: [],
  skipped: [],
  cancelled: [],
};

function happen(world: World, happening: Happening): void {
  const atMs = world.nowMs;
  switch (happening.kind) {
    case "time":
      world.nowMs += happening.ms;
      return;
    case "appliances":
      for (const at of happening.picks) {
        const one = world.appliances[at];
        if (one !== undefined && canBecome[one.state].includes(happening.to)) one.state = happening.to;
      }
      return;
    case "frozen":
      world.frozen = happening.frozen;
      return;
    case "withdrawn":
      world.withdrawn = { reason: "release_withdrawn" };
      return;
    case "person": {
      const by = { atMs, by: "staff:other", reason: "r" };
      if (happening.does === "promote" && world.rollout.state.kind === "running")
        world.soaked.set(world.rollout.state.progress.stage, Number.NEGATIVE_INFINITY);
      return move(world, { kind: happening.does, ...by });
    }
  }
}

/** Plays a world and calls `look` before each step is carried out. */
function play(world: World, happenings: readonly Happening[], look: (world: World, step: Step) => void): void {
  for (const happening of happenings) {
    happen(world, happening);
    // Twice: two clouds may tick in the same second.
    for (let tick = 0; tick < 2; tick += 1) {
      for (const step of plan(world.rollout, fleetOf(world), world.nowMs)) {
        look(world, step);
        carryOut(world, step);
      }
    }
  }
}

const anyPlay = { world: anyWorld, happenings: fc.array(anyHappening, { maxLength: 60 }) };

const copy = (world: World): World => structuredClone(world);

const runs = { numRuns: 300 };

/** Looks at every step of every play before it is carried out. */
const everyStep = (check: (world: World, step: Step) => void) =>
  fc.property(anyPlay.world, anyPlay.happenings, (world, happenings) => play(copy(world), happenings, check));

test("no minute sees more starts than the plan allows, over all stages", () => {
  fc.assert(
    fc.property(anyPlay.world, anyPlay.happenings, (drawn, happenings) => {
      const world = copy(drawn);
      play(world, happenings, () => {});
      for (const { atMs } of world.starts) {
        const within = world.starts.filter((other) => other.atMs > atMs - minuteMs && other.atMs <= atMs);
        expect(within.reduce((sum, { count }) => sum + count, 0)).toBeLessThanOrEqual(
          world.rollout.plan.startsPerMinuteMax,
        );
      }
    }),
    runs,
  );
});

test("nothing starts in a closed window, nor in a frozen country", () => {
  fc.assert(
    everyStep((world, step) => {
      if (step.kind !== "start") return;
      expect(world.frozen).not.toBe("all");
      expect(step.frozenCountries).toEqual(world.frozen);
      for (const zone of step.openZones)
        expect(windowState(world.rollout.plan.windows, zone, world.nowMs).open, zone).toBe(true);
    }),
    runs,
  );
});

test("a start never asks for more than waits in its stage and can start", () => {
  fc.assert(
    everyStep((world, step) => {
      if (step.kind !== "start") return;
      const able = world.appliances.filter(
        ({ stage, state, timeZone, country }) =>
          stage === step.stage &&
          state === "waiting" &&
          step.openZones.includes(timeZone) &&
          !isFrozen([...step.frozenCountries], country),
      );
      expect(step.limit).toBeGreaterThan(0);
      expect(step.limit).toBeLessThanOrEqual(able.length);
    }),
    runs,
  );
});

test("a stage starts only once all before it passed their gate and were soaked, or were promoted by a person", () => {
  fc.assert(
    everyStep((world, step) => {
      if (step.kind !== "start") return;
      for (let earlier = 0; earlier < step.stage; earlier += 1) {
        const soakedAtMs = world.soaked.get(earlier);
        const soakMs = world.rollout.plan.stages[earlier]?.soakMs ?? 0;
        expect(soakedAtMs, `stage ${earlier}`).toBeDefined();
        expect(world.nowMs).toBeGreaterThanOrEqual((soakedAtMs ?? 0) + soakMs);
      }
    }),
    runs,
  );
});

test("nothing starts while a gate of a stage that has begun is tripped", () => {
  fc.assert(
    everyStep((world, step) => {
      if (step.kind !== "start" || world.rollout.state.kind === "finished") return;
      for (const [at, { gate }] of world.rollout.plan.stages.entries()) {
        const tally = tallyOf(world.appliances.filter(({ stage }) => stage === at));
        if (gate?.failuresMax !== null && gate !== null && at <= step.stage)
          expect(tally.failed).toBeLessThanOrEqual(gate.failuresMax);
      }
    }),
    runs,
  );
});

test("a rollout that is paused, halted or aborted starts nothing", () => {
  fc.assert(
    everyStep((world, step) => {
      if (step.kind === "start") expect(["running", "finished"]).toContain(world.rollout.state.kind);
    }),
    runs,
  );
});

test("a rollout finishes only when nothing is promised to anybody any more", () => {
  fc.assert(
    everyStep((world, step) => {
      if (step.kind !== "finish") return;
      const { waiting, offered, started } = tallyOf(world.appliances);
      expect({ waiting, offered, started }).toEqual({ waiting: 0, offered: 0, started: 0 });
    }),
    runs,
  );
});

test("what has been carried out is not planned again: without news, planning comes to rest", () => {
  fc.assert(
    fc.property(anyPlay.world, anyPlay.happenings, (drawn, happenings) => {
      const world = copy(drawn);
      play(world, happenings, () => {});
      // A stage that needs no sample may pass through starting, soaking and on in as many ticks.
      for (let tick = 0; tick < 2 * world.rollout.plan.stages.length + 2; tick += 1) {
        for (const step of plan(world.rollout, fleetOf(world), world.nowMs)) carryOut(world, step);
      }
      expect(plan(world.rollout, fleetOf(world), world.nowMs)).toEqual([]);
    }),
    runs,
  );
});

test("the same view gives the same steps, and is not changed by planning", () => {
  fc.assert(
    fc.property(anyPlay.world, anyPlay.happenings, (drawn, happenings) => {
      const world = copy(drawn);
      play(world, happenings, () => {});
      const fleet = fleetOf(world);
      const before = structuredClone({ fleet, rollout: world.rollout });
      const first = plan(world.rollout, fleet, world.nowMs);
      expect(plan(world.rollout, fleet, world.nowMs)).toEqual(first);
      expect({ fleet, rollout: world.rollout }).toEqual(before);
    }),
  );
});

// Single cases

const gate = (over: Partial<Gate> = {}): Gate => ({
  failureShareMax: 0.1,
  failuresMax: null,
  timeoutShareMax: null,
  sampleMin: 10,
  metric: null,
  ...over,
});

const stage = (over: Partial<Stage> = {}): Stage => ({
  name: "s",
  size: { kind: "rest" },
  soakMs: 0,
  gate: gate(),
  next: "continue",
  ...over,
});

const tally = (over: Partial<Tally>): Tally => ({ ...emptyTally(), ...over });

const running = (stages: Stage[], progress: "starting" | "soaking" = "starting", at = 0): PlannedRollout => ({
  plan: { stages, windows: [], startsPerMinuteMax: 1_000, autoAssign: false },
  state: { kind: "running", startedAtMs: 0, progress: { kind: progress, stage: at, sinceMs: 0 } },
});

const fleet = (...tallies: Partial<Tally>[]): FleetView => ({
  stages: tallies.map((one) => ({
    tally: tally(one),
    waiting: one.waiting === undefined ? [] : [{ timeZone: "UTC", country: null, count: one.waiting }],
    measured: null,
  })),
  frozen: [],
  startsLastMinute: 0,
  withdrawn: null,
});

const kinds = (steps: readonly Step[]) => steps.map(({ kind }) => kind);

test("a stage of which nobody has answered yet is not taken for a good one", () => {
  expect(plan(running([stage(), stage()]), fleet({ offered: 50 }, { waiting: 5 }), 1e9)).toEqual([]);
});

test("an empty stage passes, and so does one whose appliances were all left out", () => {
  const two = [stage(), stage()];
  expect(kinds(plan(running(two), fleet({}, { waiting: 5 }), 1))).toEqual(["soak"]);
  expect(kinds(plan(running(two), fleet({ skipped: 3, declined: 2 }, { waiting: 5 }), 1))).toEqual(["soak"]);
  expect(kinds(plan(running(two, "soaking"), fleet({}, { waiting: 5 }), 1))).toEqual(["advance"]);
});

test("a minimum sample larger than its stage waits for all of the stage, and no longer", () => {
  const one = [stage({ gate: gate({ sampleMin: 1_000 }) }), stage()];
  expect(plan(running(one), fleet({ done: 4, started: 1 }, {}), 1)).toEqual([]);
  expect(kinds(plan(running(one), fleet({ done: 5 }, {}), 1))).toEqual(["soak"]);
  expect(kinds(plan(running(one), fleet({ done: 4, failed: 1 }, {}), 1))).toEqual(["halt"]);
});

test("appliances that are switched off say nothing about a release: shares divide by those that started", () => {
  const offline = fleet({ offered: 900, done: 15, failed: 5 });
  const [halt] = plan(running([stage()]), offline, 1);
  expect(halt).toEqual({
    kind: "halt",
    stage: 0,
    verdict: { gate: "failure_share", value: 0.25, line: 0.1, sample: 20, sampleMin: 10, verdict: "tripped" },
  });
});

test("a gate of a stage that has passed still halts the rollout", () => {
  const late = fleet({ done: 8, failed: 2 }, { offered: 100 });
  expect(kinds(plan(running([stage(), stage()], "starting", 1), late, 1))).toEqual(["halt"]);
});

test("a rollout that is paused still halts", () => {
  const progress = { kind: "starting" as const, stage: 0, sinceMs: 0 };
  const state: RolloutState = { kind: "paused", startedAtMs: 0, progress, pausedAtMs: 1, by: "b", reason: "r" };
  const rollout = { ...running([stage()]), state };
  expect(kinds(plan(rollout, fleet({ done: 8, failed: 2, waiting: 5 }), 1))).toEqual(["halt"]);
  expect(plan(rollout, fleet({ done: 10, waiting: 5 }), 1)).toEqual([]);
});

test("too many failures count at once, time-outs by their own share", () => {
  const count = stage({ gate: gate({ failureShareMax: null, failuresMax: 2, sampleMin: 100 }) });
  expect(kinds(plan(running([count]), fleet({ failed: 2, started: 500 }), 1))).toEqual([]);
  expect(kinds(plan(running([count]), fleet({ failed: 3, started: 500 }), 1))).toEqual(["halt"]);
  const times = stage({ gate: gate({ failureShareMax: null, timeoutShareMax: 0.1 }) });
  expect(kinds(plan(running([times]), fleet({ timed_out: 2, done: 8 }), 1))).toEqual(["halt"]);
  expect(kinds(plan(running([times]), fleet({ failed: 2, done: 8 }), 1))).toEqual(["soak"]);
});

test("a metric halts once enough appliances on both sides were measured", () => {
  const metric = {
    source: { kind: "event" as const, type: "fault.raised" },
    increaseMax: 0.5,
    devicesMin: 20,
  };
  const watched = [stage({ gate: gate({ failureShareMax: null, metric }) })];
  const measured = { treated: 1.2, untreated: 0.5, treatedDevices: 40, untreatedDevices: 30 };
  const view = (over: object): FleetView => ({
    ...fleet({}),
    stages: [{ tally: tally({ done: 40 }), waiting: [], measured: { ...measured, ...over } }],
  });
  const [halt] = plan(running(watched), view({}), 1);
  const verdict: GateVerdict = {
    gate: "metric",
    value: 0.7,
    line: 0.5,
    sample: 30,
    sampleMin: 20,
    verdict: "tripped",
  };
  expect(halt).toEqual({ kind: "halt", stage: 0, verdict });
  expect(kinds(plan(running(watched), view({ untreatedDevices: 19 }), 1))).toEqual(["soak"]);
  expect(kinds(plan(running(watched), view({ treated: 0.9 }), 1))).toEqual(["soak"]);
});

test("the plan asks a second person between stages where it says so", () => {
  const asks = [stage({ next: "wait_for_approval" }), stage()];
  expect(kinds(plan(running(asks, "soaking"), fleet({ done: 10 }, { waiting: 1 }), 1))).toEqual(["wait_for_approval"]);
});

test("an appliance that waits again in a stage that has passed is started there", () => {
  const again = fleet({ done: 10, waiting: 1 }, { offered: 5 });
  expect(plan(running([stage(), stage()], "starting", 1), again, 1)).toEqual([
    { kind: "start", stage: 0, limit: 1, openZones: ["UTC"], frozenCountries: [] },
  ]);
});

test("stages that start in the same moment share the plan's start rate", () => {
  const both = fleet({ done: 10, waiting: 4 }, { waiting: 50 });
  const rollout = running([stage(), stage()], "starting", 1);
  const limited = { ...rollout, plan: { ...rollout.plan, startsPerMinuteMax: 10 } };
  const limits = plan(limited, { ...both, startsLastMinute: 3 }, 1).map((step) =>
    step.kind === "start" ? [step.stage, step.limit] : step.kind,
  );
  expect(limits).toEqual([
    [0, 4],
    [1, 3],
  ]);
});

test("a stage does not pass while some of it still wait, however good the others are", () => {
  expect(
    kinds(plan(running([stage(), stage()]), { ...fleet({ done: 50, waiting: 1 }, {}), frozen: "all" }, 1)),
  ).toEqual([]);
});

test("a withdrawn release ends its rollout in whatever state it is, with that reason", () => {
  const gone = { ...fleet({ waiting: 5 }), withdrawn: { reason: "release_withdrawn" } };
  const states: RolloutState[] = [
    { kind: "awaiting_approval", submittedBy: "a", submittedAtMs: 0 },
    { kind: "scheduled", startAtMs: 0, approvedBy: null },
    running([stage()]).state,
  ];
  for (const state of states)
    expect(plan({ ...running([stage()]), state }, gone, 1)).toEqual([{ kind: "abort", reason: "release_withdrawn" }]);
});

test("a finished rollout goes on for new appliances only where it assigns them by itself", () => {
  const state: RolloutState = { kind: "finished", startedAtMs: 0, finishedAtMs: 1 };
  const closed = { ...running([stage()]), state };
  expect(plan(closed, fleet({ waiting: 2 }), 1)).toEqual([]);
  const open = { ...closed, plan: { ...closed.plan, autoAssign: true } };
  expect(kinds(plan(open, fleet({ waiting: 2 }), 1))).toEqual(["start"]);
});

test("the tally of the generator knows every state", () => {
  expect(Object.keys(emptyTally()).toSorted()).toEqual([...memberStates].toSorted());
});
