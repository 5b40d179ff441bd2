import { z } from "zod";
import { isSafeText, safeText } from "#protocol/text.ts";
import { versionKey } from "./component-version.ts";

/** Most bytes of an SBOM, most components in it, and how deep they lie in one another. */
export const sbomBytesMax = 8_388_608;
const componentsMax = 20_000;
const depthMax = 16;

export interface Component {
  /** As CycloneDX has it: library, framework, operating-system, ... */
  kind: string;
  name: string;
  /** With its group: `org.apache/commons`. */
  fullName: string;
  version: string | null;
  /** Its place among versions; null where it has none. */
  versionKey: string[] | null;
  purl: string | null;
}

interface GivenComponent {
  type: string;
  name: string;
  group?: string | undefined;
  version?: string | undefined;
  purl?: string | undefined;
  components?: GivenComponent[] | undefined;
}

const given: z.ZodType<GivenComponent> = z.lazy(() =>
  z.object({
    type: safeText(50).min(1),
    name: safeText(500).min(1),
    group: safeText(500).optional(),
    version: safeText(200).optional(),
    purl: safeText(2_000).optional(),
    components: z.array(given).max(componentsMax).optional(),
  }),
);

/** What is used of a CycloneDX document in JSON (ECMA-424). */
const document = z.object({
  bomFormat: z.literal("CycloneDX"),
  specVersion: z.enum(["1.4", "1.5", "1.6"]),
  components: z.array(given).max(componentsMax).default([]),
});

export type SbomOutcome =
  | { kind: "read"; components: Component[] }
  | { kind: "refused"; rule: "sbom_not_valid" | "sbom_too_large"; detail: string };

const refused = (rule: "sbom_not_valid" | "sbom_too_large", detail: string): SbomOutcome => ({
  kind: "refused",
  rule,
  detail,
});

/** How deep components lie in the text, counted before anything that would follow them. */
function nesting(text: string): number {
  let [depth, deepest] = [0, 0];
  for (const [bracket] of text.matchAll(/[[\]{}]/g)) {
    depth += bracket === "[" || bracket === "{" ? 1 : -1;
    deepest = Math.max(deepest, depth);
  }
  return deepest;
}

/** The components that a CycloneDX document names, those within others as well. */
export function readSbom(text: string): SbomOutcome {
  if (Buffer.byteLength(text) > sbomBytesMax)
    return refused("sbom_too_large", `It has more than ${sbomBytesMax} bytes.`);
  if (!isSafeText(text)) return refused("sbom_not_valid", "It holds a NUL or a lone surrogate.");
  // Brackets within texts count as well: a bound, and no parser.
  if (nesting(text) > 64 * depthMax) return refused("sbom_too_large", "It is nested too deep.");
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch {
    return refused("sbom_not_valid", "It is no JSON.");
  }
  const parsed = document.safeParse(json);
  if (!parsed.success) {
    const [issue] = parsed.error.issues;
    return refused("sbom_not_valid", `${issue?.path.join(".") ?? ""}: ${issue?.message ?? "not valid"}`.slice(0, 300));
  }
  const components: Component[] = [];
  const queue = parsed.data.components.map((component) => ({ component, depth: 1 }));
  for (const { component, depth } of queue) {
    if (depth > depthMax) return refused("sbom_too_large", `Components lie more than ${depthMax} deep in one another.`);
    if (components.length === componentsMax) {
      return refused("sbom_too_large", `It names more than ${componentsMax} components.`);
    }
    components.push(toComponent(component));
    queue.push(...(component.components ?? []).map((inner) => ({ component: inner, depth: depth + 1 })));
  }
  return { kind: "read", components };
}

const toComponent = ({ type, name, group, version, purl }: GivenComponent): Component => ({
  kind: type,
  name,
  fullName: group === undefined || group === "" ? name : `${group}/${name}`,
  version: version ?? null,
  versionKey: version === undefined ? null : versionKey(version),
  purl: purl ?? null,
});
