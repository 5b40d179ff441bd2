import { useQuery } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import type { CaseDossier } from "../../api/case-shapes.ts";
import { householdQuery } from "../../api/case-queries.ts";
import { dateText } from "../../core/time.ts";
import { Ago } from "../../parts/ago.tsx";
import { CauseLink } from "../../parts/cause-link.tsx";
import { Fact, Facts } from "../../parts/matter.tsx";
import { localZone, useNow } from "../../parts/now.ts";
import page from "../../parts/page.module.css";
import { Who } from "../../parts/who.tsx";

/** How much is shown to either side of the opening. */
const aroundMs = 1_800_000;

/** What and whose it is, on one screen with its title. */
export function CaseFacts({ found }: { found: CaseDossier }) {
  const { appliance, deviceId, openedAtMs, assignee, cause, evidence } = found;
  const firmware = evidence?.firmware.version ?? appliance?.firmware ?? null;
  const later = appliance?.firmware ?? null;
  return (
    <Facts aRow={4}>
      <Fact name="Cause">
        <CauseLink cause={cause} model={found.model} />
      </Fact>
      <Fact name="Appliance">
        {deviceId === null ? (
          <span className={page["soft"]}>none: it is the household’s</span>
        ) : (
          <Link
            to="/devices/$id"
            params={{ id: deviceId }}
            search={{ from: openedAtMs - aroundMs, to: openedAtMs + aroundMs }}
          >
            {deviceId}
          </Link>
        )}
        {appliance !== null && appliance.serial !== deviceId && (
          <span className={page["soft"]}> {appliance.serial}</span>
        )}
      </Fact>
      {found.model !== null && (
        <Fact name="Model and firmware">
          {found.model} <span className="numbers">{firmware ?? "firmware unknown"}</span>
          {later !== null && later !== firmware && <span className={page["soft"]}>, today {later}</span>}
        </Fact>
      )}
      <Fact name="Household">
        {found.householdId === null ? <span className={page["soft"]}>none</span> : <Household id={found.householdId} />}
      </Fact>
      <Fact name="Who has it">
        {assignee === null ? <span className={page["soft"]}>nobody</span> : <Who principal={assignee} />}
      </Fact>
      <Fact name="Opened">
        <Ago atMs={openedAtMs} /> <span className={page["soft"]}>by</span> <Who principal={found.openedBy} />
        {found.reopenedCount > 0 && <span className={page["soft"]}>, came back {found.reopenedCount}×</span>}
      </Fact>
      {deviceId !== null && (
        <>
          <Fact name="Warranty">
            <Warranty found={found} />
          </Fact>
          <Fact name="Support">
            <Until atMs={appliance?.endOfSupportMs ?? null} none="no end stated" past="ended" ahead="until" />
          </Fact>
        </>
      )}
    </Facts>
  );
}

function Household({ id }: { id: string }) {
  const found = useQuery(householdQuery(id)).data;
  if (found === undefined) return <>…</>;
  return (
    <>
      <Link to="/households/$id" params={{ id }}>
        {found.name}
      </Link>{" "}
      <span className={page["soft"]}>{`${found.locale}, ${found.timeZone}`}</span>
    </>
  );
}

function Until({ atMs, none, past, ahead }: { atMs: number | null; none: string; past: string; ahead: string }) {
  const nowMs = useNow();
  if (atMs === null) return <span className={page["soft"]}>{none}</span>;
  const isPast = atMs < nowMs;
  return (
    <span className="numbers">
      {isPast ? past : ahead} {dateText(atMs, localZone)}
    </span>
  );
}

function Warranty({ found: { appliance } }: { found: CaseDossier }) {
  if (appliance === null || appliance.underWarranty === null)
    return <span className={page["soft"]}>nobody said until when</span>;
  return (
    <>
      {appliance.underWarranty ? "covered, " : "not covered, "}
      <Until atMs={appliance.warrantyUntilMs} none="" past="ended" ahead="until" />
    </>
  );
}
