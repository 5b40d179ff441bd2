import { Button, NativeSelect } from "@mantine/core";
import { useMutation, useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { campaignPath, recallQuery } from "../../api/campaign-queries.ts";
import type { RecallCount, RecallHousehold, RecallStatus } from "../../api/campaign-shapes.ts";
import { download } from "../../api/client.ts";
import { useRights } from "../../api/rights.ts";
import { acknowledgedWords, recallStatusWords, unreachableWords } from "../../core/campaigns.ts";
import { plural } from "../../core/numbers.ts";
import { Ago } from "../../parts/ago.tsx";
import { type Column, DataTable } from "../../parts/data-table.tsx";
import { HouseholdLink } from "../../parts/household-link.tsx";
import { Notice } from "../../parts/notice.tsx";
import page from "../../parts/page.module.css";
import { Paged } from "../../parts/paged.tsx";
import { StateMark } from "../../parts/state-mark.tsx";
import classes from "./campaigns.module.css";

const statuses = ["acknowledged", "shown", "emailed", "on_its_way", "unreachable", "not_decided"] as const;
const isStatus = (text: string): text is RecallStatus => statuses.some((status) => status === text);

/** How a recall stands, household by household, and whom a letter has to reach. */
export function RecallHouseholds({
  id,
  counts,
  countedAtMs,
}: {
  id: string;
  counts: readonly RecallCount[];
  countedAtMs: number | null;
}) {
  const [status, setStatus] = useState<RecallStatus | undefined>(undefined);
  const [cursor, setCursor] = useState<string | undefined>(undefined);
  const mayExport = useRights()?.may("campaigns.letters") === true;
  const question = useQuery(recallQuery(id, { status, cursor }));
  const letters = useMutation({
    mutationFn: () => download(`${campaignPath(id)}/unreachable.csv`, `recall-${id}-letters.csv`),
  });
  const countOf = (wanted: RecallStatus) => counts.find((one) => one.status === wanted && one.appliances > 0);
  return (
    <section className={page["card"]} aria-label="Households of the recall">
      <h2>Households</h2>
      <ul className={classes["reasons"]}>
        {statuses.map((one) => {
          const { words, tone } = recallStatusWords[one];
          const count = countOf(one);
          return (
            <li key={one}>
              {/* A state that nobody is in calls for nothing. */}
              <StateMark tone={count === undefined ? "plain" : tone}>{words}</StateMark>
              <Count count={count} />
            </li>
          );
        })}
      </ul>
      {countedAtMs !== null && (
        <p className={page["soft"]}>
          Counted <Ago atMs={countedAtMs} />
        </p>
      )}
      {letters.error !== null && <Notice error={letters.error} />}
      <div className={page["head"]}>
        <NativeSelect
          label="Show"
          value={status ?? ""}
          data={[
            { value: "", label: "All" },
            ...statuses.map((value) => ({ value, label: recallStatusWords[value].words })),
          ]}
          onChange={(event) => {
            const chosen = event.currentTarget.value;
            setStatus(isStatus(chosen) ? chosen : undefined);
            setCursor(undefined);
          }}
        />
        <div className={page["actions"]}>
          <Button variant="default" loading={question.isFetching} onClick={() => void question.refetch()}>
            Look again
          </Button>
          {mayExport && (
            <Button variant="default" loading={letters.isPending} onClick={() => letters.mutate()}>
              Export the unreachable for letters
            </Button>
          )}
        </div>
      </div>
      <Paged
        question={question}
        cursor={cursor}
        onCursor={setCursor}
        words={(count) => plural(count, "household")}
        height={80}
        none={<p className={page["soft"]}>No household is in this state.</p>}
      >
        {(items) => (
          <DataTable label="Households of the recall" columns={columns} rows={items} keyOf={({ key }) => key} />
        )}
      </Paged>
    </section>
  );
}

/** An appliance that nobody owns is of no household. */
function Count({ count }: { count: RecallCount | undefined }) {
  if (count === undefined) return <span className={page["soft"]}>none</span>;
  return (
    <span className="numbers">
      {plural(count.households, "household")}{" "}
      <span className={page["soft"]}>· {plural(count.appliances, "appliance")}</span>
    </span>
  );
}

const columns: readonly Column<RecallHousehold>[] = [
  {
    name: "Serial numbers",
    lead: true,
    cell: ({ appliances }) => appliances.map(({ serial }) => serial).join(", "),
  },
  {
    name: "Household",
    cell: ({ householdId, householdName, appliances }) =>
      householdId === null ? (
        <span className={page["soft"]}>
          {appliances.every(({ deviceId }) => deviceId === null) ? "Never registered" : "Nobody owns it"}
        </span>
      ) : (
        <HouseholdLink id={householdId} name={householdName} />
      ),
  },
  {
    name: "State",
    cell: ({ status, why, appliances }) => (
      <div>
        <StateMark tone={recallStatusWords[status].tone}>{recallStatusWords[status].words}</StateMark>
        {acknowledgedWords(appliances) !== null && <p className={page["soft"]}>{acknowledgedWords(appliances)}</p>}
        {why !== null && <p className={page["soft"]}>{unreachableWords[why]}</p>}
      </div>
    ),
  },
];
