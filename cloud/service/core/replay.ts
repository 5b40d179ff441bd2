/**
 * One rule over what one appliance said, from beginning to end: the operators that run on the stream, without a database. The same
 * input gives the same firings.
 */
import type { Facts } from "../../platform/predicate/predicate.ts";
import { compileCondition } from "./condition.ts";
import { machineOf, type Moved, touchMs } from "./machine.ts";
import { markerOf, type MarkRule, type RuleEvent } from "./marks.ts";
import { featureOf } from "./operators/episode.ts";
import { causeIn, evaluateFault, type FaultState, neverFaulty } from "./operators/fault.ts";
import { type FrozenState, neverDriven, stepFrozen } from "./operators/frozen.ts";
import type { Effect, Phase } from "./operators/operator.ts";
import { metricValue, type StoredValues } from "./operators/stored-values.ts";
import { evaluate, neverSeen, type ThresholdState } from "./operators/threshold.ts";
import { findsSilence, presenceTypes, type RuleDefinition, type RuleOf } from "./rule.ts";

export type Happening = { kind: "reading"; reading: StoredValues } | { kind: "event"; event: RuleEvent };

export interface Firing extends Effect {
  cause: string;
}

export interface Replayed {
  firings: Firing[];
  /** How many readings and events the rule looked at. None: nothing can be said about it. */
  evaluated: number;
}

export interface ReplayOptions {
  /** What conditions may ask of the appliance. */
  appliance: Facts;
  /** Until when nothing more came: what time alone brings is brought until then. */
  untilMs: number;
  /** Until when silences of a length were over at a time, where the service did not always listen. */
  silenceUntilAt?: (forMs: number, atMs: number) => number;
}

/** @param happenings of one appliance, in the order of time */
export function replay(rule: RuleDefinition, happenings: Iterable<Happening>, options: ReplayOptions): Replayed {
  const run = new Replay(rule, options);
  for (const happening of happenings) run.take(happening);
  return run.end();
}

/** A replay for which what happened comes piece by piece. */
export class Replay {
  readonly #run: Run;
  readonly #firings: Firing[] = [];
  #evaluated = 0;

  constructor(rule: RuleDefinition, options: ReplayOptions) {
    this.#run = runOf(rule, options);
  }

  /** The next, in the order of time. */
  take(happening: Happening): void {
    if (this.#run.take(happening, this.#firings)) this.#evaluated += 1;
  }

  /** Nothing more comes. */
  end(): Replayed {
    this.#run.end(this.#firings);
    return { firings: this.#firings, evaluated: this.#evaluated };
  }
}

interface Run {
  /** @returns whether the rule looked at it */
  take(happening: Happening, firings: Firing[]): boolean;
  end(firings: Firing[]): void;
}

function runOf(rule: RuleDefinition, options: ReplayOptions): Run {
  switch (rule.kind) {
    case "threshold":
      return thresholdRun(rule, options);
    case "frozen":
      return frozenRun(rule, options);
    case "fault":
      return faultRun(rule);
    case "count":
    case "sequence":
    case "accumulate":
    case "absence":
    case "trend":
      return markRun(rule, options);
  }
}

const add = (firings: Firing[], cause: string, effects: readonly Effect[]): void => {
  for (const effect of effects) firings.push({ ...effect, cause });
};

function thresholdRun(rule: RuleOf<"threshold">, { appliance }: ReplayOptions): Run {
  const condition = compileCondition(rule.where, "reading", rule.fields);
  let state: ThresholdState = neverSeen;
  return {
    take(happening, firings) {
      if (happening.kind !== "reading") return false;
      const { reading } = happening;
      const value = metricValue(reading, rule.metric);
      if (value === null || !condition.holds(reading.metrics, appliance)) return false;
      const outcome = evaluate(rule, state, { atMs: reading.atMs, value });
      state = outcome.state;
      add(firings, rule.cause, outcome.effects);
      return true;
    },
    end() {},
  };
}

function frozenRun(rule: RuleOf<"frozen">, { appliance }: ReplayOptions): Run {
  const condition = compileCondition(rule.where, "reading", rule.fields);
  let state: FrozenState = neverDriven;
  return {
    take(happening, firings) {
      if (happening.kind !== "reading") return false;
      const { reading } = happening;
      const [value, driver] = [metricValue(reading, rule.metric), metricValue(reading, rule.driver.metric)];
      if (value === null || driver === null || !condition.holds(reading.metrics, appliance)) return false;
      const outcome = stepFrozen(rule, state, { atMs: reading.atMs, value, driver });
      state = outcome.state;
      add(firings, rule.cause, outcome.effects);
      return true;
    },
    end() {},
  };
}

function faultRun(rule: RuleOf<"fault">): Run {
  const states = new Map<string, FaultState>();
  return {
    take(happening, firings) {
      if (happening.kind !== "event") return false;
      const { id, atMs, type, data } = happening.event;
      if (type !== "fault.raised" && type !== "fault.cleared") return false;
      const cause = causeIn(rule, { type, data });
      if (cause === null) return false;
      const outcome = evaluateFault(states.get(cause) ?? neverFaulty, {
        kind: type === "fault.raised" ? "raised" : "cleared",
        atMs,
      });
      states.set(cause, outcome.state);
      if (outcome.effect !== null) {
        add(firings, cause, [{ kind: outcome.effect, atMs, trace: { readings: [], events: [{ id, atMs, type }] } }]);
      }
      return true;
    },
    end() {},
  };
}

/** Readings that an episode keeps at most; of a longer one the beginning decides. */
const episodeReadingsMax = 50_000;

function markRun(rule: MarkRule, { appliance, untilMs, silenceUntilAt }: ReplayOptions): Run {
  // What comes in order need not wait for what might come late; a word that tells of an earlier time may, as in the stream.
  const waitMs = rule.kind === "count" && tellsOfEarlier(rule) ? rule.latenessMs : 0;
  const machine = machineOf(rule.kind === "absence" ? rule : { ...rule, latenessMs: waitMs });
  const marker = markerOf(rule);
  const condition = compileCondition(rule.kind === "trend" ? rule.where : undefined, "reading", rule.fields);
  let state: unknown;
  let dueMs: number | null = null;
  let phase: Phase = "idle";
  let notedMs: number | null = null;
  let episode: StoredValues[] = [];
  let inEpisode = false;
  // As far as it is known: who is connected is not silent, whatever it does not say.
  let isConnected = false;
  const isSilence = findsSilence(rule);

  const settle = (moved: Moved, firings: Firing[]): void => {
    ({ state, dueMs, phase } = moved);
    add(firings, rule.cause, moved.effects);
  };
  const toMeasure = () => machine.toMeasure(state, Infinity)[0];
  const measure = (firings: Firing[]): void => {
    if (rule.kind !== "trend") return;
    for (let window = toMeasure(); window !== undefined; window = toMeasure()) {
      const { fromMs, toMs } = window;
      const readings = episode.filter(({ atMs }) => atMs >= fromMs && atMs <= toMs);
      const counts = ({ metrics }: StoredValues) => condition.holds(metrics, appliance);
      settle(machine.measured(state, featureOf({ ...rule, counts }, fromMs, readings)), firings);
    }
  };
  const elapse = (toMs: number, firings: Firing[]): void => {
    if (dueMs === null || dueMs >= toMs || isConnected) return;
    const nowMs = rule.kind === "absence" ? (silenceUntilAt?.(rule.forMs, toMs) ?? toMs) : toMs;
    // What becomes due while it is looked at is looked at, too.
    for (let due: number | null = dueMs; due !== null && due < nowMs; due = dueMs === due ? null : dueMs) {
      settle(machine.elapse(state, nowMs), firings);
      measure(firings);
    }
  };
  const appears = (happening: Happening): RuleEvent | null => {
    if (rule.kind !== "absence" || rule.of.kind === "event") return happening.kind === "event" ? happening.event : null;
    if (happening.kind === "event") return rule.of.kind === "anything" ? happening.event : null;
    const { reading } = happening;
    if (rule.of.kind === "metric" && metricValue(reading, rule.of.metric) === null) return null;
    return { id: "", atMs: reading.atMs, type: "reading", data: {} };
  };
  /** The stream notes the appearance of a metric now and then, and again once its absence was found. */
  const isNoted = (atMs: number): boolean => {
    if (rule.kind !== "absence" || rule.of.kind !== "metric") return true;
    if (phase !== "holding" && notedMs !== null && atMs - notedMs < touchMs(rule.forMs)) return false;
    notedMs = atMs;
    return true;
  };
  return {
    take(happening, firings) {
      const atMs = happening.kind === "reading" ? happening.reading.atMs : happening.event.atMs;
      elapse(atMs, firings);
      if (isSilence && happening.kind === "event") {
        const { type } = happening.event;
        if (type === presenceTypes.opened || type === presenceTypes.closed) isConnected = type === presenceTypes.opened;
      }
      if (happening.kind === "reading" && inEpisode && episode.length < episodeReadingsMax)
        episode.push(happening.reading);
      const event = appears(happening);
      if (event === null) return false;
      const all = rule.kind === "absence" && rule.of.kind !== "event";
      const mark = all ? { ...event, roles: ["seen"], amount: 1 } : marker.markOf(event, appliance);
      if (mark === null) return false;
      if (rule.kind === "trend") {
        // A beginning waits with the operator until time goes on, and its readings come at once.
        if (mark.roles.includes("from")) episode = [];
        inEpisode = mark.roles.includes("from");
      }
      if (isNoted(atMs)) settle(machine.step(state, mark, event.atMs), firings);
      return true;
    },
    end(firings) {
      elapse(untilMs + waitMs, firings);
    },
  };
}

const tellsOfEarlier = ({ alsoToldBy }: RuleOf<"count">): boolean =>
  alsoToldBy?.events.some(({ atField }) => atField !== undefined) ?? false;
