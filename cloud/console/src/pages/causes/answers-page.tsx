import { Button, Skeleton } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { getRouteApi, Link, useNavigate } from "@tanstack/react-router";
import { keptAnswersQuery } from "../../api/document-queries.ts";
import { useRights } from "../../api/rights.ts";
import type { AnswerTemplate, InForce } from "../../api/support-shapes.ts";
import { saysAll } from "../../core/causes.ts";
import { languagesOf } from "../../core/document-draft.ts";
import { Ago } from "../../parts/ago.tsx";
import { useCauseName } from "../../parts/cause-name.ts";
import { type Column, DataTable } from "../../parts/data-table.tsx";
import { Empty } from "../../parts/empty.tsx";
import { QuestionNotice } from "../../parts/notice.tsx";
import page from "../../parts/page.module.css";
import { ServiceTabs } from "../../parts/service-tabs.tsx";
import { TypedFilter } from "../../parts/typed-filter.tsx";
import { Who } from "../../parts/who.tsx";
import classes from "./causes.module.css";

const route = getRouteApi("/answers");

type Kept = InForce<AnswerTemplate>;

const saidBy = ({ key, definition: { title, locales } }: Kept) => [key, title, ...Object.values(locales)];

/** The answers that staff keep to begin with, when they write to an owner. */
export function AnswersPage() {
  const { q = "" } = route.useSearch();
  const navigate = useNavigate();
  const question = useQuery(keptAnswersQuery);
  const mayWrite = useRights()?.may("causes.write") === true;
  const items = question.data?.items;
  const shown = items?.filter((one) => saysAll(saidBy(one), q)) ?? [];
  return (
    <div className={page["page"]}>
      <title>Answers · Hearth</title>
      <div className={page["head"]}>
        <h1>Answers</h1>
        {mayWrite && (
          <Button renderRoot={(props) => <Link {...props} to="/answers/$key" params={{ key: "new" }} search={{}} />}>
            Write an answer
          </Button>
        )}
      </div>
      <ServiceTabs current="answers" />
      <QuestionNotice question={question} />
      {items === undefined ? (
        question.error === null && <Skeleton height={320} radius={10} />
      ) : items.length === 0 ? (
        <Empty title="No answer is kept yet">
          <p>
            What you write to one owner after the other, write once: a case then offers it to begin with, in the
            household’s language, with the appliance, its part and its program filled in.
          </p>
        </Empty>
      ) : (
        <>
          <search className={page["filters"]}>
            <TypedFilter
              label="Words in it"
              value={q}
              onChange={(typed) => void navigate({ to: "/answers", search: { q: typed }, replace: true })}
            />
          </search>
          {shown.length === 0 ? (
            <Empty title="No answer has these words">
              <p>They are looked for in names and in the texts of every language.</p>
              <Button variant="default" onClick={() => void navigate({ to: "/answers", search: {} })}>
                Show all answers
              </Button>
            </Empty>
          ) : (
            <section className={page["card"]} aria-label="Answers">
              <DataTable label="Answers" rows={shown} keyOf={({ key, model }) => `${key} ${model}`} columns={columns} />
            </section>
          )}
        </>
      )}
    </div>
  );
}

const columns: Column<Kept>[] = [
  {
    name: "Answer",
    lead: true,
    cell: ({ key, model, definition }) => (
      <span className={classes["name"]}>
        <Link to="/answers/$key" params={{ key }} search={{ model: model ?? undefined }}>
          {definition.title}
        </Link>
        <code>{key}</code>
      </span>
    ),
  },
  { name: "For", cell: ({ model }) => model ?? "every model" },
  { name: "Offered first for", cell: ({ definition }) => <CauseNames causes={definition.causes} /> },
  { name: "Languages", cell: ({ definition }) => languagesOf(definition.locales).join(", ") },
  {
    name: "Written",
    cell: ({ createdBy, createdAtMs }) => (
      <>
        <Ago atMs={createdAtMs} /> <span className={page["soft"]}>by</span> <Who principal={createdBy} />
      </>
    ),
  },
];

function CauseNames({ causes }: { causes: readonly string[] }) {
  const causeName = useCauseName();
  if (causes.length === 0) return <span className={page["soft"]}>any cause alike</span>;
  return <>{causes.map((cause) => causeName(cause, null)).join(", ")}</>;
}
