import { Skeleton, Textarea, TextInput } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { getRouteApi, Link } from "@tanstack/react-router";
import type { CauseArticle } from "../../api/case-shapes.ts";
import {
  causesQuery,
  foundCausesQuery,
  foundDays,
  keptAnswersQuery,
  versionsQuery,
} from "../../api/document-queries.ts";
import { useRights } from "../../api/rights.ts";
import { rulesQuery } from "../../api/rule-queries.ts";
import { causeName, causeRows, foundWords } from "../../core/causes.ts";
import {
  causeDefinitionOf,
  type CauseDraft,
  causeDraftOf,
  causeWrongs,
  languagesOf,
  newCause,
} from "../../core/document-draft.ts";
import { wrongAt } from "../../core/field-wrongs.ts";
import { plural } from "../../core/numbers.ts";
import { Languages } from "../../parts/languages.tsx";
import { Fact, Facts } from "../../parts/matter.tsx";
import { QuestionNotice } from "../../parts/notice.tsx";
import page from "../../parts/page.module.css";
import classes from "./causes.module.css";
import { DocumentWork, type FieldsProps, type Writing } from "./document-page.tsx";

const route = getRouteApi("/causes/$key");

const writing: Writing<CauseDraft, CauseArticle> = {
  kind: "causes",
  noun: "article",
  definitionOf: causeDefinitionOf,
  draftOf: causeDraftOf,
  wrongsBefore: causeWrongs,
  textsOf: ({ article }) => article,
  make: "Put it in force",
  withdraw:
    "Cases and incidents of this cause say no more what to do, and owners who ask about it get no article at once.",
  Fields: CauseFields,
};

/** What is known of one cause: how often it comes, what finds it, and what staff and owners are told about it. */
export function CausePage() {
  const { key } = route.useParams();
  const { model = null } = route.useSearch();
  const documents = useQuery(causesQuery);
  const versions = useQuery(versionsQuery<CauseArticle>("causes", key, model));
  const all = documents.data?.items;
  const name = causeName(all ?? [], key, model);
  const own = all?.filter((one) => one.key === key) ?? [];
  const general = own.find((one) => one.model === null)?.definition;
  return (
    <div className={page["page"]}>
      <title>{`${name} · Hearth`}</title>
      <div>
        <p className={page["soft"]}>
          <Link to="/causes" search={{}}>
            Causes
          </Link>{" "}
          / <code>{key}</code>
        </p>
        <h1>{name}</h1>
        <p className={page["note"]}>
          Cases and incidents of this cause say to your colleagues what to do. An owner who asks for help with it reads
          the article at once, in the language of the household.
        </p>
      </div>
      <CauseFacts cause={key} />
      <QuestionNotice question={versions.error === null ? documents : versions} />
      {all === undefined || versions.data === undefined ? (
        versions.error === null && documents.error === null && <Skeleton height={420} radius={10} />
      ) : (
        <DocumentWork
          key={`${key} ${model}`}
          writing={writing}
          documentKey={key}
          model={model}
          models={own.flatMap((one) => (one.model === null ? [] : [one.model]))}
          versions={versions.data}
          begin={general === undefined ? newCause : causeDraftOf(general)}
          keyOf={() => key}
        />
      )}
    </div>
  );
}

/** How often it came lately, what finds it, and what is answered to it. */
function CauseFacts({ cause }: { cause: string }) {
  const mayWrite = useRights()?.may("causes.write") === true;
  const found = useQuery(foundCausesQuery).data?.items;
  const answers = useQuery(keptAnswersQuery).data?.items ?? [];
  const rules = (useQuery(rulesQuery).data?.items ?? []).filter(({ definition }) => definition.cause === cause);
  const row = causeRows([], found?.filter((one) => one.cause === cause) ?? [], []).at(0);
  const kept = answers.filter(({ definition }) => definition.causes.includes(cause));
  return (
    <Facts aRow={4}>
      <Fact name={`Found in ${foundDays} days`}>{found === undefined ? "…" : (foundWords(row) ?? "not at all")}</Fact>
      <Fact name="Open now">
        {row === undefined || row.open === 0 ? (
          "no case"
        ) : (
          <Link to="/cases" search={{ cause }}>
            {plural(row.open, "case")}
          </Link>
        )}
      </Fact>
      <Fact name="Found by">
        <span className={classes["links"]}>
          {rules.map(({ id, definition }) => (
            <Link key={id} to="/rules/$id" params={{ id }}>
              {definition.title}
            </Link>
          ))}
          {rules.length === 0 && (cause.startsWith("fault:") ? "the appliances themselves" : "no rule that names it")}
        </span>
      </Fact>
      <Fact name="Offered first to answer it">
        <span className={classes["links"]}>
          {kept.map(({ key, model, definition }) => (
            <Link key={`${key} ${model}`} to="/answers/$key" params={{ key }} search={{ model: model ?? undefined }}>
              {definition.title}
            </Link>
          ))}
          {kept.length === 0 && !mayWrite && "nothing yet"}
          {mayWrite && (
            <Link to="/answers/$key" params={{ key: "new" }} search={{ cause }}>
              Write an answer
            </Link>
          )}
        </span>
      </Fact>
    </Facts>
  );
}

function CauseFields({ draft, wrongs, readOnly, locale, onLocale, onChange }: FieldsProps<CauseDraft>) {
  const { article } = draft;
  const all = languagesOf(article);
  const words = article[locale] ?? { title: "", text: "" };
  const put = (more: Partial<typeof words>) => onChange({ article: { ...article, [locale]: { ...words, ...more } } });
  return (
    <>
      <TextInput
        label="What it is called"
        description="Among staff: of cases, incidents and the queue."
        value={draft.title}
        maxLength={200}
        readOnly={readOnly}
        error={wrongAt(wrongs, "/title")}
        onChange={(event) => onChange({ title: event.currentTarget.value })}
      />
      <Textarea
        label="What staff should look at and do"
        value={draft.fix}
        maxLength={4_000}
        autosize
        minRows={4}
        readOnly={readOnly}
        error={wrongAt(wrongs, "/fix")}
        onChange={(event) => onChange({ fix: event.currentTarget.value })}
      />
      <div className={classes["pair"]}>
        <TextInput
          label="Part that mends it most often"
          value={draft.partName}
          maxLength={200}
          readOnly={readOnly}
          error={wrongAt(wrongs, "/part/name")}
          onChange={(event) => onChange({ partName: event.currentTarget.value })}
        />
        <TextInput
          label="Its number"
          value={draft.partNumber}
          maxLength={64}
          readOnly={readOnly}
          error={wrongAt(wrongs, "/part/number")}
          onChange={(event) => onChange({ partNumber: event.currentTarget.value })}
        />
      </div>
      <h2>What the owner reads</h2>
      <Languages
        all={all}
        current={locale}
        wrong={all.filter((one) => wrongAt(wrongs, `/article/${one}`) !== null)}
        stays="en"
        readOnly={readOnly}
        onCurrent={onLocale}
        onAdd={(added) => {
          // A translation begins with what there is to translate.
          onChange({ article: { ...article, [added]: words } });
          onLocale(added);
        }}
        onRemove={(gone) => {
          const { [gone]: _gone, ...rest } = article;
          onChange({ article: rest });
          onLocale("en");
        }}
      />
      <TextInput
        label={`Title in ${locale}`}
        lang={locale}
        value={words.title}
        maxLength={200}
        readOnly={readOnly}
        error={wrongAt(wrongs, `/article/${locale}/title`)}
        onChange={(event) => put({ title: event.currentTarget.value })}
      />
      <Textarea
        label={`Text in ${locale}`}
        lang={locale}
        value={words.text}
        maxLength={8_000}
        autosize
        minRows={4}
        readOnly={readOnly}
        error={wrongAt(wrongs, `/article/${locale}/text`)}
        onChange={(event) => put({ text: event.currentTarget.value })}
      />
    </>
  );
}
