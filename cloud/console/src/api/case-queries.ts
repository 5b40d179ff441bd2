import { keepPreviousData, queryOptions } from "@tanstack/react-query";
import { type CasesSearch, filterOf } from "../core/service-url.ts";
import { stringifySearch } from "../core/url-state.ts";
import type {
  Assignee,
  Beside,
  CaseDossier,
  Diagnosis,
  FeedbackWeek,
  FilledAnswer,
  PolicyVersion,
  QueueCounts,
  QueuedCase,
  WeekOfCases,
} from "./case-shapes.ts";
import { get } from "./client.ts";
import type { Page } from "./shapes.ts";

/** How often what is worked on is asked for again, and what moves by the hour. */
const liveMs = 3_000;
const calmMs = 60_000;

export const casesPerPage = 50;

export const casePath = (id: string) => `/api/v1/cases/${encodeURIComponent(id)}`;

export const queueQuery = ({ tab: _tab, open: _open, ...search }: CasesSearch) =>
  queryOptions({
    queryKey: ["cases", "queue", search],
    queryFn: ({ signal }) =>
      get<Page<QueuedCase>>(`/api/v1/cases/queue${stringifySearch({ ...search, limit: casesPerPage })}`, { signal }),
    placeholderData: keepPreviousData,
    refetchInterval: liveMs,
  });

/** Of what the filter leaves, whoever has it and whenever it is due. */
export const queueCountsQuery = (search: CasesSearch) =>
  queryOptions({
    queryKey: ["cases", "counts", filterOf(search)],
    queryFn: ({ signal }) =>
      get<QueueCounts>(`/api/v1/cases/queue/counts${stringifySearch({ ...filterOf(search) })}`, { signal }),
    placeholderData: keepPreviousData,
    refetchInterval: liveMs,
  });

export const caseQuery = (id: string) =>
  queryOptions({
    queryKey: ["cases", "one", id],
    queryFn: ({ signal }) => get<CaseDossier>(casePath(id), { signal }),
    refetchInterval: liveMs,
  });

export const besideQuery = (id: string) =>
  queryOptions({
    queryKey: ["cases", "beside", id],
    queryFn: ({ signal }) => get<Beside>(`${casePath(id)}/conversation`, { signal }),
    refetchInterval: liveMs,
  });

/** The open cases that one can go into. */
export const mergeTargetsQuery = (id: string) =>
  queryOptions({
    queryKey: ["cases", "merge-targets", id],
    queryFn: ({ signal }) => get<{ items: QueuedCase[] }>(`${casePath(id)}/merge-targets`, { signal }),
  });

export const bulkPath = "/api/v1/cases/bulk";

/** Whom a case or an incident can be given to. */
export const assigneesQuery = queryOptions({
  queryKey: ["assignees"],
  queryFn: ({ signal }) => get<{ items: Assignee[] }>("/api/v1/cases/assignees", { signal }),
  staleTime: calmMs,
});

export const answersQuery = (id: string) =>
  queryOptions({
    queryKey: ["cases", "answers", id],
    queryFn: ({ signal }) => get<{ items: FilledAnswer[] }>(`${casePath(id)}/answers`, { signal }),
    staleTime: calmMs,
  });

export const diagnosesQuery = (id: string) =>
  queryOptions({
    queryKey: ["cases", "diagnoses", id],
    queryFn: ({ signal }) => get<{ items: Diagnosis[] }>(`${casePath(id)}/diagnoses`, { signal }),
    refetchInterval: liveMs,
  });

export const policyPath = "/api/v1/cases/policy";

export const policyQuery = queryOptions({
  queryKey: ["cases", "policy"],
  queryFn: ({ signal }) => get<PolicyVersion>(policyPath, { signal }),
  staleTime: calmMs,
});

export const measuresQuery = (weeks: number) =>
  queryOptions({
    queryKey: ["cases", "measures", weeks],
    queryFn: ({ signal }) => get<{ weeks: WeekOfCases[] }>(`/api/v1/cases/measures?weeks=${weeks}`, { signal }),
    refetchInterval: calmMs,
  });

export const feedbackQuery = (weeks: number) =>
  queryOptions({
    queryKey: ["cases", "feedback", weeks],
    queryFn: ({ signal }) => get<{ items: FeedbackWeek[] }>(`/api/v1/service/feedback?weeks=${weeks}`, { signal }),
    refetchInterval: calmMs,
  });

/** Whose appliance it is, as far as an agent needs to know to speak with them. */
export const householdQuery = (id: string) =>
  queryOptions({
    queryKey: ["household", id],
    queryFn: ({ signal }) =>
      get<{ name: string; locale: string; timeZone: string }>(`/api/v1/households/${encodeURIComponent(id)}`, {
        signal,
      }),
    staleTime: calmMs,
  });
