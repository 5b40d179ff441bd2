import { useQuery } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { useState } from "react";
import { lateQuery } from "../../api/rule-queries.ts";
import type { RuleLateLine } from "../../api/rule-shapes.ts";
import { countText, plural } from "../../core/numbers.ts";
import { absoluteText } from "../../core/time.ts";
import { Ago } from "../../parts/ago.tsx";
import { localZone } from "../../parts/now.ts";
import page from "../../parts/page.module.css";
import classes from "./rules.module.css";

/** As many as are read before somebody asks for more. */
const shownMax = 5;
/** Around what was late, so that the chart has something beside it. */
const aroundMs = 1_800_000;

/** What could not be judged in order any more, an appliance a line; nothing where everything came in time. */
export function LateLines({ ruleId }: { ruleId: string }) {
  const [all, setAll] = useState(false);
  const lines = useQuery(lateQuery(ruleId)).data?.items ?? [];
  if (lines.length === 0) return null;
  const shown = all ? lines : lines.slice(0, shownMax);
  return (
    <section className={page["card"]} aria-label="Came too late">
      <h2>Came too late</h2>
      <p className={page["note"]}>
        These appliances were away, or sent something again out of its order: the rule had judged that time already, and
        may have found too much or too little in it. A back-test looks at everything where it belongs.
      </p>
      <ul className={classes["firings"]}>
        {shown.map((line) => (
          <Line key={line.deviceId} line={line} />
        ))}
      </ul>
      {shown.length < lines.length && (
        <button type="button" className={`${page["asLink"]} ${classes["all"]}`} onClick={() => setAll(true)}>
          Show all {countText(lines.length)}
        </button>
      )}
    </section>
  );
}

function Line({ line: { deviceId, count, fromMs, toMs, notedAtMs } }: { line: RuleLateLine }) {
  const span =
    fromMs === toMs
      ? `of ${absoluteText(fromMs, localZone)}`
      : `from ${absoluteText(fromMs, localZone)} to ${absoluteText(toMs, localZone)}`;
  return (
    <li>
      <span>
        <Link to="/devices/$id" params={{ id: deviceId }} search={{ from: fromMs - aroundMs, to: toMs + aroundMs }}>
          {deviceId}
        </Link>
        : {plural(count, "reading or event", "readings and events")} {span}
      </span>
      <span className={classes["small"]}>
        the last came <Ago atMs={notedAtMs} />
      </span>
    </li>
  );
}
