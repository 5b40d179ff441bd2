/** What changed between two versions: each field that differs by its place, its words marked as taken out or put in. */
import { diffWordsWithSpace } from "diff";

export interface DiffPart {
  kind: "same" | "added" | "removed";
  text: string;
}

export interface FieldDiff {
  /** JSON pointer into the version. */
  pointer: string;
  parts: DiffPart[];
}

/** Most fields that one comparison names, and most words that are matched before a field counts as rewritten. */
const fieldsMax = 500;
const editLengthMax = 500;

const escaped = (key: string): string => key.replaceAll("~", "~0").replaceAll("/", "~1");

/** Every leaf by its pointer, in the order of the document; an empty list or object is a leaf too. */
function leaves(value: unknown, pointer = ""): [string, string][] {
  if (typeof value === "string") return [[pointer, value]];
  if (typeof value === "number" || typeof value === "boolean") return [[pointer, String(value)]];
  if (typeof value !== "object" || value === null) return [];
  return Object.entries(value).flatMap(([key, one]) => leaves(one, `${pointer}/${escaped(key)}`));
}

function partsOf(before: string, after: string): DiffPart[] {
  // Bounded: a text that was written anew is shown as that, and not matched word by word for minutes.
  const changes = diffWordsWithSpace(before, after, { maxEditLength: editLengthMax });
  const parts =
    changes === undefined
      ? [
          { kind: "removed" as const, text: before },
          { kind: "added" as const, text: after },
        ]
      : changes.map(({ value, added, removed }): DiffPart => ({
          kind: added ? "added" : removed ? "removed" : "same",
          text: value,
        }));
  return parts.filter(({ text }) => text !== "");
}

/** The fields that differ, in the order of the newer version; those that are gone come last. Two equal versions give none. */
export function diffVersions(before: Record<string, unknown>, after: Record<string, unknown>): FieldDiff[] {
  const [earlier, later] = [new Map(leaves(before)), new Map(leaves(after))];
  const pointers = [...later.keys(), ...[...earlier.keys()].filter((pointer) => !later.has(pointer))];
  return pointers
    .filter((pointer) => earlier.get(pointer) !== later.get(pointer))
    .slice(0, fieldsMax)
    .map((pointer) => ({ pointer, parts: partsOf(earlier.get(pointer) ?? "", later.get(pointer) ?? "") }));
}
