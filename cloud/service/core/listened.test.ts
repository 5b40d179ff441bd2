import fc from "fast-check";
import { expect, test } from "vitest";
import { comeBackMs, type Listened, silenceUntilMs } from "./listened.ts";

const minute = 60_000;
const at = (minutes: number) => minutes * minute;
const stretch = (bootId: string, from: number, until: number): Listened => ({
  bootId,
  fromMs: at(from),
  untilMs: at(until),
});

/** Whether an appliance last heard at a minute is taken for silent. */
const isSilent = (lastHeard: number, forMinutes: number, listened: readonly Listened[]) =>
  at(lastHeard) + at(forMinutes) <= silenceUntilMs(at(forMinutes), listened);

test("with nobody away an appliance is silent once its time is over", () => {
  const always = [stretch("a", -1_000, 100)];
  expect(isSilent(70, 30, always)).toBe(true);
  expect(isSilent(70.001, 30, always)).toBe(false);
});

test("a gateway that was down for a quarter of an hour makes nobody silent", () => {
  // Everybody spoke until it went, and speaks again within the time for coming back.
  for (let minuteNow = 115; minuteNow < 150; minuteNow += 1) {
    expect(isSilent(100, 30, [stretch("a", -1_000, 100), stretch("b", 115, minuteNow)])).toBe(false);
  }
  // Who did not come back is silent once half an hour was listened for it.
  expect(isSilent(100, 30, [stretch("a", -1_000, 100), stretch("b", 115, 149.9)])).toBe(false);
  expect(isSilent(100, 30, [stretch("a", -1_000, 100), stretch("b", 115, 150)])).toBe(true);
});

test("a restart a day does not put off a silence of three days for ever", () => {
  const day = 1_440;
  const days = [0, 1, 2, 3, 4].map((n) => stretch(`boot-${n}`, n * day, (n + 1) * day - 1));
  expect(isSilent(0, 3 * day, days)).toBe(true);
});

test("a pause within one boot costs only itself: appliances had not gone", () => {
  expect(isSilent(60, 30, [stretch("a", 0, 80), stretch("a", 82, 92)])).toBe(true);
  expect(isSilent(60, 30, [stretch("a", 0, 80), stretch("a", 82, 91.9)])).toBe(false);
});

test("before anything was listened to, nobody is silent", () => {
  expect(silenceUntilMs(at(30), [])).toBe(-Infinity);
  expect(silenceUntilMs(at(30), [stretch("a", 0, 30)])).toBe(-Infinity);
});

const history = fc
  .array(fc.record({ gap: fc.nat(40), length: fc.nat(90), boot: fc.nat(1) }), { maxLength: 8 })
  .map((steps) => {
    let [now, boot] = [0, 0];
    return steps.map((step) => {
      now += step.gap;
      boot += step.boot;
      const fromMs = at(now);
      now += step.length;
      return { bootId: `boot-${boot}`, fromMs, untilMs: at(now) };
    });
  });

/** The same, minute by minute: how much of the time from `lastHeard` on counts. */
function listenedMinutes(lastHeard: number, listened: readonly Listened[]): number {
  let minutes = 0;
  for (let now = lastHeard; now < 1_200; now += 1) {
    const found = listened.find(({ fromMs, untilMs }) => fromMs <= at(now) && at(now + 1) <= untilMs);
    if (found === undefined) continue;
    const before = listened[listened.indexOf(found) - 1];
    const sinceMs = before?.bootId === found.bootId ? found.fromMs : found.fromMs + comeBackMs;
    if (at(now) >= sinceMs) minutes += 1;
  }
  return minutes;
}

test("an appliance is silent exactly when so much time as the rule says was listened since it spoke", () => {
  fc.assert(
    fc.property(history, fc.nat(400), fc.integer({ min: 1, max: 60 }), (listened, lastHeard, forMinutes) => {
      expect(isSilent(lastHeard, forMinutes, listened)).toBe(listenedMinutes(lastHeard, listened) >= forMinutes);
    }),
  );
});

test("what was silent stays silent as time passes", () => {
  fc.assert(
    fc.property(history, fc.nat(60), fc.integer({ min: 1, max: 60 }), (listened, more, forMinutes) => {
      const longer = listened.map((one, place) =>
        place === listened.length - 1 ? { ...one, untilMs: one.untilMs + at(more) } : one,
      );
      expect(silenceUntilMs(at(forMinutes), longer)).toBeGreaterThanOrEqual(silenceUntilMs(at(forMinutes), listened));
    }),
  );
});
