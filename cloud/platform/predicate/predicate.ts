import { type ASTNode, Environment, ParseError, TypeError as CelTypeError } from "@marcbachmann/cel-js";
import type { RawBuilder } from "kysely";
import { isSafeText } from "#protocol/text.ts";
import { type Compared, comparedIn } from "./compared.ts";
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
  /** What each of them is compared with. */
  compared: ReadonlyMap<string, Compared>;
  /** Those that stand side by side in it, joined by && or by ||; itself where nothing joins any. */
  conditions: readonly string[];
  /** Whether it holds, and which of the facts that it reads are missing: the reason where it does not. */
  matches(facts: Facts): { matches: boolean; missing: string[] };
  /** The same as a condition of a WHERE clause, never null; values travel as parameters. */
  where(columns: FactColumns): RawBuilder<boolean>;
}

export type CompiledPredicate =
  | { kind: "ok"; predicate: Predicate }
  | {
      kind: "refused";
      rule: keyof typeof predicateProblems;
      detail: string;
      /** Where: characters from the beginning of the text, 0 the first; `to` is the first behind it. Null where it is about the whole. */
      place: { from: number; to: number } | null;
    };

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
  let doubles = { text, placeOf: (at: number) => at };
  const placeOf = (range: { start: number; end: number }) => ({
    from: doubles.placeOf(range.start),
    to: doubles.placeOf(range.end),
  });
  try {
    // Facts that are numbers are doubles, and CEL compares no double with an int: 5 is written as 5.0 before it is checked.
    doubles = withDoubles(text, environment.parse(text).ast);
    const parsed = environment.parse(doubles.text);
    const reads = new Set<string>();
    // Walks the whole tree, so that what is not supported is refused now and not when it is used.
    whereOf(parsed.ast, facts, (name) => {
      reads.add(name);
      return null;
    });
    const checked = parsed.check();
    if (!checked.valid) {
      const range = checked.error instanceof CelTypeError ? checked.error.range : undefined;
      return refused("predicate_not_valid", sentenceOf(checked.error), range && placeOf(range));
    }
    if (checked.type !== "bool") return refused("predicate_not_valid", `It gives ${checked.type}, not true or false.`);
    return {
      kind: "ok",
      predicate: {
        text,
        reads,
        compared: comparedIn(parsed.ast),
        conditions: sideBySide(parsed.ast).map(({ range }) => closed(text, placeOf(range))),
        matches: (values) => evaluate(parsed, reads, values),
        where: (columns) => whereOf(parsed.ast, facts, columns),
      },
    };
  } catch (error) {
    if (error instanceof Unsupported)
      return refused("predicate_not_supported", error.message, error.range && placeOf(error.range));
    if (error instanceof ParseError && /limit|exceed/i.test(`${error.code} ${error.message}`)) {
      return refused("predicate_too_large", sentenceOf(error));
    }
    if (error instanceof ParseError || error instanceof CelTypeError)
      return refused("predicate_not_valid", sentenceOf(error), error.range && placeOf(error.range));
    throw error;
  }
}

const refused = (
  rule: keyof typeof predicateProblems,
  detail: string,
  place?: { from: number; to: number },
): CompiledPredicate => ({ kind: "refused", rule, detail, place: place ?? null });

/** The library's first line, as a sentence: the lines after it draw an arrow. */
function sentenceOf(error: Error | undefined): string {
  const [line = "It cannot be read."] = (error?.message ?? "").split("\n");
  return `${line.charAt(0).toUpperCase()}${line.slice(1).replace(/\.$/, "")}.`;
}

/** The text with each whole number written as a double, and where a place in it lies in the text that was given. */
function withDoubles(text: string, ast: ASTNode): { text: string; placeOf(at: number): number } {
  const found: { start: number; end: number; value: bigint }[] = [];
  const visit = (node: unknown): void => {
    if (Array.isArray(node)) node.forEach(visit);
    else if (isNode(node)) {
      if (node.op === "value" && typeof node.args === "bigint") found.push({ ...node.range, value: node.args });
      visit(node.args);
    }
  };
  visit(ast);
  found.sort((a, b) => a.start - b.start);
  const written = found.map(({ start, end, value }) => ({ start, end, double: `${Number(value)}.0` }));
  return {
    text: written.reduceRight((rest, { start, end, double }) => rest.slice(0, start) + double + rest.slice(end), text),
    placeOf(at) {
      let longer = 0;
      for (const { start, end, double } of written) {
        if (at - longer <= start) break;
        // Inside a number: its beginning or its end.
        if (at - longer < start + double.length) return start;
        longer += double.length - (end - start);
      }
      return at - longer;
    },
  };
}

const isNode = (value: unknown): value is ASTNode =>
  typeof value === "object" && value !== null && "op" in value && "args" in value && "range" in value;

const quoted = /"(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*'/g;

/** The words of a part, with the brackets that it opens: the tree's own end of `!(a)` lies before the last one. */
function closed(text: string, { from, to }: { from: number; to: number }): string {
  let end = to;
  const isOpen = () => {
    const plain = text.slice(from, end).replaceAll(quoted, "");
    return plain.split("(").length > plain.split(")").length;
  };
  while (end < text.length && isOpen()) end += 1;
  return text.slice(from, end);
}

/** The operands of the operator on top, in their order. */
function sideBySide(ast: ASTNode): ASTNode[] {
  if (ast.op !== "&&" && ast.op !== "||") return [ast];
  const operandsOf = (node: ASTNode): ASTNode[] =>
    (node.op === "&&" || node.op === "||") && node.op === ast.op ? node.args.flatMap(operandsOf) : [node];
  return operandsOf(ast);
}

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
