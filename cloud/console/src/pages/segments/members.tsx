import { Skeleton } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { getRouteApi, useNavigate } from "@tanstack/react-router";
import { segmentMembersQuery } from "../../api/segment-queries.ts";
import type { Segment, SegmentMember } from "../../api/segment-shapes.ts";
import { plural } from "../../core/numbers.ts";
import { Ago } from "../../parts/ago.tsx";
import { DataTable } from "../../parts/data-table.tsx";
import { QuestionNotice } from "../../parts/notice.tsx";
import page from "../../parts/page.module.css";
import { HouseholdLink } from "../../parts/household-link.tsx";
import { Pager } from "../../parts/pager.tsx";

const route = getRouteApi("/segments/$id");

/** The households that are in a segment. */
export function Members({ segment: { id, isFilling } }: { segment: Segment }) {
  const { cursor } = route.useSearch();
  const navigate = useNavigate();
  const question = useQuery(segmentMembersQuery(id, cursor));
  const found = question.data;
  return (
    <section className={page["page"]} aria-label="Members">
      <h2>Who is in it</h2>
      <QuestionNotice question={question} />
      {found === undefined ? (
        question.error === null && <Skeleton height={120} radius={8} />
      ) : found.items.length === 0 ? (
        <p className={page["note"]}>
          {isFilling
            ? "Nobody yet; households are still being looked at."
            : "Nobody at this moment. Households come by themselves as soon as the condition is met."}
        </p>
      ) : (
        <>
          <DataTable
            label="Members"
            rows={found.items}
            keyOf={({ householdId }) => householdId}
            stale={question.isPlaceholderData}
            columns={columns}
          />
          <Pager
            words={plural(found.items.length, "household")}
            cursor={cursor}
            nextCursor={found.nextCursor}
            onCursor={(next) => void navigate({ to: "/segments/$id", params: { id }, search: { cursor: next } })}
          />
        </>
      )}
    </section>
  );
}

const columns = [
  {
    name: "Household",
    lead: true,
    cell: ({ householdId, name }: SegmentMember) => <HouseholdLink id={householdId} name={name} />,
  },
  { name: "Came", cell: ({ sinceMs }: SegmentMember) => <Ago atMs={sinceMs} /> },
];
