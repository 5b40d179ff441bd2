import fc from "fast-check";
import { sql } from "kysely";
import { afterAll, beforeAll, expect, test } from "vitest";
import { createTestDatabase, type TestDatabase } from "../../../test/support/postgres.ts";
import {
  compilePredicate,
  type FactColumn,
  type Facts,
  type FactTypes,
  type Predicate,
  predicateLimits,
} from "./predicate.ts";
import { versionParts } from "../version-parts.ts";

const facts: FactTypes = {
  model: { type: "text", help: "" },
  version: { type: "version", help: "" },
  counter: { type: "number", help: "" },
  online: { type: "flag", help: "" },
  tags: { type: "texts", help: "" },
};

function compiled(text: string): Predicate {
  const outcome = compilePredicate(text, facts);
  if (outcome.kind === "refused") throw new Error(`${text}: ${outcome.rule} ${outcome.detail}`);
  return outcome.predicate;
}
const ruleOf = (text: string) => {
  const outcome = compilePredicate(text, facts);
  return outcome.kind === "refused" ? outcome.rule : "ok";
};
const oven: Facts = { model: "oven-x200", version: "2.10.0-rc1", counter: 7, online: true, tags: ["internal"] };

let base: TestDatabase;
beforeAll(async () => {
  base = await createTestDatabase();
});
afterAll(() => base.drop());

const columns = (fact: string): FactColumn => ({
  value: sql.ref(`s.${fact}`),
  ...(fact === "version" ? { parts: sql.ref("s.parts") } : {}),
});

/** What PostgreSQL says of some subjects, one answer each. */
async function inPostgres(predicate: Predicate, subjects: readonly Facts[]): Promise<boolean[]> {
  const rows = subjects.map((subject) => ({
    ...subject,
    parts: typeof subject["version"] === "string" ? versionParts(subject["version"]) : null,
  }));
  const { rows: answers } = await sql<{ holds: boolean }>`
    SELECT ${predicate.where(columns)} AS holds
    FROM ROWS FROM (json_to_recordset(${JSON.stringify(rows)}::json)
      AS (model text, version text, parts int[], counter float8, online boolean, tags text[])) WITH ORDINALITY AS s
    ORDER BY s.ordinality`.execute(base.database.db);
  return answers.map(({ holds }) => holds);
}

test("facts are compared as a person means it: whole numbers, versions by their numbers, tags by name", () => {
  for (const text of [
    "counter == 7",
    "counter > 6 && counter < 7.5",
    "counter in [1, 7]",
    'older(version, "2.11")',
    'newer(version, "2.9.9")',
    '"internal" in tags && !("beta" in tags)',
    'model.startsWith("oven-")',
    "online",
    'counter >= -3 && model != "x"',
  ]) {
    expect([text, compiled(text).matches(oven).matches]).toEqual([text, true]);
  }
  expect([...compiled('online || "a" in tags').reads].toSorted()).toEqual(["online", "tags"]);
});

test("what is said of a missing fact does not match, also when it is negated, and the trace names it", () => {
  const { counter: _, ...without } = oven;
  expect(compiled("counter > 5").matches(without)).toEqual({ matches: false, missing: ["counter"] });
  expect(compiled("!(counter > 5)").matches(without)).toEqual({ matches: false, missing: ["counter"] });
  expect(compiled("counter > 5 || online").matches(without)).toEqual({ matches: true, missing: ["counter"] });
});

test("what cannot be read, has no meaning, or could take long is refused by name", () => {
  expect(ruleOf("model ==")).toBe("predicate_not_valid");
  expect(ruleOf("")).toBe("predicate_not_valid");
  expect(ruleOf("colour == 'red'")).toBe("predicate_not_supported");
  expect(ruleOf("model == 1")).toBe("predicate_not_supported");
  expect(ruleOf("model")).toBe("predicate_not_supported");
  expect(ruleOf("counter + 1 > 2")).toBe("predicate_not_supported");
  expect(ruleOf('model.matches("(a+)+$")')).toBe("predicate_not_supported");
  expect(ruleOf("tags.exists(t, t == 'a')")).toBe("predicate_not_supported");
  expect(ruleOf('model < "b"')).toBe("predicate_not_supported");
  expect(ruleOf('older(version, "new")')).toBe("predicate_not_supported");
  expect(ruleOf("online ? true : false")).toBe("predicate_not_supported");
  expect(ruleOf("counter == 5u")).toBe("predicate_not_supported");
  expect(ruleOf("constructor == 'x'")).toBe("predicate_not_supported");
  expect(ruleOf(`model == "${"x".repeat(predicateLimits.charactersMax)}"`)).toBe("predicate_too_large");
  expect(ruleOf(Array.from({ length: 150 }, () => "online").join(" && "))).toBe("predicate_too_large");
  expect(ruleOf(`counter in [${Array.from({ length: 101 }, (_, at) => at).join(",")}]`)).toBe("predicate_too_large");
  expect(["predicate_too_large", "predicate_not_valid"]).toContain(
    ruleOf("(".repeat(999) + "online" + ")".repeat(999)),
  );
  expect(ruleOf("!".repeat(1_500) + "online")).toBe("predicate_too_large");
});

/** The words that a refusal points at. */
const placeIn = (text: string) => {
  const outcome = compilePredicate(text, facts);
  return outcome.kind === "refused" && outcome.place !== null ? text.slice(outcome.place.from, outcome.place.to) : null;
};

test("what is refused names its place in the text that was given", () => {
  // The whole numbers before it are written as doubles, and move nothing.
  expect(placeIn("counter == 1 && counter in [10, 200] && colour == 3")).toBe("colour");
  expect(placeIn("counter > 5 && model == 77")).toBe("model == 77");
  expect(placeIn('online && model.matches("a")')).toBe('model.matches("a")');
  expect(placeIn("online && && true")).toBe("&&");
  expect(placeIn("counter == 1 || counter == 5u")).toBe("5u");
});

test("a text that an escape makes one which no database holds is refused", () => {
  for (const text of [
    String.raw`model == "\u0000"`,
    String.raw`model == '\x00'`,
    String.raw`model == "a\000b"`,
    String.raw`"\u0000" in tags`,
    String.raw`model in ["oven", "\u0000"]`,
    String.raw`model.startsWith("\u0000")`,
    String.raw`older(version, "1.0\u0000")`,
  ])
    expect([text, ruleOf(text)]).toEqual([text, "predicate_not_supported"]);
});

test("a value travels as a parameter, whatever it spells", async () => {
  const evil = `'); DROP TABLE device; --`;
  const predicate = compiled(`model == "${evil}" || model.startsWith("%") || "\\"" in tags`);
  expect(await inPostgres(predicate, [{ model: evil }, { model: "x" }, { model: "%_", tags: ['"'] }])).toEqual([
    true,
    false,
    true,
  ]);
  expect((await sql`SELECT count(*) FROM device`.execute(base.database.db)).rows).toHaveLength(1);
});

const texts = ["oven-x200", "oven", "", "ü", "Ω", "%", "2.1.0"];
const versions = ["1.0.0", "2.1", "2.1.0", "2.10.0-rc1", "10", "next", ""];
const anyFacts: fc.Arbitrary<Facts> = fc.record({
  model: fc.option(fc.constantFrom(...texts)),
  version: fc.option(fc.constantFrom(...versions)),
  counter: fc.option(fc.oneof(fc.integer({ min: -5, max: 5 }), fc.constantFrom(0.5, 2.25))),
  online: fc.option(fc.boolean()),
  tags: fc.option(fc.subarray(["internal", "beta", "ü"])),
});
const quoted = (...list: string[]) => fc.constantFrom(...list).map((text) => JSON.stringify(text));
const number = fc.oneof(fc.integer({ min: -5, max: 5 }).map(String), fc.constantFrom("0.5", "-2.25"));
const list = (one: fc.Arbitrary<string>) => fc.array(one, { maxLength: 3 }).map((items) => `[${items.join(", ")}]`);
const leaf = fc.oneof(
  fc.constantFrom("online", "true", "false", "online == false"),
  fc
    .tuple(fc.constantFrom("model", "version"), fc.constantFrom("==", "!="), quoted(...texts))
    .map((all) => all.join(" ")),
  fc.tuple(fc.constantFrom("==", "!=", "<", "<=", ">", ">="), number).map(([sign, to]) => `counter ${sign} ${to}`),
  list(number).map((items) => `counter in ${items}`),
  list(quoted(...texts)).map((items) => `model in ${items}`),
  quoted("internal", "beta", "nope").map((tag) => `${tag} in tags`),
  fc
    .tuple(fc.constantFrom("older", "newer"), quoted("1", "2.1", "2.10.0", "3-x"))
    .map(([f, v]) => `${f}(version, ${v})`),
  fc
    .tuple(fc.constantFrom("model", "version"), quoted("o", "", "2", "%"))
    .map(([on, with_]) => `${on}.startsWith(${with_})`),
);
const { tree } = fc.letrec<{ tree: string }>((tie) => ({
  tree: fc.oneof(
    { maxDepth: 4, withCrossShrink: true },
    leaf,
    fc.tuple(tie("tree"), fc.constantFrom("&&", "||"), tie("tree")).map(([a, op, b]) => `(${a} ${op} ${b})`),
    tie("tree").map((one) => `!(${one})`),
  ),
}));

test("for any predicate and any facts, missing ones too, memory and PostgreSQL give the same answer", async () => {
  let held = 0;
  await fc.assert(
    fc.asyncProperty(tree, fc.array(anyFacts, { minLength: 1, maxLength: 30 }), async (text, subjects) => {
      const predicate = compiled(text);
      const inMemory = subjects.map((subject) => predicate.matches(subject).matches);
      held += inMemory.filter(Boolean).length;
      expect(await inPostgres(predicate, subjects)).toEqual(inMemory);
    }),
    { numRuns: 300 },
  );
  expect(held).toBeGreaterThan(100);
});

test("the conditions that stand side by side are named as they were written, with their brackets", () => {
  expect(compiled('online && !(counter > 5 || model == "a)") && (counter in [1, 2])').conditions).toEqual([
    "online",
    '!(counter > 5 || model == "a)")',
    "counter in [1, 2]",
  ]);
  const alternatives = compiled("(online || counter == 1) || counter == 2.5");
  expect(alternatives.conditions).toEqual(["online", "counter == 1", "counter == 2.5"]);
  expect(compiled("!online").conditions).toEqual(["!online"]);
});

test("what a fact is compared with is known: where its truth can turn", () => {
  const { compared } = compiled("counter >= 5 && (counter in [1, -2] || 7.5 < counter) && !online");
  expect(compared.get("counter")).toEqual({
    numbers: new Set([5, 1, -2, 7.5]),
    texts: new Set(),
    withFact: false,
  });
  expect(compiled("counter > counter").compared.get("counter")).toEqual({
    numbers: new Set(),
    texts: new Set(),
    withFact: true,
  });
});
