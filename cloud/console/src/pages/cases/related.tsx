import { Link } from "@tanstack/react-router";
import type { CaseDossier, RelatedCase } from "../../api/case-shapes.ts";
import { statusWords } from "../../core/case-words.ts";
import { countText, plural } from "../../core/numbers.ts";
import { durationText } from "../../core/time.ts";
import { Ago } from "../../parts/ago.tsx";
import { useCauseName } from "../../parts/cause-name.ts";
import matter from "../../parts/matter.module.css";
import { useNow } from "../../parts/now.ts";
import page from "../../parts/page.module.css";
import { StateMark } from "../../parts/state-mark.tsx";
import classes from "./case.module.css";

/** Whether others have it too, and what this appliance had before. */
export function Related({ found: { similar, past, cause, model } }: { found: CaseDossier }) {
  const causeName = useCauseName();
  const lookedBack = durationText(useNow() - similar.sinceMs);
  const { devices, open, sameModel, sameFirmware } = similar;
  return (
    <section className={page["card"]} aria-label="Similar and past cases">
      <h2>Who else has it</h2>
      {devices === 0 ? (
        <p className={page["note"]}>
          No other appliance has had “{causeName(cause, model)}” in the last {lookedBack}.
        </p>
      ) : (
        <p>
          <strong>{plural(devices, "other appliance")}</strong> in the last {lookedBack}: {countText(sameModel)} of the
          same model, {countText(sameFirmware)} with the same firmware, {countText(open)} still open.
        </p>
      )}
      <CaseList cases={similar.cases} showsDevice />
      <h2>What this appliance had before</h2>
      {past.length === 0 ? (
        <p className={page["note"]}>No other case.</p>
      ) : (
        <CaseList cases={past} showsDevice={false} />
      )}
    </section>
  );
}

const CaseList = ({ cases, showsDevice }: { cases: readonly RelatedCase[]; showsDevice: boolean }) => (
  <ul className={classes["relatedList"]}>
    {cases.map(({ id, title, deviceId, status, firmware, openedAtMs }) => (
      <li key={id}>
        <Link to="/cases/$id" params={{ id }}>
          {showsDevice ? deviceId : title}
        </Link>
        <span className={matter["small"]}>
          {firmware !== null && `${firmware}, `}
          <Ago atMs={openedAtMs} />
        </span>
        <StateMark tone={statusWords[status].tone}>{statusWords[status].words}</StateMark>
      </li>
    ))}
  </ul>
);
