import { Button, Skeleton } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { useMemo, useState } from "react";
import { deviceQuery, modelsQuery, telemetryQuery } from "../../api/queries.ts";
import { backtestDevicesQuery } from "../../api/rule-queries.ts";
import type { Backtest, BacktestDevice } from "../../api/rule-shapes.ts";
import { traceOf } from "../../core/case-words.ts";
import { metricsOf } from "../../core/metrics.ts";
import { plural } from "../../core/numbers.ts";
import { metricsRead } from "../../core/rules.ts";
import { absoluteText } from "../../core/time.ts";
import { QuestionNotice } from "../../parts/notice.tsx";
import { localZone } from "../../parts/now.ts";
import page from "../../parts/page.module.css";
import { Pager } from "../../parts/pager.tsx";
import { ReadingChart } from "../../parts/reading-chart.tsx";
import { TraceOf } from "./firings.tsx";
import classes from "./rules.module.css";

/** The appliances on which a back-test fired, and for the one that is chosen its readings with a mark wherever it did. */
export function BacktestDevices({ backtest }: { backtest: Backtest }) {
  const [cursor, setCursor] = useState<string | undefined>(undefined);
  const question = useQuery(backtestDevicesQuery(backtest.id, { verdict: "fired", cursor }));
  const [chosen, setChosen] = useState<string | null>(null);
  const items = question.data?.items ?? [];
  const shown = items.find(({ deviceId }) => deviceId === chosen) ?? items[0];
  return (
    <div className={classes["matches"]}>
      <h3>Where it fired</h3>
      <QuestionNotice question={question} />
      <ul className={classes["devices"]} aria-label="Appliances on which it fired">
        {items.map(({ deviceId, raises }) => (
          <li key={deviceId}>
            <Button
              variant="default"
              size="compact-md"
              aria-pressed={deviceId === shown?.deviceId}
              className={classes["device"] ?? ""}
              onClick={() => setChosen(deviceId)}
            >
              {deviceId}
              <span className={classes["times"]}>{raises}×</span>
            </Button>
          </li>
        ))}
      </ul>
      {question.data !== undefined && (cursor !== undefined || question.data.nextCursor !== null) && (
        <Pager
          words={plural(items.length, "appliance")}
          cursor={cursor}
          nextCursor={question.data.nextCursor}
          onCursor={setCursor}
        />
      )}
      {shown !== undefined && <Match key={shown.deviceId} backtest={backtest} device={shown} />}
    </div>
  );
}

const points = 800;

function Match({ backtest, device }: { backtest: Backtest; device: BacktestDevice }) {
  const { fromMs, toMs, definition } = backtest;
  const read = metricsRead(definition);
  const model = useQuery(deviceQuery(device.deviceId)).data?.model;
  const models = useQuery(modelsQuery).data?.items ?? [];
  const metrics = metricsOf(
    models.find(({ key }) => key === model),
    [],
  );
  const question = useQuery(
    telemetryQuery(device.deviceId, { metrics: read, points, other: undefined, span: { kind: "fixed", fromMs, toMs } }),
  );
  const marks = useMemo(
    () =>
      device.firings.map(({ kind, atMs }) => ({
        atMs,
        title: kind === "raise" ? "It fired" : "It cleared",
        colour: kind === "raise" ? "--wrong" : "--well",
      })),
    [device.firings],
  );
  const dots = useMemo(
    () => device.firings.flatMap(({ kind, trace }) => (kind === "raise" ? (traceOf(trace)?.readings ?? []) : [])),
    [device.firings],
  );
  return (
    <div className={classes["match"]}>
      <QuestionNotice question={question} />
      {read.length > 0 && question.data === undefined && question.error === null && <Skeleton height={220} />}
      {question.data !== undefined && (
        <ReadingChart
          name={`Readings of ${device.deviceId} with marks where the rule fired`}
          range={question.data}
          metrics={metrics}
          marks={marks}
          dots={dots}
          momentMs={null}
          telling={read}
          height={220}
        />
      )}
      <ul className={classes["firings"]}>
        {device.firings.map(({ kind, atMs, trace }) => (
          <li key={`${kind} ${atMs}`}>
            <span className="numbers">
              {kind === "raise" ? "Fired" : "Cleared"} {absoluteText(atMs, localZone)}
            </span>
            <TraceOf trace={traceOf(trace)} metrics={metrics} />
          </li>
        ))}
      </ul>
      {device.raises > device.firings.length && (
        <p className={page["note"]}>It fired {plural(device.raises, "time")}; the first are listed.</p>
      )}
    </div>
  );
}
