/**
 * What waits, each under a key, served by turns of the keys: who queues much queues behind themselves. An item is in it at most once.
 */
export class FairQueue<T> {
  /** In the order of their turns, each with what waits under it, the longest first. */
  readonly #lines = new Map<string, T[]>();
  /** Keys by how many wait under them. The last entry is never empty. */
  readonly #byLength: Set<string>[] = [];
  #size = 0;

  get size(): number {
    return this.#size;
  }

  add(key: string, item: T): void {
    const line = this.#lines.get(key) ?? [];
    line.push(item);
    this.#lines.set(key, line);
    this.#size += 1;
    this.#moved(key, line.length - 1, line.length);
  }

  /** Takes the first whose key may be served, and puts that key at the end of the turns. */
  take(mayServe: (key: string) => boolean): T | null {
    for (const [key, line] of this.#lines) {
      if (!mayServe(key)) continue;
      const item = line.shift();
      this.#lines.delete(key);
      if (line.length > 0) this.#lines.set(key, line);
      this.#taken(key, line.length);
      return item ?? null;
    }
    return null;
  }

  remove(key: string, item: T): boolean {
    const line = this.#lines.get(key);
    const at = line?.indexOf(item) ?? -1;
    if (line === undefined || at < 0) return false;
    line.splice(at, 1);
    if (line.length === 0) this.#lines.delete(key);
    this.#taken(key, line.length);
    return true;
  }

  /** Takes the newest of the key that has most waiting; where several have, of `rather` if it is one of them. */
  takeFromLongest(rather: string): T | null {
    const longest = this.#byLength.at(-1);
    if (longest === undefined) return null;
    const [first = rather] = longest;
    const key = longest.has(rather) ? rather : first;
    const line = this.#lines.get(key) ?? [];
    const item = line.pop();
    if (line.length === 0) this.#lines.delete(key);
    this.#taken(key, line.length);
    return item ?? null;
  }

  /** All that waits, as it is now. */
  all(): T[] {
    return [...this.#lines.values()].flat();
  }

  #taken(key: string, left: number): void {
    this.#size -= 1;
    this.#moved(key, left + 1, left);
  }

  #moved(key: string, from: number, to: number): void {
    this.#byLength[from]?.delete(key);
    if (to > 0) (this.#byLength[to] ??= new Set()).add(key);
    while (this.#byLength.length > 0 && (this.#byLength.at(-1)?.size ?? 0) === 0) this.#byLength.pop();
  }
}
