import { useQuery } from "@tanstack/react-query";
import { namesQuery } from "../api/rollout-queries.ts";

/** Who did it, as people call them: `by Ada`, `by itself`. */
export function By({ principal }: { principal: string }) {
  const names = useQuery(namesQuery).data?.names ?? {};
  if (principal === "system") return <>by itself</>;
  return <>by {names[principal] ?? principal}</>;
}
