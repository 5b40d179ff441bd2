import { useQuery } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import type { ServiceCase } from "../../api/case-shapes.ts";
import { useRights } from "../../api/rights.ts";
import { casesOfQuery } from "../../api/support-queries.ts";
import { isClosed, statusWords } from "../../core/case-words.ts";
import { casePath } from "../../core/cases.ts";
import { Ago } from "../../parts/ago.tsx";
import { DataTable } from "../../parts/data-table.tsx";
import { HrefLink } from "../../parts/href-link.tsx";
import { QuestionNotice } from "../../parts/notice.tsx";
import page from "../../parts/page.module.css";
import { SeverityMark } from "../../parts/severity.tsx";
import { Section } from "./section.tsx";
import type { SectionProps } from "./section-props.ts";

/** What service they were given. */
export function Cases({ household: { id } }: SectionProps) {
  const question = useQuery(casesOfQuery({ household: id }));
  const mayWork = useRights()?.may("cases.write") === true;
  const items = question.data?.items ?? [];
  return (
    <Section title="Cases">
      <QuestionNotice question={question} />
      {question.data !== undefined && items.length === 0 && (
        <p className={page["note"]}>
          None, neither open nor closed. A case opens by itself when a rule finds something, or when they ask for help.
        </p>
      )}
      {items.length > 0 && (
        <DataTable
          label="Cases of this household"
          rows={items}
          keyOf={(one) => one.id}
          toneOf={(one) => (isClosed(one.status) ? "plain" : one.severity === "safety" ? "wrong" : "mind")}
          columns={caseColumns}
        />
      )}
      {mayWork && (
        <p>
          <Link to="/cases" search={{ open: `household:${id}` }} className={page["link"]}>
            Open a case by hand
          </Link>
        </p>
      )}
    </Section>
  );
}

const caseColumns = [
  {
    name: "Case",
    lead: true,
    cell: ({ id, title }: ServiceCase) => (
      <HrefLink href={casePath(id)} className={page["link"]}>
        {title}
      </HrefLink>
    ),
  },
  { name: "Status", cell: ({ status }: ServiceCase) => statusWords[status].words },
  { name: "Severity", cell: ({ severity }: ServiceCase) => <SeverityMark severity={severity} /> },
  { name: "Appliance", cell: ({ deviceId }: ServiceCase) => deviceId },
  { name: "Opened", cell: ({ openedAtMs }: ServiceCase) => <Ago atMs={openedAtMs} /> },
];
