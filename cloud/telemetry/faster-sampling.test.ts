import fc from "fast-check";
import { afterEach, expect, test } from "vitest";
import type { DeviceRef } from "../devices/devices.ts";
import type { Principal } from "../staff/staff.ts";
import type { Sampling } from "./core/live-queue.ts";
import { FasterSampling, samplingLimits } from "./faster-sampling.ts";

const by: Principal = { kind: "staff", id: "s1", name: "Ann", role: "support" };
const { againMs, fastMs } = samplingLimits;
const oven = (key: number): DeviceRef => ({
  key,
  id: `oven-${key}`,
  model: "oven",
  householdId: null,
  householdSinceMs: null,
});

const rigs: FasterSampling[] = [];
afterEach(async () => {
  for (const one of rigs.splice(0)) await one.stop();
});

function rig(fastMax = 2) {
  const state = { nowMs: 1_000_000, online: new Set([1, 2, 3, 4]) };
  const asked: { key: number; kind: "begin" | "again"; id: string; atMs: number }[] = [];
  const told: Sampling[] = [];
  const ask = (key: number, kind: "begin" | "again") => {
    const id = `ask-${asked.length}`;
    asked.push({ key, kind, id, atMs: state.nowMs });
    return id;
  };
  const sampling = new FasterSampling({
    clock: { nowMs: () => state.nowMs },
    online: async (keys) => new Set(keys.filter((key) => state.online.has(key))),
    begin: async (_by, { key }) => ({ id: ask(key, "begin"), generation: 7 }),
    again: ({ key }) => ask(key, "again"),
    tell: (_key, word) => void told.push(word),
    onError(error) {
      throw error;
    },
    limits: { fastMax },
  });
  rigs.push(sampling);
  return {
    state,
    asked,
    told,
    sampling,
    /** Time passes, and the clock's work is done. */
    forward: async (ms: number) => {
      state.nowMs += ms;
      await sampling.tick();
    },
    /** Its device answers the last that it was asked. */
    answer: (key: number, ok = true) => {
      const id = asked.findLast((one) => one.key === key)?.id ?? "";
      const reply = { commandId: id, atMs: state.nowMs, ok };
      sampling.heard([{ device: oven(key), receivedAtMs: state.nowMs, reply }], []);
    },
  };
}

test("a device that is watched is asked once, however many watch it, and again in time; when they have left it is not, and is over", async () => {
  const { sampling, asked, told, state, forward, answer } = rig();
  for (let n = 0; n < 3; n += 1) sampling.watch(by, [oven(1)]);
  await forward(0);
  expect(asked.map(({ kind }) => kind)).toEqual(["begin"]);
  answer(1);
  expect(told.at(-1)).toEqual({
    deviceId: "oven-1",
    sampling: "fast",
    everyMs: 1_000,
    untilMs: state.nowMs + fastMs,
    reason: null,
  });
  await forward(againMs - 1);
  expect(asked).toHaveLength(1);
  await forward(1);
  expect(asked.map(({ kind }) => kind)).toEqual(["begin", "again"]);
  answer(1);
  for (let n = 0; n < 3; n += 1) sampling.unwatch([oven(1)]);
  await forward(againMs);
  await forward(fastMs);
  expect(asked).toHaveLength(2);
  expect(sampling.stateOf(oven(1))).toMatchObject({ sampling: "usual", reason: "not_asked" });
});

test("who comes back while the device still samples fast begins no second entry on its timeline", async () => {
  const { sampling, asked, forward, answer } = rig();
  sampling.watch(by, [oven(1)]);
  await forward(0);
  answer(1);
  sampling.unwatch([oven(1)]);
  await forward(againMs);
  sampling.watch(by, [oven(1)]);
  await forward(0);
  expect(asked.map(({ kind }) => kind)).toEqual(["begin", "again"]);
  answer(1);
  sampling.unwatch([oven(1)]);
  await forward(fastMs);
  sampling.watch(by, [oven(1)]);
  await forward(0);
  expect(asked.map(({ kind }) => kind)).toEqual(["begin", "again", "begin"]);
});

test("a device that is away is not asked, and is when it comes; one that says no is not asked again", async () => {
  const { sampling, asked, told, state, forward, answer } = rig();
  state.online.clear();
  sampling.watch(by, [oven(1)]);
  await forward(0);
  expect([asked.length, told.at(-1)?.reason]).toEqual([0, "offline"]);
  state.online.add(1);
  await forward(500);
  expect([asked.length, told.at(-1)?.reason]).toEqual([1, "asked"]);
  answer(1, false);
  await forward(10 * againMs);
  expect([asked.length, told.at(-1)?.reason]).toEqual([1, "refused"]);
});

test("a device that falls silent is said to sample as usual once its time is over", async () => {
  const { sampling, told, forward, answer } = rig();
  sampling.watch(by, [oven(1)]);
  await forward(0);
  answer(1);
  await forward(fastMs);
  expect(told.at(-1)).toMatchObject({ sampling: "usual", reason: "asked" });
});

test("never more devices than the limit are asked within the time that one asking lasts, and none twice within its interval", async () => {
  const keys = fc.constantFrom(1, 2, 3, 4);
  const turn = fc.oneof(
    fc.record({
      kind: fc.constantFrom("watch" as const, "unwatch" as const, "answer" as const, "flip" as const),
      key: keys,
    }),
    fc.record({ kind: fc.constant("forward" as const), ms: fc.constantFrom(1, 500, againMs - 1, againMs, fastMs) }),
  );
  await fc.assert(
    fc.asyncProperty(fc.array(turn, { maxLength: 30 }), async (turns) => {
      const { sampling, asked, state, forward, answer } = rig(2);
      for (const step of turns) {
        if (step.kind === "forward") {
          await forward(step.ms);
          continue;
        }
        const { key } = step;
        if (step.kind === "watch") sampling.watch(by, [oven(key)]);
        if (step.kind === "unwatch") sampling.unwatch([oven(key)]);
        if (step.kind === "answer") answer(key);
        if (step.kind === "flip" && !state.online.delete(key)) state.online.add(key);
        await forward(0);
      }
      for (const { key, atMs } of asked) {
        const soon = asked.filter((one) => one.atMs >= atMs && one.atMs < atMs + againMs);
        expect(soon.filter((one) => one.key === key)).toHaveLength(1);
        expect(new Set(soon.map((one) => one.key)).size).toBeLessThanOrEqual(2);
      }
    }),
    { numRuns: 60 },
  );
});
