import { Button, SegmentedControl, Skeleton } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { getRouteApi, Link, useNavigate } from "@tanstack/react-router";
import { householdsQuery } from "../../api/household-queries.ts";
import type { ListedHousehold } from "../../api/household-shapes.ts";
import type { HouseholdsSearch } from "../../core/household-url.ts";
import { plural } from "../../core/numbers.ts";
import { dateText } from "../../core/time.ts";
import { DataTable } from "../../parts/data-table.tsx";
import { Empty } from "../../parts/empty.tsx";
import { EngagementTabs } from "../../parts/engagement-tabs.tsx";
import { QuestionNotice } from "../../parts/notice.tsx";
import { localZone } from "../../parts/now.ts";
import page from "../../parts/page.module.css";
import { Pager } from "../../parts/pager.tsx";
import { TypedFilter } from "../../parts/typed-filter.tsx";

const route = getRouteApi("/households");

/** Everybody whom the maker knows: those with an appliance, and those who may come to have one. */
export function HouseholdsPage() {
  const search = route.useSearch();
  const navigate = useNavigate();
  const question = useQuery(householdsQuery(search));
  const change = (part: HouseholdsSearch) =>
    void navigate({ to: "/households", search: { ...search, cursor: undefined, ...part }, replace: true });
  const found = question.data;
  const isFiltered = search.q !== undefined || search.kind !== undefined;
  return (
    <div className={page["page"]}>
      <title>Households · Hearth</title>
      <div className={page["head"]}>
        <h1>Households</h1>
        <span className={page["actions"]}>
          <Link to="/consents" className={page["link"]}>
            Consent texts
          </Link>
          <Link to="/erasures" search={{}} className={page["link"]}>
            Erasures
          </Link>
        </span>
      </div>
      <EngagementTabs current="households" />
      <search className={page["filters"]}>
        <TypedFilter label="Name or e-mail begins with" value={search.q} onChange={(q) => change({ q })} />
        <SegmentedControl
          aria-label="Which households"
          size="sm"
          value={search.kind ?? ""}
          onChange={(value) => change({ kind: value === "prospect" || value === "owner" ? value : undefined })}
          data={[
            { value: "", label: "All" },
            { value: "owner", label: "With appliances" },
            { value: "prospect", label: "Prospects" },
          ]}
        />
      </search>
      <QuestionNotice question={question} />
      {found === undefined ? (
        question.error === null && <Skeleton height={240} radius={10} />
      ) : found.items.length === 0 ? (
        <Nobody isFiltered={isFiltered} onAll={() => change({ q: undefined, kind: undefined })} />
      ) : (
        <section className={page["card"]} aria-label="Households">
          <DataTable
            label="Households"
            rows={found.items}
            keyOf={({ id }) => id}
            stale={question.isPlaceholderData}
            columns={columns}
          />
          <Pager
            words={plural(found.items.length, "household")}
            cursor={search.cursor}
            nextCursor={found.nextCursor}
            onCursor={(cursor) => void navigate({ to: "/households", search: { ...search, cursor } })}
          />
        </section>
      )}
    </div>
  );
}

const peopleOf = ({ members }: ListedHousehold): string | null =>
  members.length === 0 ? null : members.map(({ name }) => name).join(", ");

const columns = [
  {
    name: "Household",
    lead: true,
    cell: ({ id, name }: ListedHousehold) => (
      <Link to="/households/$id" params={{ id }} className={page["link"]}>
        {name}
      </Link>
    ),
  },
  {
    name: "Appliances",
    cell: ({ devices }: ListedHousehold) => (devices === 0 ? "none yet: a prospect" : String(devices)),
  },
  { name: "People", cell: peopleOf },
  { name: "Language", cell: ({ locale }: ListedHousehold) => locale },
  { name: "Since", cell: ({ createdAtMs }: ListedHousehold) => dateText(createdAtMs, localZone) },
];

function Nobody({ isFiltered, onAll }: { isFiltered: boolean; onAll: () => void }) {
  if (isFiltered)
    return (
      <Empty title="No household fits">
        <p>Names and e-mail addresses are looked at from their beginning. Press / to look for a part of one.</p>
        <Button variant="default" onClick={onAll}>
          Show all households
        </Button>
      </Empty>
    );
  return (
    <Empty title="No household yet">
      <p>
        One comes to be when somebody pairs an appliance, when staff enter one, or when a shop reports what somebody did
        there who has no appliance yet.
      </p>
    </Empty>
  );
}
