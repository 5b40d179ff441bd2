import fc from "fast-check";
import { expect, test } from "vitest";
import { cancelMsMax, type DeliveryView, isOpen, type LiveAction, offerNow } from "./offer.ts";

const nowMs = 1_000_000_000;
const phases = [
  "queued",
  "sent",
  "received",
  "done",
  "failed",
  "rejected",
  "expired",
  "superseded",
  "cancelled",
] as const;
const steps = ["offered", "confirmed_by_owner", "downloading", "downloaded", "installing", "rebooting"] as const;
const around = fc.constantFrom(nowMs - 1, nowMs, nowMs + 1);

const deliveryOf = (id: string, generation: number): fc.Arbitrary<DeliveryView> =>
  fc
    .record({
      id: fc.constant(id),
      phase: fc.constantFrom(...phases),
      step: fc.constantFrom(...steps),
      generation: fc.constant(generation),
      notBeforeMs: fc.oneof(fc.constant(0), around),
      terms: fc.record({
        consent: fc.constantFrom("automatic" as const, "ask", "given"),
        notBeforeMs: fc.oneof(fc.constant(null), around),
        windowOpen: fc.boolean(),
      }),
    })
    .map((view) => (view.phase === "received" ? view : { ...view, step: null }));

const actionOf = (actionId: number, deliveryId: string): fc.Arbitrary<LiveAction | null> =>
  fc.oneof(
    fc.constant(null),
    fc
      .record({
        actionId: fc.constant(actionId),
        deliveryId: fc.constant(deliveryId),
        begunAtMs: fc.oneof(fc.constant(null), fc.constant(5)),
        recalledAtMs: fc.oneof(fc.constant(null), fc.constant(6)),
        cancelSinceMs: fc.constantFrom(null, nowMs - 1, nowMs - cancelMsMax, nowMs - cancelMsMax + 1),
      })
      // Only what has begun can be asked back.
      .map((action) => (action.begunAtMs === null ? { ...action, recalledAtMs: null } : action)),
  );

const world = fc.record({
  deliveries: fc.tuple(deliveryOf("a", 1), deliveryOf("b", 2), deliveryOf("c", 3)),
  actions: fc.tuple(actionOf(1, "a"), actionOf(2, "b"), actionOf(3, "c")),
  autoConfirm: fc.boolean(),
});

const offers = (check: (now: { live: LiveAction[]; deliveries: DeliveryView[]; autoConfirm: boolean }) => void) =>
  fc.assert(
    fc.property(world, ({ deliveries, actions, autoConfirm }) => {
      check({ live: actions.filter((one) => one !== null), deliveries, autoConfirm });
    }),
    { numRuns: 5_000 },
  );

const begunAndOpen = (live: LiveAction[], deliveries: DeliveryView[]) =>
  live.filter(
    ({ deliveryId, begunAtMs, recalledAtMs }) =>
      begunAtMs !== null && recalledAtMs === null && deliveries.some((one) => one.id === deliveryId && isOpen(one)),
  );

test("an update under way is withheld only while its client is first told to stop another", () => {
  offers(({ live, deliveries, autoConfirm }) => {
    const { link, ended } = offerNow(live, deliveries, { autoConfirm, nowMs });
    const underWay = begunAndOpen(live, deliveries).map(({ actionId }) => actionId);
    if (underWay.length === 0 || link.kind === "cancel") return;
    expect(link).toMatchObject({ kind: "deploy", actionId: underWay[0] });
    for (const actionId of underWay) expect(ended).not.toContain(actionId);
  });
});

test("nothing begins outside its windows, before its time, or without the consent that it wants", () => {
  offers(({ live, deliveries, autoConfirm }) => {
    const { link } = offerNow(live, deliveries, { autoConfirm, nowMs });
    if (!("deliveryId" in link) || live.some((one) => one.actionId === link.actionId && one.begunAtMs !== null)) return;
    const { terms, notBeforeMs, step } = deliveries.find(({ id }) => id === link.deliveryId)!;
    expect(terms.windowOpen).toBe(true);
    expect(Math.max(notBeforeMs, terms.notBeforeMs ?? 0)).toBeLessThanOrEqual(nowMs);
    const agreed = terms.consent !== "ask" || step === "confirmed_by_owner" || autoConfirm;
    expect(link.kind).toBe(agreed ? "deploy" : "confirm");
  });
});

test("a client that has begun hears of the end of its delivery, and is not told for ever", () => {
  offers(({ live, deliveries, autoConfirm }) => {
    const { link, ended } = offerNow(live, deliveries, { autoConfirm, nowMs });
    for (const action of live) {
      const delivery = deliveries.find(({ id }) => id === action.deliveryId)!;
      const closedByUs = !isOpen(delivery) && delivery.phase !== "done";
      const toldEnough = action.cancelSinceMs !== null && nowMs >= action.cancelSinceMs + cancelMsMax;
      if (action.begunAtMs !== null && closedByUs && !toldEnough) {
        expect(link.kind).toBe("cancel");
        expect(ended).not.toContain(action.actionId);
      }
      if (closedByUs && (action.begunAtMs === null || toldEnough)) expect(ended).toContain(action.actionId);
      if (delivery.phase === "done") expect(ended).toContain(action.actionId);
    }
  });
});

test("what is offered is open, and not over in the same breath", () => {
  offers(({ live, deliveries, autoConfirm }) => {
    const { link, ended } = offerNow(live, deliveries, { autoConfirm, nowMs });
    if (link.kind === "nothing") return;
    expect(ended).not.toContain(link.actionId);
    if ("deliveryId" in link) expect(isOpen(deliveries.find(({ id }) => id === link.deliveryId)!)).toBe(true);
  });
});
