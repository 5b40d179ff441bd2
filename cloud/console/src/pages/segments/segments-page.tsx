import { Button, Skeleton } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { useRights } from "../../api/rights.ts";
import { segmentsQuery } from "../../api/segment-queries.ts";
import type { Segment } from "../../api/segment-shapes.ts";
import { countText } from "../../core/numbers.ts";
import { trendText } from "../../core/segments.ts";
import { Ago } from "../../parts/ago.tsx";
import { DataTable } from "../../parts/data-table.tsx";
import { Empty } from "../../parts/empty.tsx";
import { EngagementTabs } from "../../parts/engagement-tabs.tsx";
import { InWords } from "../../parts/expression.tsx";
import { QuestionNotice } from "../../parts/notice.tsx";
import page from "../../parts/page.module.css";
import classes from "./segments.module.css";

/** Named sets of households: how many are in each, how that moved, and what uses it. */
export function SegmentsPage() {
  const question = useQuery(segmentsQuery);
  const mayWrite = useRights()?.may("segments.write") === true;
  const found = question.data;
  return (
    <div className={page["page"]}>
      <title>Segments · Hearth</title>
      <div className={page["head"]}>
        <h1>Segments</h1>
        {mayWrite && (
          <Button component={Link} to="/segments/new">
            New segment
          </Button>
        )}
      </div>
      <EngagementTabs current="segments" />
      <p className={page["note"]}>
        A segment is a condition on a household. Who is in it follows what households do: an event, a word of the shop
        or a day that ends moves them at once.
      </p>
      <QuestionNotice question={question} />
      {found === undefined ? (
        question.error === null && <Skeleton height={240} radius={10} />
      ) : found.items.length === 0 ? (
        <Empty title="No segment yet">
          <p>
            Write a condition such as <code>has_steam && steam_programs == 0</code>, see how many households it means,
            and give it a name. Campaigns, rules and content then speak of it.
          </p>
        </Empty>
      ) : (
        <DataTable label="Segments" rows={found.items} keyOf={({ id }) => id} columns={columns} />
      )}
    </div>
  );
}

const columns = [
  {
    name: "Segment",
    lead: true,
    cell: ({ id, title, description, expression }: Segment) => (
      <>
        <Link to="/segments/$id" params={{ id }} search={{}} className={page["link"]}>
          {title}
        </Link>
        {description !== "" && <p className={classes["small"]}>{description}</p>}
        {description === "" && <InWords text={expression} className={classes["small"]} />}
      </>
    ),
  },
  { name: "Households", isNumber: true, cell: (segment: Segment) => <Size segment={segment} /> },
  { name: "Lately", cell: ({ trend }: Segment) => (trendText(trend) === null ? null : <Trend trend={trend} />) },
  {
    name: "Used by",
    cell: ({ usedBy }: Segment) => (usedBy.length === 0 ? null : usedBy.map(({ name }) => name).join(", ")),
  },
  {
    name: "Changed",
    cell: ({ changedAtMs }: Segment) => (changedAtMs === 0 ? "never" : <Ago atMs={changedAtMs} />),
  },
];

const Size = ({ segment: { members, isFilling } }: { segment: Segment }) => (
  <span className="numbers">
    {countText(members)}
    {isFilling && <span className={classes["small"]}> so far</span>}
  </span>
);

const [width, height] = [96, 22];

/** How a size moved, drawn and in words. */
export function Trend({ trend }: { trend: Segment["trend"] }) {
  const most = Math.max(...trend.map(({ members }) => members), 1);
  const least = Math.min(...trend.map(({ members }) => members));
  const points = trend.map(({ members }, at) => {
    const x = (at / Math.max(trend.length - 1, 1)) * width;
    const y = height - 2 - ((members - least) / Math.max(most - least, 1)) * (height - 4);
    return `${x.toFixed(1)},${y.toFixed(1)}`;
  });
  return (
    <span>
      <svg className={classes["spark"]} viewBox={`0 0 ${width} ${height}`} aria-hidden="true">
        <polyline points={points.join(" ")} />
      </svg>{" "}
      <span className={classes["small"]}>{trendText(trend)}</span>
    </span>
  );
}
