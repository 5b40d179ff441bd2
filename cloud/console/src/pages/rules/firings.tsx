import { useQuery } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { useState } from "react";
import { modelsQuery } from "../../api/queries.ts";
import { firingsQuery } from "../../api/rule-queries.ts";
import type { RuleFiring, ServiceRule } from "../../api/rule-shapes.ts";
import { type RuleTrace, traceOf } from "../../core/case-words.ts";
import { type MetricInfo, metricsOf } from "../../core/metrics.ts";
import { countText, measureText, plural, valueText } from "../../core/numbers.ts";
import { doneWords } from "../../core/rules.ts";
import { absoluteText } from "../../core/time.ts";
import { Ago } from "../../parts/ago.tsx";
import { QuestionNotice } from "../../parts/notice.tsx";
import { localZone } from "../../parts/now.ts";
import page from "../../parts/page.module.css";
import classes from "./rules.module.css";

/** As many as are read before somebody asks for more. */
const shownMax = 10;
const listedMax = 8;

/** What the rule found, in force and in its shadow beside each other, each with what spoke for it. */
export function Firings({ rule }: { rule: ServiceRule }) {
  const question = useQuery(firingsQuery(rule.id));
  const models = useQuery(modelsQuery).data?.items ?? [];
  const metrics = models.flatMap((model) => metricsOf(model, []));
  const items = question.data?.items ?? [];
  return (
    <section className={page["card"]} aria-label="What it found">
      <h2>What it found</h2>
      <QuestionNotice question={question} />
      {question.data !== undefined && items.length === 0 ? (
        <p className={page["note"]}>
          Nothing yet. That can mean that all is well, or that nothing comes in that it looks at: a back-test below
          tells the two apart.
        </p>
      ) : (
        <div className={classes["sides"]}>
          {(["live", "shadow"] as const).map((mode) => (
            <Side key={mode} mode={mode} firings={items.filter((one) => one.mode === mode)} metrics={metrics} />
          ))}
        </div>
      )}
    </section>
  );
}

interface SideProps {
  mode: RuleFiring["mode"];
  firings: readonly RuleFiring[];
  metrics: readonly MetricInfo[];
}

function Side({ mode, firings, metrics }: SideProps) {
  const [all, setAll] = useState(false);
  const shown = all ? firings : firings.slice(0, shownMax);
  return (
    <div>
      <h3>
        {mode === "live" ? "Live" : "In its shadow"}{" "}
        <span className={`${classes["small"]} numbers`}>{countText(firings.length)}</span>
      </h3>
      {firings.length === 0 && <p className={page["note"]}>Nothing.</p>}
      <ul className={classes["firings"]}>
        {shown.map((firing) => (
          <li key={firing.id}>
            <span>
              <Link
                to="/devices/$id"
                params={{ id: firing.deviceId }}
                search={{ from: firing.atMs - 1_800_000, to: firing.atMs + 1_800_000 }}
              >
                {firing.deviceId}
              </Link>{" "}
              {firing.kind === "raise" ? "came" : "went"} <Ago atMs={firing.atMs} />
            </span>
            {firing.done.map((done) => (
              <span key={`${done.kind} ${done.itemId ?? ""}`} className={classes["small"]}>
                {doneWords(done)}
              </span>
            ))}
            <TraceOf trace={traceOf(firing.trace)} metrics={metrics} />
          </li>
        ))}
      </ul>
      {shown.length < firings.length && (
        <button type="button" className={`${page["asLink"]} ${classes["all"]}`} onClick={() => setAll(true)}>
          Show all {countText(firings.length)}
        </button>
      )}
    </div>
  );
}

/** What a trace holds most of: what was measured of each episode, readings, or events. */
function behindWords({ readings, events, baseline }: RuleTrace): string {
  if (readings.length > 0) return plural(readings.length, "reading");
  if (events.length > 0 || baseline === null) return plural(events.length, "event");
  return plural(baseline.last.length, "episode");
}

/** What spoke for a firing, opened by who wants to know. */
export function TraceOf({ trace, metrics }: { trace: RuleTrace | null; metrics: readonly MetricInfo[] }) {
  if (trace === null) return null;
  const { readings, events, baseline } = trace;
  const infoOf = (metric: string) => metrics.find((info) => info.metric === metric);
  return (
    <details className={classes["trace"]}>
      <summary>{behindWords(trace)} behind it</summary>
      {baseline !== null && (
        <p>
          Its own usual is {measureText(baseline.median)}, from {plural(baseline.episodes, "episode")}; the last were:
        </p>
      )}
      <ul className="numbers">
        {baseline?.last.map(({ atMs, value }) => (
          <li key={atMs}>
            {absoluteText(atMs, localZone)}: <strong>{measureText(value)}</strong>
          </li>
        ))}
        {readings.slice(0, listedMax).map(({ atMs, metric, value }) => (
          <li key={`${metric} ${atMs}`}>
            {absoluteText(atMs, localZone)}: {infoOf(metric)?.label ?? metric}{" "}
            <strong>{valueText(value, infoOf(metric)?.unit ?? "")}</strong>
          </li>
        ))}
        {events.slice(0, listedMax).map(({ atMs, type }, at) => (
          <li key={`${type} ${atMs} ${at}`}>
            {absoluteText(atMs, localZone)}: <code>{type}</code>
          </li>
        ))}
      </ul>
    </details>
  );
}
