import { Button, Checkbox, Skeleton, TextInput } from "@mantine/core";
import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { ApiProblem, send } from "../../api/client.ts";
import { loyaltyPath, programQuery } from "../../api/loyalty-queries.ts";
import type { LoyaltyProgram } from "../../api/loyalty-shapes.ts";
import { useRights } from "../../api/rights.ts";
import { wrongAt, type Wrongs, wrongsOf } from "../../core/field-wrongs.ts";
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
import { QuestionNotice } from "../../parts/notice.tsx";
import page from "../../parts/page.module.css";
import { CountField } from "./fields.tsx";
import { EditorHead, Save } from "./frame.tsx";
import classes from "./loyalty.module.css";
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
        <Editor key={question.data.version} program={question.data} />
      )}
    </div>
  );
}

function Editor({ program }: { program: LoyaltyProgram }) {
  const client = useQueryClient();
  const readOnly = useRights()?.may("loyalty.rules") !== true;
  const [draft, setDraft] = useState(() => programDraftOf(program.definition));
  const [isAsked, setIsAsked] = useState(false);
  const save = useMutation({
    mutationFn: () => send<LoyaltyProgram>("PUT", `${loyaltyPath}/program`, programDefinitionOf(draft)),
    onSuccess: () => client.invalidateQueries({ queryKey: ["loyalty"] }),
  });
  const change = (more: Partial<ProgramDraft>) => {
    save.reset();
    setDraft((before) => ({ ...before, ...more }));
  };
  const definition = programDefinitionOf(draft);
  const isChanged =
    JSON.stringify(definition) !== JSON.stringify(programDefinitionOf(programDraftOf(program.definition)));
  const missing = programWrongs(draft);
  const said = save.error instanceof ApiProblem ? wrongsOf(save.error.fields) : new Map<string, string>();
  const wrongs = isAsked && missing.size > 0 ? missing : said;
  const above = Object.values(program.households).reduce((sum, count) => sum + count, 0);
  const changes = programChanges(program.definition, definition, program.households);
  return (
    <form className={page["page"]}>
      <section className={page["card"]} aria-label="The program">
        <h2>The program</h2>
        <Terms draft={draft} wrongs={wrongs} readOnly={readOnly} onChange={change} />
      </section>
      <section className={page["card"]} aria-label="Tiers">
        <h2>Tiers</h2>
        <Tiers draft={draft} wrongs={wrongs} readOnly={readOnly} onChange={change} households={program.households} />
        {!readOnly && (
          <Save
            label="Put it in force"
            isChanged={isChanged}
            isPending={save.isPending}
            error={save.error}
            confirm={
              changes.length === 0
                ? null
                : {
                    title: "Change the program for everybody?",
                    body: (
                      <>
                        <ul className={classes["changes"]} aria-label="What changes">
                          {changes.map((sentence) => (
                            <li key={sentence}>{sentence}</li>
                          ))}
                        </ul>
                        <p className={page["note"]}>
                          {plural(above, "household has", "households have")} a tier above the first. Each keeps it
                          until its end, and points keep the expiry that they have.
                        </p>
                      </>
                    ),
                  }
            }
            onCheck={() => {
              setIsAsked(true);
              return missing.size === 0;
            }}
            onSave={() => save.mutate()}
          />
        )}
      </section>
    </form>
  );
}

interface PartProps {
  draft: ProgramDraft;
  wrongs: Wrongs;
  readOnly: boolean;
  onChange: (more: Partial<ProgramDraft>) => void;
}

const Terms = ({ draft, wrongs, readOnly, onChange }: PartProps) => (
  <>
    <div className={classes["effect"]}>
      <CountField
        label="Period, in months"
        description="Points of so long count for a tier, and it is kept for as long."
        value={draft.periodMonths}
        max={36}
        readOnly={readOnly}
        error={wrongAt(wrongs, "/periodMonths")}
        onChange={(periodMonths) => onChange({ periodMonths })}
      />
      <CountField
        label="Notice, in days"
        description="Who is about to lose a tier is told so long before."
        value={draft.noticeDays}
        max={90}
        readOnly={readOnly}
        error={wrongAt(wrongs, "/noticeDays")}
        onChange={(noticeDays) => onChange({ noticeDays })}
      />
      {draft.expiresAfterDays !== null && (
        <CountField
          label="Points expire after days"
          description="Where a rule does not say otherwise."
          value={draft.expiresAfterDays}
          max={3_660}
          readOnly={readOnly}
          error={wrongAt(wrongs, "/expiresAfterDays")}
          onChange={(expiresAfterDays) => onChange({ expiresAfterDays })}
        />
      )}
    </div>
    <Checkbox
      label="Points never expire"
      checked={draft.expiresAfterDays === null}
      disabled={readOnly}
      onChange={(event) => onChange({ expiresAfterDays: event.currentTarget.checked ? null : 730 })}
    />
    <Checkbox
      label="Who sends back an order may owe points that are spent already"
      checked={draft.returnsMayOverdraw}
      disabled={readOnly}
      onChange={(event) => onChange({ returnsMayOverdraw: event.currentTarget.checked })}
    />
  </>
);

function Tiers({ draft, households, ...rest }: PartProps & { households: Readonly<Record<string, number>> }) {
  const { readOnly, onChange } = rest;
  return (
    <>
      {draft.tiers.map((tier, at) => (
        <OneTier
          // oxlint-disable-next-line react/no-array-index-key -- a new tier has no key, and tiers never change places
          key={at}
          {...rest}
          tier={tier}
          at={at}
          households={tier.key === "" ? 0 : (households[tier.key] ?? 0)}
          onTier={(more) =>
            onChange({ tiers: draft.tiers.map((one, place) => (place === at ? { ...one, ...more } : one)) })
          }
          onRemove={() => onChange({ tiers: draft.tiers.toSpliced(at, 1) })}
        />
      ))}
      {!readOnly && draft.tiers.length < 10 && (
        <Button
          variant="default"
          className={classes["add"] ?? ""}
          onClick={() => onChange({ tiers: [...draft.tiers, newTier] })}
        >
          Add a tier on top
        </Button>
      )}
    </>
  );
}

interface OneTierProps {
  tier: TierDraft;
  at: number;
  households: number;
  wrongs: Wrongs;
  readOnly: boolean;
  onTier: (more: Partial<TierDraft>) => void;
  onRemove: () => void;
}

function OneTier({ tier, at, households, wrongs, readOnly, onTier, onRemove }: OneTierProps) {
  const field = (name: string) => wrongAt(wrongs, `/tiers/${at}/${name}`);
  const name = tier.title === "" ? "a new tier" : tier.title;
  const held = at === 0 ? "Everybody else has it." : `${plural(households, "household has", "households have")} it.`;
  return (
    <fieldset className={classes["part"]}>
      <legend>{name}</legend>
      <div className={classes["effect"]}>
        <TextInput
          label="Name"
          value={tier.title}
          maxLength={100}
          readOnly={readOnly}
          error={field("title")}
          onChange={(event) => onTier({ title: event.currentTarget.value })}
        />
        <CountField
          label="From points"
          description={at === 0 ? "The first tier is there from the beginning." : undefined}
          value={tier.fromPoints}
          max={1_000_000_000}
          readOnly={readOnly || at === 0}
          error={field("fromPoints")}
          onChange={(fromPoints) => onTier({ fromPoints })}
        />
        <CountField
          label="Multiplies points by"
          suffix=" %"
          value={tier.multiplierPct}
          max={1_000}
          readOnly={readOnly}
          error={field("multiplierPct")}
          onChange={(multiplierPct) => onTier({ multiplierPct })}
        />
      </div>
      <TextInput
        label="What it is good for"
        value={tier.benefits}
        maxLength={500}
        readOnly={readOnly}
        onChange={(event) => onTier({ benefits: event.currentTarget.value })}
      />
      <Translations
        of={`of ${name}`}
        rows={tier.names}
        none=""
        wrongs={wrongs}
        pointer={`/tiers/${at}/names`}
        readOnly={readOnly}
        onChange={(names) => onTier({ names })}
        field={(words, put, language) => (
          <TextInput
            label={`Name in ${language}`}
            value={words}
            maxLength={100}
            readOnly={readOnly}
            onChange={(event) => put(event.currentTarget.value)}
          />
        )}
      />
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
