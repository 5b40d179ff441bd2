import type { CountsAt } from "../../api/lifecycle-shapes.ts";
import { stageName, stages, totalOf } from "../../core/lifecycle.ts";
import { countText } from "../../core/numbers.ts";
import { dateText } from "../../core/time.ts";
import { localZone } from "../../parts/now.ts";
import { NumberTable } from "../../parts/number-table.tsx";
import page from "../../parts/page.module.css";
import { StageMark } from "../../parts/stage-mark.tsx";
import classes from "./lifecycle.module.css";

const width = 600;
const height = 200;

/** Households in the first so many stages. */
const below = (at: CountsAt, upTo: number) => stages.slice(0, upTo).reduce((sum, stage) => sum + at.counts[stage], 0);

/** How many households were in each stage, one upon the other, over the period. */
export function CountsChart({ items }: { items: readonly CountsAt[] }) {
  const peak = Math.max(1, ...items.map(({ counts }) => totalOf(counts)));
  const x = (index: number) => (width * index) / Math.max(1, items.length - 1);
  const y = (count: number) => height - (height * count) / peak;
  const areas = stages.map((stage, order) => {
    const top = items.map((at, index) => `${x(index).toFixed(1)},${y(below(at, order + 1)).toFixed(1)}`);
    const bottom = items.map((at, index) => `${x(index).toFixed(1)},${y(below(at, order)).toFixed(1)}`);
    return { stage, path: `M${top.join(" L")} L${bottom.toReversed().join(" L")} Z` };
  });
  const [first, last] = [items[0], items.at(-1)];
  if (first === undefined || last === undefined) return null;
  const words = stages.map((stage) => `${stageName(stage)} ${first.counts[stage]} to ${last.counts[stage]}`);
  return (
    <section className={page["card"]} aria-label="Households over time">
      <h2>Households over time</h2>
      <figure className={classes["picture"]}>
        <svg
          viewBox={`0 0 ${width} ${height}`}
          preserveAspectRatio="none"
          className={classes["areas"]}
          role="img"
          aria-label={`Households by stage over the period: ${words.join(", ")}`}
          data-points={items.length}
        >
          {areas.map(({ stage, path }) => (
            <path key={stage} d={path} data-stage={stage} className={classes["area"]} />
          ))}
        </svg>
        <div className={`${classes["ends"]} ${page["soft"]} numbers`}>
          <span>{dateText(first.atMs, localZone)}</span>
          <span>at most {countText(peak)}</span>
          <span>now</span>
        </div>
        <ul className={classes["legend"]}>
          {stages.map((stage) => (
            <li key={stage}>
              <StageMark stage={stage} />
            </li>
          ))}
        </ul>
      </figure>
      <details className={classes["details"]}>
        <summary>As a table</summary>
        <NumberTable
          label="Households by stage over time"
          heads={["Day", ...stages.map(stageName)]}
          rows={items.toReversed().map(({ atMs, counts }) => ({
            key: atMs,
            of: dateText(atMs, localZone),
            cells: stages.map((stage) => countText(counts[stage])),
          }))}
        />
      </details>
    </section>
  );
}
