import { Textarea } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { useRef } from "react";
import { segmentFactsQuery } from "../../api/segment-queries.ts";
import { factsOfAct } from "../../core/earning-draft.ts";
import { wrongAt } from "../../core/field-wrongs.ts";
import { conditionWith, factGroupsOf, factTypeWords, inserted } from "../../core/segments.ts";
import { type FactChoice, FactChoices } from "../../parts/fact-choices.tsx";
import classes from "./loyalty.module.css";
import type { RulePartProps } from "./rule-form.tsx";

const isKnownType = (type: string): type is FactChoice["type"] => Object.hasOwn(factTypeWords, type);
const choices = (facts: readonly { name: string; type: string; help: string }[]): FactChoice[] =>
  facts.flatMap(({ name, type, help }) => (isKnownType(type) ? [{ name, type, help }] : []));

/** Under which condition it counts: over the act, the moment, and what is known of the household. */
export function RuleCondition({ draft, vocabulary, wrongs, readOnly, onChange }: RulePartProps) {
  const area = useRef<HTMLTextAreaElement>(null);
  const household = useQuery(segmentFactsQuery).data?.items ?? [];
  const ofAct = [
    ...factsOfAct(vocabulary, draft.type),
    ...draft.ownFacts.filter(({ name }) => name !== "").map((fact) => ({ ...fact, help: "A fact of the act." })),
  ];
  // A fact of the act or of the moment hides one of the household that has its name.
  const nearer = new Set([...ofAct, ...vocabulary.facts].map(({ name }) => name));
  const groups = [
    { title: "What it says itself", facts: choices(ofAct) },
    { title: "The moment", facts: choices(vocabulary.facts) },
    ...factGroupsOf(household.filter(({ name }) => !nearer.has(name))).map(({ title, facts }) => ({
      title: `The household: ${title.toLowerCase()}`,
      facts,
    })),
  ].filter(({ facts }) => facts.length > 0);
  const insert = (fact: FactChoice) => {
    const next = inserted(draft.when, area.current?.selectionStart ?? draft.when.length, conditionWith(fact));
    onChange({ when: next.text });
    requestAnimationFrame(() => {
      area.current?.focus();
      area.current?.setSelectionRange(next.cursor, next.cursor);
    });
  };
  return (
    <fieldset className={classes["part"]}>
      <legend>Under which condition</legend>
      <Textarea
        ref={area}
        label="Condition"
        description="Empty: each time. What is asked of the household is asked once, when the act is told, and stays as it was then."
        value={draft.when}
        maxLength={2_000}
        autosize
        minRows={2}
        readOnly={readOnly}
        spellCheck={false}
        error={wrongAt(wrongs, "/when")}
        classNames={{ input: classes["code"] ?? "" }}
        onChange={(event) => onChange({ when: event.currentTarget.value })}
      />
      {!readOnly && <FactChoices groups={groups} onChoose={insert} />}
    </fieldset>
  );
}
