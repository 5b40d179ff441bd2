import { Button, NativeSelect } from "@mantine/core";
import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { useNavigate } from "@tanstack/react-router";
import { type ComponentType, useState } from "react";
import { basedOn, isOvertaken, send } from "../../api/client.ts";
import { type DocumentKind, documentPath } from "../../api/document-queries.ts";
import { modelsQuery } from "../../api/queries.ts";
import { useRights } from "../../api/rights.ts";
import type { WrittenVersion } from "../../api/support-shapes.ts";
import type { Begun } from "../../core/begun.ts";
import { begunWithNewest, languagesOf, wrongLanguage } from "../../core/document-draft.ts";
import type { Wrongs } from "../../core/field-wrongs.ts";
import { marketsOf } from "../../../../platform/best-locale.ts";
import { Ago } from "../../parts/ago.tsx";
import { Confirm } from "../../parts/confirm.tsx";
import { asTheirs, type PartProps } from "../../parts/fields.tsx";
import { Markets } from "../../parts/markets.tsx";
import { Meanwhile } from "../../parts/meanwhile.tsx";
import page from "../../parts/page.module.css";
import { Save } from "../../parts/save.tsx";
import { Tabs } from "../../parts/tabs.tsx";
import { useEditor } from "../../parts/use-editor.ts";
import { Who } from "../../parts/who.tsx";
import classes from "./causes.module.css";
import { DocumentVersions } from "./document-versions.tsx";

/** A draft in the hands of the fields that change it, in the language that is shown. */
export interface FieldsProps<Draft> extends PartProps<Draft> {
  locale: string;
  onLocale: (locale: string) => void;
}

/** What staff write: how a cause, or an answer, is read, written, checked and taken back. */
export interface Writing<Draft, Definition> {
  kind: DocumentKind;
  /** What is shown as its own. */
  noun: string;
  definitionOf: (draft: Draft) => Definition;
  draftOf: (definition: Definition) => Draft;
  wrongsBefore: (draft: Draft) => Wrongs;
  textsOf: (draft: Draft) => Readonly<Record<string, unknown>>;
  /** On the button that puts a first version in force. */
  make: string;
  /** What withdrawing it means. */
  withdraw: string;
  Fields: ComponentType<FieldsProps<Draft>>;
}

interface DocumentProps<Draft, Definition> {
  writing: Writing<Draft, Definition>;
  /** Null: it is new, and gets its key from what is written. */
  documentKey: string | null;
  model: string | null;
  /** The models that have words of their own. */
  models: readonly string[];
  versions: readonly WrittenVersion<Definition>[];
  /** What something new begins with. */
  begin: Draft;
  keyOf: (draft: Draft) => string;
  /** What else is wrong before it is sent. */
  alsoWrong?: (draft: Draft) => Wrongs;
  onSaved?: (key: string) => Promise<void>;
}

/** What stands now, in fields; for whom; what each market reads of it; and what it said before. */
export function DocumentWork<Draft extends object, Definition extends object>(props: DocumentProps<Draft, Definition>) {
  const { writing, documentKey, model, models, versions, begin } = props;
  const newest = begunWithNewest(versions, writing.draftOf, begin);
  return (
    <>
      {documentKey !== null && <Models {...{ writing, documentKey, model, models }} />}
      <Standing newest={newest} noun={writing.noun} model={model} />
      <Work {...props} newest={newest} />
      <DocumentVersions versions={versions} />
    </>
  );
}

type ModelsProps = Pick<DocumentProps<never, never>, "documentKey" | "model" | "models"> & {
  writing: Pick<Writing<never, never>, "kind">;
};

/** For every model, and for those that have words of their own. */
function Models({ writing: { kind }, documentKey, model, models }: ModelsProps) {
  const navigate = useNavigate();
  const mayWrite = useRights()?.may("causes.write") === true;
  const known = useQuery(modelsQuery).data?.items ?? [];
  const key = documentKey ?? "";
  const to = kind === "causes" ? "/causes/$key" : "/answers/$key";
  const linkTo = (to_: string | undefined) => ({ to, params: { key }, search: { model: to_ } }) as const;
  const shown = [...new Set([...models, ...(model === null ? [] : [model])])].toSorted();
  const others = known.filter((one) => !shown.includes(one.key));
  if (shown.length === 0 && (!mayWrite || others.length === 0)) return null;
  return (
    <div className={classes["models"]}>
      <Tabs
        label="For which models"
        tabs={[
          { words: "Every model", link: linkTo(undefined), current: model === null },
          ...shown.map((one) => ({ words: one, link: linkTo(one), current: model === one })),
        ]}
      />
      {mayWrite && others.length > 0 && (
        <NativeSelect
          aria-label="Write it for one model alone"
          size="sm"
          value=""
          onChange={(event) => void navigate(linkTo(event.currentTarget.value || undefined))}
          data={[
            { value: "", label: "Write it for one model alone…" },
            ...others.map((one) => ({ value: one.key, label: one.name })),
          ]}
        />
      )}
    </div>
  );
}

function Standing({
  newest: { version, isWithdrawn = false, createdBy, createdAtMs },
  noun,
  model,
}: {
  newest: Begun<unknown>;
  noun: string;
  model: string | null;
}) {
  if (version === 0)
    return (
      <p className={page["note"]} role="status">
        {model === null
          ? `No ${noun} is written yet.`
          : `${model} has no ${noun} of its own: what stands for every model counts. It begins with that.`}
      </p>
    );
  return (
    <p className={page["note"]} role="status">
      Version {version}
      {isWithdrawn && " withdrew it: nothing is in force"}, by <Who principal={createdBy} />, <Ago atMs={createdAtMs} />
      .{isWithdrawn && " The words are those before it; saved, they count again."}
    </p>
  );
}

function Work<Draft extends object, Definition extends object>(
  props: DocumentProps<Draft, Definition> & { newest: Begun<Draft> },
) {
  const { writing, documentKey, model, newest, keyOf, alsoWrong, onSaved } = props;
  const { kind, noun, definitionOf, Fields } = writing;
  const known = useQuery(modelsQuery).data?.items ?? [];
  const wrongsBefore = (draft: Draft) => new Map([...writing.wrongsBefore(draft), ...(alsoWrong?.(draft) ?? [])]);
  const { meanwhile, part, saving } = useEditor({
    newest,
    right: "causes.write",
    about: [kind],
    definitionOf,
    wrongsBefore,
    pathOf: (draft) => documentPath(kind, keyOf(draft), model),
    onSaved: (_saved, sent) => onSaved?.(keyOf(sent)),
  });
  const [locale, setLocale] = useState("en");
  const { base } = meanwhile.madeFrom;
  const { isWithdrawn = false } = base;
  const texts = writing.textsOf(part.draft);
  const meant = model === null ? known : known.filter(({ key }) => key === model);
  return (
    <div className={classes["work"]}>
      <form className={page["card"]} aria-label={`The ${noun}`}>
        <Fields {...part} locale={texts[locale] === undefined ? "en" : locale} onLocale={setLocale} />
        {!part.readOnly && (
          <Save
            {...saving}
            label={base.version === 0 ? writing.make : isWithdrawn ? "Put it in force again" : "Save the changes"}
            meanwhile={
              <Meanwhile {...meanwhile}>{({ draft }) => <Theirs writing={writing} draft={draft} />}</Meanwhile>
            }
            confirm={null}
            onCheck={() => {
              setLocale(wrongLanguage(wrongsBefore(part.draft)) ?? locale);
              return saving.onCheck();
            }}
          >
            {documentKey !== null && base.version > 0 && !isWithdrawn && (
              <Withdraw {...{ writing, documentKey, model }} base={base} isBehind={saving.isOvertaken} />
            )}
          </Save>
        )}
      </form>
      <div className={classes["beside"]}>
        <Markets markets={marketsOf(languagesOf(texts), meant)} />
      </div>
    </div>
  );
}

function Theirs<Draft, Definition>({ writing, draft }: { writing: Writing<Draft, Definition>; draft: Draft }) {
  const [locale, setLocale] = useState("en");
  const { Fields } = writing;
  return <Fields {...asTheirs} draft={draft} locale={locale} onLocale={setLocale} />;
}

interface WithdrawProps {
  writing: Pick<Writing<never, never>, "kind" | "noun" | "withdraw">;
  documentKey: string;
  model: string | null;
  /** What was read. */
  base: { version: number };
  /** Somebody else saved since. */
  isBehind: boolean;
}

function Withdraw({ writing: { kind, noun, withdraw }, documentKey, model, base, isBehind }: WithdrawProps) {
  const [opened, setOpened] = useState(false);
  const client = useQueryClient();
  const remove = useMutation({
    mutationFn: () => send("DELETE", basedOn(documentPath(kind, documentKey, model), base.version)),
    onSuccess: () => setOpened(false),
    onSettled: (_gone, error) =>
      error === null || isOvertaken(error) ? client.invalidateQueries({ queryKey: [kind] }) : undefined,
  });
  return (
    <>
      <Button variant="default" disabled={isBehind} onClick={() => setOpened(true)}>
        Withdraw…
      </Button>
      <Confirm
        title={`Withdraw the ${noun}${model === null ? "" : ` for ${model}`}?`}
        opened={opened}
        yes="Withdraw it"
        no="Leave it in force"
        isPending={remove.isPending}
        error={remove.error}
        onYes={() => remove.mutate()}
        onClose={() => {
          remove.reset();
          setOpened(false);
        }}
      >
        <p>{model === null ? withdraw : `What stands for every model counts for ${model} again.`}</p>
        <p className={page["note"]}>It stays readable among its versions, and can be put in force again.</p>
      </Confirm>
    </>
  );
}
