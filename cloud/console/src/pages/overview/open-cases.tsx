import { useQuery } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { openCasesQuery } from "../../api/queries.ts";
import type { ServiceCase } from "../../api/case-shapes.ts";
import { Ago } from "../../parts/ago.tsx";
import { AlertIcon } from "../../parts/icons.tsx";
import { QuestionNotice } from "../../parts/notice.tsx";
import classes from "./open-cases.module.css";
import page from "./overview.module.css";

/** The newest cases that nobody has taken up; each leads to its page. */
export function OpenCases() {
  const question = useQuery(openCasesQuery);
  const cases = question.data?.items ?? [];
  return (
    <section className={page["card"]} aria-label="Newest open cases">
      <div className={page["cardHead"]}>
        <h2>Newest open cases</h2>
      </div>
      <QuestionNotice question={question} />
      {question.data !== undefined && cases.length === 0 && (
        <p className={classes["none"]}>
          None is open. A case opens by itself when a service rule finds something, and closes when its cause is gone.
        </p>
      )}
      <ul className={classes["list"]}>
        {cases.map((one) => (
          <li key={one.id}>
            <CaseLink {...one} />
          </li>
        ))}
      </ul>
    </section>
  );
}

function CaseLink({ id, deviceId, title, severity, openedAtMs }: ServiceCase) {
  return (
    <Link
      to="/cases/$id"
      params={{ id }}
      className={`${classes["case"]} ${severity === "safety" ? classes["safety"] : ""}`}
    >
      <AlertIcon />
      <span className={classes["title"]}>
        {severity === "safety" && <strong>Safety: </strong>}
        {title}
      </span>
      <span className={`${classes["soft"]} ${classes["ago"]}`}>
        <Ago atMs={openedAtMs} />
      </span>
      <span className={`${classes["soft"]} ${classes["device"]}`}>{deviceId ?? "a household’s"}</span>
    </Link>
  );
}
