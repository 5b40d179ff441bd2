import { useQuery } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { householdSegmentsQuery } from "../../api/segment-queries.ts";
import { factLabel } from "../../core/household-fact-words.ts";
import { seenText } from "../../core/segments.ts";
import { Ago } from "../../parts/ago.tsx";
import { QuestionNotice } from "../../parts/notice.tsx";
import page from "../../parts/page.module.css";
import classes from "./household.module.css";
import { Section } from "./section.tsx";
import type { SectionProps } from "./section-props.ts";

/** The segments that they are in, and the facts by which that is decided. */
export function Segments({ household: { id, mergedInto } }: SectionProps) {
  // One that is part of another household is asked there.
  const isElsewhere = mergedInto !== null;
  const question = useQuery({ ...householdSegmentsQuery(id), enabled: !isElsewhere });
  const { data } = question;
  return (
    <Section title="Segments">
      {!isElsewhere && <QuestionNotice question={question} />}
      {isElsewhere && <p className={page["note"]}>No segment looks at this household.</p>}
      {data !== undefined && data.segments.length === 0 && (
        <p className={page["note"]}>In none at this moment. They come and go by themselves with what happens.</p>
      )}
      {data !== undefined && data.segments.length > 0 && (
        <ul className={classes["list"]}>
          {data.segments.map(({ id: segmentId, title, sinceMs }) => (
            <li key={segmentId}>
              <div className={classes["row"]}>
                <Link to="/segments/$id" params={{ id: segmentId }} search={{}} className={page["link"]}>
                  {title}
                </Link>
                <span className={page["soft"]}>
                  <Ago atMs={sinceMs} />
                </span>
              </div>
            </li>
          ))}
        </ul>
      )}
      {data !== undefined && (
        <details>
          <summary>What segments see of them</summary>
          <ul className={classes["list"]}>
            {data.facts.map((fact) => (
              <li key={fact.name} className={classes["small"]}>
                {factLabel(fact.name)}: {seenText(fact)} <code>{fact.name}</code>
              </li>
            ))}
          </ul>
        </details>
      )}
    </Section>
  );
}
