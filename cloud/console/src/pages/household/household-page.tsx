import { Skeleton } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { getRouteApi, Link } from "@tanstack/react-router";
import type { ReactNode } from "react";
import { ApiProblem } from "../../api/client.ts";
import { modelsQuery } from "../../api/queries.ts";
import type { ServiceCase } from "../../api/shapes.ts";
import { casesOfQuery, householdQuery } from "../../api/support-queries.ts";
import type { Household } from "../../api/support-shapes.ts";
import { casePath, isResolved, statusWords } from "../../core/cases.ts";
import { dateText, isTimeZone, shortClockText } from "../../core/time.ts";
import { Ago } from "../../parts/ago.tsx";
import { DataTable } from "../../parts/data-table.tsx";
import { Empty } from "../../parts/empty.tsx";
import { HrefLink } from "../../parts/href-link.tsx";
import { QuestionNotice } from "../../parts/notice.tsx";
import { localZone, useNow } from "../../parts/now.ts";
import page from "../../parts/page.module.css";
import classes from "./household.module.css";

const route = getRouteApi("/households/$id");

/** Who lives with which appliances, and what service they were given. */
export function HouseholdPage() {
  const { id } = route.useParams();
  const question = useQuery(householdQuery(id));
  const missing = question.error instanceof ApiProblem && [404, 422, 400].includes(question.error.status);
  return (
    <div className={page["page"]}>
      <title>{`${question.data?.name ?? "Household"} · Hearth`}</title>
      {missing ? (
        <Empty title="There is no such household">
          <p>It may have been erased, or the address is cut short. Press / to look for a name or an e-mail address.</p>
        </Empty>
      ) : (
        <QuestionNotice question={question} />
      )}
      {question.data !== undefined && !missing && <KnownHousehold household={question.data} />}
      {question.isPending && <Skeleton height={320} radius={10} />}
    </div>
  );
}

function KnownHousehold({ household }: { household: Household }) {
  const { name, locale, timeZone, createdAtMs, members, devices } = household;
  const models = useQuery(modelsQuery).data?.items ?? [];
  const nowMs = useNow();
  const modelName = (key: string) => models.find((model) => model.key === key)?.name ?? key;
  return (
    <>
      <div>
        <p className={page["soft"]}>Household</p>
        <h1>{name}</h1>
      </div>
      <dl className={classes["facts"]}>
        <Fact name="Language">{locale}</Fact>
        <Fact name="Time there">
          <span className="numbers">{isTimeZone(timeZone) ? `${shortClockText(nowMs, timeZone)} ` : ""}</span>
          <span className={page["soft"]}>{timeZone}</span>
        </Fact>
        <Fact name="Since">{dateText(createdAtMs, localZone)}</Fact>
      </dl>
      <section className={page["card"]} aria-label="Appliances">
        <h2>Appliances</h2>
        {devices.length === 0 ? (
          <p className={page["note"]}>
            None yet. One joins when somebody types the code on its display into the app, or when staff give it to the
            household.
          </p>
        ) : (
          <DataTable
            label="Appliances of this household"
            rows={devices}
            keyOf={({ id }) => id}
            columns={[
              {
                name: "Appliance",
                lead: true,
                cell: ({ id }) => (
                  <Link to="/devices/$id" params={{ id }} className={page["link"]}>
                    {id}
                  </Link>
                ),
              },
              { name: "Model", cell: ({ model }) => modelName(model) },
            ]}
          />
        )}
      </section>
      <Cases id={household.id} />
      <section className={page["card"]} aria-label="People">
        <h2>People</h2>
        {members.length === 0 ? (
          <p className={page["note"]}>Nobody is named. A household may exist before anybody has signed in.</p>
        ) : (
          <DataTable
            label="People of this household"
            rows={members}
            keyOf={({ id }) => id}
            columns={[
              { name: "Name", lead: true, cell: (one) => one.name },
              { name: "E-mail", cell: ({ email }) => email },
              { name: "Role", cell: ({ role }) => role },
            ]}
          />
        )}
      </section>
    </>
  );
}

function Cases({ id }: { id: string }) {
  const question = useQuery(casesOfQuery({ household: id }));
  const items = question.data?.items ?? [];
  return (
    <section className={page["card"]} aria-label="Cases">
      <h2>Cases</h2>
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
          toneOf={(one) => (isResolved(one) ? "plain" : one.severity === "safety" ? "wrong" : "mind")}
          columns={caseColumns}
        />
      )}
    </section>
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
  { name: "Status", cell: ({ status }: ServiceCase) => statusWords(status) },
  { name: "Severity", cell: ({ severity }: ServiceCase) => severity },
  { name: "Appliance", cell: ({ deviceId }: ServiceCase) => deviceId },
  { name: "Opened", cell: ({ openedAtMs }: ServiceCase) => <Ago atMs={openedAtMs} /> },
];

const Fact = ({ name, children }: { name: string; children: ReactNode }) => (
  <div>
    <dt>{name}</dt>
    <dd>{children}</dd>
  </div>
);
