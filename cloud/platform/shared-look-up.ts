/** How many keys one look-up takes. */
const keysMax = 500;

interface Question<Answer> {
  key: string;
  settle: (answer: Answer | null) => void;
  fail: (error: unknown) => void;
}

/**
 * Answers questions that come one by one and by the thousand, as when a whole fleet connects: those that come while a look-up is
 * under way share the next. Each is answered by a look-up that began after it was asked.
 */
export class SharedLookUp<Answer> {
  readonly #find: (keys: readonly string[]) => Promise<ReadonlyMap<string, Answer>>;
  readonly #waiting: Question<Answer>[] = [];
  #isLooking = false;

  /** @param find what there is of the keys, which may hold one twice */
  constructor(find: (keys: readonly string[]) => Promise<ReadonlyMap<string, Answer>>) {
    this.#find = find;
  }

  /** @throws what the look-up threw, for each that shared it */
  ask(key: string): Promise<Answer | null> {
    const { promise, resolve: settle, reject: fail } = Promise.withResolvers<Answer | null>();
    this.#waiting.push({ key, settle, fail });
    if (!this.#isLooking) void this.#look();
    return promise;
  }

  async #look(): Promise<void> {
    this.#isLooking = true;
    while (this.#waiting.length > 0) {
      const asked = this.#waiting.splice(0, keysMax);
      try {
        const found = await this.#find(asked.map(({ key }) => key));
        for (const { key, settle } of asked) settle(found.get(key) ?? null);
      } catch (error) {
        for (const { fail } of asked) fail(error);
      }
    }
    this.#isLooking = false;
  }
}
