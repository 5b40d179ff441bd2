import { Button, TextInput } from "@mantine/core";
import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { useState } from "react";
import { download, send } from "../../api/client.ts";
import { householdKey, householdPath } from "../../api/household-queries.ts";
import { useRights } from "../../api/rights.ts";
import { erasureQuery } from "../../api/webhook-queries.ts";
import { CopyLine } from "../../parts/copy-line.tsx";
import { Dialog } from "../../parts/dialog.tsx";
import { ErasureReport } from "../../parts/erasure-report.tsx";
import { Notice, QuestionNotice } from "../../parts/notice.tsx";
import page from "../../parts/page.module.css";
import { Section } from "./section.tsx";
import type { SectionProps } from "./section-props.ts";

type Format = "json" | "csv";

/** What stays of an erasure: its report, and the address at which the person reads it. */
interface Proof {
  id: string;
  reportUrl: string;
}

const proofKey = (householdId: string) => ["erased", householdId] as const;

/** What the law gives them: all of it to take along, and that it goes. */
export function DataRights({ household }: SectionProps) {
  const { id, name } = household;
  const rights = useRights();
  const [isErasing, setIsErasing] = useState(false);
  const take = useMutation({
    mutationFn: (format: Format) =>
      download(`${householdPath(id)}/export?format=${format}`, `hearth-household-${format}.tar.gz`),
  });
  const mayExport = rights?.may("households.export") === true;
  return (
    <Section title="Data">
      <p className={page["note"]}>
        Everything known of them, with a sheet that says what each thing is. Only when they ask for it: that it was
        opened is on record, and they can read who did.
      </p>
      {take.error !== null && <Notice error={take.error} />}
      <div className={page["actions"]}>
        {mayExport &&
          (["json", "csv"] as const).map((format) => (
            <Button
              key={format}
              variant="default"
              size="compact-md"
              loading={take.isPending && take.variables === format}
              onClick={() => take.mutate(format)}
            >
              Export as {format.toUpperCase()}
            </Button>
          ))}
        {rights?.may("households.erase") === true && (
          <Button variant="default" size="compact-md" c="var(--wrong)" onClick={() => setIsErasing(true)}>
            Erase…
          </Button>
        )}
      </div>
      {rights !== undefined && !mayExport && (
        <p className={page["note"]}>Your role ({rights.role}) cannot take it out. Support and admins can.</p>
      )}
      <Dialog title={`Erase ${name}?`} size="lg" opened={isErasing} onClose={() => setIsErasing(false)}>
        {isErasing && <Erase id={id} name={name} />}
      </Dialog>
    </Section>
  );
}

function Erase({ id, name }: { id: string; name: string }) {
  const [typed, setTyped] = useState("");
  const client = useQueryClient();
  const erase = useMutation({
    mutationFn: () => send<Proof>("POST", `${householdPath(id)}/erase`, { confirm: typed }),
    onSuccess: async (proof) => {
      client.setQueryData(proofKey(id), proof);
      await client.invalidateQueries({ queryKey: householdKey(id) });
    },
  });
  return (
    <form
      className={page["form"]}
      onSubmit={(event) => {
        event.preventDefault();
        erase.mutate();
      }}
    >
      <p>
        Their appliances become nobody&apos;s, their keys end, and everything about them goes, in every store. Points
        stay in the ledger&apos;s sums, without them. <strong>There is no way back.</strong>
      </p>
      <TextInput
        label={`Type ${name} to erase them`}
        value={typed}
        autoComplete="off"
        onChange={(event) => setTyped(event.currentTarget.value)}
      />
      {erase.error !== null && <Notice error={erase.error} />}
      <div className={page["actions"]}>
        <Button
          type="submit"
          variant="default"
          {...(typed === name ? { c: "var(--wrong)" } : {})}
          loading={erase.isPending}
          disabled={typed !== name}
        >
          Erase the household
        </Button>
      </div>
    </form>
  );
}

/** What the page shows in the place of a household that was erased here just now; null where it was not. */
export function useProof(householdId: string): Proof | null {
  return useQuery<Proof | null>({ queryKey: proofKey(householdId), queryFn: () => null, enabled: false }).data ?? null;
}

/** The proof, as it grows. */
export function Erased({ id, reportUrl }: Proof) {
  const question = useQuery(erasureQuery(id));
  return (
    <section className={page["card"]} aria-label="The erasure">
      <h1>The household is erased</h1>
      <p>Give its people this address: it is their proof, and it opens without a key. It is shown here once.</p>
      <CopyLine what="The report's address" line={reportUrl} />
      <p className={page["note"]}>
        The report itself stays under{" "}
        <Link to="/erasures" search={{ report: id }} className={page["link"]}>
          Erasures
        </Link>
        .
      </p>
      <QuestionNotice question={question} />
      {question.data !== undefined && <ErasureReport erasure={question.data} />}
    </section>
  );
}
