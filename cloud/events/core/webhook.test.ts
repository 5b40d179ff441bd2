import fc from "fast-check";
import { expect, test } from "vitest";
import { cloudEvent } from "./cloud-event.ts";
import { attemptsMax, nextAttemptAtMs, pickNext, typeFilter, wantsEvent, webhookBody } from "./webhook.ts";

const hour = 3_600_000;
const event = {
  position: { xid: "812", id: 44 },
  eventId: "01980000-0000-7000-8000-000000000001",
  type: "hearth.points.earned",
  subject: "household:h-1",
  atMs: 1_780_000_000_000,
  data: { householdId: "h-1", points: 50 },
};

/** When a delivery is tried of which every attempt fails. */
function timesOf(id: string): number[] {
  const times = [0];
  for (let attempt = 1; ; attempt += 1) {
    const next = nextAttemptAtMs(id, attempt, times.at(-1) ?? 0);
    if (next === null) return times;
    times.push(next);
  }
}

test("ten attempts lie over three days, each after a longer pause, and two deliveries do not come back together", () => {
  fc.assert(
    fc.property(fc.uuid(), fc.uuid(), (one, other) => {
      const times = timesOf(one);
      expect(times).toHaveLength(attemptsMax);
      expect(times.at(-1)).toBeGreaterThan(67 * hour);
      expect(times.at(-1)).toBeLessThan(84 * hour);
      const pauses = times.slice(1).map((atMs, at) => atMs - (times[at] ?? 0));
      expect(pauses).toEqual(pauses.toSorted((a, b) => a - b));
      if (one !== other) expect(timesOf(other)).not.toEqual(times);
    }),
  );
});

test("who asks to be left alone is, for a day at most", () => {
  expect(nextAttemptAtMs("d", 1, 0, 2 * hour)).toBe(2 * hour);
  expect(nextAttemptAtMs("d", 1, 0, 1_000 * hour)).toBe(24 * hour);
  expect(nextAttemptAtMs("d", attemptsMax, 0, hour)).toBeNull();
});

test("of one subject one is sent after the other, and those picked keep their order", () => {
  const subjects = fc.array(fc.constantFrom("a", "b", "c", "d"), { maxLength: 30 });
  fc.assert(
    fc.property(subjects, fc.subarray(["a", "b", "c", "d"]), fc.nat(6), (due, underWay, limit) => {
      const deliveries = due.map((subject, at) => ({ subject, at }));
      const picked = pickNext(deliveries, new Set(underWay), limit);
      expect(picked.length).toBeLessThanOrEqual(limit);
      for (const { subject, at } of picked) {
        expect(underWay).not.toContain(subject);
        // The first of its subject, so that no later one overtakes it.
        expect(due.indexOf(subject)).toBe(at);
      }
      expect(picked).toEqual(picked.toSorted((a, b) => a.at - b.at));
      const waiting = new Set(due.filter((subject) => !underWay.includes(subject)));
      expect(picked).toHaveLength(Math.min(limit, waiting.size));
    }),
  );
});

test.each([
  [["*"], "hearth.case.opened", true],
  [["hearth.*"], "hearth.case.opened", true],
  [["hearth.case.*"], "hearth.case.opened", true],
  [["hearth.case.*"], "hearth.cases.opened", false],
  [["hearth.case.opened"], "hearth.case.opened", true],
  [["hearth.case.opened"], "hearth.case.opened_again", false],
  [["hearth.points.*", "hearth.case.resolved"], "hearth.case.resolved", true],
])("who asks for %s hears of %s: %s", (types, type, hears) => {
  for (const filter of types) expect(typeFilter.safeParse(filter).success).toBe(true);
  expect(wantsEvent({ id: "w", types }, { type, subject: "x:1" })).toBe(hears);
});

test.each(["", "hearth", "hearth.", "points.*", "hearth.p*", "hearth.**", "hearth.A.b", "hearth.points.* "])(
  "'%s' names no types",
  (filter) => {
    expect(typeFilter.safeParse(filter).success).toBe(false);
  },
);

test("a test reaches the endpoint that it is for, also one that asks for everything, and no other", () => {
  const told = { type: "hearth.webhook.tested", subject: "webhook:w-1" };
  expect(wantsEvent({ id: "w-1", types: ["hearth.case.*"] }, told)).toBe(true);
  expect(wantsEvent({ id: "w-2", types: ["*"] }, told)).toBe(false);
});

test("an event goes out as a CloudEvent, with what orders it", () => {
  const body = JSON.parse(webhookBody(event, "https://h.example"));
  expect(cloudEvent.safeParse(body).success).toBe(true);
  expect(body).toMatchObject({ id: event.eventId, type: event.type, data: event.data });
  const later = JSON.parse(webhookBody({ ...event, position: { xid: "1000", id: 5 } }, "https://h.example"));
  expect(body.sequence < later.sequence).toBe(true);
});

test("nobody's name, address or words go out, however deep they lie, and of who did it only of what kind they are", () => {
  const data = {
    householdId: "h-1",
    title: "Frau Huber's oven",
    by: "owner:h-1/m-1",
    note: "call Anna",
    change: [{ email: "anna@example.com", score: 5, name: "Anna" }],
  };
  const body = webhookBody({ ...event, type: "hearth.case.opened", data }, "https://h.example");
  expect(body).not.toMatch(/Huber|Anna|anna@|m-1/);
  expect(JSON.parse(body).data).toEqual({ householdId: "h-1", by: "owner", change: [{ score: 5 }] });
  const fromRule = { ...event, data: { title: "First program" } };
  expect(JSON.parse(webhookBody(fromRule, "https://h.example")).data).toEqual({ title: "First program" });
});

test("a message stays under 20 kB: one that would be longer says where it is read", () => {
  fc.assert(
    fc.property(fc.string({ unit: "binary", minLength: 0, maxLength: 12_000 }), (long) => {
      const body = webhookBody({ ...event, data: { long } }, "https://h.example");
      expect(Buffer.byteLength(body)).toBeLessThan(20_000);
      const said = JSON.parse(body);
      expect(said.data === undefined).toBe(said.dataref !== undefined);
    }),
    { numRuns: 30, examples: [["x".repeat(12_000)], ["\u0001".repeat(6_000)]] },
  );
  const { dataref } = JSON.parse(webhookBody({ ...event, data: { long: "x".repeat(30_000) } }, "https://h.example"));
  expect(dataref).toBe("https://h.example/api/v1/events?limit=1&after=812-43");
});
