import type { Erasure } from "../api/webhook-shapes.ts";
import { isOfDatabase, progressOf, scanWords, storeName } from "../core/erasures.ts";
import { countText, plural } from "../core/numbers.ts";
import { absoluteText } from "../core/time.ts";
import classes from "./erasure-report.module.css";
import { localZone } from "./now.ts";
import page from "./page.module.css";
import { StateMark } from "./state-mark.tsx";

type Store = Erasure["report"]["stores"][number];

/** Store by store what an erasure did, and what was found after it: the proof, as it grows. */
export function ErasureReport({ erasure }: { erasure: Erasure }) {
  const { report } = erasure;
  const { words, tone } = progressOf(erasure);
  const scan = scanWords(erasure);
  const rows = report.stores.filter((store) => isOfDatabase(store));
  const held = rows.filter(({ removed }) => removed !== null && removed > 0);
  const others = report.stores.filter((store) => !isOfDatabase(store));
  return (
    <div className={classes["report"]}>
      <StateMark tone={tone}>{words}</StateMark>
      {report.again !== null && (
        <p className={classes["again"]}>
          A backup that was restored had brought the household back. It was erased first on{" "}
          {absoluteText(report.again.firstAtMs, localZone)}.
        </p>
      )}
      {scan !== null && <p>{scan}</p>}
      <h2>Beside the database</h2>
      <Stores label="Store by store" stores={others} />
      <h2>In the database</h2>
      <Stores label="Rows by kind" stores={held} />
      {held.length < rows.length && (
        <details className={classes["more"]}>
          <summary>{plural(rows.length - held.length, "kind")} of rows of which there were none</summary>
          <Stores label="Nothing there" stores={rows.filter((store) => !held.includes(store))} />
        </details>
      )}
    </div>
  );
}

const Stores = ({ label, stores }: { label: string; stores: readonly Store[] }) => (
  <ul className={classes["stores"]} aria-label={label}>
    {stores.map((one) => (
      <li key={one.store} data-state={one.state}>
        <span className={classes["head"]}>
          <strong>{storeName(one)}</strong>
          <span className={`numbers ${page["soft"]}`}>{stateWords(one)}</span>
        </span>
        <span className={classes["small"]}>{one.describes}</span>
        {one.keeps !== null && <span className={classes["keeps"]}>Stays: {one.keeps}</span>}
      </li>
    ))}
  </ul>
);

function stateWords({ state, removed }: Store): string {
  if (state === "waiting") return "being worked off";
  if (state === "nothing_held") return "nothing to remove";
  return removed !== null && removed > 0 ? `${countText(removed)} removed` : "removed";
}
