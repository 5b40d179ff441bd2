import { Button, Skeleton } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { loyaltyKey, loyaltyPath, programQuery } from "../../api/loyalty-queries.ts";
import type { LoyaltyProgram } from "../../api/loyalty-shapes.ts";
import { begunWith } from "../../core/begun.ts";
import { plural } from "../../core/numbers.ts";
import {
  newTier,
  programChanges,
  programDefinitionOf,
  type ProgramDraft,
  programDraftOf,
  programWrongs,
  type TierDraft,
} from "../../core/program-draft.ts";
import { asTheirs, CheckField, CountField, fieldsOf, type PartProps, TextField } from "../../parts/fields.tsx";
import form from "../../parts/form.module.css";
import { Meanwhile } from "../../parts/meanwhile.tsx";
import { QuestionNotice } from "../../parts/notice.tsx";
import page from "../../parts/page.module.css";
import { Save } from "../../parts/save.tsx";
import { useEditor } from "../../parts/use-editor.ts";
import { WhatChanges } from "../../parts/what-changes.tsx";
import { EditorHead } from "./frame.tsx";
import { Translations } from "./translations.tsx";

/** The tiers, and how long points last and count. */
export function ProgramPage() {
  const question = useQuery({ ...programQuery, refetchInterval: false });
  return (
    <div className={page["page"]}>
      <EditorHead title="Tiers and points">
        Points that became active within the period reach a tier. It is kept for as long, and looked at again at its
        end; nobody loses one without a notice.
      </EditorHead>
      <QuestionNotice question={question} />
      {question.data === undefined ? (
        question.error === null && <Skeleton height={420} radius={10} />
      ) : (
        <Editor program={question.data} />
      )}
    </div>
  );
}

function Editor({ program }: { program: LoyaltyProgram }) {
  const { definition, begun, meanwhile, part, saving } = useEditor({
    newest: begunWith(program, programDraftOf),
    right: "loyalty.rules",
    about: loyaltyKey,
    definitionOf: programDefinitionOf,
    wrongsBefore: programWrongs,
    pathOf: () => `${loyaltyPath}/program`,
  });
  const above = Object.values(program.households).reduce((sum, count) => sum + count, 0);
  const changes = programChanges(program.definition, definition, program.households);
  return (
    <form className={page["page"]}>
      <section className={page["card"]} aria-label="The program">
        <h2>The program</h2>
        <Terms key={begun} {...part} />
      </section>
      <section className={page["card"]} aria-label="Tiers">
        <h2>Tiers</h2>
        <Tiers key={begun} {...part} households={program.households} />
        {!part.readOnly && (
          <Save
            {...saving}
            label="Put it in force"
            meanwhile={
              <Meanwhile {...meanwhile}>
                {({ draft }) => (
                  <>
                    <Terms {...asTheirs} draft={draft} />
                    <Tiers {...asTheirs} draft={draft} households={program.households} />
                  </>
                )}
              </Meanwhile>
            }
            confirm={
              changes.length === 0
                ? null
                : {
                    title: "Change the program for everybody?",
                    body: (
                      <WhatChanges sentences={changes}>
                        {plural(above, "household has", "households have")} a tier above the first. Each keeps it until
                        its end, and points keep the expiry that they have.
                      </WhatChanges>
                    ),
                  }
            }
          />
        )}
      </section>
    </form>
  );
}

function Terms(part: PartProps<ProgramDraft>) {
  const { draft, readOnly, onChange } = part;
  const field = fieldsOf(part);
  return (
    <>
      <div className={form["fields"]}>
        <CountField
          label="Period, in months"
          description="Points of so long count for a tier, and it is kept for as long."
          max={36}
          {...field("periodMonths")}
        />
        <CountField
          label="Notice, in days"
          description="Who is about to lose a tier is told so long before."
          max={90}
          {...field("noticeDays")}
        />
        {draft.expiresAfterDays !== null && (
          <CountField
            {...field("expiresAfterDays")}
            label="Points expire after days"
            description="Where a rule does not say otherwise."
            value={draft.expiresAfterDays}
            max={3_660}
          />
        )}
      </div>
      <CheckField
        label="Points never expire"
        value={draft.expiresAfterDays === null}
        readOnly={readOnly}
        onChange={(isEndless) => onChange({ expiresAfterDays: isEndless ? null : 730 })}
      />
      <CheckField
        label="Who sends back an order may owe points that are spent already"
        {...field("returnsMayOverdraw")}
      />
    </>
  );
}

interface TiersProps extends PartProps<ProgramDraft> {
  /** How many have each tier, by its key. */
  households: Readonly<Record<string, number>>;
}

function Tiers({ draft, wrongs, readOnly, onChange, households }: TiersProps) {
  return (
    <>
      {draft.tiers.map((tier, at) => (
        <OneTier
          // oxlint-disable-next-line react/no-array-index-key -- a new tier has no key, and tiers never change places
          key={at}
          draft={tier}
          wrongs={wrongs}
          readOnly={readOnly}
          onChange={(more) => onChange({ tiers: draft.tiers.with(at, { ...tier, ...more }) })}
          at={at}
          households={tier.key === "" ? 0 : (households[tier.key] ?? 0)}
          onRemove={() => onChange({ tiers: draft.tiers.toSpliced(at, 1) })}
        />
      ))}
      {!readOnly && draft.tiers.length < 10 && (
        <Button
          variant="default"
          className={form["add"] ?? ""}
          onClick={() => onChange({ tiers: [...draft.tiers, newTier] })}
        >
          Add a tier on top
        </Button>
      )}
    </>
  );
}

interface OneTierProps extends PartProps<TierDraft> {
  at: number;
  households: number;
  onRemove: () => void;
}

function OneTier({ at, households, onRemove, ...part }: OneTierProps) {
  const { draft, wrongs, readOnly } = part;
  const pointer = `/tiers/${at}`;
  const field = fieldsOf(part, pointer);
  const name = draft.title === "" ? "a new tier" : draft.title;
  const held = at === 0 ? "Everybody else has it." : `${plural(households, "household has", "households have")} it.`;
  return (
    <fieldset className={form["part"]}>
      <legend>{name}</legend>
      <div className={form["fields"]}>
        <TextField label="Name" max={100} {...field("title")} />
        <CountField
          {...field("fromPoints")}
          label="From points"
          description={at === 0 ? "The first tier is there from the beginning." : undefined}
          max={1_000_000_000}
          readOnly={readOnly || at === 0}
        />
        <CountField label="Multiplies points by" suffix=" %" max={1_000} {...field("multiplierPct")} />
      </div>
      <TextField label="What it is good for" max={500} {...field("benefits")} />
      <Translations {...field("names")} of={`of ${name}`} none="" wrongs={wrongs} pointer={`${pointer}/names`}>
        {(words, language) => <TextField label={`Name in ${language}`} max={100} {...words} />}
      </Translations>
      <div className={page["head"]}>
        <p className={page["note"]}>{held}</p>
        {!readOnly && at > 0 && (
          <Button variant="subtle" color="red" aria-label={`Remove ${name}`} onClick={onRemove}>
            Remove
          </Button>
        )}
      </div>
    </fieldset>
  );
}
