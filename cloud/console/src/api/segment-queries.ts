import { keepPreviousData, queryOptions } from "@tanstack/react-query";
import { stringifySearch } from "../core/url-state.ts";
import { get, send } from "./client.ts";
import { householdKey, householdPath } from "./household-queries.ts";
import type {
  HouseholdSegments,
  Segment,
  SegmentFact,
  SegmentMember,
  SegmentPreview,
  SegmentTest,
  SegmentVersion,
} from "./segment-shapes.ts";
import type { Page } from "./shapes.ts";

const calmMs = 5_000;
const membersPerPage = 25;

const segmentsPath = "/api/v1/segments";
export const segmentPath = (id: string) => `${segmentsPath}/${encodeURIComponent(id)}`;

export const segmentsQuery = queryOptions({
  queryKey: ["segments", "list"],
  queryFn: ({ signal }) => get<{ items: Segment[] }>(segmentsPath, { signal }),
  refetchInterval: calmMs,
});

export const segmentQuery = (id: string) =>
  queryOptions({
    queryKey: ["segments", "one", id],
    queryFn: ({ signal }) => get<Segment>(segmentPath(id), { signal }),
    refetchInterval: calmMs,
  });

export const segmentVersionsQuery = (id: string, version: number) =>
  queryOptions({
    queryKey: ["segments", "versions", id, version],
    queryFn: ({ signal }) => get<{ items: SegmentVersion[] }>(`${segmentPath(id)}/versions`, { signal }),
  });

/** What a segment may ask of a household. */
export const segmentFactsQuery = queryOptions({
  queryKey: ["segments", "facts"],
  queryFn: ({ signal }) => get<{ items: SegmentFact[] }>(`${segmentsPath}/facts`, { signal }),
  staleTime: Number.POSITIVE_INFINITY,
});

export const segmentMembersQuery = (id: string, cursor: string | undefined) =>
  queryOptions({
    queryKey: ["segments", "members", id, cursor],
    queryFn: ({ signal }) =>
      get<Page<SegmentMember>>(`${segmentPath(id)}/members${stringifySearch({ cursor, limit: membersPerPage })}`, {
        signal,
      }),
    placeholderData: keepPreviousData,
    refetchInterval: calmMs,
  });

/** How many an expression means that nobody has saved. */
export const segmentPreviewQuery = (expression: string) =>
  queryOptions({
    queryKey: ["segments", "preview", expression],
    queryFn: () => send<SegmentPreview>("POST", `${segmentsPath}/preview`, { expression }),
    placeholderData: keepPreviousData,
    enabled: expression.trim() !== "",
  });

/** Whether an expression means a household, and why; by the segment itself where the key may not write. */
export const segmentTestQuery = (
  of: { id: string | null; expression: string; mayWrite: boolean },
  householdId: string,
) =>
  queryOptions({
    queryKey: ["segments", "test", of, householdId],
    queryFn: ({ signal }) =>
      of.mayWrite || of.id === null
        ? send<SegmentTest>("POST", `${segmentsPath}/test`, { expression: of.expression, householdId })
        : get<SegmentTest>(`${segmentPath(of.id)}/households/${householdId}`, { signal }),
    placeholderData: keepPreviousData,
    retry: false,
  });

/** The segments that a household is in, and what they see of it. */
export const householdSegmentsQuery = (id: string) =>
  queryOptions({
    queryKey: [...householdKey(id), "segments"],
    queryFn: ({ signal }) => get<HouseholdSegments>(`${householdPath(id)}/segments`, { signal }),
    refetchInterval: calmMs,
  });
