import type { MetricDeclaration, Model } from "#protocol/model.ts";
import { Button, Skeleton } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { getRouteApi, Link } from "@tanstack/react-router";
import { useState } from "react";
import { modelMetricsQuery, retentionQuery, type UnknownMetric } from "../../api/model-queries.ts";
import { modelsQuery } from "../../api/queries.ts";
import { useRights } from "../../api/rights.ts";
import { everyText, rangeText } from "../../core/metrics.ts";
import { plural } from "../../core/numbers.ts";
import { dateText, durationText } from "../../core/time.ts";
import { Ago } from "../../parts/ago.tsx";
import { type Column, DataTable } from "../../parts/data-table.tsx";
import { Empty } from "../../parts/empty.tsx";
import { QuestionNotice } from "../../parts/notice.tsx";
import { localZone } from "../../parts/now.ts";
import page from "../../parts/page.module.css";
import { Tabs } from "../../parts/tabs.tsx";
import { AdoptMetric } from "./adopt-metric.tsx";
import { Limits } from "./limits.tsx";
import classes from "./models.module.css";

const route = getRouteApi("/models");

/** What each model says of itself, and above all what its appliances measure. */
export function ModelsPage() {
  const { model: named } = route.useSearch();
  const question = useQuery(modelsQuery);
  const models = question.data?.items ?? [];
  const shown = models.find(({ key }) => key === named) ?? models[0];
  return (
    <div className={page["page"]}>
      <title>Models · Hearth</title>
      <div className={page["head"]}>
        <h1>Models</h1>
        <Link to="/devices" search={{}} className={page["link"]}>
          All appliances
        </Link>
      </div>
      <QuestionNotice question={question} />
      {question.isPending && <Skeleton height={400} radius={10} />}
      {question.data !== undefined && shown === undefined && (
        <Empty title="No model yet">
          <p>
            A model says what an appliance of its kind measures, in which units and ranges. It is a JSON file, put with
            PUT /api/v1/models/KEY by somebody of the role release or admin; appliances are registered for it after
            that.
          </p>
        </Empty>
      )}
      {shown !== undefined && (
        <>
          <Tabs
            label="Models"
            tabs={models.map(({ key, name }) => ({
              words: name,
              link: { to: "/models", search: { model: key } },
              current: key === shown.key,
            }))}
          />
          <KnownModel key={shown.key} model={shown} />
          <Kept />
        </>
      )}
    </div>
  );
}

function KnownModel({ model }: { model: Model }) {
  const { key, version, brand, hardwareIds, locales, endOfSupportMs } = model;
  const question = useQuery(modelMetricsQuery(key));
  return (
    <>
      <dl className={page["facts"]}>
        <Fact name="Key" words={key} />
        <Fact name="Brand" words={brand} />
        <Fact name="Version" words={String(version)} />
        <Fact name="Hardware" words={hardwareIds.join(", ")} />
        <Fact name="Languages" words={locales.join(", ")} />
        {endOfSupportMs !== undefined && <Fact name="Support ends" words={dateText(endOfSupportMs, localZone)} />}
        <div>
          <dt>Appliances</dt>
          <dd>
            <Link to="/devices" search={{ model: key }}>
              Those of this model
            </Link>
          </dd>
        </div>
      </dl>
      <Limits model={model} />
      <QuestionNotice question={question} />
      {question.isPending && <Skeleton height={300} radius={10} />}
      {question.data !== undefined && (
        <>
          <Declared metrics={question.data.declared} />
          <Unknown model={model} metrics={question.data.unknown} />
        </>
      )}
    </>
  );
}

const dayMs = 86_400_000;

function keptWords(ms: number | null): string {
  if (ms === null) return "as its own policy says";
  return ms % dayMs === 0 ? plural(ms / dayMs, "day") : durationText(ms);
}

/** How long is kept what appliances say; of every model the same. */
function Kept() {
  const question = useQuery(retentionQuery);
  const kept = question.data;
  return (
    <section className={page["card"]} aria-label="How long it is kept">
      <h2>How long it is kept</h2>
      <QuestionNotice question={question} />
      {kept !== undefined && (
        <dl className={`${page["facts"]} numbers`}>
          <Fact name="Readings as they came" words={keptWords(kept.readingsMs)} />
          <Fact name="Summaries by the minute" words={keptWords(kept.minutesMs)} />
          <Fact name="by the hour" words={keptWords(kept.hoursMs)} />
          <Fact name="by the day" words={keptWords(kept.daysMs)} />
          <Fact name="Events" words={keptWords(kept.eventsMs)} />
        </dl>
      )}
      <p className={page["note"]}>
        {kept?.store === "influxdb"
          ? "Readings lie in InfluxDB, whose bucket says how long. Events lie in the database."
          : "Charts of an older time are drawn from the summaries. What is erased with a household is gone at once, whatever stands here."}
      </p>
    </section>
  );
}

const Fact = ({ name, words }: { name: string; words: string }) => (
  <div>
    <dt>{name}</dt>
    <dd>{words}</dd>
  </div>
);

const kindNames: Record<MetricDeclaration["kind"], string> = {
  gauge: "a value that goes up and down",
  counter: "a count that only grows",
  flag: "yes or no",
};

const declaredColumns: readonly Column<MetricDeclaration>[] = [
  {
    name: "Metric",
    lead: true,
    cell: ({ name, label }) => (
      <>
        {label !== undefined && <span className={classes["label"]}>{label} </span>}
        <code>{name}</code>
      </>
    ),
  },
  { name: "Unit", cell: ({ unit }) => (unit === "" ? null : unit) },
  { name: "Kind", cell: ({ kind }) => kindNames[kind] },
  { name: "Range", cell: ({ min, max }) => rangeText(min ?? null, max ?? null) },
  { name: "How often", cell: ({ everyMs }) => (everyMs === undefined ? null : everyText(everyMs)) },
  { name: "Personal", cell: ({ personal }) => (personal ? "yes: by consent alone" : "no") },
];

function Declared({ metrics }: { metrics: readonly MetricDeclaration[] }) {
  return (
    <section className={page["card"]} aria-label="Declared metrics">
      <h2>{plural(metrics.length, "metric")} declared</h2>
      <p className={page["note"]}>
        A value outside its range is kept as it came, and marked wherever it shows. “How often” is while the appliance
        runs.
      </p>
      {metrics.length > 0 && (
        <DataTable label="Declared metrics" columns={declaredColumns} rows={metrics} keyOf={({ name }) => name} />
      )}
    </section>
  );
}

function Unknown({ model, metrics }: { model: Model; metrics: readonly UnknownMetric[] }) {
  const mayAdopt = useRights()?.may("models.write") === true;
  const [adopted, setAdopted] = useState<UnknownMetric | null>(null);
  const columns: readonly Column<UnknownMetric>[] = [
    { name: "Metric", lead: true, cell: ({ name }) => <code>{name}</code> },
    {
      name: "Values seen",
      cell: ({ kind, min, max }) => (kind === "flag" ? "yes and no" : rangeText(min, max)),
    },
    { name: "From", cell: ({ devicesAbout }) => `about ${plural(Math.max(1, devicesAbout), "appliance")}` },
    { name: "First seen", cell: ({ firstSeenMs }) => <Ago atMs={firstSeenMs} /> },
    { name: "Last seen", cell: ({ lastSeenMs }) => <Ago atMs={lastSeenMs} /> },
    ...(mayAdopt
      ? [
          {
            name: "Adopt",
            cell: (metric: UnknownMetric) => (
              <Button
                variant="default"
                size="sm"
                aria-label={`Adopt ${metric.name}`}
                onClick={() => setAdopted(metric)}
              >
                Adopt…
              </Button>
            ),
          },
        ]
      : []),
  ];
  return (
    <section className={page["card"]} aria-label="Metrics that are sent and not declared">
      <h2>Sent, and not declared</h2>
      {metrics.length === 0 ? (
        <p className={page["note"]}>
          Its appliances send nothing that the model does not declare. What they do send beside it is kept and listed
          here, to be adopted with a unit and a range.
        </p>
      ) : (
        <>
          <p className={page["note"]}>
            Kept like every other, and shown on charts by name alone. Adopted, it gets its unit, label and range
            everywhere; what came before is one series with what comes after.
            {!mayAdopt && " The roles release and admin may adopt."}
          </p>
          <DataTable
            label="Metrics that are sent and not declared"
            columns={columns}
            rows={metrics}
            keyOf={({ name }) => name}
          />
        </>
      )}
      {adopted !== null && <AdoptMetric model={model} metric={adopted} onClose={() => setAdopted(null)} />}
    </section>
  );
}
