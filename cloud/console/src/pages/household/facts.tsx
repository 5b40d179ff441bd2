import { useQuery } from "@tanstack/react-query";
import { householdFactsQuery } from "../../api/household-queries.ts";
import { actTitle } from "../../core/act-words.ts";
import { factDataText, sourceText } from "../../core/outside-facts.ts";
import { Ago } from "../../parts/ago.tsx";
import { QuestionNotice } from "../../parts/notice.tsx";
import page from "../../parts/page.module.css";
import classes from "./household.module.css";
import { Section } from "./section.tsx";
import type { SectionProps } from "./section-props.ts";

/** What they did where no appliance saw it, as others report it. */
export function Facts({ household: { id } }: SectionProps) {
  const question = useQuery(householdFactsQuery(id));
  const items = question.data?.items ?? [];
  return (
    <Section title="Facts from outside">
      <QuestionNotice question={question} />
      {question.data !== undefined && items.length === 0 && (
        <p className={page["note"]}>
          None yet. The shop, the app and the web site report what somebody did there: POST /api/v1/facts, with a key of
          the role “facts”.
        </p>
      )}
      {items.length > 0 && (
        <ul className={classes["list"]}>
          {items.map(({ source, id: factId, type, atMs, data }) => (
            <li key={`${source}:${factId}`}>
              <div className={classes["row"]}>
                <span className={classes["name"]}>{actTitle(type)}</span>
                <span className={page["soft"]}>
                  {sourceText(source)}, <Ago atMs={atMs} />
                </span>
              </div>
              {Object.keys(data).length > 0 && <span className={classes["small"]}>{factDataText(data)}</span>}
            </li>
          ))}
        </ul>
      )}
      {question.data?.nextCursor != null && (
        <p className={page["note"]}>The newest {items.length}. Older ones are on the timeline.</p>
      )}
    </Section>
  );
}
