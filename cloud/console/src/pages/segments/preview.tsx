import { Skeleton } from "@mantine/core";
import type { UseQueryResult } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import type { SegmentPreview, SegmentTest } from "../../api/segment-shapes.ts";
import { countText } from "../../core/numbers.ts";
import { factLabel } from "../../core/household-fact-words.ts";
import { seenText } from "../../core/segments.ts";
import { InWords } from "../../parts/expression.tsx";
import { QuestionNotice } from "../../parts/notice.tsx";
import page from "../../parts/page.module.css";
import { StateMark } from "../../parts/state-mark.tsx";
import classes from "./segments.module.css";

/** How many households a condition means that nobody has saved yet, and some of them. */
export function Preview({ preview, isEmpty }: { preview: UseQueryResult<SegmentPreview | null>; isEmpty: boolean }) {
  const { data } = preview;
  return (
    <section className={page["card"]} aria-label="Whom it means now">
      <h2>Whom it means now</h2>
      <QuestionNotice question={preview} />
      {isEmpty ? (
        <p className={page["note"]}>Write a condition to see how many households it means.</p>
      ) : data === undefined || data === null ? (
        preview.error === null && <Skeleton height={80} radius={8} />
      ) : data.kind === "refused" ? (
        <p className={page["note"]}>Nobody can say before the condition can be read.</p>
      ) : (
        <Found found={data} />
      )}
    </section>
  );
}

function Found({ found: { estimate, of, sample } }: { found: Extract<SegmentPreview, { kind: "ok" }> }) {
  return (
    <>
      {estimate === null ? (
        <p className={page["note"]}>It took too long to count. A condition with fewer parts is counted faster.</p>
      ) : (
        <div role="status">
          <p className={`${classes["big"]} numbers`}>
            {estimate.isExact ? "" : "about "}
            {countText(estimate.members)}
          </p>
          <p className={classes["small"]}>
            of {countText(of)} households
            {estimate.isExact ? "" : `, give or take ${countText(estimate.margin)}`}
          </p>
        </div>
      )}
      {sample.length > 0 && (
        <>
          <h3>Some of them</h3>
          <ul className={classes["people"]}>
            {sample.map((one) => (
              <li key={one.householdId}>
                <details>
                  <summary>{one.name ?? "A household without a name"}</summary>
                  <Why tested={one} />
                </details>
              </li>
            ))}
          </ul>
        </>
      )}
    </>
  );
}

/** Why a household is meant, or is not: each condition, and the facts that they read. */
export function Why({ tested: { householdId, conditions, facts } }: { tested: SegmentTest }) {
  return (
    <div className={page["form"]}>
      <ul className={classes["conditions"]}>
        {conditions.map(({ text, matches, missing }) => (
          <li key={text}>
            <StateMark tone={matches ? "well" : "mind"}>{matches ? "met" : "not met"}</StateMark>
            <InWords text={text} /> <code>{text}</code>
            {missing.length > 0 && <p className={classes["small"]}>Missing: {missing.map(factLabel).join(", ")}</p>}
          </li>
        ))}
      </ul>
      <ul className={classes["conditions"]} aria-label="Facts">
        {facts.map((fact) => (
          <li key={fact.name}>
            {factLabel(fact.name)}: {seenText(fact)}
          </li>
        ))}
      </ul>
      <p>
        <Link to="/households/$id" params={{ id: householdId }} className={page["link"]}>
          Open the household
        </Link>
      </p>
    </div>
  );
}
