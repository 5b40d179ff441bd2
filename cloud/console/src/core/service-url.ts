/** What lies in the URL of the pages of service. */
import type { CaseStatus, Severity } from "../api/case-shapes.ts";

const text = (value: unknown): string | undefined => (typeof value === "string" && value !== "" ? value : undefined);

/** The facets of the queue, each with what it wants and what it does not; lists divided by commas, as the API takes them. */
export const facets = ["severity", "status", "model", "cause"] as const;
export type Facet = (typeof facets)[number];

export interface QueueFilter {
  severity?: string | undefined;
  notSeverity?: string | undefined;
  status?: string | undefined;
  notStatus?: string | undefined;
  model?: string | undefined;
  notModel?: string | undefined;
  cause?: string | undefined;
  notCause?: string | undefined;
}

export interface CasesSearch extends QueueFilter {
  tab?: "measures" | undefined;
  /** `me`, `none`, or a principal; everybody's where left out. */
  assignee?: string | undefined;
  overdue?: "true" | undefined;
  cursor?: string | undefined;
  /** A case is about to be opened by hand: of `device:ID`, `household:ID`, or of what is chosen then. */
  open?: string | undefined;
}

/** What a case that is opened by hand is of. */
export interface CaseAbout {
  kind: "device" | "household";
  id: string;
}

/** Null where nothing is chosen yet. */
export function aboutOf(open: string | undefined): CaseAbout | null {
  const [, kind, id] = /^(device|household):(.+)$/.exec(open ?? "") ?? [];
  return id === undefined ? null : { kind: kind === "device" ? "device" : "household", id };
}

const whose = (value: unknown): string | undefined =>
  typeof value === "string" && /^(me|none|staff:[0-9a-f-]{36})$/.test(value) ? value : undefined;

export function casesSearch(search: Record<string, unknown>): CasesSearch {
  const { tab, assignee, overdue } = search;
  return {
    tab: tab === "measures" ? tab : undefined,
    severity: text(search["severity"]),
    notSeverity: text(search["notSeverity"]),
    status: text(search["status"]),
    notStatus: text(search["notStatus"]),
    model: text(search["model"]),
    notModel: text(search["notModel"]),
    cause: text(search["cause"]),
    notCause: text(search["notCause"]),
    assignee: whose(assignee),
    overdue: overdue === "true" ? overdue : undefined,
    cursor: text(search["cursor"]),
    open: text(search["open"]),
  };
}

export interface CaseSearch {
  /** The case that was asked for: it went into this one. */
  from?: string | undefined;
}

export const caseSearch = (search: Record<string, unknown>): CaseSearch => ({ from: text(search["from"]) });

const keysOf = {
  severity: { is: "severity", isNot: "notSeverity" },
  status: { is: "status", isNot: "notStatus" },
  model: { is: "model", isNot: "notModel" },
  cause: { is: "cause", isNot: "notCause" },
} as const satisfies Record<Facet, { is: keyof QueueFilter; isNot: keyof QueueFilter }>;

/** One thing that a filter wants, or does not want. */
export interface Wish {
  facet: Facet;
  value: string;
  without: boolean;
}

const listOf = (value: string | undefined): string[] => (value ?? "").split(",").filter((part) => part !== "");

/** What a filter asks, one by one. */
export const wishesOf = (filter: QueueFilter): Wish[] =>
  facets.flatMap((facet) => [
    ...listOf(filter[keysOf[facet].is]).map((value) => ({ facet, value, without: false })),
    ...listOf(filter[keysOf[facet].isNot]).map((value) => ({ facet, value, without: true })),
  ]);

/** The filter with one wish more; a wish for what was left out takes its place, and the other way round. */
export function withWish(filter: QueueFilter, wish: Wish): QueueFilter {
  const { is, isNot } = keysOf[wish.facet];
  const [into, from] = wish.without ? [isNot, is] : [is, isNot];
  const rest = listOf(filter[from]).filter((value) => value !== wish.value);
  const wished = [...new Set([...listOf(filter[into]), wish.value])];
  return { ...filter, [from]: rest.length === 0 ? undefined : rest.join(","), [into]: wished.join(",") };
}

export function withoutWish(filter: QueueFilter, wish: Wish): QueueFilter {
  const key = wish.without ? keysOf[wish.facet].isNot : keysOf[wish.facet].is;
  const rest = listOf(filter[key]).filter((value) => value !== wish.value);
  return { ...filter, [key]: rest.length === 0 ? undefined : rest.join(",") };
}

/** What the queue is filtered by, without whose it is and where the page begins. */
export function filterOf(search: CasesSearch): QueueFilter {
  const { tab: _tab, assignee: _assignee, overdue: _overdue, cursor: _cursor, open: _open, ...filter } = search;
  return filter;
}

export const severityOrder: readonly Severity[] = ["safety", "service", "info"];
export const openStatuses: readonly CaseStatus[] = [
  "open",
  "reopened",
  "waiting_for_staff",
  "waiting_for_owner",
  "waiting_for_release",
];

export interface IncidentsSearch {
  /** Those that are not resolved where left out. */
  status?: "resolved" | "all" | undefined;
  /** As of cases. */
  assignee?: string | undefined;
  cursor?: string | undefined;
}

export const incidentsSearch = (search: Record<string, unknown>): IncidentsSearch => ({
  status: search["status"] === "resolved" || search["status"] === "all" ? search["status"] : undefined,
  assignee: whose(search["assignee"]),
  cursor: text(search["cursor"]),
});

/** Of the lists of causes and of answers. */
export interface DocumentsSearch {
  q?: string | undefined;
}

export const documentsSearch = (search: Record<string, unknown>): DocumentsSearch => ({ q: text(search["q"]) });

export interface DocumentSearch {
  /** The model whose own words are shown; those for every model where left out. */
  model?: string | undefined;
}

export const documentSearch = (search: Record<string, unknown>): DocumentSearch => ({ model: text(search["model"]) });

export interface AnswerSearch extends DocumentSearch {
  /** A new answer begins with being offered for this cause. */
  cause?: string | undefined;
}

export const answerSearch = (search: Record<string, unknown>): AnswerSearch => ({
  ...documentSearch(search),
  cause: text(search["cause"]),
});

export interface NoticesSearch {
  channel?: string | undefined;
  cursor?: string | undefined;
}
export const noticesSearch = (search: Record<string, unknown>): NoticesSearch => ({
  channel: text(search["channel"]),
  cursor: text(search["cursor"]),
});
