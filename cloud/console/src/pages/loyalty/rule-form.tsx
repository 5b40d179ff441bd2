import { Button, Checkbox, NativeSelect, TextInput } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { earningRulesQuery } from "../../api/loyalty-queries.ts";
import type { LoyaltyVocabulary, Period, Rounding } from "../../api/loyalty-shapes.ts";
import { type EarningDraft, type EffectDraft, factsOfAct, newEffect, type Often } from "../../core/earning-draft.ts";
import { wrongAt, type Wrongs } from "../../core/field-wrongs.ts";
import { CountField } from "./fields.tsx";
import classes from "./loyalty.module.css";
import { RuleAct } from "./rule-act.tsx";
import { RuleCondition } from "./rule-condition.tsx";

export interface RulePartProps {
  draft: EarningDraft;
  vocabulary: LoyaltyVocabulary;
  wrongs: Wrongs;
  readOnly: boolean;
  onChange: (more: Partial<EarningDraft>) => void;
}

const periods: { value: Period; label: string }[] = [
  { value: "day", label: "a day" },
  { value: "week", label: "a week, from Monday" },
  { value: "month", label: "a month" },
];

/** Everything of an earning rule in fields: what households do, under which condition, what it is worth, and how often. */
export function RuleForm(props: RulePartProps) {
  const { draft, wrongs, readOnly, onChange } = props;
  return (
    <>
      <TextInput
        label="Title"
        description="The household reads it beside its points."
        value={draft.title}
        maxLength={200}
        readOnly={readOnly}
        error={wrongAt(wrongs, "/title")}
        onChange={(event) => onChange({ title: event.currentTarget.value })}
      />
      <RuleAct {...props} />
      <RuleCondition {...props} />
      <Gives {...props} />
      <Checkbox
        label="In force"
        description="Switched off, it gives nothing for what happens from then on."
        checked={draft.enabled}
        disabled={readOnly}
        onChange={(event) => onChange({ enabled: event.currentTarget.checked })}
      />
    </>
  );
}

function Gives(props: RulePartProps) {
  const { draft, readOnly, onChange } = props;
  return (
    <fieldset className={classes["part"]}>
      <legend>What it is worth</legend>
      <NativeSelect
        label="It"
        value={draft.gives}
        disabled={readOnly}
        data={[
          { value: "points", label: "gives points" },
          { value: "takes_back", label: "takes back what another rule gave" },
        ]}
        onChange={(event) => onChange({ gives: event.currentTarget.value === "takes_back" ? "takes_back" : "points" })}
      />
      {draft.gives === "points" ? (
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

function Effects({ draft, vocabulary, wrongs, readOnly, onChange }: RulePartProps) {
  const numbers = [...factsOfAct(vocabulary, draft.type), ...draft.ownFacts].filter(({ type }) => type === "number");
  const put = (at: number, more: Partial<EffectDraft>) =>
    onChange({ effects: draft.effects.map((effect, place) => (place === at ? { ...effect, ...more } : effect)) });
  return (
    <>
      {draft.effects.map((effect, at) => (
        // oxlint-disable-next-line react/no-array-index-key -- what it gives has no name of its own
        <div key={at} className={classes["effect"]} role="group" aria-label={`Points, part ${at + 1}`}>
          <NativeSelect
            label="Points"
            value={effect.kind}
            disabled={readOnly}
            data={[
              { value: "fixed", label: "a fixed number" },
              { value: "by_fact", label: "by a fact of the act" },
            ]}
            onChange={(event) => put(at, { kind: event.currentTarget.value === "by_fact" ? "by_fact" : "fixed" })}
          />
          {effect.kind === "fixed" ? (
            <CountField
              label="How many"
              value={effect.points}
              readOnly={readOnly}
              error={wrongAt(wrongs, `/effects/${at}/points`)}
              onChange={(points) => put(at, { points })}
            />
          ) : (
            <Formula effect={effect} at={at} numbers={numbers} wrongs={wrongs} readOnly={readOnly} put={put} />
          )}
          <NativeSelect
            label="For"
            value={effect.to}
            disabled={readOnly}
            data={[
              { value: "household", label: "the household that did it" },
              { value: "referrer", label: "the household that referred it" },
            ]}
            onChange={(event) => put(at, { to: event.currentTarget.value === "referrer" ? "referrer" : "household" })}
          />
          {!readOnly && draft.effects.length > 1 && (
            <Button
              variant="subtle"
              className={classes["remove"] ?? ""}
              aria-label={`Remove points, part ${at + 1}`}
              onClick={() => onChange({ effects: draft.effects.toSpliced(at, 1) })}
            >
              Remove
            </Button>
          )}
        </div>
      ))}
      {!readOnly && draft.effects.length < 5 && (
        <Button
          variant="default"
          className={classes["add"] ?? ""}
          onClick={() => onChange({ effects: [...draft.effects, newEffect] })}
        >
          Add points for somebody else
        </Button>
      )}
    </>
  );
}

interface FormulaProps {
  effect: EffectDraft;
  at: number;
  numbers: readonly { name: string }[];
  wrongs: Wrongs;
  readOnly: boolean;
  put: (at: number, more: Partial<EffectDraft>) => void;
}

const roundings: { value: Rounding; label: string }[] = [
  { value: "down", label: "down" },
  { value: "nearest", label: "to the nearest" },
  { value: "up", label: "up" },
];

/** `times` points for every `unit` of a fact, and never more than `max`. */
function Formula({ effect, at, numbers, wrongs, readOnly, put }: FormulaProps) {
  const field = (name: string) => wrongAt(wrongs, `/effects/${at}/points/${name}`);
  return (
    <>
      <CountField
        label="So many"
        value={effect.times}
        digits={4}
        readOnly={readOnly}
        error={field("times")}
        onChange={(times) => put(at, { times })}
      />
      <CountField
        label="for every"
        value={effect.unit}
        digits={4}
        max={1e9}
        readOnly={readOnly}
        error={field("unit")}
        onChange={(unit) => put(at, { unit })}
      />
      <NativeSelect
        label="of"
        value={effect.of}
        disabled={readOnly}
        error={field("of")}
        data={[{ value: "", label: "choose a number" }, ...numbers.map(({ name }) => ({ value: name, label: name }))]}
        onChange={(event) => put(at, { of: event.currentTarget.value })}
      />
      <CountField
        label="At most"
        value={effect.max}
        readOnly={readOnly}
        error={field("max")}
        onChange={(max) => put(at, { max })}
      />
      <NativeSelect
        label="Rounded"
        value={effect.round}
        disabled={readOnly}
        data={roundings}
        onChange={(event) =>
          put(at, { round: roundings.find(({ value }) => value === event.currentTarget.value)?.value ?? "down" })
        }
      />
    </>
  );
}

const oftenWords: Record<Often, string> = {
  per: "so many times a day, week or month",
  once: "once for each household, ever",
  once_per: "once for each value of a fact",
  streak: "for doing it in several periods in a row",
  none: "each time",
};

function HowOften({ draft, vocabulary, wrongs, readOnly, onChange }: RulePartProps) {
  const facts = [...factsOfAct(vocabulary, draft.type), ...draft.ownFacts];
  const inPeriods = draft.often === "per" || draft.often === "streak";
  return (
    <div className={classes["effect"]} role="group" aria-label="Its limit">
      <NativeSelect
        label="How often"
        value={draft.often}
        disabled={readOnly}
        error={draft.often === "none" ? wrongAt(wrongs, "/limit") : null}
        data={Object.entries(oftenWords).map(([value, label]) => ({ value, label }))}
        onChange={(event) => {
          const { value } = event.currentTarget;
          if (value === "per" || value === "once" || value === "once_per" || value === "streak" || value === "none")
            onChange({ often: value });
        }}
      />
      {draft.often === "per" && (
        <CountField
          label="Times"
          value={draft.count}
          max={1_000}
          readOnly={readOnly}
          error={wrongAt(wrongs, "/limit/count")}
          onChange={(count) => onChange({ count })}
        />
      )}
      {draft.often === "streak" && (
        <CountField
          label="In a row"
          value={draft.streakLength}
          max={52}
          readOnly={readOnly}
          error={wrongAt(wrongs, "/streak/length")}
          onChange={(streakLength) => onChange({ streakLength })}
        />
      )}
      {inPeriods && (
        <NativeSelect
          label="Period"
          description="In the household's calendar"
          value={draft.period}
          disabled={readOnly}
          data={periods}
          onChange={(event) =>
            onChange({ period: periods.find(({ value }) => value === event.currentTarget.value)?.value ?? "day" })
          }
        />
      )}
      {draft.often === "once_per" && (
        <NativeSelect
          label="Fact"
          value={draft.oncePer}
          disabled={readOnly}
          error={wrongAt(wrongs, "/limit/fact")}
          data={[{ value: "", label: "choose a fact" }, ...facts.map(({ name }) => ({ value: name, label: name }))]}
          onChange={(event) => onChange({ oncePer: event.currentTarget.value })}
        />
      )}
    </div>
  );
}

const Later = ({ draft, wrongs, readOnly, onChange }: RulePartProps) => (
  <>
    <div className={classes["effect"]} role="group" aria-label="When they count">
      <CountField
        label="Pending for days"
        description="Until then they cannot be spent, and count for no tier."
        value={draft.delayDays}
        digits={2}
        max={366}
        readOnly={readOnly}
        error={wrongAt(wrongs, "/delayMs")}
        onChange={(delayDays) => onChange({ delayDays })}
      />
      <CountField
        label="Expire after days"
        description="Empty: as the program says."
        value={draft.expiresAfterDays}
        max={3_660}
        readOnly={readOnly}
        error={wrongAt(wrongs, "/expiresAfterDays")}
        onChange={(expiresAfterDays) => onChange({ expiresAfterDays })}
      />
    </div>
    <Checkbox
      label="The household's tier multiplies them"
      checked={draft.tierMultiplied}
      disabled={readOnly}
      onChange={(event) => onChange({ tierMultiplied: event.currentTarget.checked })}
    />
  </>
);

function Returns({ draft, vocabulary, wrongs, readOnly, onChange }: RulePartProps) {
  const rules = useQuery(earningRulesQuery).data?.items ?? [];
  const facts = [...factsOfAct(vocabulary, draft.type), ...draft.ownFacts];
  return (
    <div className={classes["effect"]} role="group" aria-label="What it takes back">
      <NativeSelect
        label="What this rule gave"
        value={draft.returnsRule}
        disabled={readOnly}
        error={wrongAt(wrongs, "/returns/rule")}
        data={[
          { value: "", label: "choose a rule" },
          ...rules.map(({ key, definition }) => ({ value: key, label: definition.title })),
        ]}
        onChange={(event) => onChange({ returnsRule: event.currentTarget.value })}
      />
      <NativeSelect
        label="for the same"
        value={draft.returnsBy}
        disabled={readOnly}
        error={wrongAt(wrongs, "/returns/by")}
        data={[{ value: "", label: "choose a fact" }, ...facts.map(({ name }) => ({ value: name, label: name }))]}
        onChange={(event) => onChange({ returnsBy: event.currentTarget.value })}
      />
    </div>
  );
}
