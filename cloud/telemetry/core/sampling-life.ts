/**
 * How one device that is watched comes to sample faster, and falls back.
 *
 *   usual --ask--> asked --reply--> fast --ask again in time--> fast
 *     ^              |  \             |
 *     |              |   refused      |  nobody asks again: its time is over
 *     +--no reply----+                |
 *     +-------------------------------+
 *
 * Asking again changes nothing but the end: a device falls back by itself, whoever dies.
 */
import type { Sampling, UsualReason } from "./live-queue.ts";

export interface SamplingTimes {
  /** How often a device measures while it is watched. */
  everyMs: number;
  /** How long one asking lasts at the device. */
  fastMs: number;
  /** How long after one asking the next follows, at the earliest. */
  againMs: number;
}

export interface SamplingLife {
  /** Who watches and may ask for it. */
  watchers: number;
  /** The generation of the stored command that this watch began with, or null before it. */
  generation: number | null;
  /** The id of the last asking, and when it was; null while nobody has asked since the device last fell back. */
  asked: { id: string; atMs: number } | null;
  fast: { everyMs: number; untilMs: number } | null;
  /** The device said that it does not do this: it is not asked again while it is watched. */
  refused: boolean;
  online: boolean;
}

export const unwatched: SamplingLife = {
  watchers: 0,
  generation: null,
  asked: null,
  fast: null,
  refused: false,
  online: false,
};

/** Whether a device takes one of the places of those that sample faster: it does, or was asked to and may. */
export const takesPlace = ({ fast, asked }: SamplingLife, nowMs: number, { againMs }: SamplingTimes): boolean =>
  (fast !== null && nowMs < fast.untilMs) || (asked !== null && nowMs < asked.atMs + againMs);

/** What to ask a device now. `begin` is stored and stands on its timeline; `again` repeats it. */
export function nextAsk(
  life: SamplingLife,
  nowMs: number,
  times: SamplingTimes,
  hasRoom: boolean,
): "begin" | "again" | null {
  const { watchers, refused, online, asked, generation } = life;
  if (watchers === 0 || refused || !online || (asked !== null && nowMs < asked.atMs + times.againMs)) return null;
  if (!hasRoom && !takesPlace(life, nowMs, times)) return null;
  return generation === null ? "begin" : "again";
}

/** Whether nothing is left to remember of a device that nobody watches. */
export const isOver = (life: SamplingLife, nowMs: number, times: SamplingTimes): boolean =>
  life.watchers === 0 && !takesPlace(life, nowMs, times);

function usualReason(life: SamplingLife, nowMs: number, times: SamplingTimes, hasRoom: boolean): UsualReason {
  if (life.watchers === 0) return "not_asked";
  if (!life.online) return "offline";
  if (life.refused) return "refused";
  return hasRoom || takesPlace(life, nowMs, times) ? "asked" : "too_many";
}

/** What those who watch are told. */
export function samplingOf(
  deviceId: string,
  life: SamplingLife,
  nowMs: number,
  times: SamplingTimes,
  hasRoom: boolean,
): Sampling {
  const { fast, online } = life;
  // A device that is away measures as it was told; nobody sees it, and its time runs.
  if (fast !== null && nowMs < fast.untilMs && online) return { deviceId, sampling: "fast", ...fast, reason: null };
  const reason = usualReason(life, nowMs, times, hasRoom);
  return { deviceId, sampling: "usual", everyMs: null, untilMs: null, reason };
}
