import { useQuery } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import type { ReactNode } from "react";
import { causesQuery } from "../api/document-queries.ts";
import { causeDocument, causeName } from "../core/causes.ts";

interface CauseLinkProps {
  cause: string;
  /** Null where it is of no model, or of any. */
  model: string | null;
  /** Its name where left out. */
  children?: ReactNode;
}

/** To what is known of a cause: for the model where it has words of its own, else for all. */
export function CauseLink({ cause, model, children }: CauseLinkProps) {
  const documents = useQuery(causesQuery).data?.items ?? [];
  const own = causeDocument(documents, cause, model)?.model ?? undefined;
  return (
    <Link to="/causes/$key" params={{ key: cause }} search={{ model: own }}>
      {children ?? causeName(documents, cause, model)}
    </Link>
  );
}
