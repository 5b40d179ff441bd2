import { keepPreviousData, queryOptions } from "@tanstack/react-query";
import type { IncidentsSearch } from "../core/service-url.ts";
import { stringifySearch } from "../core/url-state.ts";
import { get } from "./client.ts";
import type { Incident, IncidentDetail, IncidentMember, WatchedRelease } from "./incident-shapes.ts";
import type { Page } from "./shapes.ts";

const liveMs = 3_000;
const calmMs = 15_000;

export const incidentPath = (id: string) => `/api/v1/incidents/${encodeURIComponent(id)}`;

export const incidentsQuery = ({
  status = "unresolved",
  assignee,
  cursor,
}: Omit<IncidentsSearch, "status"> & { status?: string }) =>
  queryOptions({
    queryKey: ["incidents", "page", status, assignee, cursor],
    queryFn: ({ signal }) =>
      get<Page<Incident>>(
        `/api/v1/incidents${stringifySearch({ status: status === "all" ? undefined : status, assignee, cursor, limit: 20 })}`,
        { signal },
      ),
    placeholderData: keepPreviousData,
    refetchInterval: liveMs,
  });

export const incidentQuery = (id: string) =>
  queryOptions({
    queryKey: ["incidents", "one", id],
    queryFn: ({ signal }) => get<IncidentDetail>(incidentPath(id), { signal }),
    refetchInterval: liveMs,
  });

const membersPerPage = 500;
/** A chart of more members than these would look the same. */
const pagesMax = 4;

/** The members of an incident; of a very large one, the first two thousand. */
export const membersQuery = (id: string) =>
  queryOptions({
    queryKey: ["incidents", "members", id],
    queryFn: async ({ signal }) => {
      const items: IncidentMember[] = [];
      let cursor: string | null = null;
      for (let page = 0; page < pagesMax; page += 1) {
        const search = stringifySearch({ limit: membersPerPage, cursor: cursor ?? undefined });
        const answer: Page<IncidentMember> = await get(`${incidentPath(id)}/members${search}`, { signal });
        items.push(...answer.items);
        cursor = answer.nextCursor;
        if (cursor === null) break;
      }
      return { items, isCut: cursor !== null };
    },
    refetchInterval: calmMs,
  });

export const firmwareWatchQuery = queryOptions({
  queryKey: ["firmware-watch"],
  queryFn: ({ signal }) => get<{ items: WatchedRelease[] }>("/api/v1/service/firmware-watch", { signal }),
  refetchInterval: calmMs,
});
