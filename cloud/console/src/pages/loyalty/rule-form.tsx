import { useQuery } from "@tanstack/react-query";
import { earningRulesQuery } from "../../api/loyalty-queries.ts";
import type { Period, Rounding } from "../../api/loyalty-shapes.ts";
import { type EarningDraft, type EffectDraft, factsOfAct, newEffect, type Often } from "../../core/earning-draft.ts";
import { wrongAt } from "../../core/field-wrongs.ts";
import { CheckField, ChoiceField, CountField, fieldsOf, TextField } from "../../parts/fields.tsx";
import form from "../../parts/form.module.css";
import { Rows } from "../../parts/rows.tsx";
import { RuleAct } from "./rule-act.tsx";
import { RuleCondition } from "./rule-condition.tsx";
import type { RulePartProps } from "./rule-part.ts";

/** Everything of an earning rule in fields: what households do, under which condition, what it is worth, and how often. */
export function RuleForm(props: RulePartProps) {
  const field = fieldsOf(props);
  return (
    <>
      <TextField label="Title" description="The household reads it beside its points." max={200} {...field("title")} />
      <RuleAct {...props} />
      <RuleCondition {...props} />
      <Gives {...props} />
      <CheckField
        label="In force"
        description="Switched off, it gives nothing for what happens from then on."
        {...field("enabled")}
      />
    </>
  );
}

const gives: { value: EarningDraft["gives"]; label: string }[] = [
  { value: "points", label: "gives points" },
  { value: "takes_back", label: "takes back what another rule gave" },
];

function Gives(props: RulePartProps) {
  return (
    <fieldset className={form["part"]}>
      <legend>What it is worth</legend>
      <ChoiceField label="It" data={gives} {...fieldsOf(props)("gives")} />
      {props.draft.gives === "points" ? (
        <>
          <Effects {...props} />
          <HowOften {...props} />
          <Later {...props} />
        </>
      ) : (
        <Returns {...props} />
      )}
    </fieldset>
  );
}

const effectKinds: { value: EffectDraft["kind"]; label: string }[] = [
  { value: "fixed", label: "a fixed number" },
  { value: "by_fact", label: "by a fact of the act" },
];
const receivers: { value: EffectDraft["to"]; label: string }[] = [
  { value: "household", label: "who did it" },
  { value: "referrer", label: "who referred them" },
];
const roundings: { value: Rounding; label: string }[] = [
  { value: "down", label: "down" },
  { value: "nearest", label: "to the nearest" },
  { value: "up", label: "up" },
];

/** Facts to choose from by their names, behind an empty choice. */
const named = (none: string, facts: readonly { name: string }[]) => [
  { value: "", label: none },
  ...facts.map(({ name }) => ({ value: name, label: name })),
];
const factsOf = ({ draft, vocabulary }: RulePartProps) => [...factsOfAct(vocabulary, draft.type), ...draft.ownFacts];

function Effects(props: RulePartProps) {
  const numbers = factsOf(props).filter(({ type }) => type === "number");
  return (
    <Rows
      {...fieldsOf(props)("effects")}
      none={newEffect}
      min={1}
      max={5}
      add="Add points for somebody else"
      nameOf={(_effect, at) => `points, part ${at + 1}`}
      wrongs={props.wrongs}
      pointer="/effects"
    >
      {(field, { kind }) => (
        <>
          <ChoiceField label="Points" data={effectKinds} {...field("kind")} />
          {kind === "fixed" ? (
            <CountField label="How many" {...field("points")} />
          ) : (
            // So many points for every unit of a fact, and never more than the last of these.
            <>
              <CountField label="So many" digits={4} {...field("times", "/points/times")} />
              <CountField label="for every" digits={4} max={1e9} {...field("unit", "/points/unit")} />
              <ChoiceField label="of" data={named("choose a number", numbers)} {...field("of", "/points/of")} />
              <CountField label="At most" {...field("max", "/points/max")} />
              <ChoiceField label="Rounded" data={roundings} {...field("round")} />
            </>
          )}
          <ChoiceField label="For" data={receivers} {...field("to")} />
        </>
      )}
    </Rows>
  );
}

const often: { value: Often; label: string }[] = [
  { value: "per", label: "so many times a day, week or month" },
  { value: "once", label: "once for each household, ever" },
  { value: "once_per", label: "once for each value of a fact" },
  { value: "streak", label: "for doing it in several periods in a row" },
  { value: "none", label: "each time" },
];
const periods: { value: Period; label: string }[] = [
  { value: "day", label: "a day" },
  { value: "week", label: "a week, from Monday" },
  { value: "month", label: "a month" },
];

function HowOften(props: RulePartProps) {
  const { draft, wrongs } = props;
  const field = fieldsOf(props);
  return (
    <div className={form["fields"]} role="group" aria-label="Its limit">
      <ChoiceField
        {...field("often")}
        label="How often"
        data={often}
        error={draft.often === "none" ? wrongAt(wrongs, "/limit") : null}
      />
      {draft.often === "per" && <CountField label="Times" max={1_000} {...field("count", "/limit/count")} />}
      {draft.often === "streak" && (
        <CountField label="In a row" max={52} {...field("streakLength", "/streak/length")} />
      )}
      {(draft.often === "per" || draft.often === "streak") && (
        <ChoiceField label="Period" description="In the household's calendar" data={periods} {...field("period")} />
      )}
      {draft.often === "once_per" && (
        <ChoiceField label="Fact" data={named("choose a fact", factsOf(props))} {...field("oncePer", "/limit/fact")} />
      )}
    </div>
  );
}

function Later(props: RulePartProps) {
  const field = fieldsOf(props);
  return (
    <>
      <div className={form["fields"]} role="group" aria-label="When they count">
        <CountField
          label="Pending for days"
          description="Until then they cannot be spent, and count for no tier."
          digits={2}
          max={366}
          {...field("delayDays", "/delayMs")}
        />
        <CountField
          label="Expire after days"
          description="Empty: as the program says."
          max={3_660}
          {...field("expiresAfterDays")}
        />
      </div>
      <CheckField label="The household's tier multiplies them" {...field("tierMultiplied")} />
    </>
  );
}

function Returns(props: RulePartProps) {
  const rules = useQuery(earningRulesQuery).data?.items ?? [];
  const field = fieldsOf(props);
  return (
    <div className={form["fields"]} role="group" aria-label="What it takes back">
      <ChoiceField
        label="What this rule gave"
        data={[
          { value: "", label: "choose a rule" },
          ...rules.map(({ key, definition }) => ({ value: key, label: definition.title })),
        ]}
        {...field("returnsRule", "/returns/rule")}
      />
      <ChoiceField
        label="for the same"
        data={named("choose a fact", factsOf(props))}
        {...field("returnsBy", "/returns/by")}
      />
    </div>
  );
}
