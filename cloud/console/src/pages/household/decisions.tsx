import { Button, NativeSelect } from "@mantine/core";
import { useMutation, useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { campaignItemsQuery, explainDecision, householdDecisionsQuery } from "../../api/campaign-queries.ts";
import type { Decision, DecisionExplanation, DecisionTrace } from "../../api/campaign-shapes.ts";
import { useRights } from "../../api/rights.ts";
import { outcomeWords, reasonWords, termText, testWords, triedText } from "../../core/campaigns.ts";
import { Ago } from "../../parts/ago.tsx";
import { HrefLink } from "../../parts/href-link.tsx";
import { Notice, QuestionNotice } from "../../parts/notice.tsx";
import page from "../../parts/page.module.css";
import { StateMark } from "../../parts/state-mark.tsx";
import classes from "./household.module.css";
import { Section } from "./section.tsx";
import type { SectionProps } from "./section-props.ts";

/** What they got and did not get, and why: the words that support says on the telephone. */
export function Decisions({ household }: SectionProps) {
  const mayRead = useRights()?.may("decisions.read") === true;
  const question = useQuery({ ...householdDecisionsQuery(household.id), enabled: mayRead });
  const items = question.data?.items;
  if (!mayRead) return null;
  return (
    <Section title="Decisions">
      <QuestionNotice question={question} />
      {items?.length === 0 && (
        <p className={page["soft"]}>Nothing was decided yet. Once a campaign means them, each decision stands here.</p>
      )}
      {items !== undefined && items.length > 0 && (
        <ul className={classes["list"]}>
          {items.map((decision) => (
            <Known key={decision.id} decision={decision} />
          ))}
        </ul>
      )}
      <WhyNot householdId={household.id} />
    </Section>
  );
}

const answerTones = { send: "well", hold: "mind", suppress: "plain", human: "mind" } as const;
/** What was sent may wait all the same, for the display is silent by night. */
const standsAs = ({ answer, untilMs }: Decision) => (answer === "send" && untilMs !== null ? "hold" : answer);
const answerWords = { send: "Sent", hold: "Waits", suppress: "Not sent", human: "A person" } as const;

function Known({ decision }: { decision: Decision }) {
  const { title, says, campaign, decidedAtMs, shownAtMs, actedAtMs, trace } = decision;
  return (
    <li aria-label={title}>
      <div className={classes["row"]}>
        <span className={classes["name"]}>{title}</span>
        <StateMark tone={answerTones[standsAs(decision)]}>{answerWords[standsAs(decision)]}</StateMark>
      </div>
      <p>{says}</p>
      <p className={classes["small"]}>
        {campaign !== null && (
          <>
            <HrefLink href={`/campaigns/${campaign.id}`} className={page["link"]}>
              {campaign.name}
            </HrefLink>
            ,{" "}
          </>
        )}
        decided <Ago atMs={decidedAtMs} />
        {shownAtMs !== null && (
          <>
            , shown <Ago atMs={shownAtMs} />
          </>
        )}
        {actedAtMs !== null && ", acted on"}
      </p>
      {trace === null ? (
        <p className={classes["small"]}>It is too long ago to say how it was decided: that is kept for 90 days.</p>
      ) : (
        <Trace trace={trace} />
      )}
    </li>
  );
}

/** The eight tests in their order, and what the score is made of. */
function Trace({ trace }: { trace: DecisionTrace }) {
  return (
    <details>
      <summary className={classes["small"]}>How it was decided</summary>
      <ol className={classes["trace"]}>
        {trace.tests.map((line) => (
          <li key={line.test}>
            <span>
              {testWords(line.test)}
              {line.outcome !== "not_asked" && <span className={classes["small"]}> · {reasonWords(line.says)}</span>}
              {triedText(line) !== null && <p className={classes["small"]}>{triedText(line)}.</p>}
            </span>
            <StateMark tone={outcomeWords[line.outcome].tone}>{outcomeWords[line.outcome].words}</StateMark>
          </li>
        ))}
      </ol>
      {trace.terms.length > 0 && (
        <p className={classes["small"]}>How well it suits them: {trace.terms.map(termText).join(", ")}.</p>
      )}
    </details>
  );
}

/** 'Why did it not get X?' */
function WhyNot({ householdId }: { householdId: string }) {
  const items = useQuery(campaignItemsQuery).data?.items ?? [];
  const [itemId, setItemId] = useState("");
  const ask = useMutation({ mutationFn: () => explainDecision(householdId, itemId) });
  if (items.length === 0) return null;
  return (
    <form
      className={page["form"]}
      onSubmit={(event) => {
        event.preventDefault();
        if (itemId !== "") ask.mutate();
      }}
    >
      <NativeSelect
        label="Why did they get it, or why not?"
        value={itemId}
        data={[{ value: "", label: "Choose an item" }, ...items.map(({ id, title }) => ({ value: id, label: title }))]}
        onChange={(event) => {
          setItemId(event.currentTarget.value);
          ask.reset();
        }}
      />
      <div className={page["actions"]}>
        <Button type="submit" variant="default" disabled={itemId === ""} loading={ask.isPending}>
          Explain
        </Button>
      </div>
      {ask.error !== null && <Notice error={ask.error} mild />}
      {ask.data !== undefined && ask.data !== null && <Answer explanation={ask.data} />}
    </form>
  );
}

function Answer({ explanation: { stored, replay, now } }: { explanation: DecisionExplanation }) {
  return (
    <div role="status">
      {stored === null ? (
        <p>Nothing was decided about it for this household.</p>
      ) : (
        <>
          <p>{stored.says}</p>
          {replay !== null && (
            <p className={classes["small"]}>
              {replay.same
                ? "Decided again from what is stored with it: the same."
                : `Decided again from what is stored with it: ${replay.answer}, which differs.`}
            </p>
          )}
        </>
      )}
      {now.length === 0 && <p className={page["soft"]}>No campaign has this item.</p>}
      {now.map(({ campaign, isMember, says }) => (
        <p key={campaign.id} className={classes["small"]}>
          {campaign.name}: {isMember ? "they are in its audience" : "they are not in its audience"}. Asked now: {says}
        </p>
      ))}
    </div>
  );
}
