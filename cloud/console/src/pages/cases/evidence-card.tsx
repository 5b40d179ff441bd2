import { SegmentedControl, Skeleton } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { useMemo, useState } from "react";
import type { CaseDossier, Snapshot } from "../../api/case-shapes.ts";
import { modelsQuery, telemetryQuery } from "../../api/queries.ts";
import type { TelemetryRange } from "../../api/shapes.ts";
import { type RuleTrace, tellingTrace } from "../../core/case-words.ts";
import { defaultMetrics, type MetricInfo, metricsOf } from "../../core/metrics.ts";
import { measureText, plural, valueText } from "../../core/numbers.ts";
import { absoluteText, durationText } from "../../core/time.ts";
import matter from "../../parts/matter.module.css";
import { localZone } from "../../parts/now.ts";
import page from "../../parts/page.module.css";
import { ReadingChart } from "../../parts/reading-chart.tsx";
import classes from "./case.module.css";

/** As many as are read at a glance; the chart has the others. */
const listedMax = 8;

const noReadings: RuleTrace["readings"] = [];

/** What speaks for the case: what the rule saw, and what the appliance did in the three days before. */
export function EvidenceCard({ found }: { found: CaseDossier }) {
  const models = useQuery(modelsQuery).data?.items;
  const trace = useMemo(() => tellingTrace(found), [found.entries]);
  // The rule that saw what is shown, which need not be the one that opened the case.
  const ruleId = trace?.ruleId ?? found.ruleId;
  const { evidence } = found;
  const model = models?.find(({ key }) => key === found.model);
  return (
    <section className={page["card"]} aria-label="Evidence">
      <div className={page["head"]}>
        <h2>Evidence</h2>
        {ruleId !== null && (
          <Link to="/rules/$id" params={{ id: ruleId }} className={page["link"]}>
            The rule{trace?.ruleVersion == null ? "" : `, version ${trace.ruleVersion}`}
          </Link>
        )}
      </div>
      {evidence === null ? (
        <p className={page["note"]}>
          {found.ruleId === null && found.entries.length === 0
            ? "There is none."
            : "The readings around the opening are being gathered; they come here in a moment."}
        </p>
      ) : models === undefined ? (
        <Skeleton height={240} />
      ) : (
        <Around found={found} evidence={evidence} metrics={metricsOf(model, [])} trace={trace} />
      )}
      {trace !== null && <Trace trace={trace} metrics={metricsOf(model, [])} />}
    </section>
  );
}

/** How much is shown around the opening, in as many buckets as the chart has room for. */
const nearBeforeMs = 2 * 3_600_000;
const nearAfterMs = 1_800_000;
const nearPoints = 600;

const nearQuery = (found: CaseDossier, evidence: Snapshot) =>
  telemetryQuery(found.deviceId ?? "", {
    metrics: evidence.series.map(({ metric }) => metric),
    points: nearPoints,
    other: undefined,
    span: { kind: "fixed", fromMs: found.openedAtMs - nearBeforeMs, toMs: found.openedAtMs + nearAfterMs },
  });

interface AroundProps {
  found: CaseDossier;
  evidence: Snapshot;
  metrics: readonly MetricInfo[];
  trace: RuleTrace | null;
}

function Around({ found, evidence, metrics, trace }: AroundProps) {
  const key = JSON.stringify([evidence.fromMs, evidence.toMs, evidence.series.length, metrics.length]);
  // The snapshot stands still: the same one must not make another chart with each answer.
  const range = useMemo((): TelemetryRange => {
    const infoOf = (metric: string) => metrics.find((info) => info.metric === metric);
    return {
      fromMs: evidence.fromMs,
      toMs: evidence.toMs,
      bucketMs: evidence.bucketMs,
      series: evidence.series.map(({ metric, label, unit, points }) => ({
        deviceId: found.deviceId ?? "",
        metric,
        points,
        min: null,
        max: null,
        outside: [],
        label: label ?? infoOf(metric)?.label ?? metric,
        unit: unit ?? infoOf(metric)?.unit ?? "",
      })),
    };
  }, [key]);
  const marks = useMemo(
    () => evidence.events.map(({ atMs, title }) => ({ atMs, title, colour: "--ink-soft" })),
    [key, evidence.events.length],
  );
  const telling = useMemo(() => {
    const behind = (trace?.readings ?? noReadings).map(({ metric }) => metric);
    return [...new Set([...behind, ...defaultMetrics(metrics)])];
  }, [key, trace]);
  const isEmpty = range.series.every(({ points }) => points.length === 0);
  const [isNear, setIsNear] = useState(false);
  const fine = useQuery({ ...nearQuery(found, evidence), enabled: isNear });
  // Readings are not kept for ever; the copy is.
  const hasFine = fine.data?.series.some(({ points }) => points.length > 0) === true;
  if (isEmpty) return <p className={page["note"]}>The appliance sent no readings in the 72 hours before.</p>;
  return (
    <>
      <SegmentedControl
        size="sm"
        aria-label="How much is shown"
        value={isNear ? "near" : "all"}
        onChange={(value) => setIsNear(value === "near")}
        data={[
          { value: "all", label: "72 hours before" },
          { value: "near", label: "Around the opening" },
        ]}
      />
      {isNear && fine.data !== undefined && !hasFine && (
        <p className={page["note"]}>The readings themselves are no longer kept; this is the copy.</p>
      )}
      <ReadingChart
        key={isNear && hasFine ? "near" : "all"}
        name={isNear && hasFine ? `Readings around ${found.title}` : `Readings of the 72 hours before ${found.title}`}
        range={isNear && hasFine && fine.data !== undefined ? fine.data : range}
        metrics={metrics}
        marks={marks}
        dots={trace?.readings ?? noReadings}
        momentMs={found.openedAtMs}
        telling={telling}
      />
      <p className={matter["small"]}>
        A copy taken when the case opened{evidence.whole ? "" : ", to be completed an hour after"}; it outlives the
        readings themselves. The black line is the opening, marks along the upper edge are{" "}
        {plural(evidence.events.length, "event")}.
      </p>
    </>
  );
}

function Trace({ trace, metrics }: { trace: RuleTrace; metrics: readonly MetricInfo[] }) {
  const { readings, events, baseline } = trace;
  const infoOf = (metric: string) => metrics.find((info) => info.metric === metric);
  return (
    <div className={classes["trace"]}>
      <h3>What the rule saw</h3>
      {baseline !== null && (
        <p>
          This appliance’s own usual is {measureText(baseline.median)} (give or take {measureText(baseline.mad)}, from{" "}
          {plural(baseline.episodes, "episode")}); the last were{" "}
          {baseline.last.map(({ value }) => measureText(value)).join(", ")}.
        </p>
      )}
      {readings.length + events.length > 0 && (
        <ul className={`${classes["traceList"]} numbers`}>
          {readings.slice(0, listedMax).map(({ atMs, metric, value }) => (
            <li key={`${metric} ${atMs}`}>
              <span>{absoluteText(atMs, localZone)}</span>
              <strong>
                {infoOf(metric)?.label ?? metric} {valueText(value, infoOf(metric)?.unit ?? "")}
              </strong>
            </li>
          ))}
          {events.slice(0, listedMax).map(({ atMs, type }, at) => (
            <li key={`${type} ${atMs} ${at}`}>
              <span>{absoluteText(atMs, localZone)}</span>
              <strong>
                <code>{type}</code>
              </strong>
            </li>
          ))}
        </ul>
      )}
      {readings.length > 1 && (
        <p className={matter["small"]}>
          {plural(readings.length, "reading")} over{" "}
          {durationText((readings.at(-1)?.atMs ?? 0) - (readings[0]?.atMs ?? 0))}
          {readings.length > listedMax && `; the first ${listedMax} are listed`}.
        </p>
      )}
    </div>
  );
}
