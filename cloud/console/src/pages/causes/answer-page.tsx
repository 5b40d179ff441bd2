import { Button, NativeSelect, Skeleton, Textarea, TextInput } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { getRouteApi, Link, useNavigate } from "@tanstack/react-router";
import { useRef } from "react";
import { causesQuery, keptAnswersQuery, versionsQuery } from "../../api/document-queries.ts";
import type { AnswerTemplate } from "../../api/support-shapes.ts";
import { causeChoices, causeWords } from "../../core/causes.ts";
import {
  answerDefinitionOf,
  type AnswerDraft,
  answerDraftOf,
  answerWrongs,
  languagesOf,
  newAnswer,
  placeholderWords,
  sampleOf,
} from "../../core/document-draft.ts";
import { keyFrom, wrongAt } from "../../core/field-wrongs.ts";
import { Languages } from "../../parts/languages.tsx";
import { QuestionNotice } from "../../parts/notice.tsx";
import page from "../../parts/page.module.css";
import classes from "./causes.module.css";
import { DocumentWork, type FieldsProps, type Writing } from "./document-page.tsx";

const route = getRouteApi("/answers/$key");

/** As an address it means one that is not there yet. */
const newKey = "new";

const writing: Writing<AnswerDraft, AnswerTemplate> = {
  kind: "answers",
  noun: "answer",
  definitionOf: answerDefinitionOf,
  draftOf: answerDraftOf,
  wrongsBefore: answerWrongs,
  textsOf: ({ locales }) => locales,
  make: "Keep the answer",
  withdraw: "Cases offer it no more. What was sent with it stays as it was read.",
  Fields: AnswerFields,
};

/** One answer that staff keep: what it is offered for, and what it says in each language. */
export function AnswerPage() {
  const { key } = route.useParams();
  const { model = null, cause } = route.useSearch();
  const navigate = useNavigate();
  const isNew = key === newKey;
  const kept = useQuery(keptAnswersQuery);
  const versions = useQuery({ ...versionsQuery<AnswerTemplate>("answers", key, model), enabled: !isNew });
  const all = kept.data?.items;
  const own = all?.filter((one) => one.key === key) ?? [];
  const general = own.find((one) => one.model === null)?.definition;
  const found = isNew ? [] : versions.data;
  const title = found?.find(({ definition }) => definition !== null)?.definition?.title ?? general?.title;
  const name = isNew ? "An answer written anew" : (title ?? causeWords(key));
  return (
    <div className={page["page"]}>
      <title>{`${name} · Hearth`}</title>
      <div>
        <p className={page["soft"]}>
          <Link to="/answers" search={{}}>
            Answers
          </Link>
          {!isNew && (
            <>
              {" "}
              / <code>{key}</code>
            </>
          )}
        </p>
        <h1>{name}</h1>
        <p className={page["note"]}>
          Whoever writes to an owner may begin with it, and changes what does not fit. It comes in the language of the
          household, filled in from the case.
        </p>
      </div>
      <QuestionNotice question={versions.error === null ? kept : versions} />
      {all === undefined || found === undefined ? (
        versions.error === null && kept.error === null && <Skeleton height={420} radius={10} />
      ) : (
        <DocumentWork
          key={`${key} ${model}`}
          writing={writing}
          documentKey={isNew ? null : key}
          model={isNew ? null : model}
          models={own.flatMap((one) => (one.model === null ? [] : [one.model]))}
          versions={found}
          begin={general ?? { ...newAnswer, causes: cause === undefined ? [] : [cause] }}
          keyOf={(draft) => (isNew ? keyFrom(draft.title) : key)}
          alsoWrong={(draft) => {
            const chosen = keyFrom(draft.title);
            const isTaken = isNew && (chosen === newKey || all.some((one) => one.key === chosen));
            return new Map(isTaken ? [["/title", "There is already one of this name: choose another."]] : []);
          }}
          onSaved={async (saved) => {
            if (isNew) await navigate({ to: "/answers/$key", params: { key: saved }, search: {} });
          }}
        />
      )}
    </div>
  );
}

function AnswerFields({ draft, wrongs, readOnly, locale, onLocale, onChange }: FieldsProps<AnswerDraft>) {
  const { locales } = draft;
  const all = languagesOf(locales);
  const text = locales[locale] ?? "";
  const put = (words: string) => onChange({ locales: { ...locales, [locale]: words } });
  const area = useRef<HTMLTextAreaElement>(null);
  return (
    <>
      <TextInput
        label="What it is called"
        description="Your colleagues choose it by this; the owner does not read it."
        value={draft.title}
        maxLength={200}
        readOnly={readOnly}
        error={wrongAt(wrongs, "/title")}
        onChange={(event) => onChange({ title: event.currentTarget.value })}
      />
      <OfferedFor causes={draft.causes} readOnly={readOnly} onChange={(causes) => onChange({ causes })} />
      <h2>What it says</h2>
      <Languages
        all={all}
        current={locale}
        wrong={all.filter((one) => wrongAt(wrongs, `/locales/${one}`) !== null)}
        stays="en"
        readOnly={readOnly}
        onCurrent={onLocale}
        onAdd={(added) => {
          // A translation begins with what there is to translate.
          onChange({ locales: { ...locales, [added]: text } });
          onLocale(added);
        }}
        onRemove={(gone) => {
          const { [gone]: _gone, ...rest } = locales;
          onChange({ locales: rest });
          onLocale("en");
        }}
      />
      <Textarea
        ref={area}
        label={`Text in ${locale}`}
        lang={locale}
        value={text}
        maxLength={4_000}
        autosize
        minRows={5}
        readOnly={readOnly}
        error={wrongAt(wrongs, `/locales/${locale}`)}
        onChange={(event) => put(event.currentTarget.value)}
      />
      {!readOnly && (
        <Placeholders
          onChoose={(name) => {
            const at = area.current?.selectionStart ?? text.length;
            put(`${text.slice(0, at)}{{${name}}}${text.slice(at)}`);
          }}
        />
      )}
      {text.trim() !== "" && (
        <div role="group" aria-label="As an owner may read it" className={page["form"]}>
          <p className={page["note"]}>As an owner may read it, once somebody has sent it:</p>
          <p className={page["quoted"]} lang={locale}>
            {sampleOf(text)}
          </p>
        </div>
      )}
    </>
  );
}

/** What the text may name, each with what it becomes. */
const Placeholders = ({ onChoose }: { onChoose: (name: string) => void }) => (
  <details>
    <summary>What is filled in from the case</summary>
    <ul className={classes["placeholders"]}>
      {Object.entries(placeholderWords).map(([name, { help }]) => (
        <li key={name}>
          <Button
            variant="default"
            size="compact-md"
            className={classes["placeholder"] ?? ""}
            onClick={() => onChoose(name)}
          >
            {`{{${name}}}`}
          </Button>
          <span className={classes["small"]}>{help}</span>
        </li>
      ))}
    </ul>
  </details>
);

interface OfferedForProps {
  causes: readonly string[];
  readOnly: boolean;
  onChange: (causes: string[]) => void;
}

/** The causes whose cases offer it before all others. */
function OfferedFor({ causes, readOnly, onChange }: OfferedForProps) {
  const documents = useQuery(causesQuery).data?.items ?? [];
  const choices = causeChoices(documents);
  const nameOf = (cause: string) => choices.find(({ value }) => value === cause)?.label ?? causeWords(cause);
  const others = choices.filter(({ value }) => !causes.includes(value));
  return (
    <div role="group" aria-label="Offered first for" className={page["form"]}>
      <p className={page["note"]}>
        {causes.length === 0 ? "Offered for any cause alike." : "Offered before others for cases of these causes:"}
      </p>
      {causes.length > 0 && (
        <div className={classes["chips"]}>
          {causes.map((cause) =>
            readOnly ? (
              <span key={cause}>{nameOf(cause)}</span>
            ) : (
              <Button
                key={cause}
                variant="default"
                size="compact-md"
                aria-label={`Take off ${nameOf(cause)}`}
                onClick={() => onChange(causes.filter((one) => one !== cause))}
              >
                {nameOf(cause)} ×
              </Button>
            ),
          )}
        </div>
      )}
      {!readOnly && others.length > 0 && (
        <NativeSelect
          aria-label="Offer it first for"
          value=""
          onChange={(event) => {
            const chosen = event.currentTarget.value;
            if (chosen !== "") onChange([...causes, chosen]);
          }}
          data={[{ value: "", label: "Offer it first for…" }, ...others]}
        />
      )}
    </div>
  );
}
