import { Button, Skeleton } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { getRouteApi, Link, useNavigate } from "@tanstack/react-router";
import { useRights } from "../../api/rights.ts";
import { erasureQuery, erasuresQuery } from "../../api/webhook-queries.ts";
import type { Erasure } from "../../api/webhook-shapes.ts";
import { type ErasuresSearch, progressOf } from "../../core/erasures.ts";
import { plural } from "../../core/numbers.ts";
import { absoluteText } from "../../core/time.ts";
import { Ago } from "../../parts/ago.tsx";
import { DataTable } from "../../parts/data-table.tsx";
import { Empty } from "../../parts/empty.tsx";
import { EngagementTabs } from "../../parts/engagement-tabs.tsx";
import { ErasureReport } from "../../parts/erasure-report.tsx";
import { NotForThisRole } from "../../parts/not-for-this-role.tsx";
import { QuestionNotice } from "../../parts/notice.tsx";
import { localZone } from "../../parts/now.ts";
import page from "../../parts/page.module.css";
import { Pager } from "../../parts/pager.tsx";
import { StateMark } from "../../parts/state-mark.tsx";
import { TypedFilter } from "../../parts/typed-filter.tsx";
import { useNameOf } from "../../parts/who.tsx";

const route = getRouteApi("/erasures");

/** Who was erased, without saying who it was: how far each erasure is, and what proves it. */
export function ErasuresPage() {
  const rights = useRights();
  if (rights !== undefined && !rights.may("erasures.read"))
    return <NotForThisRole role={rights.role} what="Erasures" />;
  return <KnownErasures />;
}

function KnownErasures() {
  const search = route.useSearch();
  const navigate = useNavigate();
  const question = useQuery(erasuresQuery(search));
  const nameOf = useNameOf();
  const change = (part: ErasuresSearch) =>
    void navigate({ to: "/erasures", search: { ...search, cursor: undefined, ...part }, replace: true });
  const found = question.data;
  return (
    <div className={page["page"]}>
      <title>Erasures · Hearth</title>
      <div className={page["head"]}>
        <h1>Erasures</h1>
        <Link to="/households" search={{}} className={page["link"]}>
          Households
        </Link>
      </div>
      <EngagementTabs current="households" />
      <p className={page["note"]}>
        None says whose it was: that is known to nobody any more. Who knows a household&apos;s id finds its erasure with
        it.
      </p>
      <search className={page["filters"]}>
        <TypedFilter
          label="A household's id, whole"
          value={search.household}
          onChange={(household) => change({ household, report: undefined })}
        />
      </search>
      {search.report !== undefined && (
        <Report id={search.report} onClose={() => change({ report: undefined, cursor: search.cursor })} />
      )}
      <QuestionNotice question={question} />
      {found === undefined ? (
        question.error === null && <Skeleton height={240} radius={10} />
      ) : found.items.length === 0 ? (
        <None isFiltered={search.household !== undefined} />
      ) : (
        <section className={page["card"]} aria-label="Erasures">
          <DataTable
            label="Erasures"
            rows={found.items}
            keyOf={({ id }) => id}
            stale={question.isPlaceholderData}
            toneOf={(one) => (progressOf(one).tone === "wrong" ? "wrong" : "plain")}
            columns={[
              {
                name: "Erased",
                lead: true,
                cell: ({ id, atMs }: Erasure) => (
                  <Link to="/erasures" search={{ ...search, report: id }} className={page["link"]}>
                    {absoluteText(atMs, localZone)}
                  </Link>
                ),
              },
              {
                name: "Asked by",
                cell: ({ askedBy, report }: Erasure) => askedWords(askedBy, report.again !== null, nameOf),
              },
              {
                name: "How far it is",
                cell: (one: Erasure) => <StateMark tone={progressOf(one).tone}>{progressOf(one).words}</StateMark>,
              },
              {
                name: "Proven",
                cell: ({ doneAtMs }: Erasure) => (doneAtMs === null ? null : <Ago atMs={doneAtMs} />),
              },
            ]}
          />
          <Pager
            words={plural(found.items.length, "erasure")}
            cursor={search.cursor}
            nextCursor={found.nextCursor}
            onCursor={(cursor) => void navigate({ to: "/erasures", search: { ...search, cursor } })}
          />
        </section>
      )}
    </div>
  );
}

function askedWords(askedBy: string, isAgain: boolean, nameOf: (principal: string) => string): string {
  if (isAgain) return "again, after a backup was restored";
  return askedBy === "owner" ? "its owner" : nameOf(askedBy);
}

function Report({ id, onClose }: { id: string; onClose: () => void }) {
  const question = useQuery(erasureQuery(id));
  const found = question.data;
  return (
    <section className={page["card"]} aria-label="Report of the erasure">
      <div className={page["head"]}>
        <h2>{found === undefined ? "Report" : `Report of ${absoluteText(found.atMs, localZone)}`}</h2>
        <Button variant="default" size="compact-md" onClick={onClose}>
          Close
        </Button>
      </div>
      <QuestionNotice question={question} />
      {found !== undefined && <ErasureReport erasure={found} />}
    </section>
  );
}

const None = ({ isFiltered }: { isFiltered: boolean }) =>
  isFiltered ? (
    <Empty title="No erasure of this household">
      <p>An id is looked for as a whole, as it stands in the address of a household&apos;s page.</p>
    </Empty>
  ) : (
    <Empty title="Nobody has been erased">
      <p>
        An owner erases their household in the app; an admin does it on its page, under Data, when its people ask for
        it. Each erasure leaves a report here that says store by store what was removed, and what was found after it.
      </p>
    </Empty>
  );
