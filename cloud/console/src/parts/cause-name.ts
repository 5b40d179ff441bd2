import { useQuery } from "@tanstack/react-query";
import { causesQuery } from "../api/document-queries.ts";
import { causeName } from "../core/causes.ts";

/** What a cause is called; of a model where it is of one. Until the names are read, the words of its key. */
export function useCauseName(): (cause: string, model: string | null) => string {
  const documents = useQuery(causesQuery).data?.items ?? [];
  return (cause, model) => causeName(documents, cause, model);
}
