/** An oven that gets too hot for the rule about it, and cools down again. */
import type { Kitchen } from "./kitchen.ts";

/** Says how hot it is, ten seconds before the next reading. */
export async function readsCavity(kitchen: Kitchen, device: string, cavity_c: number): Promise<void> {
  await kitchen.say({ device, channel: "telemetry", payload: { atMs: kitchen.clock.nowMs(), m: { cavity_c } } });
  kitchen.clock.forward(10_000);
}

/** For longer than the rule holds. */
export async function overheat(kitchen: Kitchen, device: string): Promise<void> {
  for (let n = 0; n < 4; n += 1) await readsCavity(kitchen, device, 300);
}

export const coolDown = (kitchen: Kitchen, device: string): Promise<void> => readsCavity(kitchen, device, 120);
