import { type ASTNode, Environment, ParseError, TypeError as CelTypeError } from "@marcbachmann/cel-js";
import type { RawBuilder } from "kysely";
import { isSafeText } from "#protocol/text.ts";
import type { predicateProblems } from "./errors.ts";
import { type FactColumns, type FactTypes, Unsupported, whereOf } from "./where.ts";
import { compareParts, versionParts } from "../version-parts.ts";

export { predicateProblems } from "./errors.ts";
export type { FactColumn, FactColumns, FactTypes } from "./where.ts";

export const predicateLimits = { charactersMax: 2_000, nodesMax: 200, depthMax: 20, listMax: 100 };

/** What a subject is known by: a fact that is absent, null or undefined is missing. */
export type Facts = Readonly<Record<string, string | number | boolean | readonly string[] | null | undefined>>;

/**
 * A condition over typed facts, in CEL. It has one meaning in memory and in PostgreSQL: what is said of a missing fact is unknown, also
 * when it is negated; `unknown || true` is true, `unknown && false` is false; and what is unknown in the end does not match.
 */
export interface Predicate {
  text: string;
  /** The facts that it reads. */
  reads: ReadonlySet<string>;
  /** Whether it holds, and which of the facts that it reads are missing: the reason where it does not. */
  matches(facts: Facts): { matches: boolean; missing: string[] };
  /** The same as a condition of a WHERE clause, never null; values travel as parameters. */
  where(columns: FactColumns): RawBuilder<boolean>;
}

export type CompiledPredicate =
  | { kind: "ok"; predicate: Predicate }
  | { kind: "refused"; rule: keyof typeof predicateProblems; detail: string };

const celTypes = { text: "string", version: "string", number: "double", flag: "bool", texts: "list<string>" } as const;

function environmentFor(facts: FactTypes): Environment {
  const { nodesMax, depthMax, listMax } = predicateLimits;
  const environment = new Environment({
    unlistedVariablesAreDyn: false,
    limits: { maxAstNodes: nodesMax, maxDepth: depthMax, maxListElements: listMax, maxCallArguments: 4 },
  });
  for (const [name, { type }] of Object.entries(facts)) environment.registerVariable(name, celTypes[type]);
  environment.registerFunction("older(string, string): bool", (a: string, b: string) => compareVersions(a, b) < 0);
  environment.registerFunction("newer(string, string): bool", (a: string, b: string) => compareVersions(a, b) > 0);
  return environment;
}

/** @throws where one of them has no numbers: then nothing is known, as in PostgreSQL */
function compareVersions(a: string, b: string): number {
  const [left, right] = [versionParts(a), versionParts(b)];
  if (left === null || right === null) throw new Error("a version without numbers");
  return compareParts(left, right);
}

/**
 * Checks a predicate and makes it ready. What it may use is a closed part of CEL: all of it has a meaning in SQL, none of it can take
 * long, and regular expressions are not in it.
 *
 * @param facts the facts that there are, by name
 */
export function compilePredicate(text: string, facts: FactTypes): CompiledPredicate {
  if (text.length > predicateLimits.charactersMax)
    return refused("predicate_too_large", `It has ${text.length} characters.`);
  if (!isSafeText(text)) return refused("predicate_not_valid", "It holds characters that no text may hold.");
  const environment = environmentFor(facts);
  try {
    // Facts that are numbers are doubles, and CEL compares no double with an int: 5 is written as 5.0 before it is checked.
    const parsed = environment.parse(withDoubles(text, environment.parse(text).ast));
    const reads = new Set<string>();
    // Walks the whole tree, so that what is not supported is refused now and not when it is used.
    whereOf(parsed.ast, facts, (name) => {
      reads.add(name);
      return null;
    });
    const checked = parsed.check();
    if (!checked.valid) return refused("predicate_not_valid", sentenceOf(checked.error));
    if (checked.type !== "bool") return refused("predicate_not_valid", `It gives ${checked.type}, not true or false.`);
    return {
      kind: "ok",
      predicate: {
        text,
        reads,
        matches: (values) => evaluate(parsed, reads, values),
        where: (columns) => whereOf(parsed.ast, facts, columns),
      },
    };
  } catch (error) {
    if (error instanceof Unsupported) return refused("predicate_not_supported", error.message);
    if (error instanceof ParseError && /limit|exceed/i.test(`${error.code} ${error.message}`)) {
      return refused("predicate_too_large", sentenceOf(error));
    }
    if (error instanceof ParseError || error instanceof CelTypeError)
      return refused("predicate_not_valid", sentenceOf(error));
    throw error;
  }
}

const refused = (rule: keyof typeof predicateProblems, detail: string): CompiledPredicate => ({
  kind: "refused",
  rule,
  detail,
});

/** The library's first line, as a sentence: the lines after it draw an arrow. */
function sentenceOf(error: Error | undefined): string {
  const [line = "It cannot be read."] = (error?.message ?? "").split("\n");
  return `${line.charAt(0).toUpperCase()}${line.slice(1).replace(/\.$/, "")}.`;
}

/** The text with each whole number written as a double. */
function withDoubles(text: string, ast: ASTNode): string {
  const found: { start: number; end: number; value: bigint }[] = [];
  const visit = (node: unknown): void => {
    if (Array.isArray(node)) node.forEach(visit);
    else if (isNode(node)) {
      if (node.op === "value" && typeof node.args === "bigint") found.push({ ...node.range, value: node.args });
      visit(node.args);
    }
  };
  visit(ast);
  return found
    .toSorted((a, b) => b.start - a.start)
    .reduce((rest, { start, end, value }) => `${rest.slice(0, start)}${Number(value)}.0${rest.slice(end)}`, text);
}

const isNode = (value: unknown): value is ASTNode =>
  typeof value === "object" && value !== null && "op" in value && "args" in value && "range" in value;

function evaluate(
  parsed: (context: Record<string, unknown>) => unknown,
  reads: ReadonlySet<string>,
  values: Facts,
): { matches: boolean; missing: string[] } {
  const known: Record<string, unknown> = {};
  const missing: string[] = [];
  for (const name of reads) {
    const value = values[name];
    if (value === null || value === undefined) missing.push(name);
    else known[name] = value;
  }
  try {
    return { matches: parsed(known) === true, missing };
  } catch {
    // CEL's word for unknown is an error that no `||` or `&&` could do without.
    return { matches: false, missing };
  }
}
