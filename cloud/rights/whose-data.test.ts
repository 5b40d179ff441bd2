/** Whoever has an appliance keeps what it said to them, and nothing of anybody else's, in whatever order it is paired, handed over and erased. */
import { randomUUID } from "node:crypto";
import fc from "fast-check";
import { sql } from "kysely";
import { afterAll, beforeAll, expect, test } from "vitest";
import { SetClock } from "../../test/support/down-road.ts";
import { Kitchen, type Person } from "../../test/support/kitchen.ts";

const minute = 60_000;
const day = 24 * 60 * minute;

let kitchen: Kitchen;
beforeAll(async () => {
  kitchen = await Kitchen.open({ clock: new SetClock() });
});
afterAll(() => kitchen.close());

const place = fc.nat(1);
const step = fc.oneof(
  { weight: 4, arbitrary: fc.record({ kind: fc.constant("pair" as const), device: place, home: fc.nat(2) }) },
  {
    weight: 5,
    arbitrary: fc.record({
      kind: fc.constantFrom("reading" as const, "event" as const),
      device: place,
    }),
  },
  { weight: 3, arbitrary: fc.record({ kind: fc.constant("handOver" as const), device: place }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant("erase" as const), home: fc.nat(2) }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant("workOff" as const) }) },
  {
    weight: 2,
    arbitrary: fc.record({ kind: fc.constant("wait" as const), ms: fc.constantFrom(1, minute, 6 * minute) }),
  },
);
/** An appliance's clock may run ahead, and is believed; or have lost the time, and is not. */
const aheadMs = fc.constantFrom(0, 1, minute, 4 * minute, 6 * minute, -20 * 365 * day);
type Step = typeof step extends fc.Arbitrary<infer S> ? S : never;

interface Home {
  person: Person;
  isErased: boolean;
  /** What its appliances said while they were theirs. */
  said: Set<number>;
}

/** What must have worked for the test to say anything. */
function worked(status: number): void {
  if (status >= 300) throw new Error(`it was refused: ${status}`);
}

/** A world of its own: two appliances, and as many households as come to be. */
class World {
  readonly #devices = [`whose-${randomUUID()}`, `whose-${randomUUID()}`] as const;
  readonly #has = new Map<string, Home>();
  readonly #aheadMs: readonly [number, number];
  readonly homes: Home[] = [];
  #word = 0;

  constructor(ahead: readonly [number, number]) {
    this.#aheadMs = ahead;
  }

  async open(): Promise<void> {
    await kitchen.ovens(...this.#devices);
  }

  async do(one: Step): Promise<void> {
    kitchen.clock.forward(1);
    switch (one.kind) {
      case "wait":
        kitchen.clock.forward(one.ms);
        return;
      case "workOff":
        return workOff();
      case "pair":
        return this.#pair(this.#devices[one.device] ?? "", this.homes.filter(({ isErased }) => !isErased)[one.home]);
      case "handOver":
        return this.#handOver(this.#devices[one.device] ?? "");
      case "erase":
        return this.#erase(this.homes.filter(({ isErased }) => !isErased)[one.home]);
      case "reading":
      case "event":
        return this.#say(one.kind, one.device);
    }
  }

  async #pair(device: string, home: Home | undefined): Promise<void> {
    if (this.#has.has(device)) return;
    if (home === undefined) {
      const made = { person: await kitchen.newOwner(device), isErased: false, said: new Set<number>() };
      this.homes.push(made);
      this.#has.set(device, made);
      return;
    }
    const code = await kitchen.showCode(device);
    kitchen.clock.forward(1);
    const { status } = await kitchen.call(home.person.key, "POST", "/my/pair", { code });
    worked(status);
    this.#has.set(device, home);
  }

  async #say(kind: "reading" | "event", at: number): Promise<void> {
    const device = this.#devices[at] ?? "";
    this.#word += 1;
    const word = this.#word;
    // What it says while nobody has it is nobody's, whatever its clock says.
    this.#has.get(device)?.said.add(word);
    const atMs = kitchen.clock.nowMs() + (this.#aheadMs[at] ?? 0);
    if (kind === "event") await kitchen.event(device, "program.finished", { program: `word ${word}` }, { atMs });
    else await kitchen.say({ device, channel: "telemetry", payload: { atMs, m: { word } } });
  }

  async #handOver(device: string): Promise<void> {
    const home = this.#has.get(device);
    if (home === undefined) return;
    const { status } = await kitchen.call(home.person.key, "POST", `/my/devices/${device}/hand-over`);
    worked(status);
    this.#has.delete(device);
  }

  async #erase(home: Home | undefined): Promise<void> {
    if (home === undefined) return;
    worked((await kitchen.call(home.person.key, "DELETE", "/my/household")).status);
    home.isErased = true;
    for (const [device, has] of this.#has) if (has === home) this.#has.delete(device);
  }

  /** Everything that is stored of these appliances, whosever it is. */
  async stored(): Promise<Set<number>> {
    const ids = [...this.#devices];
    const events = await sql<{ word: string }>`
      SELECT e.data ->> 'program' AS word FROM device_event e JOIN device d ON d.key = e.device_key
      WHERE d.id = ANY(${ids}::text[]) AND e.type = 'program.finished'`.execute(kitchen.base.db);
    const refs = await kitchen.slices.devices.find(ids);
    const words = new Set(events.rows.map(({ word }) => Number(word.slice("word ".length))));
    const devices = [...refs.values()].map((device) => ({ device, sinceMs: 0 }));
    const query = { devices, metrics: ["word"], fromMs: 0, toMs: kitchen.clock.nowMs() + day };
    for await (const page of kitchen.slices.telemetry.store.readings(query))
      for (const { metrics } of page) words.add(Number(metrics["word"]));
    return words;
  }
}

async function workOff(): Promise<void> {
  kitchen.clock.forward(1);
  await kitchen.slices.telemetry.erase();
  await kitchen.slices.service.tick();
  await kitchen.spoolIsEmpty();
  await kitchen.slices.rights.tick();
}

/** What a household takes along of what its appliances said. */
async function exported({ person }: Home): Promise<Set<number>> {
  const words = new Set<number>();
  const data = kitchen.slices.telemetry.householdData((keys, db) => kitchen.slices.devices.refsByKey(keys, db));
  for (const one of data)
    for await (const row of one.rows(kitchen.base.db, person.householdId)) {
      const word = "word" in row ? row.word : undefined;
      const said = "data" in row ? /"word (\d+)"/.exec(JSON.stringify(row.data))?.[1] : undefined;
      if (word !== undefined || said !== undefined) words.add(Number(word ?? said));
    }
  return words;
}

const sorted = (words: Iterable<number>) => [...words].toSorted((a, b) => a - b);

test("in whatever order appliances are paired, speak, are handed over and households erased: each keeps its own, nobody sees another's, and of the erased nothing is left", async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.tuple(aheadMs, aheadMs),
      fc.array(step, { minLength: 4, maxLength: 25 }),
      async (ahead, steps) => {
        const world = new World(ahead);
        await world.open();
        for (const one of steps) await world.do(one);
        kitchen.clock.forward(10 * minute);
        await workOff();
        // Late ones are removed daily.
        kitchen.clock.forward(day);
        await workOff();
        const stored = await world.stored();
        for (const home of world.homes) {
          if (home.isErased) expect(sorted([...home.said].filter((word) => stored.has(word)))).toEqual([]);
          else expect(sorted(await exported(home))).toEqual(sorted(home.said));
        }
      },
    ),
    { numRuns: 40, interruptAfterTimeLimit: 60_000, markInterruptAsFailure: false },
  );
});
