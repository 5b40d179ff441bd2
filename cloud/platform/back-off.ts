/**
 * How long to wait before the next attempt: twice as long after each, and somewhere in the upper half of that, so that those who failed
 * together do not come back together.
 *
 * @param attempt from 0
 */
export function backOffMs(attempt: number, msMin: number, msMax: number): number {
  const ms = Math.min(msMax, msMin * 2 ** Math.min(attempt, 30));
  return ms / 2 + (Math.random() * ms) / 2;
}
