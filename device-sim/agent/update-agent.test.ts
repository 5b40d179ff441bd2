import { randomBytes } from "node:crypto";
import { afterEach, beforeEach, expect, test } from "vitest";
import { updateFailures } from "#protocol/update.ts";
import { newRig, powerOn, type Rig, tickUntil, untilOver, updateOf } from "../testing/update-rig.ts";

let rig: Rig;
beforeEach(async () => {
  rig = await newRig();
});
afterEach(() => rig.close());

const steps = (said: string[]): string[] => said.filter((line, at) => line !== said[at - 1]);

test("an update goes through every step in order, and the counter is stored only by the confirmed boot", async () => {
  const oven = powerOn(rig);
  const made = rig.maker.release();
  oven.receive(rig.offer(made, { consent: "ask" }));
  await tickUntil(oven, "it is asked", () => oven.said.includes("offered"));
  oven.clock.pass(60_000);
  await tickUntil(oven, "it reboots", () => oven.said.includes("down"));
  expect(oven.memory.record.firmware).toMatchObject({ active: "a", confirmedCounter: 0 });
  expect(await untilOver(oven)).toBe("confirmed");
  expect(steps(oven.said)).toEqual([
    "offered",
    "confirmed_by_owner",
    "downloading",
    "downloaded",
    "verified",
    "installing",
    "rebooting",
    "down",
    "up",
    "confirmed",
  ]);
  const { firmware } = oven.memory.record;
  expect(firmware.active).toBe("b");
  expect(firmware.slots.b).toEqual({ version: "2.0.0", releaseCounter: 3, sha256: made.sha256 });
  expect(firmware.confirmedCounter).toBe(3);
  expect(Buffer.from(oven.store.readSlot("b") ?? []).equals(made.image)).toBe(true);
  expect(await updateOf(oven, rig.offer(made))).toBe("rejected not_newer");
});
