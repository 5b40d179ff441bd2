/** Erasures and what proves them, in words. */
import type { Erasure } from "../api/webhook-shapes.ts";
import { countText, plural } from "./numbers.ts";
import type { Tone } from "./rollouts.ts";

type Store = Erasure["report"]["stores"][number];

export interface ErasuresSearch {
  /** Of the erasure whose report is open. */
  report?: string | undefined;
  /** A household's id: whose erasure is looked for. */
  household?: string | undefined;
  cursor?: string | undefined;
}

const text = (value: unknown): string | undefined => (typeof value === "string" && value !== "" ? value : undefined);

export const erasuresSearch = (search: Record<string, unknown>): ErasuresSearch => ({
  report: text(search["report"]),
  household: text(search["household"]),
  cursor: text(search["cursor"]),
});

export const waitingOf = ({ report }: Erasure): Store[] => report.stores.filter(({ state }) => state === "waiting");

/** Where a scan found something. */
function foundIn({ report: { scan } }: Erasure): string[] {
  if (scan === null) return [];
  return [
    ...scan.found.map(({ table, rows }) => `${table} (${countText(rows)})`),
    ...scan.elsewhere.flatMap(({ place, found }) => ((found ?? 0) > 0 ? [`${place} (${countText(found ?? 0)})`] : [])),
  ];
}

/** How far an erasure is. */
export function progressOf(erasure: Erasure): { words: string; tone: Tone } {
  if (erasure.doneAtMs !== null) return { words: "Nothing is left", tone: "well" };
  if (foundIn(erasure).length > 0) return { words: "Something was found", tone: "wrong" };
  const waiting = waitingOf(erasure).length;
  return {
    words: waiting === 0 ? "Being looked through" : `Being removed from ${plural(waiting, "store")}`,
    tone: "plain",
  };
}

/** What was looked through, and what of it was found; null until it was. */
export function scanWords(erasure: Erasure): string | null {
  const { scan } = erasure.report;
  if (scan === null) return null;
  const places = [plural(scan.tables, "table"), ...scan.elsewhere.map(({ place }) => place)];
  const found = foundIn(erasure);
  const unseen = [
    ...scan.notLookedThrough,
    ...scan.elsewhere.flatMap(({ place, found: count }) => (count === null ? [place] : [])),
  ];
  return [
    `${places.join(", ")} looked through: `,
    found.length === 0 ? "nothing found." : `found in ${found.join(", ")}; it is looked through again within the hour.`,
    unseen.length === 0 ? "" : ` Too large to be looked through: ${unseen.join(", ")}.`,
  ].join("");
}

/** `database: case_lines` is "case lines". */
export const storeName = ({ store }: Store): string => store.replace(/^database: /, "").replaceAll("_", " ");

/** From where: rows of the database are many lines of one kind, everything else stands alone. */
export const isOfDatabase = ({ store }: Store): boolean => store.startsWith("database: ");
