import { Skeleton } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { engagementPolicyPath, policyQuery } from "../../api/campaign-queries.ts";
import type { EngagementPolicy, PolicyInForce } from "../../api/campaign-shapes.ts";
import { begunWith } from "../../core/begun.ts";
import { noCapWords, policySentences, policyWords } from "../../core/campaigns.ts";
import {
  aboutChoices,
  type CapDraft,
  capsMax,
  holdoutWords,
  newCap,
  policyChanges,
  type PolicyDraft,
  policyDraftOf,
  policyOf,
  policyWrongs,
} from "../../core/policy-draft.ts";
import { asTheirs, ChoiceField, CountField, fieldsOf, type PartProps } from "../../parts/fields.tsx";
import form from "../../parts/form.module.css";
import { Meanwhile } from "../../parts/meanwhile.tsx";
import { QuestionNotice } from "../../parts/notice.tsx";
import page from "../../parts/page.module.css";
import { Rows } from "../../parts/rows.tsx";
import { Save } from "../../parts/save.tsx";
import { useEditor } from "../../parts/use-editor.ts";
import { WhatChanges } from "../../parts/what-changes.tsx";
import { SetBy } from "./set-by.tsx";
import classes from "./settings.module.css";

/** The caps, the room on displays and the hold-out: what holds for every campaign. */
export function PolicyCard() {
  const question = useQuery(policyQuery);
  return (
    <section className={`${page["card"]} ${classes["card"]}`} aria-label="What holds for every campaign">
      <div>
        <h2>What holds for every campaign</h2>
        <p className={page["note"]}>
          It bounds messages that are to sell something or are about points. A recall, and whatever concerns safety,
          security or service, waits for none of it.
        </p>
      </div>
      <QuestionNotice question={question} />
      {question.data === undefined ? (
        question.error === null && <Skeleton height={360} />
      ) : (
        <Editor policy={question.data} />
      )}
    </section>
  );
}

/** What people read of a version. */
function saysOf(policy: EngagementPolicy) {
  const { caps, room, holdout } = policyWords(policy);
  return { caps, "on the display": room, "hold-out": holdout };
}

function Editor({ policy }: { policy: PolicyInForce }) {
  const { definition, begun, meanwhile, part, saving } = useEditor({
    newest: begunWith({ ...policy, definition: policy }, policyDraftOf),
    right: "engagement.write",
    about: policyQuery.queryKey,
    definitionOf: policyOf,
    wrongsBefore: policyWrongs,
    pathOf: () => engagementPolicyPath,
    mayRepeat: false,
  });
  const isWhole = policyWrongs(part.draft).size === 0;
  return (
    <form className={page["form"]}>
      <Fields key={begun} {...part} />
      {isWhole && saving.isChanged && (
        <div role="status">
          <h3>So it would hold</h3>
          <ul className={classes["sentences"]}>
            {policySentences(definition).map((sentence) => (
              <li key={sentence}>{sentence}</li>
            ))}
          </ul>
        </div>
      )}
      <SetBy version={policy.version} by={policy.createdBy} atMs={policy.createdAtMs} />
      {!part.readOnly && (
        <Save
          {...saving}
          label="Put it in force"
          meanwhile={
            <Meanwhile {...meanwhile} saysOf={({ draft }) => saysOf(policyOf(draft))}>
              {({ draft }) => <Fields {...asTheirs} draft={draft} />}
            </Meanwhile>
          }
          confirm={{
            title: "Change it for every campaign?",
            body: (
              <WhatChanges sentences={policyChanges(policy, definition)}>
                It counts for whatever is decided from now on, also in campaigns that run. Who is in a campaign already
                stays on the side of its hold-out.
              </WhatChanges>
            ),
          }}
        />
      )}
    </form>
  );
}

const nameOf = (_cap: CapDraft, at: number) => `cap ${at + 1}`;

function Fields(part: PartProps<PolicyDraft>) {
  const { draft, wrongs } = part;
  const field = fieldsOf(part);
  return (
    <>
      <fieldset className={form["part"]}>
        <legend>How often a household hears from you</legend>
        <p className={page["note"]}>
          Each cap counts what a household got over all campaigns, in the days of its own calendar, today included. All
          of them hold at once, so that the strictest wins; what a household asked for itself holds beside them. What a
          cap keeps back waits until there is room, or lapses where its campaign ends before.
        </p>
        {draft.caps.length === 0 && <p>{noCapWords}</p>}
        <Rows
          {...field("caps")}
          none={newCap}
          max={capsMax}
          add="Add a cap"
          nameOf={nameOf}
          wrongs={wrongs}
          pointer="/caps"
        >
          {(cap) => (
            <>
              <CountField label="Messages, at most" max={100} {...cap("max")} />
              <CountField label="In days" max={30} {...cap("days")} />
              <ChoiceField label="That are" data={aboutChoices} {...cap("about")} />
            </>
          )}
        </Rows>
        {!part.readOnly && (
          <p className={page["note"]}>7 days are a week. At most 0 messages sends none of the kind at all.</p>
        )}
      </fieldset>
      <div className={classes["pair"]}>
        <fieldset className={form["part"]}>
          <legend>Room on the display</legend>
          <p className={page["note"]}>
            So many messages may lie on a household’s displays that nobody has looked at yet. Further ones wait: who
            comes back from a holiday finds no pile.
          </p>
          <CountField label="Unseen messages, at most" max={20} {...field("roomMax")} />
        </fieldset>
        <fieldset className={form["part"]}>
          <legend>The hold-out</legend>
          <p className={page["note"]}>
            This share of all households gets no campaign for a quarter; the next quarter draws others. It costs what
            campaigns would have brought from them. It gives the only honest measure of what a campaign changed: how
            much more those did who got it. A larger share measures sooner and more exactly, and costs more.
          </p>
          <CountField
            label="Households held out"
            suffix=" %"
            digits={2}
            max={15}
            {...field("holdoutPct", "/holdoutShare")}
          />
          <p className={page["note"]}>{holdoutWords(draft.holdoutPct)}</p>
        </fieldset>
      </div>
    </>
  );
}
