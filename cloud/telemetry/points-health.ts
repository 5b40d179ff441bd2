/**
 * What health says of readings that another store than the database keeps, and that wait for it in the gateway's spool; and of rollups
 * that lag behind the readings.
 */
import type { UpBacklog } from "#protocol/link/messages.ts";
import type { RollupsBehind } from "./rollups.ts";

export interface PointsState {
  /** The store answers. */
  isUp: boolean;
  /** Why it took no readings at the last attempt; null where it did. */
  waitingFor: string | null;
  /** Null before the gateway's first word. */
  behind: UpBacklog | null;
  spoolBytes: number;
  spoolBytesMax: number;
  /** Spans that the store has been told to delete, and has not. */
  erasuresWaiting: number;
}

/** Readings that come so late are late for whoever looks at a chart. */
const lateMs = 60_000;
/** From this share of its bound on the spool is told of: at the bound devices are held off. */
const spoolShareTold = 0.5;

const durationText = (ms: number): string => {
  const minutes = Math.floor(ms / 60_000);
  return minutes < 1
    ? `${Math.ceil(ms / 1_000)} s`
    : minutes < 120
      ? `${minutes} min`
      : `${Math.floor(minutes / 60)} h`;
};

/** Sentences; none where all is well. */
export function pointsProblems(state: PointsState): string[] {
  const { isUp, waitingFor, behind, spoolBytes, spoolBytesMax, erasuresWaiting } = state;
  const { records, oldestMs } = behind ?? { records: 0, oldestMs: 0 };
  const backlog = `${records} records wait for it, the oldest for ${durationText(oldestMs)}`;
  const share = spoolBytesMax === 0 ? 0 : spoolBytes / spoolBytesMax;
  const why = waitingFor ?? (isUp ? null : "it does not answer");
  return [
    ...(why === null
      ? []
      : [`InfluxDB takes no readings (${why}): ${backlog}. Charts stand still; rules, cases and safety go on.`]),
    ...(why === null && oldestMs > lateMs ? [`InfluxDB is behind: ${backlog}.`] : []),
    ...(records > 0 && share >= spoolShareTold
      ? [
          `The spool is ${Math.floor(share * 100)} % full with readings that wait for InfluxDB; at its bound devices are held off.`,
        ]
      : []),
    ...(erasuresWaiting === 0
      ? []
      : [`InfluxDB has not deleted ${erasuresWaiting} of the spans that are to be erased.`]),
  ];
}

/** An hour of a whole fleet ends at one moment, and takes the follower some minutes. */
const rollupsLateMs = 15 * 60_000;

/** Sentences; none where the rollups follow. */
export function rollupsProblems({ hours, behindMs }: RollupsBehind): string[] {
  if (behindMs <= rollupsLateMs) return [];
  return [
    `Rollups are behind: ${hours} hours of appliances wait, the oldest for ${durationText(behindMs)}. Charts are right, and take longer.`,
  ];
}
