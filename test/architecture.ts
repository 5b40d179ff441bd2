/** The import rule, as a function from a file and what it imports to what is wrong with that. */
import { dirname, join, normalize } from "node:path";

export interface Import {
  /** Path from the project's root, with `/`. */
  file: string;
  specifier: string;
}

const rooms = ["protocol", "gateway", "cloud", "device-sim", "test"];
/** Folders of cloud that are not slices: everybody may use the first; the second joins the slices. */
const shared = new Set(["platform"]);
const joins = new Set(["http", "console", "cli"]);

const isTest = (file: string) => file.endsWith(".test.ts") || file.endsWith(".test.tsx");
const roomOf = (path: string) => path.split("/")[0] ?? "";

/** Where an import leads, from the project's root; null for a package or a part of Node. */
function target({ file, specifier }: Import): string | null {
  if (specifier.startsWith("#protocol/")) return specifier.slice(1);
  return specifier.startsWith(".") ? normalize(join(dirname(file), specifier)) : null;
}

/** What breaks the rule, in a sentence, or null. */
export function violation(found: Import): string | null {
  const { file, specifier } = found;
  const from = roomOf(file);
  const to = target(found);
  const says = (why: string) => `${file} imports ${specifier}: ${why}`;
  if (to === null) {
    if (from === "protocol" && specifier !== "zod" && !isTest(file)) return says("protocol imports zod only");
    const impure = /^(node:(fs|net|http|https|child_process|worker_threads|timers)|pg|kysely|fastify|lmdb|aedes|mqtt$)/;
    if (file.includes("/core/") && !isTest(file) && impure.test(specifier)) return says("a core is pure");
    return null;
  }
  const room = roomOf(to);
  if (!rooms.includes(from) || from === "test" || (isTest(file) && room === "test")) return null;
  if (room !== from && room !== "protocol") return says(`${from} may import protocol and itself`);
  if (from !== "cloud" || room !== "cloud" || isTest(file)) return null;
  return sliceViolation(file, to, says);
}

function sliceViolation(file: string, to: string, says: (why: string) => string): string | null {
  const [, fromSlice = "", ...fromRest] = file.split("/");
  const [, toSlice = "", ...toRest] = to.split("/");
  // Files that lie in cloud/ itself make and join the parts.
  if (fromRest.length === 0 || toRest.length === 0 || fromSlice === toSlice) return null;
  if (shared.has(toSlice)) return null;
  if (shared.has(fromSlice)) return says("platform knows no slice");
  if (joins.has(fromSlice) && fromSlice !== "console") return null;
  const publicFile = `${toSlice}.ts`;
  return toRest.join("/") === publicFile ? null : says(`a slice is reached through cloud/${toSlice}/${publicFile}`);
}

/** Files that import each other in a circle, each circle in the order of its names. */
export function circles(imports: readonly Import[]): string[][] {
  const leadsTo = new Map<string, Set<string>>();
  for (const found of imports) {
    const to = target(found);
    if (to === null) continue;
    const known = leadsTo.get(found.file);
    if (known === undefined) leadsTo.set(found.file, new Set([to]));
    else known.add(to);
  }
  const reached = new Map([...leadsTo.keys()].map((file) => [file, reachedFrom(file, leadsTo)]));
  const inCircle = [...reached].filter(([file, from]) => from.has(file)).map(([file]) => file);
  const found = new Map<string, string[]>();
  for (const file of inCircle) {
    const circle = inCircle
      .filter((other) => reached.get(file)?.has(other) && reached.get(other)?.has(file))
      .toSorted();
    found.set(circle.join(" "), circle);
  }
  return [...found.values()];
}

/** Everything that a file is made of; itself only where a circle leads back to it. */
function reachedFrom(file: string, leadsTo: ReadonlyMap<string, ReadonlySet<string>>): Set<string> {
  const reached = new Set<string>();
  const open = [...(leadsTo.get(file) ?? [])];
  for (let next = open.pop(); next !== undefined; next = open.pop()) {
    if (reached.has(next)) continue;
    reached.add(next);
    open.push(...(leadsTo.get(next) ?? []));
  }
  return reached;
}
