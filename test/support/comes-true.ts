import { vi } from "vitest";

/**
 * Looks again until nothing that is expected there fails, and gives back what the look found. It waits as long as a busy machine may
 * need: what never comes true fails all the same, with what was found last.
 */
export const comesTrue = <T>(look: () => T | Promise<T>): Promise<T> =>
  vi.waitFor(look, { timeout: 120_000, interval: 20 });
