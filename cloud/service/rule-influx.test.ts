/**
 * Rules beside readings in Debian's InfluxDB 1.6.7: what was judged, and what came too late, is told apart after a restart, too, and
 * where nobody can tell nothing is called late.
 */
import { afterAll, describe, expect, test } from "vitest";
import { hasInflux, TestInflux } from "../../test/support/influx.ts";
import { houseOfTests } from "../../test/support/rule-house.ts";
import type { DeviceRef, ReadingFact } from "../devices/devices.ts";
import { pauseMsMax } from "./store-questions.ts";

const minute = 60_000;
const influx = hasInflux ? await TestInflux.open() : null;
const house = await houseOfTests(influx?.config);
afterAll(() => influx?.close());

const common = { severity: "info", actions: [{ kind: "case" }] };
/** Each with what an oven measures in ten minutes, and what would have made something else of them had it come in time. */
const operators = {
  threshold: {
    rule: {
      kind: "threshold",
      cause: "hot",
      metric: "cavity_c",
      direction: "above",
      limit: 300,
      clearAt: 280,
      holdMs: minute,
    },
    measured: [200, 310, 310, 310, 200, 200, 200, 310, 200, 200].map((cavity_c) => ({ cavity_c })),
    missed: { cavity_c: 320 },
  },
  frozen: {
    rule: {
      kind: "frozen",
      cause: "stuck",
      metric: "cavity_c",
      withinDelta: 1,
      holdMs: 2 * minute,
      readingsMin: 3,
      driver: { metric: "power_w", above: 1_000 },
    },
    measured: [100, 100, 100, 100, 150, 160, 170, 180, 190, 200].map((cavity_c) => ({ cavity_c, power_w: 2_000 })),
    missed: { cavity_c: 130, power_w: 2_000 },
  },
};

type Kind = keyof typeof operators;
const kinds: Kind[] = ["threshold", "frozen"];

/** An oven that a rule has seen through its ten minutes: a cause came and went. */
async function judgedOven(kind: Kind) {
  const { rule, measured, missed } = operators[kind];
  const oven: DeviceRef = await house.newOven();
  const id = await house.create({ ...common, title: kind, ...rule });
  const all = measured.map((metrics, before) => house.reading(oven, before + 1, metrics));
  for (const one of all) {
    house.clock.forward(minute);
    await house.say({ readings: [one] });
  }
  const found = house.foundOn(oven);
  expect(found.map(([what]) => what)).toEqual(["raise", "clear"]);
  return { oven, id, all, found, never: house.reading(oven, 2.5, missed) };
}

const sendAgain = (readings: readonly ReadingFact[]): Promise<void> =>
  house.say({ readings: readings.map((one) => ({ ...one, receivedAtMs: house.clock.nowMs() })) });

async function restartLater(): Promise<void> {
  house.clock.forward(minute);
  await house.restart();
}

describe.skipIf(!hasInflux)("with Debian's influxdb", () => {
  test.each(kinds.flatMap((kind) => [true, false].map((pointsAreAhead) => [kind, pointsAreAhead] as const)))(
    "%s: what is sent again after a restart is not too late, and what never came is; readings stored first: %s",
    async (kind, ahead) => {
      house.pointsAreAhead = ahead;
      const { oven, id, all, found, never } = await judgedOven(kind);
      for (const road of ["one by one", "at once"]) {
        await restartLater();
        if (road === "at once") await sendAgain(all);
        else for (const one of all) await sendAgain([one]);
        expect([road, await house.tooLate(id)]).toEqual([road, 0]);
      }
      for (const _ of ["new", "again"]) {
        await restartLater();
        await sendAgain([never]);
        expect(await house.tooLate(id)).toBe(1);
      }
      expect(house.foundOn(oven)).toEqual(found);
    },
  );

  test.each(kinds)(
    "%s: while readings from before a restart wait to be stored none is too late, and once they are what never came is",
    async (kind) => {
      house.pointsAreAhead = false;
      house.pointsWait = true;
      const { id, all, never } = await judgedOven(kind);
      await restartLater();
      await sendAgain([...all, never]);
      expect(await house.tooLate(id)).toBe(0);
      await house.storeWaiting();
      await restartLater();
      await sendAgain([...all, never]);
      expect(await house.tooLate(id)).toBe(0);
      await sendAgain([{ ...never, atMs: never.atMs + 1_000 }]);
      expect(await house.tooLate(id)).toBe(1);
    },
  );

  test.each(kinds)(
    "%s: while InfluxDB does not answer nothing is too late, nor does everybody wait for it, and it is asked again",
    async (kind) => {
      house.pointsAreAhead = false;
      const { id, all, never } = await judgedOven(kind);
      await restartLater();
      process.kill(influx?.pid ?? 0, "SIGSTOP");
      house.pointsWait = true;
      try {
        await sendAgain([...all, never]);
      } finally {
        process.kill(influx?.pid ?? 0, "SIGCONT");
      }
      expect(await house.tooLate(id)).toBe(0);
      await house.storeWaiting();
      const another = (afterMs: number) => sendAgain([{ ...never, atMs: never.atMs + afterMs }]);
      await another(1_000);
      expect([await house.tooLate(id), "it is let alone"]).toEqual([0, "it is let alone"]);
      house.clock.forward(pauseMsMax);
      await sendAgain(all);
      expect(await house.tooLate(id)).toBe(0);
      await another(2_000);
      expect(await house.tooLate(id)).toBe(1);
    },
  );
});
