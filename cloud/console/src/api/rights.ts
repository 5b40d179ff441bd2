import { useQuery } from "@tanstack/react-query";
import { mayDo, type Right } from "../core/rights.ts";
import { meQuery } from "./queries.ts";

/** What the key that is in use may do; undefined until the service has said whose it is. */
export function useRights(): { role: string; may: (right: Right) => boolean } | undefined {
  const me = useQuery(meQuery).data;
  return me === undefined ? undefined : { role: me.role, may: (right) => mayDo(me.role, right) };
}
