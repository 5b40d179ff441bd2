import { Skeleton } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import type { ReactNode } from "react";
import { healthQuery, modelsQuery, overviewQuery } from "../../api/queries.ts";
import type { Health, Overview } from "../../api/shapes.ts";
import { countText, plural, rateText } from "../../core/numbers.ts";
import type { Rate } from "../../core/rates.ts";
import { durationText } from "../../core/time.ts";
import { AlertIcon, CheckIcon } from "../../parts/icons.tsx";
import { FirstAppliance } from "../../parts/first-appliance.tsx";
import { QuestionNotice } from "../../parts/notice.tsx";
import { DeliveriesBar } from "./deliveries-bar.tsx";
import { OpenCases } from "./open-cases.tsx";
import classes from "./overview.module.css";
import { Sparkline } from "./sparkline.tsx";

/** The fleet at a glance: is anything wrong, who is here, what flows, what waits for somebody. */
export function OverviewPage() {
  const question = useQuery(overviewQuery);
  const health = useQuery(healthQuery);
  const overview = question.data?.now;
  return (
    <div className={classes["page"]}>
      <title>Overview · Hearth</title>
      <h1 className="hidden">Overview</h1>
      {health.data !== undefined && health.error === null && <HealthLine health={health.data} />}
      <QuestionNotice question={question} />
      {overview === undefined ? (
        question.error === null && <OverviewSkeleton />
      ) : overview.devices.total === 0 ? (
        <FirstAppliance />
      ) : (
        <>
          <section className={classes["fleet"]} aria-label="Fleet">
            <Connected devices={overview.devices} />
            <Readings rates={question.data?.rates ?? []} total={overview.readingsCommitted} atMs={overview.atMs} />
          </section>
          <Figures overview={overview} />
          <div className={classes["pair"]}>
            <DeliveriesBar deliveries={overview.deliveries} />
            <OpenCases />
          </div>
        </>
      )}
    </div>
  );
}

/** Below this the up road's delay is its ordinary beat. */
const behindMsMin = 2_000;

/** Below this the follower of the rollups is at its ordinary work. */
const rollupsBehindMsMin = 60_000;

function HealthLine({ health }: { health: Health }) {
  const { status, problems, upRoad, process } = health;
  const store = storeWords(health.telemetry);
  const rollups = rollupWords(health.telemetry);
  if (status !== "ok") {
    return (
      <section className={`${classes["health"]} ${classes["degraded"]}`} aria-label="Health" role="status">
        <AlertIcon />
        <ul>
          {problems.map((sentence) => (
            <li key={sentence}>{sentence}</li>
          ))}
          {store !== null && <li className={classes["healthMore"]}>{store}</li>}
        </ul>
      </section>
    );
  }
  const behind =
    upRoad.behindMs > behindMsMin
      ? `${plural(upRoad.behindRecords, "record")} on the way into the database, the oldest ${durationText(upRoad.behindMs)} old.`
      : "Everything that appliances sent is stored.";
  return (
    <section className={classes["health"]} aria-label="Health">
      <CheckIcon />
      <p>
        All is well.{" "}
        <span className={classes["healthMore"]}>
          {[behind, rollups, store, `Up for ${durationText(process.uptimeMs)}.`]
            .filter((one) => one !== null)
            .join(" ")}
        </span>
      </p>
    </section>
  );
}

/** How the store of readings stands, where it is a store of its own: the readings in the database are stored with everything else. */
function storeWords({ store, up, behindRecords, behindMs, parked }: Health["telemetry"]): string | null {
  if (store === "postgres") return null;
  const waiting =
    behindRecords === 0
      ? "nothing waits for it"
      : `${plural(behindRecords, "record")} wait for it in the gateway, the oldest ${durationText(behindMs)} old; they go in by themselves when it answers`;
  const refused =
    parked === 0 ? "" : ` It refused ${plural(parked, "reading")} for good, kept at /api/v1/parked-readings.`;
  return `Readings are kept in InfluxDB, which ${up ? "answers" : "does not answer"}: ${waiting}.${refused} Cases, rules and safety do not wait for it.`;
}

/** How far the rollups lag: from a limit on that is one of the problems, and until then it passes by itself. */
function rollupWords({ rollups: { hoursBehind, behindMs } }: Health["telemetry"]): string | null {
  if (behindMs < rollupsBehindMsMin) return null;
  return `Rollups of ${plural(hoursBehind, "hour")} are being made, the oldest for ${durationText(behindMs)}; charts read the readings meanwhile.`;
}

function Connected({ devices }: { devices: Overview["devices"] }) {
  const models = useQuery(modelsQuery).data?.items ?? [];
  const nameOf = (key: string) => models.find((model) => model.key === key)?.name ?? key;
  return (
    <div className={classes["connected"]}>
      <p className={`${classes["big"]} numbers`} data-testid="connected">
        {countText(devices.online)}
        <span className={classes["of"]}> of {countText(devices.total)}</span>
      </p>
      <h2 className={classes["label"]}>Appliances connected</h2>
      <ul className={classes["models"]}>
        {devices.models.map(({ model, total, online }) => (
          <li key={model}>
            <Link to="/devices" search={{ model }} className={classes["model"]}>
              <span className={classes["modelName"]}>{nameOf(model)}</span>
              <span className={`${classes["modelCount"]} numbers`}>
                <strong>{countText(online)}</strong> of {countText(total)}
              </span>
              <span className={classes["track"]} aria-hidden="true">
                <span className={classes["fill"]} style={{ width: `${(100 * online) / Math.max(1, total)}%` }} />
              </span>
            </Link>
          </li>
        ))}
      </ul>
    </div>
  );
}

function Readings({ rates, total, atMs }: { rates: Rate[]; total: number; atMs: number }) {
  const last = rates.at(-1);
  return (
    <div className={classes["readings"]}>
      <p className={`${classes["big"]} numbers`} data-testid="rate">
        {last === undefined ? "…" : rateText(last.perSecond)}
        <span className={classes["of"]}> a second</span>
      </p>
      <h2 className={classes["label"]}>Readings committed; {countText(total)} since the service began</h2>
      <Sparkline rates={rates} atMs={atMs} />
    </div>
  );
}

function Figures({ overview }: { overview: Overview }) {
  const { cases, points, firmwareConfirmed, quarantined } = overview;
  const resolved = cases["resolved"] ?? 0;
  const open = Object.values(cases).reduce((sum, count) => sum + count, 0) - resolved;
  return (
    <section className={classes["figures"]} aria-label="What came of it">
      <Figure label={open === 1 ? "Open case" : "Open cases"} count={open} alert={open > 0}>
        {plural(resolved, "case")} resolved
      </Figure>
      <Figure label="Points" count={points}>
        active in all households
      </Figure>
      <Figure label="Firmware confirmed" count={firmwareConfirmed}>
        started and found well by the appliance
      </Figure>
      <Figure label="In quarantine" count={quarantined} alert={quarantined > 0}>
        kept whole, not understood
      </Figure>
    </section>
  );
}

interface FigureProps {
  label: string;
  count: number;
  /** Somebody should look. */
  alert?: boolean;
  children: ReactNode;
}

function Figure({ label, count, alert = false, children }: FigureProps) {
  return (
    <div className={classes["figure"]}>
      <p className={`${classes["figureNumber"]} numbers`}>
        {countText(count)}
        {alert && <AlertIcon />}
      </p>
      <h2>{label}</h2>
      <p className={classes["figureMore"]}>{children}</p>
    </div>
  );
}

function OverviewSkeleton() {
  return (
    <div className={classes["page"]} aria-busy="true" aria-label="Loading">
      <Skeleton height={300} radius={10} />
      <Skeleton height={120} radius={10} />
      <Skeleton height={104} radius={10} />
    </div>
  );
}
