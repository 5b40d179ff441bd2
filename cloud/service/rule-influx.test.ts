/** Rules beside readings in Debian's InfluxDB 1.6.7: what was judged, and what came too late, is told apart after a restart, too. */
import { afterAll, describe, expect, test } from "vitest";
import { hasInflux, TestInflux } from "../../test/support/influx.ts";
import { houseOfTests } from "../../test/support/rule-house.ts";
import type { DeviceRef, ReadingFact } from "../devices/devices.ts";

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

describe.skipIf(!hasInflux)("with Debian's influxdb", () => {
  test.each(
    Object.keys(operators).flatMap((kind) => [true, false].map((pointsAreAhead) => [kind, pointsAreAhead] as const)),
  )(
    "%s: what is sent again after a restart is not too late, and what never came is; readings stored first: %s",
    async (kind, ahead) => {
      const { rule, measured, missed } = operators[kind as keyof typeof operators]; // oxlint-disable-line typescript/no-unsafe-type-assertion -- one of their names
      house.pointsAreAhead = ahead;
      const oven: DeviceRef = await house.newOven();
      const id = await house.create({ ...common, title: kind, ...rule });
      for (const metrics of measured) {
        house.clock.forward(minute);
        await house.say({ readings: [{ ...house.reading(oven, at(), metrics) }] });
      }
      const found = house.foundOn(oven);
      expect(found.map(([what]) => what)).toEqual(["raise", "clear"]);
      const sendAgain = (readings: readonly ReadingFact[]) =>
        house.say({ readings: readings.map((one) => ({ ...one, receivedAtMs: house.clock.nowMs() })) });
      const all = measured.map((metrics, before) => house.reading(oven, before + 1, metrics));
      for (const road of ["one by one", "at once"]) {
        house.clock.forward(minute);
        await house.restart();
        if (road === "at once") await sendAgain(all);
        else for (const one of all) await sendAgain([one]);
        expect([road, await house.tooLate(id)]).toEqual([road, 0]);
      }
      house.clock.forward(minute);
      await house.restart();
      const never = house.reading(oven, 2.5, missed);
      await sendAgain([never]);
      expect(await house.tooLate(id)).toBe(1);
      house.clock.forward(minute);
      await house.restart();
      await sendAgain([never]);
      expect(await house.tooLate(id)).toBe(1);
      expect(house.foundOn(oven)).toEqual(found);
    },
  );
});

/** Minutes since the test began. */
const at = (): number => (house.clock.nowMs() - house.t0) / minute;
