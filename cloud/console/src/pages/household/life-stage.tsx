import { Skeleton } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { householdLifeQuery } from "../../api/lifecycle-queries.ts";
import type { HouseholdLife, StageChange } from "../../api/lifecycle-shapes.ts";
import { daysText, isForward, stageMeaning } from "../../core/lifecycle.ts";
import { plural } from "../../core/numbers.ts";
import { Ago } from "../../parts/ago.tsx";
import { QuestionNotice } from "../../parts/notice.tsx";
import page from "../../parts/page.module.css";
import { StageMark } from "../../parts/stage-mark.tsx";
import { StateMark } from "../../parts/state-mark.tsx";
import classes from "./life-stage.module.css";
import { Section } from "./section.tsx";
import type { SectionProps } from "./section-props.ts";

/** In which stage of its life as a customer the household is, and every step to it with its causes. */
export function LifeStage({ household: { id } }: SectionProps) {
  const question = useQuery(householdLifeQuery(id));
  const life = question.data;
  return (
    <Section title="Stage and how it got there">
      <QuestionNotice question={question} />
      {question.isPending && <Skeleton height={120} radius={10} />}
      {life !== undefined && <Known life={life} />}
    </Section>
  );
}

function Known({ life }: { life: HouseholdLife }) {
  const { stage, sinceMs, risks, changes, tooLate } = life;
  return (
    <>
      <p className={classes["now"]}>
        <strong>
          <StageMark stage={stage} />
        </strong>
        <span className={page["soft"]}>
          {stageMeaning[stage]}
          {sinceMs !== null && (
            <>
              , since <Ago atMs={sinceMs} />
            </>
          )}
        </span>
      </p>
      <p className={page["note"]}>{habit(life)}</p>
      {risks.length > 0 && (
        <ul className={classes["risks"]} aria-label="What endangers it">
          {risks
            .flatMap(({ causes }) => causes)
            .map(({ kind, atMs, text }) => (
              <li key={`${kind} ${atMs}`}>
                <StateMark tone="mind">At risk</StateMark> {text}
              </li>
            ))}
        </ul>
      )}
      {changes.length === 0 ? (
        <p className={page["note"]}>
          Nothing has happened yet. Its stage changes by itself with what it does at its appliances and elsewhere.
        </p>
      ) : (
        <ol className={classes["steps"]} aria-label="Steps, the newest first">
          {changes.map((change) => (
            <Step key={change.place} change={change} />
          ))}
        </ol>
      )}
      {tooLate !== null && (
        <p className={page["note"]}>
          {plural(tooLate.count, "thing")} that happened long ago, the newest <Ago atMs={tooLate.newestMs} />, came to
          be known too late to change a stage: of what is older than 400 days only the sum is kept.
        </p>
      )}
    </>
  );
}

function habit({ facts }: HouseholdLife): string {
  const { programs, usualGapDays, feedback } = facts;
  const said = feedback === null ? "" : ` Last feedback: ${feedback.rating} of 5.`;
  if (programs === 0) return `It has finished no program yet.${said}`;
  return `It has finished ${plural(programs, "program")}, and usually uses an appliance every ${daysText(usualGapDays)}.${said}`;
}

function Step({ change }: { change: StageChange }) {
  const { from, to, atMs, causes, days, daysMedian } = change;
  return (
    <li className={classes["step"]} data-stage={to}>
      <div className={classes["head"]}>
        <span>
          <StageMark stage={to} />
          {from !== null && !isForward(from, to) && <span className={page["soft"]}> back from {from}</span>}
        </span>
        <span className={page["soft"]}>
          <Ago atMs={atMs} />
        </span>
      </div>
      <ul>
        {causes.map(({ kind, atMs: causeMs, text }) => (
          <li key={`${kind} ${causeMs}`} className={classes["cause"]}>
            {text}
          </li>
        ))}
      </ul>
      {days !== null && (
        <span className={`${classes["pace"]} numbers`}>
          after {daysText(days)}
          {daysMedian !== null && `; others who changed alike took ${daysText(daysMedian)}`}
        </span>
      )}
    </li>
  );
}
