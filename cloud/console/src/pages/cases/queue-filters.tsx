import { Button, Chip, NativeSelect } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { Link, useNavigate } from "@tanstack/react-router";
import type { QueueCounts } from "../../api/case-shapes.ts";
import { modelsQuery } from "../../api/queries.ts";
import { causesQuery } from "../../api/document-queries.ts";
import { severityWords, statusWords } from "../../core/case-words.ts";
import { causeChoices } from "../../core/causes.ts";
import { countText } from "../../core/numbers.ts";
import {
  type CasesSearch,
  type Facet,
  facets,
  filterOf,
  openStatuses,
  severityOrder,
  type Wish,
  wishesOf,
  withoutWish,
  withWish,
} from "../../core/service-url.ts";
import { AssigneeSelect } from "../../parts/assignee-select.tsx";
import page from "../../parts/page.module.css";
import classes from "./cases.module.css";

interface Option {
  value: string;
  label: string;
}

const facetWords: Record<Facet, string> = { severity: "Severity", status: "Status", model: "Model", cause: "Cause" };

const withCount = (words: string, count: number | undefined) =>
  count === undefined ? words : `${words} (${countText(count)})`;

function useOptions(counts: QueueCounts | undefined): Record<Facet, Option[]> {
  const models = useQuery(modelsQuery).data?.items ?? [];
  const causes = useQuery(causesQuery).data?.items ?? [];
  return {
    severity: severityOrder.map((value) => ({
      value,
      label: withCount(severityWords[value].words, counts?.bySeverity[value]),
    })),
    status: openStatuses.map((value) => ({
      value,
      label: withCount(statusWords[value].words, counts === undefined ? undefined : (counts.byStatus[value] ?? 0)),
    })),
    model: models.map(({ key, name }) => ({ value: key, label: name })),
    cause: causeChoices(causes),
  };
}

/** Whose cases, and which: what a facet shall be, and what it shall not be. All of it lies in the address. */
export function QueueFilters({ search, counts }: { search: CasesSearch; counts: QueueCounts | undefined }) {
  const navigate = useNavigate();
  const options = useOptions(counts);
  const wishes = wishesOf(filterOf(search));
  const go = (next: CasesSearch) => void navigate({ to: "/cases", search: { ...next, cursor: undefined } });
  const labelOf = ({ facet, value }: Wish) =>
    (options[facet].find((option) => option.value === value)?.label ?? value).replace(/ \([\d,]+\)$/, "");
  return (
    <section className={classes["filters"]} aria-label="Filters">
      <div className={classes["whose"]}>
        <nav className={classes["views"]} aria-label="Whose cases">
          <View search={search} words="Everybody’s" assignee={undefined} count={counts?.open} />
          <View search={search} words="Mine" assignee="me" count={counts?.mine} />
          <View search={search} words="Unassigned" assignee="none" count={counts?.unassigned} />
        </nav>
        <Chip
          checked={search.overdue === "true"}
          onChange={(checked) => go({ ...search, overdue: checked ? "true" : undefined })}
          variant="outline"
          color="red"
        >
          Overdue{counts !== undefined && ` ${countText(counts.overdue)}`}
        </Chip>
      </div>
      <div className={classes["facets"]}>
        <AssigneeSelect
          label="Who has it"
          none="Anybody"
          size="sm"
          more={[
            { value: "me", label: "Me" },
            { value: "none", label: "Nobody" },
          ]}
          value={search.assignee ?? ""}
          onChange={(assignee) => go({ ...search, assignee: assignee === "" ? undefined : assignee })}
        />
        {facets.map((facet) => (
          <FacetSelect
            key={facet}
            facet={facet}
            options={options[facet]}
            onWish={(wish) => go({ ...search, ...withWish(filterOf(search), wish) })}
          />
        ))}
      </div>
      {wishes.length > 0 && (
        <ul className={classes["wishes"]} aria-label="Filters in force">
          {wishes.map((wish) => (
            <li key={`${wish.facet} ${wish.value} ${wish.without}`}>
              <Button
                variant="default"
                size="compact-sm"
                data-without={wish.without}
                className={classes["wish"] ?? ""}
                aria-label={`Take off: ${wish.without ? "without" : "only"} ${labelOf(wish)}`}
                onClick={() => go({ ...search, ...withoutWish(filterOf(search), wish) })}
                rightSection={<span aria-hidden="true">×</span>}
              >
                {wish.without ? "without " : "only "}
                {labelOf(wish)}
              </Button>
            </li>
          ))}
          <li>
            <Link to="/cases" search={{ assignee: search.assignee }} className={page["link"]}>
              Take all off
            </Link>
          </li>
        </ul>
      )}
    </section>
  );
}

interface ViewProps {
  search: CasesSearch;
  words: string;
  assignee: CasesSearch["assignee"];
  count: number | undefined;
}

const View = ({ search, words, assignee, count }: ViewProps) => (
  <Link
    to="/cases"
    search={{ ...search, assignee, cursor: undefined }}
    className={classes["view"]}
    data-current={search.assignee === assignee}
    {...(search.assignee === assignee ? { "aria-current": "true" } : { "aria-current": undefined })}
    resetScroll={false}
  >
    {words} {count !== undefined && <span className={`${classes["viewCount"]} numbers`}>{countText(count)}</span>}
  </Link>
);

interface FacetSelectProps {
  facet: Facet;
  options: readonly Option[];
  onWish: (wish: Wish) => void;
}

/** Adds a wish: what is chosen stands below as a filter in force, and the field is free for the next. */
function FacetSelect({ facet, options, onWish }: FacetSelectProps) {
  return (
    <NativeSelect
      label={facetWords[facet]}
      size="sm"
      value=""
      onChange={(event) => {
        const [way, value] = event.currentTarget.value.split(" ");
        if (value !== undefined) onWish({ facet, value, without: way === "without" });
      }}
    >
      <option value="">Any</option>
      <optgroup label="Only">
        {options.map(({ value, label }) => (
          <option key={value} value={`only ${value}`}>
            {label}
          </option>
        ))}
      </optgroup>
      <optgroup label="Without">
        {options.map(({ value, label }) => (
          <option key={value} value={`without ${value}`}>
            {`Without ${label.replace(/ \([\d,]+\)$/, "")}`}
          </option>
        ))}
      </optgroup>
    </NativeSelect>
  );
}
