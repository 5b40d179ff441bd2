/** Something that happened in the story. */
export interface Told {
  /** Since the demo began. */
  atMs: number;
  sentence: string;
}

/** How far a rollout is, in appliances. */
export interface RolloutStatus {
  id: string;
  name: string;
  state: string;
  /** Where it is of how many, from 1; null where it has not begun or is over. */
  stage: number | null;
  stages: number;
  members: number;
  /** By what became of them. */
  funnel: Readonly<Record<string, number>>;
}

/** Where the demo stands: what both views show, as the service itself counts it. */
export interface Status {
  state: "starting" | "running" | "ending";
  /** Since the demo began. */
  atMs: number;
  appliances: number;
  connected: number;
  models: { model: string; total: number; online: number }[];
  /** How much of their past the appliances have told, from 0 to 1; null before and without. */
  pastShare: number | null;
  /** How far the appliances' time lies behind the present, and how fast it runs until then. */
  behindMs: number;
  speed: number;
  readingsCommitted: number;
  /** Readings committed in each second, oldest first. */
  rates: number[];
  /** By phase. */
  deliveries: Record<string, number>;
  firmwareConfirmed: number;
  /** The newest first. */
  rollouts: RolloutStatus[];
  /** By status. */
  cases: Record<string, number>;
  points: number;
  readyAfterMs: number | null;
  story: Told[];
  /** Where the service is, once it runs. */
  place: { console: string; mqtt: string; key: string } | null;
}

export const ratesMax = 240;
const storyMax = 200;

export const newStatus = (appliances: number, speed: number): Status => ({
  state: "starting",
  atMs: 0,
  appliances,
  connected: 0,
  models: [],
  pastShare: null,
  behindMs: 0,
  speed,
  readingsCommitted: 0,
  rates: [],
  deliveries: {},
  firmwareConfirmed: 0,
  rollouts: [],
  cases: {},
  points: 0,
  readyAfterMs: null,
  story: [],
  place: null,
});

/** Where a rollout is shown; null before the service runs. */
export const rolloutHref = ({ place }: Status, id: string): string | null =>
  place === null ? null : `${place.console}rollouts/${id}`;

/** Adds to a story that keeps its newest sentences. */
export const withTold = (story: readonly Told[], told: Told): Told[] => [...story, told].slice(-storyMax);

/** The rate of this moment: of the last measures together, since one alone jumps with every batch. */
export function rateNow({ rates }: Status): number {
  const last = rates.slice(-2);
  return last.length === 0 ? 0 : Math.round(last.reduce((sum, rate) => sum + rate, 0) / last.length);
}

export const sumOf = (counts: Record<string, number>): number =>
  Object.values(counts).reduce((sum, count) => sum + count, 0);

/** Deliveries as people ask about them: brought, under way, or ended otherwise. */
export function deliveryParts({ deliveries }: Status): {
  done: number;
  underWay: number;
  failed: number;
  other: number;
} {
  const of = (...phases: string[]): number => phases.reduce((sum, phase) => sum + (deliveries[phase] ?? 0), 0);
  const parts = { done: of("done"), underWay: of("queued", "sent", "received"), failed: of("failed", "rejected") };
  return { ...parts, other: sumOf(deliveries) - parts.done - parts.underWay - parts.failed };
}
