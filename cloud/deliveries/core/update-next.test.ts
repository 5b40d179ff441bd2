import { expect, test } from "vitest";
import { deliverySteps } from "#protocol/delivery.ts";
import type { DeliveryState } from "./delivery-life.ts";
import { updateNext } from "./update-next.ts";
import { updateTermsOf } from "./update-terms.ts";

const hourMs = 3_600_000;
/** A Thursday, 12:00 UTC: 21:00 in Tokyo. */
const nowMs = Date.UTC(2026, 0, 15, 12);

const states: DeliveryState[] = [
  { phase: "queued", attempt: 1, sends: 0, notBeforeMs: 0 },
  { phase: "queued", attempt: 2, sends: 0, notBeforeMs: nowMs + hourMs },
  { phase: "sent", attempt: 1, sends: 1, sentAtMs: nowMs },
  ...deliverySteps.firmware.map((step): DeliveryState => ({ phase: "received", attempt: 1, step, sinceMs: nowMs })),
  { phase: "done", attempt: 1, step: "confirmed" },
  { phase: "failed", attempt: 1, step: "rolled_back", cause: "device" },
  { phase: "failed", attempt: 1, step: "failed", cause: "device" },
  { phase: "failed", attempt: 1, step: "installing", cause: "timed_out" },
  { phase: "rejected", attempt: 1, step: null, cause: "owner" },
  { phase: "rejected", attempt: 1, step: "rejected", cause: "device" },
  { phase: "expired", attempt: 1, step: null, cause: "deadline" },
  { phase: "superseded", attempt: 1, step: null },
  { phase: "cancelled", attempt: 1, step: null, cause: "person" },
];

const night = { weekdays: [1, 2, 3, 4, 5, 6, 7], from: "01:30", to: "05:00" };
const bodies = [
  {},
  { consent: "ask" },
  { notBeforeMs: nowMs + 5 * hourMs },
  { windows: [night] },
  { consent: "given" },
];

test("wherever an update stands, one plain sentence says what happens next, and no time in it is over", () => {
  for (const state of states) {
    for (const body of bodies) {
      for (const online of [true, false]) {
        const situation = { state, terms: updateTermsOf(body), online, timeZone: "Asia/Tokyo" };
        const { text, atMs } = updateNext(situation, nowMs);
        expect(text).toMatch(/^[A-Z][^_.]*\.$/);
        expect(atMs ?? nowMs + 1).toBeGreaterThan(nowMs);
      }
    }
  }
});

test("times are told by the clock where the appliance stands, and an unknown zone is UTC", () => {
  const [queued] = states;
  if (queued === undefined) throw new Error("no state");
  const at = (timeZone: string, body: object) =>
    updateNext({ state: queued, terms: updateTermsOf({ ...body }), online: true, timeZone }, nowMs).text;
  expect(at("Asia/Tokyo", { notBeforeMs: nowMs + 5 * hourMs })).toBe("It begins after 16 January 2026 at 02:00.");
  expect(at("Mars/Olympus", { notBeforeMs: nowMs + 5 * hourMs })).toBe("It begins after 15 January 2026 at 17:00.");
  expect(at("Asia/Tokyo", { windows: [night] })).toBe(
    "It is installed after 16 January 2026 at 01:30, when the appliance is at rest.",
  );
});
