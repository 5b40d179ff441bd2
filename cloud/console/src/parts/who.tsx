import { useQuery } from "@tanstack/react-query";
import { namesQuery } from "../api/rollout-queries.ts";

/** A principal as people call it: a name, `the owner`, `a rule`. */
export function useNameOf(): (principal: string) => string {
  const names = useQuery(namesQuery).data?.names ?? {};
  return (principal) => {
    if (principal === "cause") return "a rule";
    if (principal === "system" || principal === "automation") return "automation";
    if (principal === "release") return "the release";
    if (principal.startsWith("owner:")) return "the owner";
    if (principal.startsWith("device:")) return "the appliance";
    if (principal.startsWith("incident:")) return "an incident";
    return names[principal] ?? principal;
  };
}

export function Who({ principal }: { principal: string }) {
  return <>{useNameOf()(principal)}</>;
}
