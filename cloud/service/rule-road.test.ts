/**
 * Every operator over the whole road, from what an appliance says to what a rule found: the same life told in time, told late, twice and
 * in pieces, and told by a clock that is years off; and what a back-test finds in what was stored.
 */
import { randomUUID } from "node:crypto";
import fc from "fast-check";
import { sql } from "kysely";
import { afterAll, beforeAll, expect, test } from "vitest";
import type { RecordChannel, SequencedRecord } from "#protocol/link/up-chunk.ts";
import { Kitchen } from "../../test/support/kitchen.ts";

const [second, minute, year] = [1_000, 60_000, 365 * 86_400_000];
const stepMs = 20 * second;
/** A life, and what follows its last word until every timer has run out. */
const [lifeSteps, restSteps] = [120, 60];
const latenessMs = minute;

const common = { severity: "service", actions: [] };
const rules = {
  threshold: {
    kind: "threshold",
    metric: "cavity_c",
    direction: "above",
    limit: 250,
    clearAt: 240,
    holdMs: 40 * second,
  },
  frozen: {
    kind: "frozen",
    metric: "cavity_c",
    withinDelta: 0.2,
    holdMs: 2 * minute,
    driver: { metric: "power_w", above: 1_000 },
    readingsMin: 3,
  },
  fault: { kind: "fault" },
  count: { kind: "count", event: { type: "door.opened" }, count: 3, windowMs: 5 * minute, quietMs: 4 * minute },
  sequence: {
    kind: "sequence",
    events: [{ type: "door.opened" }, { type: "program.aborted" }],
    without: { type: "program.started" },
    withinMs: 4 * minute,
    clearAfterMs: 5 * minute,
  },
  accumulate: {
    kind: "accumulate",
    add: { type: "program.started" },
    limit: 3,
    reset: { type: "cleaning.finished" },
  },
  trend: {
    kind: "trend",
    from: { type: "program.started" },
    to: { type: "preheat.finished" },
    feature: { kind: "mean", metric: "fan_rpm" },
    baselineEpisodes: 3,
    episodes: 1,
    share: 0.1,
    direction: "above",
  },
  event_absence: { kind: "absence", of: { kind: "event", event: { type: "descale.finished" } }, forMs: 10 * minute },
  metric_absence: { kind: "absence", of: { kind: "metric", metric: "probe1_c" }, forMs: 10 * minute },
} as const;
type Operator = keyof typeof rules;
const operators = Object.keys(rules) as Operator[];
/** Those that wait for what may still come. */
const patient: readonly Operator[] = ["count", "sequence", "accumulate", "trend"];

let kitchen: Kitchen;
const source = { gatewayId: "main", spoolEpoch: randomUUID() };
const bootId = randomUUID();
const ids = {} as Record<Operator | "silence", string>;
let [sequence, reports, connections, ovens] = [0, 0, 0, 0];

beforeAll(async () => {
  kitchen = await Kitchen.open();
  await kitchen.slices.ingest.openSource(source);
  await kitchen.slices.linkDeps.onBoot("main", bootId);
  for (const { rule } of await kitchen.slices.service.rules.list())
    await kitchen.slices.service.rules.switchMode({ kind: "system" }, rule.id, "off");
  const silence = { kind: "absence", of: { kind: "anything" }, forMs: 10 * minute };
  for (const [name, definition] of Object.entries({ ...rules, silence })) {
    const cause = definition.kind === "fault" ? {} : { cause: name };
    const rule = { ...common, ...cause, title: name, ...definition };
    // The model does not declare all that these look at.
    const { status, body } = await kitchen.as("support", "POST", "/service/rules?confirm=true", rule);
    if (status !== 201) throw new Error(`${name} was refused: ${JSON.stringify(body)}`);
    ids[name as Operator] = body.id;
  }
  // Whoever was never heard is not missed before somebody has listened for long enough.
  for (let step = 0; step < 60; step += 1) await pass();
});
afterAll(() => kitchen.close());

/** `momentMs`: how long before now it was received. */
type Said = readonly { device: string; channel: RecordChannel; payload: unknown; momentMs?: number }[];

async function commit(said: Said): Promise<void> {
  if (said.length === 0) return;
  const records = said.map(({ device, channel, payload, momentMs = 0 }): SequencedRecord => {
    const receivedAtMs = kitchen.clock.nowMs() - momentMs;
    const bytes = Buffer.from(JSON.stringify(payload));
    return { sequence: sequence++, channel, deviceId: device, receivedAtMs, payload: bytes };
  });
  await kitchen.slices.ingest.commit(source, records);
}

async function pass(): Promise<void> {
  kitchen.clock.forward(stepMs);
  reports += 1;
  await kitchen.slices.listening.beat({ bootId, reports, oldestWaitingMs: 0 });
  await kitchen.slices.service.tickRules();
}

async function newOvens(count: number): Promise<string[]> {
  const names = Array.from({ length: count }, () => `road-${(ovens += 1)}`);
  await kitchen.ovens(...names);
  return names;
}

/** One thing that an oven says, at the step of its life at which it happened. */
interface Word {
  step: number;
  channel: "telemetry" | "events";
  id: string;
  body: Record<string, unknown>;
}

/** Stretches of steps with something in each. */
const stretches = <T>(of: fc.Arbitrary<T>, length: fc.Arbitrary<number>) =>
  fc
    .array(fc.tuple(of, length), { minLength: lifeSteps / 2, maxLength: lifeSteps / 2 })
    .map((parts) => parts.flatMap(([value, steps]) => Array.from({ length: steps }, () => value)).slice(0, lifeSteps));

/** Long enough to be missed beyond doubt, or far from it: in between it depends on the very second at which the clock looks. */
const gaps = (present: number) => fc.oneof(fc.integer({ min: 1, max: present }), fc.integer({ min: 48, max: 60 }));

const life: fc.Arbitrary<Word[]> = fc
  .record({
    cavity: stretches(fc.constantFrom(100, 100, 245, 255, 260), fc.integer({ min: 1, max: 12 })),
    power: stretches(fc.constantFrom(0, 2_000, 2_000), fc.integer({ min: 1, max: 16 })),
    // As it always was, and then now and then more.
    fan: stretches(fc.constantFrom(1_000, 1_400), fc.integer({ min: 4, max: 20 })).map((all) =>
      all.map((rpm, step) => (step < lifeSteps / 2 ? 1_000 : rpm)),
    ),
    probe: fc.array(fc.tuple(fc.integer({ min: 1, max: 20 }), gaps(3)), { minLength: 60, maxLength: 60 }),
    descaled: fc.array(gaps(20), { minLength: lifeSteps, maxLength: lifeSteps }),
    events: fc.array(
      fc.option(
        fc.constantFrom(
          "door.opened",
          "door.opened",
          "program.started",
          "preheat.finished",
          "program.started",
          "preheat.finished",
          "program.aborted",
          "cleaning.finished",
          "fault.raised",
          "fault.cleared",
        ),
        { freq: 2 },
      ),
      { minLength: lifeSteps, maxLength: lifeSteps },
    ),
  })
  .map(({ cavity, power, fan, probe, descaled, events }) => {
    const hasProbe = probe.flatMap(([on, off]) => [
      ...Array.from({ length: on }, () => true),
      ...Array.from({ length: off }, () => false),
    ]);
    const isDescaled = new Set<number>();
    for (let step = 1, at = 0; step < lifeSteps; at += 1) {
      isDescaled.add(step);
      step += descaled[at] ?? lifeSteps;
    }
    return Array.from({ length: lifeSteps }, (_none, step): Word[] => {
      const m = {
        cavity_c: cavity[step],
        power_w: power[step],
        fan_rpm: fan[step],
        ...(hasProbe[step] === true ? { probe1_c: 50 } : {}),
      };
      const said = [...(isDescaled.has(step) ? ["descale.finished"] : []), ...(events[step] ? [events[step]] : [])];
      return [
        { step, channel: "telemetry", id: `r${step}`, body: { m } },
        ...said.map((type, at): Word => ({
          step,
          channel: "events",
          id: `${step}-${at}`,
          body: { type, data: { code: "E1" } },
        })),
      ];
    }).flat();
  });

/** When each word of a life comes: so many steps after it was said, and a second time some steps after that. */
interface Delivery {
  delays: number[];
  again: (number | null)[];
  /** How far the oven's clock is off. */
  offMs: number;
}

interface Told {
  oven: string;
  words: readonly Word[];
  delivery: Delivery;
}

/**
 * What an oven's words look like on the wire. Two of one step are a moment apart, and are received so far apart, too: what lies exactly
 * at the edge of a window lies there by whichever clock.
 */
const onTheWire = ({ oven, delivery }: Told, word: Word, place: number, startMs: number): Said[number] => {
  const atMs = startMs + word.step * stepMs + place + delivery.offMs;
  const id = `${oven}-${word.id}`;
  return {
    device: oven,
    channel: word.channel,
    momentMs: second / 2 - place,
    payload: { ...word.body, atMs, ...(word.channel === "events" ? { id } : {}) },
  };
};

/** All ovens live at the same time, and say what they say when it comes. */
async function live(all: readonly Told[]): Promise<{ fromMs: number; toMs: number }> {
  const due = new Map<number, Said[number][]>();
  const startMs = kitchen.clock.nowMs() + stepMs;
  for (const told of all) {
    for (const [at, word] of told.words.entries()) {
      const said = onTheWire(
        told,
        word,
        told.words.filter((one, before) => one.step === word.step && before < at).length,
        startMs,
      );
      const comesAt = word.step + (told.delivery.delays[at] ?? 0);
      const again = told.delivery.again[at] ?? null;
      for (const step of again === null ? [comesAt] : [comesAt, comesAt + again])
        due.set(step, [...(due.get(step) ?? []), said]);
    }
  }
  const fromMs = kitchen.clock.nowMs();
  const lastStep = Math.max(lifeSteps, ...due.keys());
  for (let step = 0; step < lastStep + restSteps; step += 1) {
    await pass();
    // What two words of one step are apart lies before the end of the step.
    kitchen.clock.forward(second);
    await commit(due.get(step) ?? []);
    kitchen.clock.forward(-second);
  }
  return { fromMs, toMs: kitchen.clock.nowMs() };
}

type Firing = [kind: string, cause: string, sinceStartMs: number];

async function firingsOf(operator: Operator | "silence", oven: string, fromMs: number): Promise<Firing[]> {
  const { rows } = await sql<{ kind: string; cause: string; at_ms: number }>`
    SELECT kind, cause, at_ms FROM rule_firing f JOIN device d ON d.key = f.device_key
    WHERE rule_id = ${ids[operator]} AND d.id = ${oven} ORDER BY at_ms, f.id`.execute(kitchen.base.database.db);
  return rows.map(({ kind, cause, at_ms }) => [kind, cause, at_ms - fromMs]);
}

async function lateOf(operator: Operator | "silence", oven: string): Promise<number> {
  const { rows } = await sql<{ count: number }>`
    SELECT count FROM rule_late l JOIN device d ON d.key = l.device_key
    WHERE rule_id = ${ids[operator]} AND d.id = ${oven}`.execute(kitchen.base.database.db);
  return rows[0]?.count ?? 0;
}

async function backtest(operator: Operator | "silence", names: readonly string[], fromMs: number, toMs: number) {
  const asked = { ruleId: ids[operator], fromMs, toMs, filter: { deviceIds: names } };
  const started = await kitchen.as("support", "POST", "/service/rules/backtest", asked);
  expect(started.body).toMatchObject({ status: "running" });
  for (let status = "running"; status === "running";) {
    ({ status } = (await kitchen.as("support", "GET", `/service/backtests/${started.body.id}`)).body);
    await new Promise(setImmediate);
  }
  const { items } = (await kitchen.as("viewer", "GET", `/service/backtests/${started.body.id}/devices?limit=500`)).body;
  const found = items as { deviceId: string; firings: { kind: string; cause: string; atMs: number }[] }[];
  return new Map(
    found.map(({ deviceId, firings }) => [
      deviceId,
      firings.map(({ kind, cause, atMs }): Firing => [kind, cause, atMs - fromMs]),
    ]),
  );
}

/** From when on a metric is missed is known to a quarter of the time; so long after, whoever told late may be found. */
const coarse = (operator: Operator, firings: readonly Firing[]): unknown =>
  operator === "metric_absence"
    ? firings.map(([kind, cause, at]) => [kind, cause, kind === "clear" ? at : 0])
    : firings;

const times = <T>(of: fc.Arbitrary<T>) => fc.array(of, { minLength: 3 * lifeSteps, maxLength: 3 * lifeSteps });
const nowAndThen = <T>(of: fc.Arbitrary<T>) =>
  fc.oneof({ weight: 5, arbitrary: fc.constant(null) }, { weight: 1, arbitrary: of });
const inTime: Delivery = { delays: [], again: [], offMs: 0 };
const within: fc.Arbitrary<Delivery> = fc.record({
  delays: times(fc.nat(latenessMs / stepMs - 1)),
  again: times(nowAndThen(fc.nat(40))),
  offMs: fc.constant(0),
});
const whenever: fc.Arbitrary<Delivery> = fc.record({
  delays: times(fc.oneof({ weight: 6, arbitrary: fc.constant(0) }, { weight: 1, arbitrary: fc.nat(90) })),
  again: times(nowAndThen(fc.nat(40))),
  offMs: fc.constant(0),
});
/** Away in the middle of its life: whatever it said then comes once it is back, and in one go. */
const away = fc
  .tuple(fc.nat(lifeSteps), fc.integer({ min: 1, max: 80 }))
  .map(([fromStep, length]) => ({ fromStep, untilStep: fromStep + length }));

test("whatever the operator: a back-test finds what was found live; told late or twice or in pieces the same is found, or a line says that it was too late; a clock that is years off changes nothing", async () => {
  const found = new Map<Operator, number>();
  const one = fc.record({ words: life, within, whenever, away });
  await fc.assert(
    fc.asyncProperty(fc.array(one, { minLength: 3, maxLength: 3 }), async (lives) => {
      const names = await newOvens(lives.length * 5);
      const told = lives.flatMap(({ words, ...how }, at) => {
        const { fromStep, untilStep } = how.away;
        const delays = words.map(({ step }) => (step >= fromStep && step < untilStep ? untilStep - step : 0));
        const back = { ...inTime, delays };
        const wrong = { ...inTime, offMs: at % 2 === 0 ? 3 * year : -20 * year };
        return [inTime, how.within, how.whenever, back, wrong].map((delivery, twin): Told => ({
          oven: names[at * 5 + twin] ?? "",
          words,
          delivery,
        }));
      });
      const { fromMs, toMs } = await live(told);
      for (const operator of operators) {
        const past = await backtest(operator, names, fromMs, toMs);
        for (let at = 0; at < lives.length; at += 1) {
          const [plain = "", jittered = "", late = "", back = "", wrong = ""] = names.slice(at * 5);
          const expected = await firingsOf(operator, plain, fromMs);
          found.set(operator, (found.get(operator) ?? 0) + expected.length);
          expect([operator, await lateOf(operator, plain)]).toEqual([operator, 0]);
          // Back-tests list so many of one appliance.
          expect([operator, past.get(plain)]).toEqual([operator, expected.slice(0, 20)]);
          for (const twin of [jittered, late, back]) {
            expect([operator, past.get(twin)]).toEqual([operator, expected.slice(0, 20)]);
            const actual = await firingsOf(operator, twin, fromMs);
            const isSaid = (await lateOf(operator, twin)) > 0;
            if (twin === jittered && patient.includes(operator)) expect([operator, isSaid]).toEqual([operator, false]);
            if (!isSaid) expect([operator, coarse(operator, actual)]).toEqual([operator, coarse(operator, expected)]);
          }
          // What was measured by a clock that cannot be right is in no baseline.
          const known = operator === "trend" ? [] : expected;
          const actual = await firingsOf(operator, wrong, fromMs);
          expect([operator, actual.map(([kind, cause]) => [kind, cause])]).toEqual([
            operator,
            known.map(([kind, cause]) => [kind, cause]),
          ]);
        }
      }
    }),
    { numRuns: 4, endOnFailure: true },
  );
  // Each of them had something to find.
  expect([...found].filter(([, count]) => count < 3)).toEqual([]);
});

const come = (device: string) => ({
  device,
  channel: "presence" as const,
  payload: { state: "connected", bootId, connectionId: (connections += 1) },
});

test("a back-test of silence finds what was found live", async () => {
  const names = await newOvens(6);
  const fromMs = kitchen.clock.nowMs();
  const open = new Map<string, number>();
  // Every oven goes and comes in stretches of its own, some of them long enough.
  for (let step = 0; step < 240; step += 1) {
    await pass();
    const said = names.flatMap((device, at) => {
      const isThere = Math.floor(step / (20 + 9 * at)) % 2 === 0;
      const connectionId = open.get(device);
      if (isThere && connectionId === undefined) {
        const word = come(device);
        open.set(device, word.payload.connectionId);
        return [word];
      }
      if (isThere || connectionId === undefined) return [];
      open.delete(device);
      return [
        {
          device,
          channel: "presence" as const,
          payload: { state: "disconnected", bootId, connectionId, reason: "keepalive" },
        },
      ];
    });
    await commit(said);
  }
  const toMs = kitchen.clock.nowMs();
  const past = await backtest("silence", names, fromMs, toMs);
  let count = 0;
  for (const name of names) {
    const expected = await firingsOf("silence", name, fromMs);
    count += expected.length;
    expect([name, past.get(name)]).toEqual([name, expected]);
    expect(await lateOf("silence", name)).toBe(0);
  }
  expect(count).toBeGreaterThan(6);
});
