import fc from "fast-check";
import { expect, test } from "vitest";
import { stepVersion, type VersionEvent, versionEvents, type VersionState, versionStates } from "./version-life.ts";

/** The states that a version goes through. */
function walk(events: readonly VersionEvent[]): { state: VersionState; approvals: number }[] {
  let now = { state: "draft" as VersionState, approvals: 0 };
  const path = [now];
  for (const on of events) {
    const outcome = stepVersion(now.state, on);
    if (outcome.kind === "refused") continue;
    now = { state: outcome.to, approvals: now.approvals + (on === "approve" ? 1 : 0) };
    path.push(now);
  }
  return path;
}

// Chance alone seldom comes as far as live: most events continue the straight road.
const straight: VersionEvent[] = ["submit", "approve", "schedule", "start"];
const anyEvents = fc
  .tuple(fc.nat(straight.length), fc.array(fc.constantFrom(...versionEvents), { maxLength: 12 }))
  .map(([length, others]) => [...straight.slice(0, length), ...others]);

test("nothing is scheduled or live that was not approved, whatever happens in which order", () => {
  fc.assert(
    fc.property(anyEvents, (events) => {
      for (const { state, approvals } of walk(events)) {
        if (["approved", "scheduled", "live", "expired"].includes(state)) expect(approvals).toBe(1);
      }
    }),
  );
});

test("what is withdrawn or over stays so, and every refusal says which", () => {
  for (const on of versionEvents) {
    expect(stepVersion("withdrawn", on)).toEqual({ kind: "refused", rule: "content_withdrawn" });
    expect(stepVersion("expired", on)).toEqual({ kind: "refused", rule: "content_expired" });
  }
});

test("every state is reached, and from each but the last two something goes on", () => {
  const road = walk([...straight, "expire"]).map(({ state }) => state);
  expect(new Set([...road, "withdrawn"])).toEqual(new Set(versionStates));
  for (const state of versionStates) {
    const goesOn = versionEvents.some((on) => stepVersion(state, on).kind === "moved");
    expect([state, goesOn]).toEqual([state, state !== "withdrawn" && state !== "expired"]);
  }
});
