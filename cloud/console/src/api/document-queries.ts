import { queryOptions } from "@tanstack/react-query";
import { stringifySearch } from "../core/url-state.ts";
import type { CauseArticle } from "./case-shapes.ts";
import { get } from "./client.ts";
import type { AnswerTemplate, FoundCause, InForce, WrittenVersion } from "./support-shapes.ts";

const minuteMs = 60_000;

/** What staff write: what is known of causes, and the answers that they keep. */
export type DocumentKind = "causes" | "answers";

export const documentPath = (kind: DocumentKind, key: string, model: string | null) =>
  `/api/v1/${kind}/${encodeURIComponent(key)}${stringifySearch({ model: model ?? undefined })}`;

/** What staff wrote about causes. There are few, and they change seldom. */
export const causesQuery = queryOptions({
  queryKey: ["causes"],
  queryFn: ({ signal }) => get<{ items: InForce<CauseArticle>[] }>("/api/v1/causes", { signal }),
  staleTime: minuteMs,
});

/** The answers that staff keep, as they are written. */
export const keptAnswersQuery = queryOptions({
  queryKey: ["answers"],
  queryFn: ({ signal }) => get<{ items: InForce<AnswerTemplate>[] }>("/api/v1/answers", { signal }),
  staleTime: minuteMs,
});

/** Every version of one, newest first; none where nobody has written anything. */
export const versionsQuery = <Definition>(kind: DocumentKind, key: string, model: string | null) =>
  queryOptions({
    queryKey: [kind, "versions", key, model],
    queryFn: async ({ signal }) => {
      const path = `/api/v1/${kind}/${encodeURIComponent(key)}/versions${stringifySearch({ model: model ?? undefined })}`;
      const found = await get<{ items?: WrittenVersion<Definition>[] }>(path, { signal, alsoFine: [404] });
      return found.items ?? [];
    },
  });

export const foundDays = 30;

/** How often each cause was found lately. */
export const foundCausesQuery = queryOptions({
  queryKey: ["cases", "causes"],
  queryFn: ({ signal }) => get<{ items: FoundCause[] }>(`/api/v1/cases/causes?days=${foundDays}`, { signal }),
  staleTime: minuteMs,
});
