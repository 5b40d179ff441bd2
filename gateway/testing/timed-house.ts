import type { GatewayStatus } from "#protocol/link/messages.ts";
import { type House, type HouseOptions, openHouse } from "./house.ts";
import { ManualClock } from "./manual-clock.ts";

/** A house whose time passes when a test says so. */
export interface TimedHouse extends House {
  clock: ManualClock;
  /** Lets a second pass. @returns what the gateway then says of itself */
  second: () => Promise<GatewayStatus>;
  /** Lets seconds pass until the gateway says what fits. */
  until: (fits: (status: GatewayStatus) => boolean, what: string) => Promise<GatewayStatus>;
}

const secondsMax = 100;

export async function openTimedHouse(options: HouseOptions = {}): Promise<TimedHouse> {
  const clock = new ManualClock();
  const house = await openHouse({ ...options, clock, bounds: { statusMs: 1_000, ...options.bounds } });
  const second = async () => {
    const next = house.cloud.of("status").length + 1;
    clock.advance(1_000);
    return (await house.cloud.wait("status", next)).status;
  };
  return {
    ...house,
    clock,
    second,
    async until(fits, what) {
      for (let passed = 0; passed < secondsMax; passed += 1) {
        const status = await second();
        if (fits(status)) return status;
      }
      throw new Error(`waited ${secondsMax} s in vain for ${what}`);
    },
  };
}
