import fc from "fast-check";
import { expect, test } from "vitest";
import type { DeviceRef, EventFact } from "../../devices/devices.ts";
import { applianceActs, asOwnedThen, withoutCode } from "./appliance-acts.ts";

const nowMs = 1_780_000_000_000;
const oven = (key: number, householdSinceMs: number | null = null): DeviceRef => ({
  key,
  id: `oven-${key}`,
  model: "oven",
  householdId: "home",
  householdSinceMs,
});

let ids = 0;
function fact(device: DeviceRef, type: string, data: Record<string, unknown> = {}, atMs = nowMs): EventFact {
  ids += 1;
  const event = { id: `e${ids}`, atMs, type, data };
  return { device, event, receivedAtMs: nowMs, orderAtMs: atMs, clockSuspect: false };
}

const hash = (letter: string) => letter.repeat(64);
const opened = (device: DeviceRef, letter: string, validMs = 600_000) =>
  fact(device, "pairing.opened", { codeSha256: hash(letter), validMs });

test("of what an appliance said the last word about its code counts, and a reset is never lost", () => {
  const word = fc.constantFrom("opened", "closed", "reset", "other");
  fc.assert(
    fc.property(fc.array(word, { maxLength: 12 }), (words) => {
      const types = { closed: "pairing.closed", reset: "factory.reset", other: "boot" } as const;
      const facts = words.map((said, at) =>
        said === "opened" ? opened(oven(1), (at % 16).toString(16)) : fact(oven(1), types[said]),
      );
      const [act] = applianceActs(facts, nowMs);
      const last = words.findLastIndex((said) => said !== "other");
      const shown = words[last] === "opened" ? hash((last % 16).toString(16)) : undefined;
      expect(act === undefined).toBe(last === -1);
      expect(act?.isReset ?? false).toBe(words.includes("reset"));
      expect(act?.code?.sha256).toBe(shown);
    }),
  );
});

test("a code is good from when the gateway heard of it, and dead where that was too long ago", () => {
  const late = { ...opened(oven(1), "a", 60_000), receivedAtMs: nowMs - 60_000 };
  expect(applianceActs([late], nowMs)).toMatchObject([{ code: null }]);
  const inTime = { ...opened(oven(1), "a", 60_000), receivedAtMs: nowMs - 59_999 };
  expect(applianceActs([inTime], nowMs)).toMatchObject([{ code: { expiresAtMs: nowMs + 1 } }]);
  // A clock that is years behind is the appliance's trouble, and keeps nobody from pairing it.
  const behind = fact(oven(1), "pairing.opened", { codeSha256: hash("a"), validMs: 60_000 }, nowMs - 1e11);
  expect(applianceActs([behind], nowMs)).toMatchObject([{ code: { expiresAtMs: nowMs + 60_000 } }]);
});

test.each([
  ["no hash", { validMs: 60_000 }],
  ["a code in the clear", { code: "ABCD1234", codeSha256: "ABCD1234", validMs: 60_000 }],
  ["upper case", { codeSha256: hash("A"), validMs: 60_000 }],
  ["valid for ever", { codeSha256: hash("a"), validMs: 600_001 }],
  ["no time at all", { codeSha256: hash("a"), validMs: 0 }],
  ["half a millisecond", { codeSha256: hash("a"), validMs: 1_000.5 }],
])("an event that opens with %s opens nothing, and ends the code before it", (_what, data) => {
  expect(applianceActs([opened(oven(1), "b"), fact(oven(1), "pairing.opened", data)], nowMs)).toMatchObject([
    { code: null },
  ]);
});

test("nothing of a code is kept with its event", () => {
  const data = { codeSha256: hash("a"), validMs: 60_000, code: "ABCD1234", more: { code: "ABCD1234" } };
  expect(withoutCode(fact(oven(1), "pairing.opened", data)).event.data).toEqual({ validMs: 60_000 });
  expect(withoutCode(fact(oven(1), "pairing.opened", { validMs: "ABCD1234" })).event.data).toEqual({});
  const boot = fact(oven(1), "boot", { reason: "power" });
  expect(withoutCode(boot)).toBe(boot);
});

const owners = (facts: EventFact[]) => asOwnedThen(facts).map(({ device }) => device.householdId);

test("an event belongs to the household that had the appliance when it happened", () => {
  const since = nowMs - 1_000;
  const mine = oven(1, since);
  expect(
    owners([
      fact(mine, "program.finished", {}, since - 1),
      fact(mine, "program.finished", {}, since),
      // Its clock runs ahead, but it was said before.
      { ...fact(mine, "program.finished", {}, since), receivedAtMs: since - 1 },
      fact(oven(2), "program.finished", {}, 0),
    ]),
  ).toEqual([null, "home", null, "home"]);
  expect(
    owners([
      fact(mine, "program.finished"),
      fact(mine, "factory.reset"),
      fact(mine, "program.finished"),
      fact(oven(2), "program.finished"),
    ]),
  ).toEqual(["home", "home", null, "home"]);
});
