import { Checkbox, NativeSelect } from "@mantine/core";
import { useState } from "react";
import type { ActOrigin, FactKind } from "../../api/loyalty-shapes.ts";
import { actText } from "../../core/act-words.ts";
import type { EarningDraft } from "../../core/earning-draft.ts";
import { wrongAt } from "../../core/field-wrongs.ts";
import { originWords } from "../../core/loyalty.ts";
import { ChoiceField, fieldsOf, TextField } from "../../parts/fields.tsx";
import form from "../../parts/form.module.css";
import { Rows } from "../../parts/rows.tsx";
import classes from "./loyalty.module.css";
import type { RulePartProps } from "./rule-part.ts";

const other = "other";
const origins: ActOrigin[] = ["appliance", "app", "web", "shop", "support", "social"];
const kinds: { value: FactKind; label: string }[] = [
  { value: "text", label: "a text" },
  { value: "number", label: "a number" },
  { value: "flag", label: "true or false" },
];

const newFact: EarningDraft["ownFacts"][number] = { name: "", type: "text" };

/** What households have to do, who may report it, and facts of it that the console has no list of. */
export function RuleAct({ vocabulary, ...part }: RulePartProps) {
  const { draft, wrongs, readOnly, onChange } = part;
  const isListed = vocabulary.acts.some(({ type }) => type === draft.type);
  const [isOther, setIsOther] = useState(!isListed);
  return (
    <fieldset className={form["part"]}>
      <legend>What households do</legend>
      <NativeSelect
        label="It is for"
        value={isOther ? other : draft.type}
        disabled={readOnly}
        data={[
          ...vocabulary.acts.map(({ type }) => ({ value: type, label: `${actText(type)} (${type})` })),
          { value: other, label: "something else" },
        ]}
        onChange={(event) => {
          const chosen = vocabulary.acts.find(({ type }) => type === event.currentTarget.value);
          setIsOther(chosen === undefined);
          onChange(chosen === undefined ? { type: "", from: [] } : { type: chosen.type, from: chosen.from });
        }}
      />
      {isOther && (
        <TextField
          label="Type of the event or fact"
          description="As the appliance, the app or the shop names it."
          placeholder="bread.baked"
          max={64}
          {...fieldsOf(part)("type", "/act/type")}
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
      <div className={form["translations"]} role="group" aria-label="Further facts of it">
        <Rows
          {...fieldsOf(part)("ownFacts")}
          none={newFact}
          max={20}
          look="translation"
          add="Name another fact of it"
          nameOf={({ name }, at) => (name === "" ? `fact ${at + 1}` : `the fact ${name}`)}
          wrongs={wrongs}
          pointer="/facts"
        >
          {(field, { name }) => {
            const { error, ...fact } = field("name", "");
            return (
              <>
                <TextField
                  {...fact}
                  label="Fact"
                  placeholder="loaves"
                  max={64}
                  error={error ?? wrongAt(wrongs, `/facts/${name}`)}
                />
                <ChoiceField label="It is" data={kinds} {...field("type", "/type")} />
              </>
            );
          }}
        </Rows>
      </div>
    </fieldset>
  );
}
