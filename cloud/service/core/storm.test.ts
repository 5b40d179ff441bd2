import fc from "fast-check";
import { expect, test } from "vitest";
import { reopenWithinMs } from "./case.ts";
import { type IncidentState, stepIncident } from "./incident.ts";
import { runStorm, type Storm, type StormChange, stormLimit, type StormOutcome, stormWindowMs } from "./storm.ts";

const nowMs = 1_000_000_000;
const limit = 20;
const empty = (): Storm => ({ limit, incident: null, raises: new Map(), members: new Map() });
const raise = (deviceKey: number, atMs: number, isSafety = false): StormChange => ({
  kind: "raise",
  deviceKey,
  atMs,
  isSafety,
});
const clear = (deviceKey: number, atMs: number): StormChange => ({ kind: "clear", deviceKey, atMs, isSafety: false });
const run = (storm: Storm, changes: readonly StormChange[], atMs = nowMs) =>
  runStorm(
    storm,
    changes,
    (change) => change,
    atMs,
    () => "incident",
  );

/** The storm as the database would have it after a run. */
function after(storm: Storm, outcome: StormOutcome<StormChange>): Storm {
  const raises = new Map(storm.raises);
  for (const [deviceKey, hit] of outcome.raises) {
    if (hit === null) raises.delete(deviceKey);
    else raises.set(deviceKey, hit);
  }
  return { limit, incident: outcome.incident, raises, members: new Map([...storm.members, ...outcome.members]) };
}

test("the limit is twenty devices or one in a hundred, whichever is more", () => {
  expect([0, 500, 2_000, 2_001, 1_000_000].map(stormLimit)).toEqual([20, 20, 20, 21, 10_000]);
});

test("twenty devices are twenty cases, and one more is an incident with all of them", () => {
  const changes = Array.from({ length: 21 }, (_, at) => raise(at, at * 1_000));
  const twenty = run(empty(), changes.slice(0, 20));
  expect(twenty).toMatchObject({ incident: null, handedOn: changes.slice(0, 20) });
  const one = run(empty(), changes);
  expect(one).toMatchObject({ began: "opened", incident: { members: 21, standing: 21, state: { status: "open" } } });
  expect(one.folded.size).toBe(21);
  const later = run(after(empty(), one), [raise(99, 500_000)]);
  expect(later).toMatchObject({ handedOn: [], incident: { members: 22 } });
});

test("what safety asks for has its own case and belongs to the incident all the same", () => {
  const changes = Array.from({ length: 30 }, (_, at) => raise(at, at, true));
  const outcome = run(empty(), changes);
  expect([...outcome.handedOn, ...outcome.handedOnAfter]).toEqual(changes);
  expect(outcome).toMatchObject({ incident: { members: 30 }, folded: new Set() });
});

test("devices that fire one after the other, or one device that fires often, are no incident", () => {
  const slow = Array.from({ length: 200 }, (_, at) => raise(at, (at * stormWindowMs) / limit));
  expect(run(empty(), slow).began).toBeNull();
  const often = Array.from({ length: 200 }, (_, at) => [raise(1, at * 1_000), clear(1, at * 1_000 + 500)]).flat();
  expect(run(empty(), often).began).toBeNull();
});

test("what arrives late counts when it happened, and not when it was told", () => {
  // Thirty devices that were away tell of faults of thirty different hours.
  const late = Array.from({ length: 30 }, (_, at) => raise(at, at * 3_600_000));
  expect(run(empty(), late).began).toBeNull();
  // Thirty that were hit by one thing tell of it in any order.
  const together = Array.from({ length: 30 }, (_, at) => raise(at, ((at * 7) % 30) * 1_000));
  expect(run(empty(), together)).toMatchObject({ began: "opened", incident: { members: 30 } });
});

test("an incident settles when nearly all have cleared, opens when somebody joins, and returns within a week", () => {
  const opened = run(
    empty(),
    Array.from({ length: 40 }, (_, at) => raise(at, at)),
  );
  let storm = after(empty(), opened);
  const most = run(
    storm,
    Array.from({ length: 37 }, (_, at) => clear(at, 100)),
  );
  expect(most.incident).toMatchObject({ standing: 3, state: { status: "open" } });
  storm = after(storm, most);
  const nearly = run(storm, [clear(37, 100)]);
  expect(nearly.incident).toMatchObject({ standing: 2, state: { status: "settling", sinceMs: nowMs } });
  storm = after(storm, nearly);
  expect(run(storm, [raise(3, 200)]).incident).toMatchObject({ standing: 3, members: 40, state: { status: "open" } });
  const resolved: IncidentState = { status: "resolved", resolvedAtMs: nowMs, by: "cause" };
  const over: Storm = { ...storm, incident: nearly.incident === null ? null : { ...nearly.incident, state: resolved } };
  const again = run(
    over,
    Array.from({ length: 21 }, (_, at) => raise(at + 30, nowMs + at)),
    nowMs + 1,
  );
  expect(again).toMatchObject({ began: "reopened", incident: { members: 51, standing: 21 + 0, id: "incident" } });
});

test("an incident is quiet only after half an hour, and returns only within seven days", () => {
  const settling: IncidentState = { status: "settling", sinceMs: 0 };
  expect(stepIncident(settling, { kind: "quiet", atMs: 1_799_999 })).toMatchObject({ rule: "incident_not_quiet_yet" });
  expect(stepIncident(settling, { kind: "quiet", atMs: 1_800_000 })).toMatchObject({ to: { status: "resolved" } });
  const resolved: IncidentState = { status: "resolved", resolvedAtMs: 0, by: "cause" };
  expect(stepIncident(resolved, { kind: "returned", atMs: reopenWithinMs - 1 })).toMatchObject({ kind: "moved" });
  expect(stepIncident(resolved, { kind: "returned", atMs: reopenWithinMs })).toMatchObject({ kind: "refused" });
});

// Times crowd around the width of the window, so that storms begin, and just do not begin.
const anyChange = fc.record({
  kind: fc.constantFrom("raise" as const, "raise" as const, "clear" as const),
  deviceKey: fc.nat(60),
  atMs: fc.oneof(
    fc.nat(stormWindowMs),
    fc.nat(4 * stormWindowMs),
    fc.constantFrom(0, stormWindowMs - 1, stormWindowMs),
  ),
  isSafety: fc.constant(false),
});

test("however the same changes are cut, the incident, its members and what goes on to cases are the same", () => {
  fc.assert(
    fc.property(
      fc.array(anyChange, { minLength: 30, maxLength: 150, size: "max" }),
      fc.array(fc.integer({ min: 1, max: 40 }), { minLength: 1 }),
      (changes, cuts) => {
        const whole = run(empty(), changes);
        let storm = empty();
        const handedOn: StormChange[] = [];
        let [sent, cut] = [0, 0];
        while (sent < changes.length) {
          const length = cuts[cut % cuts.length] ?? 1;
          const part = run(storm, changes.slice(sent, sent + length));
          handedOn.push(...part.handedOn, ...part.handedOnAfter);
          storm = after(storm, part);
          sent += length;
          cut += 1;
        }
        expect(storm).toEqual(after(empty(), whole));
        expect(handedOn).toEqual([...whole.handedOn, ...whole.handedOnAfter]);
      },
    ),
  );
});

test("the counts of an incident are those of its members, and each raise is a case or a member", () => {
  fc.assert(
    fc.property(fc.array(anyChange, { minLength: 30, maxLength: 200, size: "max" }), (changes) => {
      const outcome = run(empty(), changes);
      const members = [...outcome.members.values()];
      expect(outcome.incident?.members ?? 0).toBe(members.length);
      expect(outcome.incident?.standing ?? 0).toBe(members.filter((hit) => hit.clearedAtMs === null).length);
      const told = new Set([...outcome.handedOn, ...outcome.handedOnAfter].map((change) => change.deviceKey));
      for (const { deviceKey } of changes) expect(told.has(deviceKey) || outcome.members.has(deviceKey)).toBe(true);
    }),
  );
});
