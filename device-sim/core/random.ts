/**
 * Randomness as a function: the same seed and the same place in the run give the same number, in any order of asking and however
 * often. A trace built on it depends on (seed, scenario, time) alone.
 */

type Part = number | string;

/** Mixes the parts to 32 bits (FNV-1a over each part, then the finaliser of MurmurHash3). */
export function hash32(...parts: Part[]): number {
  let h = 0x811c9dc5;
  for (const part of parts) {
    const text = String(part);
    for (let at = 0; at < text.length; at += 1) h = Math.imul(h ^ text.charCodeAt(at), 0x01000193);
    h = Math.imul(h ^ 0x7c, 0x01000193);
  }
  h = Math.imul(h ^ (h >>> 16), 0x85ebca6b);
  h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35);
  return (h ^ (h >>> 16)) >>> 0;
}

/** At least 0 and below 1. */
export const uniform = (...parts: Part[]): number => hash32(...parts) / 4_294_967_296;

/** At least `low` and below `high`. */
export const between = (low: number, high: number, ...parts: Part[]): number => low + (high - low) * uniform(...parts);

/** Noise around zero, bell-shaped enough for a sensor: the sum of three uniforms, never beyond ±1.5 `spread`. */
export const noise = (spread: number, ...parts: Part[]): number =>
  spread * (uniform("a", ...parts) + uniform("b", ...parts) + uniform("c", ...parts) - 1.5);

/** One of the list, which must not be empty; weights where given stand at the same index. */
export function pick<T>(
  list: readonly [T, ...T[]] | readonly T[],
  weights: readonly number[] | null,
  ...parts: Part[]
): T {
  const weightOf = (at: number): number => weights?.[at] ?? 1;
  let left = uniform(...parts) * list.reduce((sum, _item, at) => sum + weightOf(at), 0);
  for (const [at, item] of list.entries()) {
    left -= weightOf(at);
    if (left < 0) return item;
  }
  const last = list.at(-1);
  if (last === undefined) throw new Error("pick: the list is empty");
  return last;
}
