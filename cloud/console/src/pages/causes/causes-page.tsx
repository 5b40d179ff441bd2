import { Button, Skeleton, TextInput } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { getRouteApi, Link, useNavigate } from "@tanstack/react-router";
import { useState } from "react";
import { causesQuery, foundCausesQuery, foundDays, keptAnswersQuery } from "../../api/document-queries.ts";
import { useRights } from "../../api/rights.ts";
import { rulesQuery } from "../../api/rule-queries.ts";
import { type CauseRow, causeRows, causeWords, foundWords, isCauseKey, isMeant } from "../../core/causes.ts";
import { languagesOf } from "../../core/document-draft.ts";
import { plural } from "../../core/numbers.ts";
import { CauseLink } from "../../parts/cause-link.tsx";
import { type Column, DataTable } from "../../parts/data-table.tsx";
import { Dialog } from "../../parts/dialog.tsx";
import { Empty } from "../../parts/empty.tsx";
import { QuestionNotice } from "../../parts/notice.tsx";
import page from "../../parts/page.module.css";
import { ServiceTabs } from "../../parts/service-tabs.tsx";
import { TypedFilter } from "../../parts/typed-filter.tsx";
import classes from "./causes.module.css";

const route = getRouteApi("/causes");

/** Everything that a case can be caused by: how often it comes, and whether anybody has said what to do about it. */
export function CausesPage() {
  const { q = "" } = route.useSearch();
  const navigate = useNavigate();
  const question = useQuery(causesQuery);
  const found = useQuery(foundCausesQuery);
  const answers = useQuery(keptAnswersQuery).data?.items ?? [];
  const mayWrite = useRights()?.may("causes.write") === true;
  const [isAsked, setIsAsked] = useState(false);
  const rows =
    question.data === undefined || found.data === undefined
      ? undefined
      : causeRows(question.data.items, found.data.items, answers);
  const shown = rows?.filter((row) => isMeant(row, q)) ?? [];
  return (
    <div className={page["page"]}>
      <title>Causes · Hearth</title>
      <div className={page["head"]}>
        <h1>Causes</h1>
        {mayWrite && <Button onClick={() => setIsAsked(true)}>Write about a cause</Button>}
      </div>
      <ServiceTabs current="causes" />
      <QuestionNotice question={question.error === null ? found : question} />
      {rows === undefined ? (
        question.error === null && found.error === null && <Skeleton height={320} radius={10} />
      ) : rows.length === 0 ? (
        <Empty title="Nothing is known of any cause">
          <p>
            A cause is what makes cases alike, such as a door seal that leaks: a rule names it, an appliance tells it as
            a fault. Write what your colleagues should do about it and what the owner should read, and each case of it
            says so from then on.
          </p>
        </Empty>
      ) : (
        <>
          <Unwritten rows={rows} />
          <search className={page["filters"]}>
            <TypedFilter
              label="Words in it"
              value={q}
              onChange={(typed) => void navigate({ to: "/causes", search: { q: typed }, replace: true })}
            />
          </search>
          {shown.length === 0 ? (
            <Empty title="No cause has these words">
              <p>They are looked for in names and keys, in what to do, and in numbers of parts.</p>
              <Button variant="default" onClick={() => void navigate({ to: "/causes", search: {} })}>
                Show all causes
              </Button>
            </Empty>
          ) : (
            <section className={page["card"]} aria-label="Causes">
              <DataTable label="Causes" rows={shown} keyOf={({ key }) => key} columns={columns} />
            </section>
          )}
        </>
      )}
      <Dialog title="Write about a cause" opened={isAsked} onClose={() => setIsAsked(false)}>
        {isAsked && <WhichCause rows={rows ?? []} onDone={() => setIsAsked(false)} />}
      </Dialog>
    </div>
  );
}

const columns: Column<CauseRow>[] = [
  {
    name: "Cause",
    lead: true,
    cell: ({ key, name, documents }) => (
      <span className={classes["name"]}>
        <CauseLink cause={key} model={documents[0]?.model ?? null}>
          {name}
        </CauseLink>
        <code>{key}</code>
      </span>
    ),
  },
  { name: `Found in ${foundDays} days`, cell: foundWords },
  {
    name: "Open now",
    cell: ({ key, open }) =>
      open === 0 ? null : (
        <Link to="/cases" search={{ cause: key }} className={page["link"]}>
          {plural(open, "case")}
        </Link>
      ),
  },
  {
    name: "Written for",
    cell: ({ documents }) =>
      documents.length === 0 ? (
        <span className={page["mind"]}>nothing yet</span>
      ) : (
        documents.map(({ model }) => model ?? "every model").join(", ")
      ),
  },
  {
    name: "Languages",
    cell: ({ documents: [first] }) => (first === undefined ? null : languagesOf(first.definition.article).join(", ")),
  },
  {
    name: "Part",
    cell: ({ documents: [first] }) => {
      const part = first?.definition.part ?? null;
      return part === null ? null : <span className={classes["part"]}>{part.number}</span>;
    },
  },
  {
    name: "Answers",
    cell: ({ answers }) => (answers.length === 0 ? null : answers.map(({ definition }) => definition.title).join(", ")),
  },
];

/** What comes, and nobody has written about: that is where writing helps most. */
function Unwritten({ rows }: { rows: readonly CauseRow[] }) {
  const unwritten = rows.filter(({ documents }) => documents.length === 0);
  return (
    <p className={page["note"]}>
      {unwritten.length === 0
        ? "Something is written about every cause that was found lately."
        : `About ${plural(unwritten.length, "cause")} of those found lately nothing is written: their cases do not say what to do, and owners who ask get no article.`}
    </p>
  );
}

/** Which cause somebody wants to write about: one that is known, or one that a rule will name. */
function WhichCause({ rows, onDone }: { rows: readonly CauseRow[]; onDone: () => void }) {
  const [key, setKey] = useState("");
  const navigate = useNavigate();
  const named = (useQuery(rulesQuery).data?.items ?? []).flatMap(({ definition: { cause } }) => cause ?? []);
  const written = new Set(rows.filter(({ documents }) => documents.length > 0).map((row) => row.key));
  const open = [...new Set([...rows.map((row) => row.key), ...named])].filter((one) => !written.has(one)).toSorted();
  const typed = key.trim();
  const isWrong = typed !== "" && !isCauseKey(typed);
  return (
    <form
      className={page["form"]}
      onSubmit={(event) => {
        event.preventDefault();
        if (!isCauseKey(typed)) return;
        onDone();
        void navigate({ to: "/causes/$key", params: { key: typed }, search: {} });
      }}
    >
      <TextInput
        label="Cause"
        description="As rules name it, such as door_seal_leaking; of a fault that appliances tell, fault: and its code, such as fault:E17."
        value={key}
        maxLength={70}
        spellCheck={false}
        error={isWrong ? "Small letters, digits and _, beginning with a letter; or fault: and a code." : null}
        onChange={(event) => setKey(event.currentTarget.value)}
      />
      {open.length > 0 && (
        <div role="group" aria-label="Nothing is written about" className={page["form"]}>
          <p className={page["note"]}>Nothing is written yet about these:</p>
          <div className={classes["chips"]}>
            {open.map((one) => (
              <Button key={one} variant="default" size="compact-md" onClick={() => setKey(one)}>
                {causeWords(one)}
              </Button>
            ))}
          </div>
        </div>
      )}
      <div className={page["actions"]}>
        <Button type="submit" disabled={!isCauseKey(typed)}>
          Go on
        </Button>
      </div>
    </form>
  );
}
