import { Button } from "@mantine/core";
import { useMutation, useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { campaignPath, peopleQuery } from "../../api/campaign-queries.ts";
import type { HouseholdForPerson } from "../../api/campaign-shapes.ts";
import { download } from "../../api/client.ts";
import { useRights } from "../../api/rights.ts";
import { plural } from "../../core/numbers.ts";
import { Ago } from "../../parts/ago.tsx";
import { type Column, DataTable } from "../../parts/data-table.tsx";
import { HouseholdLink } from "../../parts/household-link.tsx";
import { Notice } from "../../parts/notice.tsx";
import page from "../../parts/page.module.css";
import { Paged } from "../../parts/paged.tsx";

/** How many of a campaign's households have a case, as the service has it. */
const casesMax = 200;

/** Whom nothing but a person reaches: the first of them have a case, and all are here. */
export function PeopleHouseholds({ id, count }: { id: string; count: number }) {
  const [cursor, setCursor] = useState<string | undefined>(undefined);
  const mayExport = useRights()?.may("campaigns.letters") === true;
  const question = useQuery(peopleQuery(id, { cursor }));
  const file = useMutation({
    mutationFn: () => download(`${campaignPath(id)}/people.csv`, `campaign-${id}-people.csv`),
  });
  return (
    <section className={page["card"]} aria-label="For a person to tell">
      <div className={page["head"]}>
        <h2>For a person to tell</h2>
        {mayExport && (
          <div className={page["actions"]}>
            <Button variant="default" loading={file.isPending} onClick={() => file.mutate()}>
              Export them
            </Button>
          </div>
        )}
      </div>
      <p className={page["soft"]}>
        Nothing but a person reaches {plural(count, "household")}.{" "}
        {count > casesMax ? `The first ${casesMax} have a case as well.` : "There is a case for each as well."}
      </p>
      {file.error !== null && <Notice error={file.error} />}
      <Paged
        question={question}
        cursor={cursor}
        onCursor={setCursor}
        words={(shown) => plural(shown, "household")}
        height={80}
        none={<p className={page["soft"]}>Nobody is left to be told by a person.</p>}
      >
        {(items) => (
          <DataTable
            label="For a person to tell"
            columns={columns}
            rows={items}
            keyOf={({ householdId, itemId }) => `${householdId} ${itemId}`}
          />
        )}
      </Paged>
    </section>
  );
}

const columns: readonly Column<HouseholdForPerson>[] = [
  {
    name: "Household",
    lead: true,
    cell: ({ householdId, householdName }) => <HouseholdLink id={householdId} name={householdName} />,
  },
  { name: "What", cell: ({ title }) => title },
  { name: "Since", cell: ({ decidedAtMs }) => <Ago atMs={decidedAtMs} /> },
];
