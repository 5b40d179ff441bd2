import { useQuery } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import type { ServiceCase } from "../../api/case-shapes.ts";
import { useRights } from "../../api/rights.ts";
import { caseBriefQuery, casesOfQuery } from "../../api/support-queries.ts";
import type { CaseBrief } from "../../api/support-shapes.ts";
import { isClosed, statusWords } from "../../core/case-words.ts";
import { casePath } from "../../core/cases.ts";
import { plural } from "../../core/numbers.ts";
import { dateText } from "../../core/time.ts";
import { Ago } from "../../parts/ago.tsx";
import { useCauseName } from "../../parts/cause-name.ts";
import { HrefLink } from "../../parts/href-link.tsx";
import { AlertIcon, ArrowRightIcon, CheckIcon } from "../../parts/icons.tsx";
import { QuestionNotice } from "../../parts/notice.tsx";
import classes from "./service-brief.module.css";

/** Open cases that are told in full; the others are behind the first. */
const toldMax = 3;

/** What is wrong with the appliance, why, and what mends it: what a support agent came for. */
export function ServiceBrief({ deviceId, timeZone }: { deviceId: string; timeZone: string }) {
  const question = useQuery(casesOfQuery({ device: deviceId }));
  const cases = question.data?.items ?? [];
  const mayWork = useRights()?.may("cases.write") === true;
  const open = cases.filter((one) => !isClosed(one.status));
  const past = cases.length - open.length;
  const pastWords = past === 0 ? "It has never had one." : `${plural(past, "case")} of the past, on the timeline.`;
  return (
    <section className={classes["brief"]} aria-label="Service" data-open={open.length}>
      <QuestionNotice question={question} />
      {question.data !== undefined && open.length === 0 && (
        <p className={classes["well"]}>
          <CheckIcon />
          <span>
            No case is open. <span className={classes["soft"]}>{pastWords}</span>
          </span>
        </p>
      )}
      {open.slice(0, toldMax).map((one) => (
        <OpenCase key={one.id} serviceCase={one} timeZone={timeZone} />
      ))}
      {mayWork && (
        <p className={classes["openOne"]}>
          <Link to="/cases" search={{ open: `device:${deviceId}` }}>
            Open a case by hand
          </Link>
        </p>
      )}
      {open.length > toldMax && (
        <p className={classes["soft"]}>{plural(open.length - toldMax, "more case is", "more cases are")} open.</p>
      )}
    </section>
  );
}

function OpenCase({ serviceCase, timeZone }: { serviceCase: ServiceCase; timeZone: string }) {
  const { id, title, severity, status, openedAtMs } = serviceCase;
  const brief = useQuery(caseBriefQuery(id)).data;
  const article = brief?.causeArticle ?? null;
  const causeName = useCauseName();
  return (
    <HrefLink href={casePath(id)} className={classes["case"]} data-severity={severity}>
      <AlertIcon />
      <span className={classes["told"]}>
        <span className={classes["title"]}>
          {severity === "safety" && "Safety: "}
          {title}
        </span>
        <span className={classes["soft"]}>
          {statusWords[status].words}, opened <Ago atMs={openedAtMs} timeZone={timeZone} />
          {brief !== undefined && `. Cause: ${causeName(brief.cause, brief.model)}`}
        </span>
        {article !== null && (
          <span className={classes["fix"]}>
            {article.fix}
            {article.part !== null && (
              <span className={classes["part"]}>
                {" "}
                Part {article.part.number}, {article.part.name}.
              </span>
            )}
          </span>
        )}
        {brief !== undefined && <span className={classes["soft"]}>{similarWords(brief, timeZone)}</span>}
      </span>
      <ArrowRightIcon />
    </HrefLink>
  );
}

/** How many others have it, and what those have in common with this one. */
function similarWords({ similar }: CaseBrief, timeZone: string): string {
  const { devices, open, sameModel, sameFirmware, sinceMs } = similar;
  if (devices === 0) return `No other appliance has had it since ${dateText(sinceMs, timeZone)}.`;
  const alike = [`${sameModel} of this model`, `${sameFirmware} with this firmware`].join(", ");
  return `${plural(devices, "other appliance has", "other appliances have")} had it since ${dateText(sinceMs, timeZone)}: ${alike}, ${open} still open.`;
}
