import { afterAll, beforeAll, beforeEach, expect, test } from "vitest";
import { sql } from "kysely";
import { SetClock } from "../../test/support/down-road.ts";
import { createTestDatabase, type TestDatabase } from "../../test/support/postgres.ts";
import { comeBackMs } from "./core/listened.ts";
import { Listening } from "./listening.ts";

let base: TestDatabase;
let clock: SetClock;
let listening: Listening;
let reports = 0;
const minute = 60_000;
const halfHour = 30 * minute;

beforeAll(async () => {
  base = await createTestDatabase();
});
afterAll(() => base.drop());
beforeEach(async () => {
  await sql`TRUNCATE listened`.execute(base.database.db);
  clock = new SetClock();
  listening = new Listening({ db: base.database.db, clock });
});

/** Time passes with a gateway that reports, every twenty seconds. */
async function listen(bootId: string, ms: number, oldestWaitingMs = () => 0): Promise<void> {
  for (let passed = 0; passed < ms; passed += 20_000) {
    clock.forward(20_000);
    reports += 1;
    await listening.beat({ bootId, reports, oldestWaitingMs: oldestWaitingMs() });
  }
}

test("the record survives a restart of the service, and what was down does not count", async () => {
  await listen("a", 60 * minute);
  const spokenMs = clock.nowMs();
  clock.forward(15 * minute);
  listening = new Listening({ db: base.database.db, clock });
  await listening.load();
  await listen("b", comeBackMs + halfHour);
  expect(listening.silenceUntilMs(halfHour)).toBeLessThan(spokenMs + halfHour);
  await listen("b", 20_000);
  expect(listening.silenceUntilMs(halfHour)).toBeGreaterThanOrEqual(spokenMs + halfHour);
});

test("what waits for the database holds silence back until it is committed", async () => {
  await listen("a", 60 * minute);
  const behindSinceMs = clock.nowMs();
  await listen("a", 40 * minute, () => clock.nowMs() - behindSinceMs);
  expect(listening.silenceUntilMs(halfHour)).toBe(behindSinceMs);
  await listen("a", 20_000);
  expect(listening.silenceUntilMs(halfHour)).toBe(clock.nowMs());
});

test("a gateway that drains, is away or says nothing is not listening", async () => {
  await listen("a", 60 * minute);
  const lastMs = clock.nowMs();
  for (let beats = 0; beats < 10; beats += 1) {
    clock.forward(5_000);
    await listening.beat(null);
    await listening.beat({ bootId: "a", reports, oldestWaitingMs: 0 });
    await listening.beat({ bootId: "a", reports, oldestWaitingMs: 0 });
  }
  expect(listening.silenceUntilMs(halfHour)).toBe(lastMs);
});

test("a stretch is one row, however long it is", async () => {
  await listen("a", 10 * minute);
  clock.forward(minute);
  await listen("a", 10 * minute);
  const { rows } = await sql`SELECT * FROM listened`.execute(base.database.db);
  expect(rows).toHaveLength(2);
});
