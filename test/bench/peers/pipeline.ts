import { setTimeout as sleep } from "node:timers/promises";
import type { Peer } from "../peer.ts";

/** A broker, and what stores what it is told. */
export interface Pipeline {
  readonly name: string;
  readonly broker: Peer;
  /** Readings that can be read from the store. */
  stored(): Promise<number>;
  stop(): Promise<void>;
}

/** What every device of a bench publishes its readings to. */
export const readingsFilter = "hearth/v1/devices/+/telemetry";

const pollMs = 20;
/** A store that takes nothing for so long will take no more: the rest is lost, as nothing kept it. */
const stuckMs = 10_000;

/**
 * Waits until everything is stored, or no more comes.
 *
 * @returns how many readings are stored, and when the last of them was
 */
export async function drained(pipeline: Pipeline, expected: number): Promise<{ stored: number; atMs: number }> {
  let stored = await pipeline.stored();
  let atMs = Date.now();
  while (stored < expected && Date.now() - atMs < stuckMs) {
    await sleep(pollMs);
    const now = await pipeline.stored();
    if (now > stored) [stored, atMs] = [now, Date.now()];
  }
  return { stored, atMs };
}
