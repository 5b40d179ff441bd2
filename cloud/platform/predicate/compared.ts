import type { ASTNode } from "@marcbachmann/cel-js";

/** What a fact is compared with: these numbers or these texts, and whether also with another fact. */
export interface Compared {
  numbers: ReadonlySet<number>;
  texts: ReadonlySet<string>;
  withFact: boolean;
}

const operators: ReadonlySet<string> = new Set(["==", "!=", "<", "<=", ">", ">=", "in"]);

const isNode = (value: unknown): value is ASTNode =>
  typeof value === "object" && value !== null && "op" in value && "args" in value;

function numberOf(node: ASTNode): number | null {
  if (node.op === "value")
    return typeof node.args === "number" || typeof node.args === "bigint" ? Number(node.args) : null;
  if (node.op !== "-_") return null;
  const inner = numberOf(node.args);
  return inner === null ? null : -inner;
}

/** For each fact of a checked tree, what it is compared with: where its truth can turn as the fact moves. */
export function comparedIn(ast: ASTNode): ReadonlyMap<string, Compared> {
  const found = new Map<string, { numbers: Set<number>; texts: Set<string>; withFact: boolean }>();
  const note = (fact: ASTNode, other: ASTNode): void => {
    if (fact.op !== "id") return;
    const known = found.get(fact.args) ?? { numbers: new Set(), texts: new Set(), withFact: false };
    found.set(fact.args, known);
    for (const one of other.op === "list" ? other.args : [other]) {
      const number = numberOf(one);
      if (number !== null) known.numbers.add(number);
      if (one.op === "value" && typeof one.args === "string") known.texts.add(one.args);
      if (one.op === "id") known.withFact = true;
    }
  };
  const visit = (value: unknown): void => {
    if (Array.isArray(value)) value.forEach(visit);
    if (!isNode(value)) return;
    const [left, right]: unknown[] = Array.isArray(value.args) ? value.args : [];
    if (operators.has(value.op) && isNode(left) && isNode(right)) {
      note(left, right);
      note(right, left);
    }
    visit(value.args);
  };
  visit(ast);
  return found;
}
