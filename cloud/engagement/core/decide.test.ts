import fc from "fast-check";
import { expect, test } from "vitest";
import { candidate, circumstances, household, noNeeds } from "../../../test/support/decision-inputs.ts";
import type { Candidate, Circumstances, HouseholdState } from "./candidate.ts";
import { type Answer, decide, holdReasons, suppressReasons, testNames } from "./decide.ts";
import { holdoutDraw } from "./holdout.ts";
import { cappedClasses, channelNames, defaultPolicy, itemClasses } from "./policy.ts";

const at = (text: string) => Temporal.ZonedDateTime.from(text).epochMilliseconds;
const nowMs = at("2026-11-25T12:00[Europe/Berlin]");
const dayMs = 86_400_000;

const one = (given: Candidate, to: HouseholdState, when = nowMs, among = circumstances()): Answer => {
  const [decision] = decide([given], to, when, among);
  if (decision === undefined) throw new Error("nothing was decided");
  return decision.answer;
};

const zone = fc.constantFrom("Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "Asia/Kathmandu", "UTC");
const changes = ["2026-03-29T00:00Z", "2026-10-25T00:00Z", "2026-03-08T05:00Z", "2026-11-01T04:00Z"].map(
  (text) => Temporal.Instant.from(text).epochMilliseconds,
);
const moment = fc
  .tuple(fc.constantFrom(...changes), fc.integer({ min: -60 * 48, max: 60 * 48 }))
  .map(([change, minutes]) => change + minutes * 60_000);
const minuteOfDay = fc.integer({ min: 0, max: 1_439 });
const quiet = fc.option(
  fc.record({
    fromMinute: minuteOfDay,
    toMinute: minuteOfDay,
    meanwhile: fc.constantFrom("hold" as const, "skip" as const),
  }),
);
const anyHousehold = fc
  .record({
    id: fc.uuid(),
    timeZone: zone,
    consents: fc.subarray(["market", "personalise", "improve", "share"]),
    stage: fc.constantFrom(null, "activation", "engagement", "disengaged"),
    order: fc.shuffledSubarray([...channelNames]),
    quiet,
    perWeekMax: fc.option(fc.integer({ min: 0, max: 5 })),
    devices: fc.subarray([
      { id: "oven-1", model: "oven-x200" },
      { id: "oven-2", model: "oven-s300" },
    ]),
    addresses: fc.array(
      fc.record({
        memberId: fc.constant("m1"),
        stopped: fc.constantFrom(null, "bounced" as const, "complained" as const, "unsubscribed" as const),
      }),
      { maxLength: 2 },
    ),
    open: fc.integer({ min: 0, max: 3 }),
    bestHours: fc.array(fc.option(fc.integer({ min: 0, max: 23 })), { minLength: 7, maxLength: 7 }),
    cookingSinceMs: fc.constant(null),
  })
  .chain((state) =>
    fc.record({
      ...Object.fromEntries(Object.entries(state).map(([key, value]) => [key, fc.constant(value)])),
      sent: fc.array(
        fc.record({
          atMs: moment,
          class: fc.constantFrom(...cappedClasses),
        }),
        { maxLength: 6 },
      ),
      waiting: fc.array(
        fc.record({
          source: fc.constant("campaign:z"),
          itemId: fc.constant("z"),
          class: fc.constantFrom(...itemClasses),
          priority: fc.integer({ min: 0, max: 9 }),
        }),
        { maxLength: 2 },
      ),
    }),
  )
  .map((change) => household(change));
const candidateOf = (classes: readonly Candidate["class"][]) =>
  fc
    .record({
      class: fc.constantFrom(...classes),
      itemId: fc.constantFrom("i1", "i2", "i3"),
      source: fc.constantFrom("campaign:a", "campaign:b"),
      priority: fc.integer({ min: 0, max: 9 }),
      measured: fc.boolean(),
      bestHour: fc.boolean(),
      topics: fc.subarray(["winter", "dinner", "baking"]),
    })
    .map((change) => candidate(change));
const anyCircumstances = fc
  .record({ holdoutShare: fc.constantFrom(0, 0.05, 0.15), roomMax: fc.integer({ min: 1, max: 3 }) })
  .map((change) => circumstances({ policy: { ...defaultPolicy, ...change } }));

test("service and safety, security, recalls and what was asked for are never capped, held out, quiet or held for others", () => {
  const exempt = itemClasses.filter((name) => !cappedClasses.some((capped) => capped === name));
  fc.assert(
    fc.property(candidateOf(exempt), anyHousehold, anyCircumstances, moment, (given, to, among, when) => {
      expect(["send", "human"]).toContain(one(given, to, when, among).kind);
    }),
  );
});

test("nothing promotional is ever sent without consent to marketing, whatever else holds", () => {
  fc.assert(
    fc.property(fc.array(candidateOf(itemClasses), { maxLength: 4 }), anyHousehold, moment, (given, to, when) => {
      for (const { class: itemClass, answer } of decide(given, to, when, circumstances())) {
        if (itemClass !== "promotional" || to.consents.includes("market")) continue;
        expect(answer).toEqual({ kind: "suppress", reason: "no_consent" });
      }
    }),
  );
});

test("no day and no week of the household ever has more than its caps, sent one after the other through a change of the clock", () => {
  fc.assert(
    fc.property(
      zone,
      fc.constantFrom(...changes),
      fc.array(fc.integer({ min: 0, max: 180 }), { minLength: 3 }),
      (timeZone, change, steps) => {
        const policy = { ...defaultPolicy, holdoutShare: 0, roomMax: 20 };
        const sent: { atMs: number; class: "promotional" }[] = [];
        let when = change - 4 * dayMs;
        for (const minutes of steps) {
          when += minutes * 300_000;
          const answer = one(
            candidate({ itemId: String(when) }),
            household({ timeZone, sent, perWeekMax: 3 }),
            when,
            circumstances({ policy }),
          );
          if (answer.kind === "send") sent.push({ atMs: when, class: "promotional" });
        }
        const days = sent.map(({ atMs }) =>
          Temporal.Instant.fromEpochMilliseconds(atMs).toZonedDateTimeISO(timeZone).toPlainDate(),
        );
        expect(new Set(days.map(String)).size).toBe(days.length);
        for (const day of days) {
          const within = days.filter((other) => {
            const { days: apart } = day.until(other);
            return apart >= 0 && apart < 7;
          });
          expect(within.length).toBeLessThanOrEqual(3);
        }
      },
    ),
  );
});

test("a capped message waits until the very day on which there is room again, and no longer", () => {
  fc.assert(
    fc.property(zone, moment, fc.array(fc.nat(7 * 24 * 60), { minLength: 1, maxLength: 8 }), (timeZone, when, ago) => {
      const sent = ago.map((minutes) => ({ atMs: when - minutes * 60_000, class: "promotional" as const }));
      const answer = one(candidate(), household({ timeZone, sent }), when);
      if (answer.kind !== "hold" || answer.reason !== "capped") return;
      expect(one(candidate(), household({ timeZone, sent }), answer.untilMs).kind).toBe("send");
      expect(one(candidate(), household({ timeZone, sent }), answer.untilMs - 1).kind).toBe("hold");
    }),
  );
});

test.each([
  ["a day of 23 hours", "2026-03-28T23:30[Europe/Berlin]", "2026-03-29T00:10[Europe/Berlin]", "send"],
  ["the same day of 25 hours", "2026-10-25T00:10[Europe/Berlin]", "2026-10-25T23:50[Europe/Berlin]", "hold"],
  ["the day after one of 25 hours", "2026-10-25T23:50[Europe/Berlin]", "2026-10-26T00:10[Europe/Berlin]", "send"],
  ["the same day in New York", "2026-11-01T00:10[America/New_York]", "2026-11-01T23:50[America/New_York]", "hold"],
] as const)("caps count the household's calendar days: %s", (_name, first, second, kind) => {
  const timeZone = first.includes("New_York") ? "America/New_York" : "Europe/Berlin";
  const sent = [{ atMs: at(first), class: "promotional" as const }];
  expect(one(candidate(), household({ timeZone, sent }), at(second)).kind).toBe(kind);
});

test("'at most none a week' is a no, and 'at most one a week' holds beside more generous caps", () => {
  expect(one(candidate(), household({ perWeekMax: 0 }))).toEqual({ kind: "suppress", reason: "wants_none" });
  const sent = [{ atMs: at("2026-11-20T23:59[Europe/Berlin]"), class: "loyalty_status" as const }];
  expect(one(candidate(), household({ sent }))).toMatchObject({ kind: "send" });
  expect(one(candidate(), household({ perWeekMax: 1, sent }))).toEqual({
    kind: "hold",
    reason: "capped",
    untilMs: at("2026-11-27T00:00[Europe/Berlin]"),
  });
});

test.each([
  ["before midnight", "2026-11-25T23:00[Europe/Berlin]", "2026-11-26T07:00[Europe/Berlin]"],
  ["after midnight", "2026-11-25T03:00[Europe/Berlin]", "2026-11-25T07:00[Europe/Berlin]"],
  ["in the night in which an hour is missing", "2026-03-29T01:30[Europe/Berlin]", "2026-03-29T07:00[Europe/Berlin]"],
  ["in the night with an hour twice", "2026-10-25T02:30+02:00[Europe/Berlin]", "2026-10-25T07:00[Europe/Berlin]"],
])("quiet hours over midnight hold to their end: %s", (_name, when, until) => {
  const hours = { fromMinute: 22 * 60, toMinute: 7 * 60 };
  const hold = household({ quiet: { ...hours, meanwhile: "hold" } });
  expect(one(candidate(), hold, at(when))).toEqual({ kind: "hold", reason: "quiet_hours", untilMs: at(until) });
  const skip = household({ quiet: { ...hours, meanwhile: "skip" } });
  expect(one(candidate(), skip, at(when))).toEqual({ kind: "suppress", reason: "quiet_hours" });
  expect(one(candidate(), hold, at(until)).kind).toBe("send");
});

/** The changes of the clock in 2026 where there are two. Half an hour at Lord Howe; at midnight in Santiago, Havana and Cairo. */
const changesByZone = [
  "Europe/Berlin",
  "America/New_York",
  "Australia/Lord_Howe",
  "Pacific/Auckland",
  "America/Santiago",
  "America/Havana",
  "Africa/Cairo",
].map((timeZone) => {
  const first = Temporal.ZonedDateTime.from(`2026-01-01[${timeZone}]`).getTimeZoneTransition("next");
  return { timeZone, changes: [first, first?.getTimeZoneTransition("next")] };
});
/** A moment near a change of the clock, and quiet hours of which many begin or end in what is skipped or comes twice. */
const quietNearChange = fc
  .constantFrom(...changesByZone)
  .chain(({ timeZone, changes: known }) =>
    fc.record({ timeZone: fc.constant(timeZone), change: fc.constantFrom(...known) }),
  )
  .chain(({ timeZone, change }) => {
    if (change === null || change === undefined) throw new Error(`${timeZone} has no two changes of the clock in 2026`);
    const nearIt = fc
      .integer({ min: -90, max: 90 })
      .map((minutes) => (change.hour * 60 + change.minute + minutes + 1_440) % 1_440);
    const minute = fc.oneof(minuteOfDay, nearIt);
    return fc.record({
      timeZone: fc.constant(timeZone),
      when: fc
        .oneof(fc.integer({ min: -48 * 60, max: 48 * 60 }), fc.integer({ min: -150, max: 150 }))
        .map((minutes) => change.epochMilliseconds + minutes * 60_000),
      fromMinute: minute,
      toMinute: minute,
    });
  });

/** Whether a moment lies between the first and the second time at which that day's clock shows a minute that comes twice. */
function isBetweenShowings(wall: Temporal.ZonedDateTime, minuteShown: number): boolean {
  const shown = wall.toPlainDate().toPlainDateTime({ hour: Math.floor(minuteShown / 60), minute: minuteShown % 60 });
  const [first, second] = (["earlier", "later"] as const).map((disambiguation) =>
    shown.toZonedDateTime(wall.timeZoneId, { disambiguation }),
  );
  if (first === undefined || second === undefined || !first.toPlainDateTime().equals(shown)) return false;
  return first.epochMilliseconds <= wall.epochMilliseconds && wall.epochMilliseconds < second.epochMilliseconds;
}

test("nothing promotional is sent in the household's quiet hours, through every change of the clock", () => {
  fc.assert(
    fc.property(quietNearChange, ({ timeZone, when, fromMinute, toMinute }) => {
      const to = household({ timeZone, quiet: { fromMinute, toMinute, meanwhile: "hold" } });
      const answer = one(candidate(), to, when);
      const wall = Temporal.Instant.fromEpochMilliseconds(when).toZonedDateTimeISO(timeZone);
      const minute = wall.hour * 60 + wall.minute;
      const inside =
        fromMinute <= toMinute ? minute >= fromMinute && minute < toMinute : minute >= fromMinute || minute < toMinute;
      // An end that the clock shows twice is the second, a beginning the first: what is quiet stays so in between.
      const isEdgeShownTwice = isBetweenShowings(wall, fromMinute) || isBetweenShowings(wall, toMinute);
      const isQuiet = fromMinute !== toMinute && (inside || isEdgeShownTwice);
      expect(answer.kind).toBe(isQuiet ? "hold" : "send");
      if (answer.kind !== "hold") return;
      expect(one(candidate(), to, answer.untilMs).kind).toBe("send");
      expect(one(candidate(), to, answer.untilMs - 1).kind).toBe("hold");
    }),
    { numRuns: 1_000 },
  );
});

test("the best hour is the household's own of that weekday; less than an hour after it is now", () => {
  // Wednesday: 18. Thursday: 12.
  const bestHours = [null, null, 18, 12, null, null, null];
  const wanted = candidate({ bestHour: true });
  const when = (text: string) => one(wanted, household({ bestHours }), at(`2026-11-${text}[Europe/Berlin]`));
  const hold = (text: string) => ({ kind: "hold", reason: "best_hour", untilMs: at(`2026-11-${text}[Europe/Berlin]`) });
  expect(when("25T12:00")).toEqual(hold("25T18:00"));
  expect(when("25T18:59").kind).toBe("send");
  expect(when("25T19:00")).toEqual(hold("26T12:00"));
  expect(when("27T12:00")).toEqual({
    kind: "hold",
    reason: "best_hour",
    untilMs: at("2026-12-02T18:00[Europe/Berlin]"),
  });
});

test("no habit is looked at without consent to personalisation, nor does an interest count", () => {
  const interests = [
    { subject: "topic:baking", saved: 2, searched: 0, cooked: 3, aborted: 0, shown: 0, ignored: 0, lastAtMs: nowMs },
  ];
  const bestHours = [18, 18, 18, 18, 18, 18, 18];
  const wanted = candidate({ bestHour: true, topics: ["baking"] });
  const [without] = decide(
    [wanted],
    household({ consents: ["market"], interests, bestHours, cookingSinceMs: nowMs }),
    nowMs,
    circumstances(),
  );
  expect(without?.answer.kind).toBe("send");
  expect(without?.terms).toEqual([]);
  const [agreed] = decide([wanted], household({ interests, bestHours }), nowMs, circumstances());
  expect(agreed?.answer).toMatchObject({ kind: "hold", reason: "best_hour" });
  expect(agreed?.terms).toEqual([
    { from: "intent", term: "saved", points: 6, about: "topic:baking" },
    { from: "history", term: "cooks_this", points: 3, about: "topic:baking" },
  ]);
});

test("topics that a household chose count with consent to personalisation alone, and two of an item at most", () => {
  const wanted = candidate({ topics: ["cakes", "bread", "bread", "rye", "fish"] });
  const chosen = ["bread", "cakes", "rye"];
  const termsOf = (more: Partial<HouseholdState>) =>
    decide([wanted], household({ chosen, ...more }), nowMs, circumstances())[0]?.terms;
  expect(termsOf({})).toEqual([
    { from: "intent", term: "chose_this", points: 3, about: "topic:cakes" },
    { from: "intent", term: "chose_this", points: 3, about: "topic:bread" },
  ]);
  expect(termsOf({ consents: ["market"] })).toEqual([]);
  // What was decided before topics could be chosen says nothing of them, and is decided the same again.
  expect(decide([wanted], household(), nowMs, circumstances())[0]?.terms).toEqual([]);
});

test("of several items to choose from the one goes out that suits best, and the trace of the others names it", () => {
  const interests = [
    { subject: "topic:fish", saved: 1, searched: 0, cooked: 0, aborted: 0, shown: 0, ignored: 0, lastAtMs: nowMs },
  ];
  const roast = candidate({ itemId: "roast", title: "Roast", topics: ["meat"], choice: "a" });
  const cod = candidate({ itemId: "cod", title: "Cod", topics: ["fish"], choice: "a" });
  const decided = decide(
    [roast, cod],
    household({ interests }),
    nowMs,
    circumstances({ policy: { ...defaultPolicy, caps: [], holdoutShare: 0 } }),
  );
  expect(decided.map(({ itemId, answer }) => [itemId, answer.kind])).toEqual([
    ["cod", "send"],
    ["roast", "suppress"],
  ]);
  expect(decided[1]?.trace.find(({ test: name }) => name === "priority")).toMatchObject({ with: { instead: "Cod" } });
});

test("of several items a household gets one, of whatever class they are", () => {
  for (const itemClass of itemClasses) {
    const items = ["a", "b"].map((itemId) => candidate({ itemId, class: itemClass, choice: "one" }));
    const answers = decide(items, household(), nowMs, circumstances()).map(({ answer }) => answer.kind);
    expect([itemClass, answers]).toEqual([itemClass, ["send", "suppress"]]);
  }
});

test("what can not be cooked at the household's appliance leaves the choice to what can", () => {
  const steamed = candidate({ itemId: "steamed", needs: { ...noNeeds, steam: true }, choice: "a", priority: 9 });
  const baked = candidate({ itemId: "baked", choice: "a" });
  const decided = decide([baked, steamed], household(), nowMs, circumstances());
  expect(decided.map(({ itemId, answer }) => [itemId, "reason" in answer ? answer.reason : answer.kind])).toEqual([
    ["steamed", "does_not_fit"],
    ["baked", "send"],
  ]);
});

test("a promotion waits for room, and for what is more important and still on its way", () => {
  expect(one(candidate(), household({ open: 2 }))).toMatchObject({ kind: "hold", reason: "no_room" });
  const waiting = [{ source: "campaign:z", itemId: "z", class: "recall" as const, priority: 0 }];
  expect(one(candidate(), household({ waiting }))).toMatchObject({ kind: "hold", reason: "more_important" });
  const less = [{ source: "campaign:z", itemId: "z", class: "promotional" as const, priority: 4 }];
  expect(one(candidate(), household({ waiting: less })).kind).toBe("send");
  const itself = [{ source: "campaign:a", itemId: "item-1", class: "promotional" as const, priority: 5 }];
  expect(one(candidate(), household({ waiting: itself })).kind).toBe("send");
});

test("of two at once the more important goes first, and the other is held by what that leaves", () => {
  fc.assert(
    fc.property(fc.array(candidateOf(["promotional", "loyalty_status"]), { minLength: 2, maxLength: 6 }), (given) => {
      const decided = decide(given, household(), nowMs, circumstances());
      const ranks = decided.map(({ class: name }) => (name === "loyalty_status" ? 0 : 1));
      expect(ranks).toEqual(ranks.toSorted((a, b) => a - b));
      const promotions = decided.filter(({ class: name, answer }) => name === "promotional" && answer.kind === "send");
      expect(promotions.length).toBeLessThanOrEqual(1);
      expect(decided.filter(({ answer }) => answer.kind === "send").length).toBeLessThanOrEqual(2);
    }),
  );
});

test("what is past its expiry, or would be by the time it may go, is dropped with that reason", () => {
  fc.assert(
    fc.property(
      candidateOf(itemClasses),
      anyHousehold,
      moment,
      fc.integer({ min: -3 * 24, max: 3 * 24 }),
      (given, to, when, hours) => {
        const untilMs = when + hours * 3_600_000;
        const answer = one({ ...given, untilMs }, to, when);
        if (answer.kind === "hold") expect(answer.untilMs).toBeLessThan(untilMs);
        if (hours <= 0) expect(answer.kind).toBe("suppress");
      },
    ),
  );
  expect(one(candidate({ untilMs: nowMs }), household())).toEqual({ kind: "suppress", reason: "expired" });
  const quietNow = household({ quiet: { fromMinute: 11 * 60, toMinute: 14 * 60, meanwhile: "hold" } });
  expect(one(candidate({ untilMs: nowMs + 3_600_000 }), quietNow)).toEqual({
    kind: "suppress",
    reason: "expires_while_waiting",
  });
});

test("a schedule is the wall clock where the household lives", () => {
  const ends = candidate({ localUntil: "2026-11-25T09:00" });
  expect(one(ends, household())).toEqual({ kind: "suppress", reason: "expired" });
  expect(one(ends, household({ timeZone: "America/New_York" })).kind).toBe("send");
  const wanted = candidate({ localFrom: "2026-11-26T09:00" });
  expect(one(wanted, household())).toMatchObject({ untilMs: at("2026-11-26T09:00[Europe/Berlin]") });
  expect(one(wanted, household({ timeZone: "America/New_York" }))).toMatchObject({
    untilMs: at("2026-11-26T09:00[America/New_York]"),
  });
});

test("the hold-out is drawn by household and quarter, is as large as its share, and promotions alone respect it", () => {
  const among = circumstances({ policy: { ...defaultPolicy, holdoutShare: 0.1 } });
  const ids = Array.from({ length: 5_000 }, (_, n) => `00000000-0000-7000-8000-${String(n).padStart(12, "0")}`);
  const heldOut = ids.filter((id) => {
    const answer = one(candidate({ measured: true }), household({ id }), nowMs, among);
    expect(one(candidate({ measured: true, class: "service" }), household({ id }), nowMs, among).kind).toBe("send");
    expect(one(candidate({ measured: false }), household({ id }), nowMs, among).kind).toBe("send");
    return answer.kind === "suppress" && answer.reason === "held_out";
  });
  expect(heldOut.length).toBeGreaterThan(400);
  expect(heldOut.length).toBeLessThan(600);
  const next = ids.filter((id) => holdoutDraw("2027-Q1", id) < 0.1);
  expect(next.filter((id) => heldOut.includes(id)).length).toBeLessThan(100);
});

test("where letters cannot be sent e-mail is no way, and what was decided before anybody asked is decided as it was", () => {
  const to = household({ order: ["email", "display"] });
  const sentBy = (change: Partial<Circumstances>) => one(candidate(), to, nowMs, circumstances(change));
  expect(sentBy({})).toMatchObject({ channels: ["email"] });
  expect(sentBy({ mail: true })).toMatchObject({ channels: ["email"] });
  expect(sentBy({ mail: false })).toMatchObject({ channels: ["display"] });
  const alone = household({ devices: [] });
  expect(one(candidate({ class: "service" }), alone, nowMs, circumstances({ mail: false }))).toEqual({ kind: "human" });
});

const failedOn = (...channels: string[]) =>
  household({ failed: [{ source: "campaign:a", itemId: "item-1", channels }] });

test("a way on which it came to nothing is none any more; what had to reach them is a person's at last, also when it has expired", () => {
  const service = candidate({ class: "service", untilMs: nowMs + 1 });
  expect(one(service, failedOn("display"))).toMatchObject({ kind: "send", channels: ["email"] });
  expect(one(service, failedOn("display", "email"))).toEqual({ kind: "human" });
  expect(one({ ...service, untilMs: nowMs }, failedOn("display"))).toEqual({ kind: "human" });
  expect(one({ ...service, untilMs: nowMs }, household())).toEqual({ kind: "suppress", reason: "expired" });
  expect(one({ ...service, itemId: "item-2" }, failedOn("display"))).toMatchObject({ channels: ["display"] });
  expect(one(candidate({ untilMs: nowMs }), failedOn("display"))).toEqual({ kind: "suppress", reason: "expired" });
});

const readers = (addresses: string[], ...tried: string[]) =>
  household({
    order: ["email", "display"],
    addresses: addresses.map((memberId) => ({ memberId, stopped: null })),
    failed: [{ source: "campaign:a", itemId: "item-1", channels: [], addresses: tried }],
  });

test("letters are a way while an address is left that none of them came back from", () => {
  const item = candidate({ class: "service", untilMs: nowMs + 1 });
  expect(one(item, readers(["a", "b"], "a"))).toMatchObject({ kind: "send", channels: ["email"] });
  expect(one(item, readers(["a", "b"], "b", "a"))).toMatchObject({ kind: "send", channels: ["display"] });
  expect(one({ ...item, untilMs: nowMs }, readers(["a", "b"], "a"))).toEqual({ kind: "human" });
});

test("a disengaged household is sent no promotion, and everything else", () => {
  expect(one(candidate(), household({ stage: "disengaged" }))).toEqual({ kind: "suppress", reason: "disengaged" });
  expect(one(candidate({ class: "loyalty_status" }), household({ stage: "disengaged" })).kind).toBe("send");
});

const channel = (given: Partial<Candidate>, to: Partial<HouseholdState>, webhook = false) => {
  const answer = one(candidate(given), household(to), nowMs, circumstances({ webhook }));
  return answer.kind === "send" ? answer.channels : "reason" in answer ? answer.reason : answer.kind;
};

test("channels go in the household's order, automation first, and a person is always reachable for what matters", () => {
  expect(channel({}, { order: ["email", "display"] })).toEqual(["email"]);
  expect(channel({}, { order: ["human", "web_push", "display"] })).toEqual(["display"]);
  expect(channel({}, { order: ["webhook", "display"] }, true)).toEqual(["webhook"]);
  const nobody = { devices: [], addresses: [] };
  expect(channel({}, { ...nobody, order: ["human"] })).toBe("no_channel");
  expect(channel({ class: "service" }, { ...nobody, order: [] })).toBe("human");
  expect(channel({ class: "recall" }, { order: [] })).toEqual(["display", "email"]);
});

const byAddress = (itemClass: Candidate["class"], stopped: "bounced" | "complained" | "unsubscribed") =>
  one(candidate({ class: itemClass }), household({ devices: [], addresses: [{ memberId: "m", stopped }] })).kind;

test("an address that bounced is used for nothing, one that said no for everything but promotions", () => {
  for (const stopped of ["bounced", "complained", "unsubscribed"] as const)
    expect(byAddress("promotional", stopped)).toBe("suppress");
  expect(byAddress("service", "unsubscribed")).toBe("send");
  expect(byAddress("recall", "complained")).toBe("send");
  expect(byAddress("recall", "bounced")).toBe("human");
});

test("every decision has all eight tests in their order, and what is stored decides the same again", () => {
  fc.assert(
    fc.property(
      fc.array(candidateOf(itemClasses), { maxLength: 5 }),
      anyHousehold,
      anyCircumstances,
      moment,
      (given, to, among, when) => {
        const decided = decide(given, to, when, among);
        for (const { trace, answer } of decided) {
          expect(trace.map(({ test: name }) => name)).toEqual(testNames);
          expect(trace.some(({ outcome }) => outcome === "suppresses")).toBe(answer.kind === "suppress");
          if (answer.kind === "suppress") expect(suppressReasons).toContain(answer.reason);
          if (answer.kind === "hold") expect(holdReasons).toContain(answer.reason);
          expect(Buffer.byteLength(JSON.stringify(trace))).toBeLessThan(2_000);
        }
        const [again, toAgain, amongAgain] = JSON.parse(JSON.stringify([given, to, among]));
        expect(decide(again, toAgain, when, amongAgain)).toEqual(decided);
      },
    ),
  );
});
