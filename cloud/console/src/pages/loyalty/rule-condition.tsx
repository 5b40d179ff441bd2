import { useQuery } from "@tanstack/react-query";
import { conditionCheckQuery } from "../../api/loyalty-queries.ts";
import { segmentFactsQuery } from "../../api/segment-queries.ts";
import { conditionWords } from "../../core/condition-words.ts";
import { earningDefinitionOf, factsOfAct, isFactName } from "../../core/earning-draft.ts";
import { wrongAt } from "../../core/field-wrongs.ts";
import { factWordsOf } from "../../core/loyalty.ts";
import { factGroupsOf, factTypeWords } from "../../core/segments.ts";
import { ConditionField, refusedIn, useSettled } from "../../parts/condition-field.tsx";
import type { FactChoice } from "../../parts/fact-choices.tsx";
import form from "../../parts/form.module.css";
import page from "../../parts/page.module.css";
import type { RulePartProps } from "./rule-part.ts";

const isKnownType = (type: string): type is FactChoice["type"] => Object.hasOwn(factTypeWords, type);
const choices = (facts: readonly { name: string; type: string; help: string }[]): FactChoice[] =>
  facts.flatMap(({ name, type, help }) => (isKnownType(type) ? [{ name, type, help }] : []));

/** Under which condition it counts: over the act, the moment, and what is known of the household. */
export function RuleCondition({ draft, vocabulary, wrongs, readOnly, onChange }: RulePartProps) {
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
  const settled = useSettled(draft.when);
  const hasNames = draft.ownFacts.every(({ name }) => isFactName(name));
  const { facts } = earningDefinitionOf({ ...draft, when: settled }, vocabulary);
  const checked = useQuery({
    ...conditionCheckQuery(settled, facts),
    enabled: !readOnly && hasNames && settled.trim() !== "",
  });
  const refused = settled === draft.when ? refusedIn(checked) : null;
  const words = refused === null ? conditionWords(draft.when.trim(), factWordsOf(vocabulary, draft.type)) : null;
  return (
    <fieldset className={form["part"]}>
      <legend>Under which condition</legend>
      <ConditionField
        description="Empty: each time. What is asked of the household is asked once, when the act is told, and stays as it was then."
        value={draft.when}
        refused={refused}
        error={wrongAt(wrongs, "/when")}
        minRows={2}
        readOnly={readOnly}
        groups={groups}
        onChange={(when) => onChange({ when })}
      >
        {words !== null && <p className={page["note"]}>In words: {words}.</p>}
      </ConditionField>
    </fieldset>
  );
}
