import fc from "fast-check";
import { expect, test } from "vitest";
import { updateFailures } from "#protocol/update.ts";
import { closingSteps, type DeliveryKind, deliveryKinds, deliverySteps } from "#protocol/delivery.ts";
import {
  type DeliveryEvent,
  type DeliveryState,
  type DeliveryTerms,
  deliveryPhases,
  dueAtMs,
  dueEvent,
  isOpen,
  newDelivery,
  stepDelivery,
} from "./delivery-life.ts";
import { meaningOf } from "./step-table.ts";

const expiresAtMs = 1_000;
const terms = (kind: DeliveryKind): DeliveryTerms => ({ kind, expiresAtMs });

// Random times alone would almost never hit the deadline itself, and a test that misses it cannot fail.
const atMs = fc.oneof(fc.nat(2_000), fc.constantFrom(999, 1_000, 1_001), fc.nat(40 * 86_400_000));
const attempt = fc.integer({ min: 1, max: 4 });
const stepsOf = (kind: DeliveryKind): string[] => [...deliverySteps[kind], ...closingSteps];

const anyEvent = (kind: DeliveryKind): fc.Arbitrary<DeliveryEvent> =>
  fc.oneof(
    fc.record({ kind: fc.constant("written" as const), attempt, atMs }),
    fc.record({
      kind: fc.constant("receipt" as const),
      attempt,
      step: fc.constantFrom(...stepsOf(kind), "no_such_step"),
      atMs,
    }),
    fc.record({
      kind: fc.constantFrom(
        "deadline" as const,
        "timed_out",
        "superseded",
        "cancelled",
        "beyond_limit",
        "declined",
        "household_left",
        "stopped",
      ),
      atMs,
    }),
    fc.record({ kind: fc.constant("held" as const), untilMs: atMs, atMs }),
  );

const kindAndEvents = fc
  .constantFrom(...deliveryKinds)
  .chain((kind) => fc.record({ kind: fc.constant(kind), events: fc.array(anyEvent(kind), { maxLength: 25 }) }));

function walk(
  kind: DeliveryKind,
  events: readonly DeliveryEvent[],
  see: (before: DeliveryState, after: DeliveryState, on: DeliveryEvent) => void,
) {
  let now = newDelivery;
  for (const on of events) {
    const outcome = stepDelivery(terms(kind), now, on);
    if (outcome.kind === "refused") continue;
    see(now, outcome.to, on);
    now = outcome.to;
  }
  return now;
}

test("a delivery is never sent at or after its deadline, whatever happens in which order", () => {
  fc.assert(
    fc.property(kindAndEvents, ({ kind, events }) => {
      walk(kind, events, (_before, after) => {
        expect(after.phase === "sent" ? after.sentAtMs : 0).toBeLessThan(expiresAtMs);
      });
    }),
    { numRuns: 2_000 },
  );
});

const doneRank = (kind: DeliveryKind, state: DeliveryState) =>
  (state.phase === "done" ? meaningOf(kind, state.step)?.rank : undefined) ?? -1;

test("done is never left, and its step only goes forward", () => {
  fc.assert(
    fc.property(kindAndEvents, ({ kind, events }) => {
      walk(kind, events, (before, after) => {
        expect(before.phase !== "done" || doneRank(kind, after) > doneRank(kind, before)).toBe(true);
      });
    }),
    { numRuns: 2_000 },
  );
});

test("what the device, a person or a newer delivery closed stays closed", () => {
  fc.assert(
    fc.property(kindAndEvents, ({ kind, events }) => {
      walk(kind, events, (before) => {
        expect(["rejected", "superseded"]).not.toContain(before.phase);
        expect(["device", "person", "owner"]).not.toContain("cause" in before ? before.cause : "none");
      });
    }),
    { numRuns: 2_000 },
  );
});

test("nothing is open once the household left, and after that only a success that was on its way is still noted", () => {
  fc.assert(
    fc.property(kindAndEvents, fc.array(anyEvent("firmware"), { maxLength: 10 }), ({ kind, events }, later) => {
      const before = walk(kind, events, () => {});
      const left = stepDelivery(terms(kind), before, { kind: "household_left", atMs: 5 });
      expect(left.kind).toBe(isOpen(before) ? "moved" : "refused");
      if (left.kind === "refused") return;
      expect(left.to).toMatchObject({ phase: "cancelled", cause: "household_left", attempt: before.attempt });
      for (const on of later) {
        const outcome = stepDelivery(terms(kind), left.to, on);
        if (outcome.kind === "moved") expect([on.kind, outcome.to.phase]).toEqual(["receipt", "done"]);
      }
    }),
    { numRuns: 2_000 },
  );
});

test("what a limit took back is open no more: a success that was on its way is noted, and a person may close it for good", () => {
  fc.assert(
    fc.property(kindAndEvents, fc.array(anyEvent("recipe"), { maxLength: 10 }), ({ kind, events }, later) => {
      const before = walk(kind, events, () => {});
      const taken = stepDelivery(terms(kind), before, { kind: "beyond_limit", atMs: 5 });
      if (!isOpen(before)) expect(taken.kind).toBe("refused");
      if (taken.kind === "refused") return;
      expect(taken.to).toMatchObject({ phase: "cancelled", cause: "limit", attempt: before.attempt });
      expect(dueAtMs(terms(kind), taken.to, 5)).toBeNull();
      for (const on of later) {
        const outcome = stepDelivery(terms(kind), taken.to, on);
        if (on.kind === "cancelled") expect(outcome).toEqual({ kind: "moved", to: { ...taken.to, cause: "person" } });
        else if (outcome.kind === "moved") expect([on.kind, outcome.to.phase]).toEqual(["receipt", "done"]);
      }
    }),
    { numRuns: 2_000 },
  );
});

test("attempts only grow, and stay within the budget of their kind", () => {
  fc.assert(
    fc.property(kindAndEvents, ({ kind, events }) => {
      walk(kind, events, (before, after) => {
        expect(!isOpen(after) || after.attempt >= before.attempt).toBe(true);
        expect(after.attempt).toBeLessThanOrEqual(kind === "firmware" ? 3 : 1);
      });
    }),
    { numRuns: 2_000 },
  );
});

test("firmware that is being downloaded is neither superseded nor cancelled nor declined", () => {
  fc.assert(
    fc.property(fc.array(anyEvent("firmware"), { maxLength: 25 }), (events) => {
      walk("firmware", events, (before, after, on) => {
        // That is the appliance saying that it stopped when a person asked it to.
        if (on.kind === "stopped") return;
        const calledBack =
          after.phase === "superseded" || (after.phase === "cancelled" && after.cause !== "household_left");
        const underWay = before.phase === "received" && !["offered", "confirmed_by_owner"].includes(before.step);
        const declined = after.phase === "rejected" && after.cause === "owner";
        expect((calledBack || declined) && underWay).toBe(false);
      });
    }),
    { numRuns: 2_000 },
  );
});

const arriving = fc
  .constantFrom(...deliveryKinds)
  .chain((kind) => {
    const steps = stepsOf(kind).filter((step) => ["received", "done"].includes(meaningOf(kind, step)?.phase ?? ""));
    return fc.record({
      kind: fc.constant(kind),
      ranked: fc.subarray(steps, { minLength: 1 }),
    });
  })
  .chain(({ kind, ranked }) =>
    fc.record({
      kind: fc.constant(kind),
      ranked: fc.constant(ranked),
      shuffled: fc.shuffledSubarray([...ranked, ...ranked], {
        minLength: ranked.length * 2,
        maxLength: ranked.length * 2,
      }),
    }),
  );

const receipt = (step: string): DeliveryEvent => ({ kind: "receipt", attempt: 1, step, atMs: 5 });

test("receipts in any order, and twice, end where they end in the order of their rank", () => {
  fc.assert(
    fc.property(arriving, ({ kind, ranked, shuffled }) => {
      const inOrder = walk(kind, ranked.map(receipt), () => {});
      const asTheyCome = walk(kind, shuffled.map(receipt), () => {});
      expect(asTheyCome).toEqual(inOrder);
    }),
  );
});

test("nothing stays open for ever: the clock alone closes every delivery", () => {
  fc.assert(
    fc.property(kindAndEvents, ({ kind, events }) => {
      let now = walk(kind, events, () => {});
      let nowMs = 0;
      for (let turns = 0; isOpen(now); turns += 1) {
        expect(turns).toBeLessThan(50);
        const dueMs = dueAtMs(terms(kind), now, nowMs);
        expect(dueMs).not.toBeNull();
        nowMs = Math.max(nowMs, dueMs ?? 0);
        const event = dueEvent(terms(kind), now, nowMs);
        if (event === null) continue;
        const outcome = stepDelivery(terms(kind), now, event);
        expect(outcome.kind).toBe("moved");
        if (outcome.kind === "moved") now = outcome.to;
      }
      expect(deliveryPhases).toContain(now.phase);
    }),
    { numRuns: 2_000 },
  );
});

test("a failed download is tried again after a pause, and a rolled back image is not", () => {
  const received: DeliveryState = { phase: "received", attempt: 1, step: "downloading", sinceMs: 10 };
  const failed = stepDelivery(terms("firmware"), received, { kind: "receipt", attempt: 1, step: "failed", atMs: 20 });
  expect(failed).toEqual({ kind: "moved", to: { phase: "queued", attempt: 2, sends: 0, notBeforeMs: 60_020 } });
  const rolledBack = stepDelivery(terms("firmware"), received, {
    kind: "receipt",
    attempt: 1,
    step: "rolled_back",
    atMs: 20,
  });
  expect(rolledBack).toEqual({
    kind: "moved",
    to: { phase: "failed", attempt: 1, step: "rolled_back", cause: "device" },
  });
});

test("a confirmed boot of an attempt that the cloud had given up is still a success", () => {
  const retrying: DeliveryState = { phase: "queued", attempt: 2, sends: 0, notBeforeMs: 60_000 };
  const on: DeliveryEvent = { kind: "receipt", attempt: 1, step: "confirmed", atMs: 30 };
  expect(stepDelivery(terms("firmware"), retrying, on)).toEqual({
    kind: "moved",
    to: { phase: "done", attempt: 1, step: "confirmed" },
  });
});

test("a silent device leaves firmware stuck in no step: each has a time-out of its own, long before the delivery's end", () => {
  const endsMs = 365 * 86_400_000;
  const waiting = deliverySteps.firmware.filter((step) => meaningOf("firmware", step)?.phase === "received");
  expect(waiting).toEqual(deliverySteps.firmware.slice(0, -2));
  for (const step of waiting) {
    const lasting: DeliveryTerms = { kind: "firmware", expiresAtMs: endsMs, attemptsMax: 1 };
    const received: DeliveryState = { phase: "received", attempt: 1, step, sinceMs: 10 };
    const dueMs = dueAtMs(lasting, received, 10);
    expect([step, dueMs !== null && dueMs < endsMs / 10]).toEqual([step, true]);
    const event = dueEvent(lasting, received, dueMs ?? 0);
    expect(event === null ? null : stepDelivery(lasting, received, event)).toMatchObject({
      to: { phase: "failed", cause: "timed_out", step },
    });
  }
});

test("whether a failure is tried again, and when, goes by the device's reason", () => {
  const received: DeliveryState = { phase: "received", attempt: 1, step: "downloading", sinceMs: 10 };
  const failed = (reason: string) =>
    stepDelivery(terms("firmware"), received, { kind: "receipt", attempt: 1, step: "failed", atMs: 20, reason });
  expect(failed("wrong_hardware")).toMatchObject({ to: { phase: "failed", cause: "device" } });
  expect(failed("metadata_not_signed")).toMatchObject({ to: { phase: "failed" } });
  expect(failed("download_too_slow")).toMatchObject({ to: { phase: "queued", notBeforeMs: 600_020 } });
  expect(failed("something new")).toMatchObject({ to: { phase: "queued", notBeforeMs: 60_020 } });
  for (const reason of Object.keys(updateFailures)) expect(failed(reason).kind).toBe("moved");
});

test("waiting for people is no silence before the time at which it may begin, and is after it; work is, at any time", () => {
  const monthMs = 30 * 86_400_000;
  const later: DeliveryTerms = { kind: "firmware", expiresAtMs: 4 * monthMs, quietUntilMs: monthMs };
  for (const step of deliverySteps.firmware) {
    const meaning = meaningOf("firmware", step);
    if (meaning?.phase !== "received") continue;
    const now: DeliveryState = { phase: "received", attempt: 1, step, sinceMs: 0 };
    const isPatient = ["offered", "confirmed_by_owner", "verified"].includes(step);
    expect([step, dueEvent(later, now, monthMs)?.kind]).toEqual([step, isPatient ? undefined : "timed_out"]);
    expect([step, dueEvent(later, now, 2 * monthMs)?.kind]).toEqual([step, "timed_out"]);
    expect(dueAtMs(later, now, 1)).toBe((isPatient ? monthMs : 0) + meaning.timeoutMs);
  }
});
