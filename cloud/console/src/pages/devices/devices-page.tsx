import { Button, Skeleton } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { getRouteApi, Link, useNavigate, useRouterState } from "@tanstack/react-router";
import { devicesPerPage, devicesQuery, modelsQuery, overviewQuery } from "../../api/queries.ts";
import type { Device, Overview } from "../../api/shapes.ts";
import { countText, plural } from "../../core/numbers.ts";
import type { DeviceListSearch } from "../../core/url-state.ts";
import { Empty } from "../../parts/empty.tsx";
import { FirstAppliance } from "../../parts/first-appliance.tsx";
import { ArrowLeftIcon, ArrowRightIcon } from "../../parts/icons.tsx";
import { useKeys } from "../../parts/keys.ts";
import { QuestionNotice } from "../../parts/notice.tsx";
import { DeviceFilters } from "./device-filters.tsx";
import { DeviceRows } from "./device-rows.tsx";
import classes from "./devices.module.css";

const route = getRouteApi("/devices");
const noTrail: string[] = [];

declare module "@tanstack/react-router" {
  interface HistoryState {
    /** The cursors of the pages before this one, oldest first; the first page has none, written as nothing. */
    trail?: string[];
  }
}

const isFiltered = ({ q, model, online, tag, country, version }: DeviceListSearch) =>
  [q, model, online, tag, country, version].some((value) => value !== undefined);

/** How many appliances fit the filters, where the overview can tell without asking for them all. */
function totalOf(overview: Overview | undefined, { q, model, online, ...others }: DeviceListSearch): number | null {
  const isBeyond =
    q !== undefined || others.tag !== undefined || others.country !== undefined || others.version !== undefined;
  if (overview === undefined || isBeyond) return null;
  const models = overview.devices.models.filter((one) => model === undefined || one.model === model);
  return models.reduce((sum, one) => {
    if (online === undefined) return sum + one.total;
    return sum + (online === "true" ? one.online : one.total - one.online);
  }, 0);
}

/** Puts the focus on the row after the one that has it, or before. */
function moveFocus(step: 1 | -1): void {
  const links = [...document.querySelectorAll<HTMLElement>("[data-row-link]")];
  const at = links.findIndex((link) => link === document.activeElement);
  const next = at === -1 ? 0 : Math.min(links.length - 1, Math.max(0, at + step));
  links[next]?.focus();
}

export function DevicesPage() {
  const search = route.useSearch();
  const navigate = useNavigate();
  const question = useQuery(devicesQuery(search));
  const overview = useQuery(overviewQuery).data?.now;
  const models = useQuery(modelsQuery).data?.items ?? [];
  useKeys({ j: () => moveFocus(1), k: () => moveFocus(-1) });

  const page = question.data;
  const total = totalOf(overview, search);
  return (
    <div className={classes["page"]}>
      <title>Appliances · Hearth</title>
      <div className={classes["head"]}>
        <h1>Appliances</h1>
        {total !== null && (
          <span className={`${classes["count"]} numbers`}>
            {plural(total, "appliance")} {isFiltered(search) && "fit the filters"}
          </span>
        )}
        <Link to="/models" search={{ model: search.model }} className={classes["models"]}>
          Models and their metrics
        </Link>
      </div>
      <DeviceFilters search={search} models={models} />
      <QuestionNotice question={question} />
      {page === undefined ? (
        question.error === null && <ListSkeleton />
      ) : page.items.length > 0 ? (
        <>
          <DeviceRows devices={page.items} models={models} stale={question.isPlaceholderData} />
          <Pager search={search} page={page} total={total} />
        </>
      ) : isFiltered(search) ? (
        <Empty title="No appliance fits these filters">
          <p>
            Search looks at ids and serial numbers, at any place in them. A model or a connection chosen above narrows
            it further.
          </p>
          <Button
            className={classes["empty"] ?? ""}
            variant="default"
            onClick={() => void navigate({ to: "/devices", search: {} })}
          >
            Show all appliances
          </Button>
        </Empty>
      ) : (
        <FirstAppliance />
      )}
    </div>
  );
}

interface PagerProps {
  search: DeviceListSearch;
  page: { items: Device[]; nextCursor: string | null };
  total: number | null;
}

function Pager({ search, page, total }: PagerProps) {
  const trail = useRouterState({ select: (state) => state.location.state.trail }) ?? noTrail;
  // A link to a page in the middle comes without the way there: then only the numbers of this page are known.
  const isPlaced = search.cursor === undefined || trail.length > 0;
  const first = trail.length * devicesPerPage + 1;
  const last = first + page.items.length - 1;
  const previous = trail.at(-1);
  return (
    <nav className={classes["pager"]} aria-label="Pages of the list">
      <span className="numbers">
        {isPlaced
          ? `${countText(first)} to ${countText(last)}${total === null ? "" : ` of ${countText(total)}`}`
          : plural(page.items.length, "appliance")}
      </span>
      <span className={classes["pagerLinks"]}>
        {search.cursor !== undefined && (
          <Button
            variant="default"
            leftSection={<ArrowLeftIcon />}
            renderRoot={(props) => (
              <Link
                {...props}
                to="/devices"
                search={{ ...search, cursor: previous === "" ? undefined : previous }}
                state={{ trail: trail.slice(0, -1) }}
              />
            )}
          >
            {isPlaced ? "Previous" : "First page"}
          </Button>
        )}
        {page.nextCursor !== null && (
          <Button
            variant="default"
            rightSection={<ArrowRightIcon />}
            renderRoot={(props) => (
              <Link
                {...props}
                to="/devices"
                search={{ ...search, cursor: page.nextCursor ?? undefined }}
                state={{ trail: [...trail, search.cursor ?? ""] }}
              />
            )}
          >
            Next
          </Button>
        )}
      </span>
    </nav>
  );
}

function ListSkeleton() {
  return (
    <div aria-busy="true" aria-label="Loading" style={{ display: "grid", gap: 8 }}>
      {Array.from({ length: 8 }, (_, at) => (
        <Skeleton key={at} height={52} radius={8} />
      ))}
    </div>
  );
}
