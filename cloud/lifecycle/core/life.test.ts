import fc from "fast-check";
import { expect, test } from "vitest";
import { type DefinitionVersion, lifecycleDefinition, type Stage } from "./definition.ts";
import { type Life, noLife, tell } from "./life.ts";
import { inOrder, type Signal, type SignalBody } from "./signal.ts";
import { judge } from "./stage.ts";

const dayMs = 86_400_000;
const t0 = Date.UTC(2026, 0, 1);
const at = (day: number) => t0 + Math.round(day * dayMs);

const definition = lifecycleDefinition.parse({
  gap: { daysUsual: 7, daysMin: 3, daysMax: 60 },
  activation: { programs: 3, days: 30 },
  engagement: { gaps: 2 },
  satisfaction: { ratingMin: 4, firstAnswerCounts: true },
  loyalty: { days: 180, tierCounts: true },
  advocacy: { days: 180 },
  disengaged: { gaps: 3, ratingMax: 2, faults: 2, faultDays: 30, complaintDays: 90 },
});
const first: DefinitionVersion = { version: 1, definition, inForceFromMs: 0, createdBy: "system" };

const deviceId = "oven-1";
const paired: SignalBody = { kind: "paired", deviceId };
const used: SignalBody = { kind: "used", deviceId, isProgram: true };
const rated = (rating: number): SignalBody => ({ kind: "feedback", rating, deviceId });
const opened = (caseId = "c1", byHousehold = false): SignalBody => {
  return { kind: "case_opened", caseId, deviceId, title: "Too hot", byHousehold };
};
const resolved = (atFirstAnswer: boolean, caseId = "c1"): SignalBody => {
  return { kind: "case_resolved", caseId, title: "Too hot", atFirstAnswer };
};
const fault: SignalBody = { kind: "fault", deviceId, code: "E1" };
const tier = (isAboveFirst: boolean): SignalBody => ({
  kind: "tier",
  tier: isAboveFirst ? "gold" : "base",
  isAboveFirst,
});
const marketing = (isAgreed: boolean): SignalBody => ({ kind: "marketing", isAgreed });

type Line = [day: number, body: SignalBody];

const signalsOf = (lines: readonly Line[]): Signal[] =>
  lines.map(([day, body], index) => ({
    householdId: "h",
    source: String(index).padStart(4, "0"),
    atMs: at(day),
    body,
  }));

function told(untilDay: number, lines: readonly Line[], versions: readonly DefinitionVersion[] = [first]) {
  const signals = signalsOf(lines).filter(({ atMs }) => atMs <= at(untilDay));
  return tell(noLife, signals.toSorted(inOrder), versions, at(untilDay));
}
/** The stages with the day on which each began. */
const path = (untilDay: number, lines: readonly Line[], versions?: readonly DefinitionVersion[]) =>
  told(untilDay, lines, versions).changes.map(({ to, atMs }) => `${to} ${Math.floor((atMs - t0) / dayMs)}`);
const causes = (untilDay: number, lines: readonly Line[]) =>
  told(untilDay, lines)
    .changes.at(-1)
    ?.causes.map(({ kind }) => kind);

/** Paired, and cooks every `gap` days, from day 1 until `until`. */
const cooks = (gap: number, until: number): Line[] => [
  [0, paired],
  ...Array.from({ length: Math.floor((until - 1) / gap) + 1 }, (_, index): Line => [1 + index * gap, used]),
];

test("acquisition is whoever is known and has no appliance, also after the last one left", () => {
  expect(path(400, [[0, { kind: "known" }]])).toEqual(["acquisition 0"]);
  expect(
    path(20, [
      [0, { kind: "known" }],
      [5, paired],
      [9, { kind: "left", deviceId }],
    ]),
  ).toEqual(["acquisition 0", "activation 5", "acquisition 9"]);
});

test("activation is a pair of hands that finished fewer than three programs, for the first thirty days", () => {
  expect(
    path(30, [
      [0, paired],
      [1, used],
      [2, used],
    ]),
  ).toEqual(["activation 0"]);
  expect(
    path(40, [
      [0, paired],
      [1, used],
      [28, used],
    ]),
  ).toEqual(["activation 0"]);
  // Silent for three usual gaps, but new: the first thirty days are theirs.
  expect(path(31, [[0, paired]])).toEqual(["activation 0", "disengaged 30"]);
  expect(causes(31, [[0, paired]])).toEqual(["never_started"]);
});

test("an appliance that tells of its household is paired, also where the pairing was noted later", () => {
  expect(
    path(4, [
      [1, used],
      [2, used],
      [3, used],
      [3.5, paired],
    ]),
  ).toEqual(["activation 1", "engagement 3"]);
});

test("engagement is three programs and a use within twice the household's own median gap", () => {
  expect(path(10, cooks(4, 10))).toEqual(["activation 0", "engagement 9"]);
  // Seven days apart on the whole: after twice that it stays engaged, after three times it is silent.
  const lines = cooks(7, 40);
  expect(path(36 + 21, lines)).toEqual(["activation 0", "engagement 15"]);
  expect(path(36 + 22, lines)).toEqual(["activation 0", "engagement 15", "disengaged 57"]);
});

test("several uses on one evening are one occasion, and leave the gap as it is", () => {
  const evenings = cooks(7, 40).flatMap(([day, body]): Line[] => [
    [day, body],
    [day + 0.1, body],
  ]);
  expect(path(36 + 21, evenings)).toEqual(["activation 0", "engagement 8"]);
  expect(path(36 + 23, evenings).at(-1)).toBe("disengaged 57");
});

test("satisfaction is engagement with a last feedback of at least four, and no case open", () => {
  const lines = cooks(4, 40);
  expect(path(20, [...lines.slice(0, 6), [12, rated(4)]]).at(-1)).toBe("satisfaction 12");
  expect(path(20, [...lines.slice(0, 6), [12, rated(3)]]).at(-1)).toBe("engagement 9");
  expect(path(20, [...lines.slice(0, 6), [12, rated(4)], [13, rated(3)]]).at(-1)).toBe("engagement 13");
  expect(path(20, [...lines.slice(0, 6), [12, rated(5)], [14, opened()]]).at(-1)).toBe("engagement 14");
});

test("satisfaction is a last case that was solved at the first answer, too, unless they said otherwise", () => {
  const lines = cooks(4, 16);
  expect(path(17, [...lines, [10, opened()], [12, resolved(true)]]).at(-1)).toBe("satisfaction 12");
  expect(path(17, [...lines, [10, opened()], [12, resolved(false)]]).at(-1)).toBe("engagement 9");
  expect(path(17, [...lines, [10, opened()], [11, opened("c2")], [12, resolved(true)]]).at(-1)).toBe("engagement 9");
  expect(path(17, [...lines, [10, opened()], [12, resolved(true)], [13, rated(2)]]).at(-1)).toBe("engagement 13");
});

test("loyalty is 180 days engaged without a break, on the day itself", () => {
  const lines = cooks(4, 210);
  expect(path(188, lines).at(-1)).toBe("engagement 9");
  expect(path(190, lines).at(-1)).toBe("loyalty 189");
  const broken = [...cooks(4, 100), ...cooks(4, 210).filter(([day]) => day > 130)];
  expect(path(210, broken)).toEqual(["activation 0", "engagement 9", "disengaged 109", "engagement 133"]);
});

test("loyalty is a tier above the first, at once, and as long as it lasts", () => {
  expect(
    path(10, [
      [0, paired],
      [1, tier(true)],
    ]),
  ).toEqual(["activation 0", "loyalty 1"]);
  expect(path(10, [...cooks(4, 9), [9.5, tier(true)], [9.8, tier(false)]]).slice(-2)).toEqual([
    "loyalty 9",
    "engagement 9",
  ]);
});

test("advocacy is a share that was cooked or a referral that paired, for 180 days", () => {
  for (const kind of ["share_cooked", "referral_paired"] as const) {
    const lines: Line[] = [...cooks(4, 220), [20, { kind }]];
    expect(path(199, lines).at(-1)).toBe("advocacy 20");
    expect(path(201, lines).at(-1)).toBe("loyalty 200");
    expect(causes(201, lines)).toEqual(["too_long_ago", "engaged_for"]);
  }
});

test("feedback of two or less with a case open disengages at once, whatever the stage, and solving it brings them back", () => {
  const lines: Line[] = [...cooks(4, 40), [20, { kind: "share_cooked" }], [30, opened()]];
  expect(path(31, lines).at(-1)).toBe("advocacy 20");
  expect(path(32, [...lines, [31, rated(2)]]).at(-1)).toBe("disengaged 31");
  expect(path(32, [...lines, [31, rated(3)]]).at(-1)).toBe("advocacy 20");
  expect(causes(32, [...lines, [31, rated(2)]])).toEqual(["feedback", "case_open"]);
  expect(path(36, [...lines, [31, rated(2)], [35, resolved(true)]]).at(-1)).toBe("advocacy 35");
});

test("a case that went into another one is open no more, and neither solved at first answer nor late", () => {
  const merged: SignalBody = { kind: "case_merged", caseId: "c1", title: "Too hot" };
  const lines: Line[] = [...cooks(4, 40), [20, opened("c0")], [21, resolved(true, "c0")], [30, opened()]];
  // What was solved at first answer before goes on counting, as soon as nothing is open.
  expect(path(31, lines).at(-1)).toBe("engagement 30");
  expect(path(32, [...lines, [31, merged]]).at(-1)).toBe("satisfaction 31");
  expect(path(32, [...lines, [31, resolved(false)]]).at(-1)).toBe("engagement 30");
});

test("feedback of two or less after two faults in thirty days disengages, also without a case", () => {
  const angry: Line[] = [...cooks(4, 60), [20, fault], [45, fault], [46, rated(1)]];
  expect(path(46.5, angry).at(-1)).toBe("disengaged 46");
  expect(path(50, [...cooks(4, 60), [10, fault], [45, fault], [46, rated(1)]]).at(-1)).toBe("engagement 9");
  // The older fault is forgotten after its thirty days.
  expect(path(51, angry).at(-1)).toBe("engagement 50");
});

test("marketing withdrawn after a complaint disengages; without one, or long after, it does not", () => {
  const home = cooks(4, 210);
  expect(path(41, [...home, [40, marketing(false)]]).at(-1)).toBe("engagement 9");
  const near: Line[] = [...cooks(4, 60), [30, { kind: "complaint" }], [40, marketing(false)]];
  expect(path(41, near).at(-1)).toBe("disengaged 40");
  expect(path(60, near).at(-1)).toBe("disengaged 40");
  expect(path(60, [...near, [50, marketing(true)]]).at(-1)).toBe("engagement 50");
  expect(path(60, [...near, [50, rated(5)]]).at(-1)).toBe("satisfaction 50");
  expect(
    path(60, [...cooks(4, 60), [30, opened("c1", true)], [31, resolved(false)], [40, marketing(false)]]).at(-1),
  ).toBe("disengaged 40");
  expect(path(150, [...cooks(4, 160), [10, { kind: "complaint" }], [140, marketing(false)]]).at(-1)).toBe(
    "engagement 9",
  );
});

test("each change says what caused it, and how many days after the one before it came", () => {
  const { changes } = told(31, [...cooks(4, 30), [12.5, rated(5)]]);
  expect(changes.map(({ days }) => days)).toEqual([null, 9, 3.5]);
  expect(changes[1]?.causes).toEqual([
    { kind: "used", atMs: at(9) },
    { kind: "programs", count: 3, atMs: at(9) },
  ]);
  expect(changes[2]?.causes).toEqual([
    { kind: "feedback", rating: 5, atMs: at(12.5) },
    { kind: "programs", count: 3, atMs: at(9) },
  ]);
});

test("a new definition counts from when it is in force, and what was before stays as it was judged", () => {
  const eager = { ...definition, activation: { programs: 1, days: 30 } };
  const second: DefinitionVersion = { version: 2, definition: eager, inForceFromMs: at(5), createdBy: "staff:1" };
  const lines: Line[] = [
    [0, paired],
    [1, used],
  ];
  expect(path(10, lines, [first, second])).toEqual(["activation 0", "engagement 5"]);
  expect(told(10, lines, [first, second]).changes.at(-1)?.causes).toEqual([
    { kind: "definition", atMs: at(5), version: 2 },
    { kind: "programs", count: 1, atMs: at(1) },
  ]);
});

const anyBody: fc.Arbitrary<SignalBody> = fc.oneof(
  { weight: 5, arbitrary: fc.constant(used) },
  fc.constantFrom(paired, { kind: "left" as const, deviceId }, fault, { kind: "complaint" as const }),
  fc.integer({ min: 1, max: 5 }).map(rated),
  fc.constantFrom(opened(), opened("c2", true), resolved(true), resolved(false, "c2")),
  fc.boolean().map(tier),
  fc.boolean().map(marketing),
  fc.constantFrom({ kind: "share_cooked" as const }, { kind: "referral_paired" as const }),
);
const anyDay = fc.oneof(fc.integer({ min: 0, max: 300 }), fc.double({ min: 0, max: 300, noNaN: true }));
const anyLines = fc.array(fc.tuple(anyDay, anyBody), { minLength: 1, maxLength: 40 });

test("no change that comes with time is missed: at any moment the stage is what the definition makes of the facts", () => {
  fc.assert(
    fc.property(anyLines, fc.array(anyDay, { minLength: 1, maxLength: 30 }), (lines, days) => {
      const signals = signalsOf(lines).toSorted(inOrder);
      for (const day of days) {
        const nowMs = at(day * 2);
        const { life } = tell(
          noLife,
          signals.filter(({ atMs }) => atMs <= nowMs),
          [first],
          nowMs,
        );
        if (life.stage === null) continue;
        const judged = judge(life.facts, life.engagedSinceMs, definition, nowMs);
        expect(judged?.stage ?? life.stage).toBe(life.stage);
      }
    }),
  );
});

test("told in steps of any size a life is the same as told at once", () => {
  fc.assert(
    fc.property(anyLines, fc.array(anyDay, { maxLength: 20 }), (lines, pauses) => {
      const signals = signalsOf(lines).toSorted(inOrder);
      let life: Life = noLife;
      const stages: Stage[] = [];
      const until = [...pauses.map((day) => at(day * 2)), at(700)].toSorted((a, b) => a - b);
      let fromMs = -Infinity;
      for (const untilMs of until) {
        const next = tell(
          life,
          signals.filter(({ atMs }) => atMs > fromMs && atMs <= untilMs),
          [first],
          untilMs,
        );
        life = next.life;
        stages.push(...next.changes.map(({ to }) => to));
        fromMs = untilMs;
      }
      const whole = tell(noLife, signals, [first], at(700));
      expect(stages).toEqual(whole.changes.map(({ to }) => to));
      expect(life).toEqual(whole.life);
    }),
  );
});

const issue = (changed: object) => lifecycleDefinition.safeParse({ ...definition, ...changed }).error?.issues[0];

test("thresholds that contradict each other are refused by name", () => {
  expect(issue({ engagement: { gaps: 3 } })).toMatchObject({ path: ["disengaged", "gaps"] });
  expect(issue({ gap: { daysUsual: 2, daysMin: 3, daysMax: 60 } })).toMatchObject({ path: ["gap", "daysUsual"] });
  expect(issue({ satisfaction: { ratingMin: 2, firstAnswerCounts: true } })).toMatchObject({
    path: ["disengaged", "ratingMax"],
  });
  expect(issue({ extra: 1 })).toMatchObject({ code: "unrecognized_keys" });
});
