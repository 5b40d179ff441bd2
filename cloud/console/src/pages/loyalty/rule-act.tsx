import { Button, Checkbox, NativeSelect, TextInput } from "@mantine/core";
import { useState } from "react";
import type { ActOrigin, FactKind } from "../../api/loyalty-shapes.ts";
import { wrongAt } from "../../core/field-wrongs.ts";
import { originWords } from "../../core/loyalty.ts";
import classes from "./loyalty.module.css";
import type { RulePartProps } from "./rule-form.tsx";

const other = "other";
const origins: ActOrigin[] = ["appliance", "app", "web", "shop", "support", "social"];
const kinds: { value: FactKind; label: string }[] = [
  { value: "text", label: "a text" },
  { value: "number", label: "a number" },
  { value: "flag", label: "true or false" },
];

/** What households have to do, who may report it, and facts of it that the console has no list of. */
export function RuleAct({ draft, vocabulary, wrongs, readOnly, onChange }: RulePartProps) {
  const isListed = vocabulary.acts.some(({ type }) => type === draft.type);
  const [isOther, setIsOther] = useState(!isListed);
  return (
    <fieldset className={classes["part"]}>
      <legend>What households do</legend>
      <NativeSelect
        label="It is for"
        value={isOther ? other : draft.type}
        disabled={readOnly}
        data={[
          ...vocabulary.acts.map(({ type, words }) => ({ value: type, label: `${words} (${type})` })),
          { value: other, label: "something else" },
        ]}
        onChange={(event) => {
          const chosen = vocabulary.acts.find(({ type }) => type === event.currentTarget.value);
          setIsOther(chosen === undefined);
          onChange(chosen === undefined ? { type: "", from: [] } : { type: chosen.type, from: chosen.from });
        }}
      />
      {isOther && (
        <TextInput
          label="Type of the event or fact"
          description="As the appliance, the app or the shop names it."
          placeholder="bread.baked"
          value={draft.type}
          readOnly={readOnly}
          maxLength={64}
          error={wrongAt(wrongs, "/act/type")}
          onChange={(event) => onChange({ type: event.currentTarget.value })}
        />
      )}
      <Checkbox.Group
        label="Whose word counts"
        description="None: whoever reports it."
        value={draft.from}
        onChange={(chosen) => onChange({ from: origins.filter((origin) => chosen.includes(origin)) })}
      >
        <div className={classes["checks"]}>
          {origins.map((origin) => (
            <Checkbox key={origin} value={origin} label={originWords[origin]} disabled={readOnly} />
          ))}
        </div>
      </Checkbox.Group>
      <OwnFacts draft={draft} wrongs={wrongs} readOnly={readOnly} onChange={onChange} />
    </fieldset>
  );
}

function OwnFacts({ draft, wrongs, readOnly, onChange }: Omit<RulePartProps, "vocabulary">) {
  const { ownFacts } = draft;
  return (
    <div className={classes["translations"]} role="group" aria-label="Further facts of it">
      {ownFacts.map((fact, at) => (
        // oxlint-disable-next-line react/no-array-index-key -- a fact has no name until it is written
        <div key={at} className={classes["translation"]}>
          <TextInput
            label="Fact"
            placeholder="loaves"
            value={fact.name}
            readOnly={readOnly}
            maxLength={64}
            error={wrongAt(wrongs, `/facts/${at}`) ?? wrongAt(wrongs, `/facts/${fact.name}`)}
            onChange={(event) =>
              onChange({ ownFacts: ownFacts.with(at, { ...fact, name: event.currentTarget.value }) })
            }
          />
          <NativeSelect
            label="It is"
            value={fact.type}
            disabled={readOnly}
            data={kinds}
            onChange={(event) => {
              const type = kinds.find(({ value }) => value === event.currentTarget.value)?.value ?? "text";
              onChange({ ownFacts: ownFacts.with(at, { ...fact, type }) });
            }}
          />
          {!readOnly && (
            <Button
              variant="subtle"
              className={classes["remove"] ?? ""}
              aria-label={`Remove the fact ${fact.name}`}
              onClick={() => onChange({ ownFacts: ownFacts.toSpliced(at, 1) })}
            >
              Remove
            </Button>
          )}
        </div>
      ))}
      {!readOnly && (
        <Button
          variant="default"
          className={classes["add"] ?? ""}
          onClick={() => onChange({ ownFacts: [...ownFacts, { name: "", type: "text" }] })}
        >
          Name another fact of it
        </Button>
      )}
    </div>
  );
}
