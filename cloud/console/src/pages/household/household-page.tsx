import { Skeleton } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { getRouteApi } from "@tanstack/react-router";
import type { ReactNode } from "react";
import { ApiProblem } from "../../api/client.ts";
import { householdQuery } from "../../api/household-queries.ts";
import type { Household } from "../../api/household-shapes.ts";
import { dateText, isTimeZone, shortClockText } from "../../core/time.ts";
import { Empty } from "../../parts/empty.tsx";
import { HrefLink } from "../../parts/href-link.tsx";
import { QuestionNotice } from "../../parts/notice.tsx";
import { localZone, useNow } from "../../parts/now.ts";
import page from "../../parts/page.module.css";
import classes from "./household.module.css";
import { Erased, useProof } from "./data-rights.tsx";
import { householdSections } from "./sections.ts";

const route = getRouteApi("/households/$id");

/** Who lives with which appliances, what they did, what they agreed to, and what was done for them. */
export function HouseholdPage() {
  const { id } = route.useParams();
  const question = useQuery(householdQuery(id));
  const proof = useProof(id);
  const missing = question.error instanceof ApiProblem && [404, 422, 400].includes(question.error.status);
  return (
    <div className={page["page"]}>
      <title>{`${question.data?.name ?? "Household"} · Hearth`}</title>
      {missing && proof !== null ? (
        <Erased {...proof} />
      ) : missing ? (
        <>
          <h1>Household</h1>
          <Empty title="There is no such household">
            <p>
              It may have been erased, or the address is cut short. Press / to look for a name or an e-mail address.
            </p>
          </Empty>
        </>
      ) : (
        <QuestionNotice question={question} />
      )}
      {question.data !== undefined && !missing && <KnownHousehold household={question.data} />}
      {question.isPending && <Skeleton height={320} radius={10} />}
    </div>
  );
}

function KnownHousehold({ household }: { household: Household }) {
  const { name, locale, timeZone, createdAtMs, devices, mergedInto } = household;
  const nowMs = useNow();
  return (
    <>
      <div className={page["head"]}>
        <div>
          <p className={page["soft"]}>{devices.length === 0 && mergedInto === null ? "Prospect" : "Household"}</p>
          <h1>{name}</h1>
        </div>
        <dl className={page["facts"]}>
          <Fact name="Language">{locale}</Fact>
          <Fact name="Time there">
            <span className="numbers">{isTimeZone(timeZone) ? `${shortClockText(nowMs, timeZone)} ` : ""}</span>
            <span className={page["soft"]}>{timeZone}</span>
          </Fact>
          <Fact name="Since">{dateText(createdAtMs, localZone)}</Fact>
        </dl>
      </div>
      {mergedInto !== null && (
        <p className={classes["merged"]}>
          These people are part of{" "}
          <HrefLink href={`/households/${mergedInto}`} className={page["link"]}>
            another household
          </HrefLink>{" "}
          now, and what they do counts there. It can be undone there, too.
        </p>
      )}
      <div className={classes["columns"]}>
        <Column place="main" household={household} />
        <Column place="side" household={household} />
      </div>
    </>
  );
}

const Column = ({ place, household }: { place: "main" | "side"; household: Household }) => (
  <div className={page["page"]}>
    {householdSections
      .filter((section) => section.place === place)
      .map(({ id, component: Component }) => (
        <Component key={id} household={household} />
      ))}
  </div>
);

const Fact = ({ name, children }: { name: string; children: ReactNode }) => (
  <div>
    <dt>{name}</dt>
    <dd>{children}</dd>
  </div>
);
