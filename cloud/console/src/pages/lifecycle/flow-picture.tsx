import { useElementSize } from "@mantine/hooks";
import { useState } from "react";
import type { StageFlow } from "../../api/lifecycle-shapes.ts";
import { stageName } from "../../core/lifecycle.ts";
import { countText, plural } from "../../core/numbers.ts";
import { type Band, bandPath, type Bar, type End, sankey } from "../../core/sankey.ts";
import { DataTable } from "../../parts/data-table.tsx";
import page from "../../parts/page.module.css";
import { StageStep } from "../../parts/stage-mark.tsx";
import classes from "./lifecycle.module.css";

const barWidth = 12;
/** Below this the labels lie on the bands, and bars are thick enough for a finger. */
const narrowWidth = 620;
const labelWidth = 190;

const nameOf = (end: End) => (end === "new" ? "Not known yet" : stageName(end));
const keyOf = ({ side, end }: Pick<Bar, "side" | "end">) => `${side} ${end}`;

interface FlowPictureProps {
  flows: readonly StageFlow[];
  /** The two moments, in words. */
  before: string;
  after: string;
  /** Of all bars together, in pixels. */
  height?: number;
}

/** A band for each way that households took between two moments. Its stages are buttons: they say in words what goes through them. */
export function FlowPicture({ flows, before, after, height: wanted = 320 }: FlowPictureProps) {
  const { ref, width } = useElementSize();
  const [pointed, setPointed] = useState<string | null>(null);
  const [held, setHeld] = useState<string | null>(null);
  const isNarrow = width < narrowWidth;
  const { bars, bands, height } = sankey(flows, wanted, isNarrow ? 44 : 26);
  const current = bars.find((bar) => keyOf(bar) === (pointed ?? held));
  const inset = isNarrow ? 0 : labelWidth;
  const [x0, x1] = [inset + barWidth, Math.max(inset + barWidth, width - inset - barWidth)];
  const total = flows.reduce((sum, flow) => sum + flow.households, 0);
  return (
    <figure className={classes["picture"]} aria-label={`Flows of ${plural(total, "household")} between stages`}>
      <div className={`${classes["ends"]} ${page["soft"]}`}>
        <span>{before}</span>
        <span>{after}</span>
      </div>
      <div ref={ref} className={classes["flowBox"]} style={{ height }}>
        {width > 0 && (
          <>
            <svg width={width} height={height} aria-hidden="true" data-bands={bands.length}>
              {bands.map((band) => (
                <path
                  key={`${band.from} ${band.to}`}
                  d={bandPath(band, x0, x1)}
                  className={classes["band"]}
                  data-stage={band.to}
                  data-dim={current !== undefined && !touches(band, current)}
                />
              ))}
              {bars.map((bar) => (
                <rect
                  key={keyOf(bar)}
                  x={bar.side === "left" ? inset : width - inset - barWidth}
                  y={bar.y}
                  width={barWidth}
                  height={bar.height}
                  rx={3}
                  className={classes["bar"]}
                  data-stage={bar.end}
                />
              ))}
            </svg>
            {bars.map((bar) => (
              <button
                key={keyOf(bar)}
                type="button"
                className={classes["end"]}
                data-side={bar.side}
                data-narrow={isNarrow}
                aria-pressed={held === keyOf(bar)}
                style={{ top: bar.y, height: bar.height, width: isNarrow ? undefined : labelWidth - 8 }}
                onPointerEnter={() => setPointed(keyOf(bar))}
                onPointerLeave={() => setPointed(null)}
                onFocus={() => setPointed(keyOf(bar))}
                onBlur={() => setPointed(null)}
                onClick={() => setHeld(held === keyOf(bar) ? null : keyOf(bar))}
              >
                <span>{nameOf(bar.end)}</span> <strong className="numbers">{countText(bar.households)}</strong>{" "}
                <span className="hidden">
                  {bar.side === "left" ? before : after}: {ways(bar, bands)}
                </span>
              </button>
            ))}
          </>
        )}
      </div>
      <figcaption className={classes["said"]}>
        {current === undefined
          ? "Point at a stage to read where its households came from, or went."
          : `${nameOf(current.end)}, ${current.side === "left" ? before : after}: ${plural(current.households, "household")}; ${ways(current, bands)}`}
      </figcaption>
      <FlowTable flows={flows} before={before} after={after} />
    </figure>
  );
}

const touches = (band: Band, { side, end }: Bar) => (side === "left" ? band.from : band.to) === end;

/** Where the households of a bar went, or came from, the most first. */
function ways(bar: Bar, bands: readonly Band[]): string {
  const own = bands.filter((band) => touches(band, bar)).toSorted((a, b) => b.households - a.households);
  const parts = own.map((band) => {
    const other = bar.side === "left" ? band.to : band.from;
    if (other === bar.end) return `${countText(band.households)} stayed`;
    const way = bar.side === "left" ? "to" : "from";
    return `${countText(band.households)} ${way} ${nameOf(other).toLowerCase()}`;
  });
  return `${parts.join(", ")}.`;
}

function FlowTable({ flows, before, after }: FlowPictureProps) {
  const rows = flows.toSorted((a, b) => b.households - a.households);
  return (
    <details className={classes["details"]}>
      <summary>As a table</summary>
      <DataTable
        label="Flows between stages as a table"
        rows={rows}
        keyOf={({ from, to }) => `${from} ${to}`}
        columns={[
          { name: `${before} → ${after}`, lead: true, cell: ({ from, to }) => <StageStep from={from} to={to} /> },
          {
            name: "Households",
            isNumber: true,
            cell: ({ households }) => <span className="numbers">{countText(households)}</span>,
          },
        ]}
      />
    </details>
  );
}
