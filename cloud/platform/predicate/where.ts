import type { ASTNode } from "@marcbachmann/cel-js";
import { type RawBuilder, sql } from "kysely";
import { isSafeText } from "#protocol/text.ts";
import { versionParts } from "../version-parts.ts";

/** What kinds of facts there are. A version is a text whose leading numbers can also be compared. */
export type FactType = "text" | "version" | "number" | "flag" | "texts";
export type FactTypes = Readonly<Record<string, { type: FactType; help: string }>>;

/** Where a fact lies: text, float8, boolean or text[]; of a version also its numbers, as int[]. */
export interface FactColumn {
  value: RawBuilder<unknown>;
  parts?: RawBuilder<unknown>;
}
export type FactColumns = (fact: string) => FactColumn | null;

/** What has no meaning here, in a sentence, and where it stands. */
export class Unsupported extends Error {
  range: { start: number; end: number } | undefined;
}

/** Runs what looks at one node; what is refused in it, and not further down, stands there. */
function at<T>(node: ASTNode, look: () => T): T {
  try {
    return look();
  } catch (error) {
    if (error instanceof Unsupported) error.range ??= node.range;
    throw error;
  }
}

type Literal = string | number | boolean;
type Typed =
  | { kind: "fact"; type: FactType; name: string; column: FactColumn | null }
  | { kind: "literal"; type: "text" | "number" | "flag"; value: Literal };

const nothing = sql<never>`NULL`;

/**
 * The condition that a checked tree stands for, in PostgreSQL's logic of true, false and unknown, which is CEL's; unknown becomes false.
 *
 * @throws Unsupported for what is not in the closed part of CEL
 */
export function whereOf(ast: ASTNode, facts: FactTypes, columns: FactColumns): RawBuilder<boolean> {
  return sql<boolean>`coalesce(${condition(ast, { facts, columns })}, false)`;
}

interface Scope {
  facts: FactTypes;
  columns: FactColumns;
}

const condition = (node: ASTNode, scope: Scope): RawBuilder<boolean> => at(node, () => conditionOf(node, scope));

function conditionOf(node: ASTNode, scope: Scope): RawBuilder<boolean> {
  switch (node.op) {
    case "&&":
      return sql`(${condition(node.args[0], scope)} AND ${condition(node.args[1], scope)})`;
    case "||":
      return sql`(${condition(node.args[0], scope)} OR ${condition(node.args[1], scope)})`;
    case "!_":
      return sql`(NOT ${condition(node.args, scope)})`;
    case "==":
      return equality(node.args, "=", scope);
    case "!=":
      return equality(node.args, "<>", scope);
    case "<":
    case "<=":
    case ">":
    case ">=":
      return order(node.args, node.op, scope);
    case "in":
      return membership(node.args, scope);
    case "call":
      return versionOrder(node.args, scope);
    case "rcall":
      return startsWith(node.args, scope);
    case "id":
    case "value": {
      const operand = typed(node, scope);
      if (operand.type !== "flag")
        throw new Unsupported("Between && and || stand conditions, and facts that are true or false.");
      return sql`${valueOf(operand)}::boolean`;
    }
    case ".":
    case ".?":
    case "[]":
    case "[?]":
    case "list":
    case "map":
    case "?:":
    case "-_":
    case "+":
    case "-":
    case "*":
    case "/":
    case "%":
      throw new Unsupported(`There is no ${node.op} here.`);
  }
}

/** The column or the value of an operand. */
const typed = (node: ASTNode, scope: Scope): Typed => at(node, () => typedOf(node, scope));

function typedOf(node: ASTNode, { facts, columns }: Scope): Typed {
  if (node.op === "id") {
    const fact = Object.hasOwn(facts, node.args) ? facts[node.args] : undefined;
    if (fact === undefined)
      throw new Unsupported(`There is no fact ${node.args}.${near(node.args, Object.keys(facts))}`);
    return { kind: "fact", type: fact.type, name: node.args, column: columns(node.args) };
  }
  if (node.op === "-_") {
    const inner = typed(node.args, { facts, columns });
    if (inner.kind === "literal" && typeof inner.value === "number") return { ...inner, value: -inner.value };
  }
  if (node.op === "value") {
    const { args: value } = node;
    // An escape in it may spell what no text in the database can hold.
    if (typeof value === "string" && !isSafeText(value))
      throw new Unsupported("A text holds no NUL and no half of a character.");
    if (typeof value === "string") return { kind: "literal", type: "text", value };
    if (typeof value === "number" || typeof value === "bigint")
      return { kind: "literal", type: "number", value: Number(value) };
    if (typeof value === "boolean") return { kind: "literal", type: "flag", value };
  }
  throw new Unsupported("A side of a comparison is a fact, a text in quotes, a number, true or false.");
}

/** All facts where they are few, else those that begin like a name. */
function near(name: string, facts: readonly string[]): string {
  const listedMax = 12;
  const like = facts.length <= listedMax ? facts : facts.filter((fact) => fact.startsWith(name.slice(0, 1)));
  return like.length === 0 ? "" : ` There are ${like.slice(0, listedMax).join(", ")}.`;
}

function valueOf(operand: Typed): RawBuilder<unknown> {
  if (operand.kind === "fact") return operand.column?.value ?? nothing;
  const type = sql.raw({ text: "text", number: "float8", flag: "boolean" }[operand.type]);
  return sql`${operand.value}::${type}`;
}

const plainType = (type: FactType): FactType => (type === "version" ? "text" : type);

function equality([a, b]: readonly [ASTNode, ASTNode], sign: "=" | "<>", scope: Scope): RawBuilder<boolean> {
  const [left, right] = [typed(a, scope), typed(b, scope)];
  if (plainType(left.type) !== plainType(right.type)) {
    throw new Unsupported(`A ${plainType(left.type)} is never equal to a ${plainType(right.type)}.`);
  }
  if (left.type === "texts") throw new Unsupported('Lists are asked with in: "internal" in tags.');
  return sql`(${valueOf(left)} ${sql.raw(sign)} ${valueOf(right)})`;
}

function order([a, b]: readonly [ASTNode, ASTNode], sign: string, scope: Scope): RawBuilder<boolean> {
  const [left, right] = [typed(a, scope), typed(b, scope)];
  if (left.type !== "number" || right.type !== "number") {
    throw new Unsupported(`${sign} compares numbers; of versions use older(version, "2.1.0") or newer.`);
  }
  return sql`(${valueOf(left)} ${sql.raw(sign)} ${valueOf(right)})`;
}

function membership([a, b]: readonly [ASTNode, ASTNode], scope: Scope): RawBuilder<boolean> {
  const item = typed(a, scope);
  if (b.op === "list") {
    const values = b.args.map((node) => typed(node, scope));
    if (values.some((value) => value.kind !== "literal" || value.type !== plainType(item.type))) {
      throw new Unsupported("A list holds values of the kind that stands before in.");
    }
    // Each on its own: PostgreSQL's lists of parameters do not tell an empty one's type.
    if (values.length === 0) return sql`(${valueOf(item)} IS NULL AND NULL)`;
    return sql`(${valueOf(item)} IN (${sql.join(values.map(valueOf))}))`;
  }
  const list = typed(b, scope);
  if (list.type !== "texts" || plainType(item.type) !== "text") throw new Unsupported("After in stands a list.");
  return sql`(${valueOf(item)} = ANY(${valueOf(list)}))`;
}

function versionOrder([name, args]: readonly [string, ASTNode[]], scope: Scope): RawBuilder<boolean> {
  const [a, b] = args;
  if ((name !== "older" && name !== "newer") || a === undefined || b === undefined || args.length !== 2) {
    throw new Unsupported(`There is no ${name}() here.`);
  }
  const [left, right] = [typed(a, scope), typed(b, scope)];
  if (left.type !== "version" || left.kind !== "fact" || right.kind !== "literal" || typeof right.value !== "string") {
    throw new Unsupported(`${name} takes a version and a text, as in ${name}(version, "2.1.0").`);
  }
  const parts = versionParts(right.value);
  if (parts === null) throw new Unsupported(`"${right.value}" does not begin with a number, so nothing is ${name}.`);
  const sign = sql.raw(name === "older" ? "<" : ">");
  return sql`(${left.column?.parts ?? nothing} ${sign} ${parts}::int[])`;
}

function startsWith([name, on, args]: readonly [string, ASTNode, ASTNode[]], scope: Scope): RawBuilder<boolean> {
  const [prefix] = args;
  if (name !== "startsWith" || prefix === undefined || args.length !== 1)
    throw new Unsupported(`There is no ${name}() here.`);
  const [text, start] = [typed(on, scope), typed(prefix, scope)];
  if (plainType(text.type) !== "text" || start.type !== "text" || start.kind !== "literal") {
    throw new Unsupported('startsWith takes a text, as in locale.startsWith("de").');
  }
  return sql`starts_with(${valueOf(text)}, ${valueOf(start)})`;
}
