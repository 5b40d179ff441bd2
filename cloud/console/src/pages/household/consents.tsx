import { Button } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { consentTextsQuery, householdConsentsQuery } from "../../api/household-queries.ts";
import type { ConsentPurpose, ConsentReceipt, ConsentStanding, ConsentText } from "../../api/household-shapes.ts";
import { useRights } from "../../api/rights.ts";
import { purposeTitle, saidAtText } from "../../core/households.ts";
import { Ago } from "../../parts/ago.tsx";
import { Dialog } from "../../parts/dialog.tsx";
import { QuestionNotice } from "../../parts/notice.tsx";
import page from "../../parts/page.module.css";
import { StateMark } from "../../parts/state-mark.tsx";
import { Who } from "../../parts/who.tsx";
import { ConsentForm } from "./consent-form.tsx";
import classes from "./household.module.css";
import { Section } from "./section.tsx";
import type { SectionProps } from "./section-props.ts";

/** A purpose, and of `share` one party. */
interface Subject {
  purpose: ConsentPurpose;
  party: string | null;
  partyName: string | null;
}

/** Everything that can be agreed to: what there are words for, and what was agreed to before. */
function subjectsOf(texts: readonly ConsentText[], standings: readonly ConsentStanding[]): Subject[] {
  const subjects = new Map<string, Subject>();
  for (const { purpose, party, partyName } of texts)
    if (purpose !== "run") subjects.set(`${purpose} ${party ?? ""}`, { purpose, party, partyName });
  for (const { purpose, party } of standings) {
    const key = `${purpose} ${party ?? ""}`;
    if (!subjects.has(key)) subjects.set(key, { purpose, party, partyName: null });
  }
  const order: ConsentPurpose[] = ["improve", "personalise", "market", "share"];
  return [...subjects.values()].toSorted((a, b) => order.indexOf(a.purpose) - order.indexOf(b.purpose));
}

/** What they agreed to, in which words, and where they said so. */
export function Consents({ household }: SectionProps) {
  const mayWrite = useRights()?.may("consents.write") === true;
  const question = useQuery(householdConsentsQuery(household.id));
  const texts = useQuery(consentTextsQuery).data?.items ?? [];
  const [asked, setAsked] = useState<{ subject: Subject; isGiven: boolean } | null>(null);
  const found = question.data;
  return (
    <Section title="Consents">
      <p className={page["note"]}>
        Running the appliances, security updates among it, is the contract and is never asked for. All else is theirs to
        give and to withdraw.
      </p>
      <QuestionNotice question={question} />
      {found !== undefined && (
        <ul className={classes["list"]}>
          {subjectsOf(texts, found.standings).map((subject) => {
            const now = found.standings.find((one) => one.purpose === subject.purpose && one.party === subject.party);
            const receipts = found.receipts.filter(
              (one) => one.purpose === subject.purpose && one.party === subject.party,
            );
            return (
              <Subject
                key={`${subject.purpose} ${subject.party}`}
                subject={subject}
                standing={now}
                receipts={receipts}
                onAct={mayWrite ? (isGiven) => setAsked({ subject, isGiven }) : undefined}
              />
            );
          })}
        </ul>
      )}
      <Dialog
        title={asked?.isGiven === true ? "They agreed" : "They withdrew"}
        opened={asked !== null}
        onClose={() => setAsked(null)}
      >
        {asked !== null && (
          <ConsentForm
            household={household}
            purpose={asked.subject.purpose}
            party={asked.subject.party}
            isGiven={asked.isGiven}
            texts={texts}
            onDone={() => setAsked(null)}
          />
        )}
      </Dialog>
    </Section>
  );
}

interface SubjectProps {
  subject: Subject;
  standing: ConsentStanding | undefined;
  receipts: readonly ConsentReceipt[];
  /** Undefined for a role that only reads. */
  onAct: ((isGiven: boolean) => void) | undefined;
}

function Subject({ subject, standing, receipts, onAct }: SubjectProps) {
  const { purpose } = subject;
  const title = purposeTitle(subject);
  const isGiven = standing?.isGiven === true;
  // Nobody but the household takes an objection back.
  const mayGive = !(purpose === "market" && standing?.isGiven === false);
  return (
    <li aria-label={title}>
      <div className={classes["row"]}>
        <span className={classes["name"]}>{title}</span>
        <Standing purpose={purpose} standing={standing} />
      </div>
      {onAct !== undefined && (
        <div className={page["actions"]}>
          {isGiven && (
            <Button variant="default" size="compact-md" onClick={() => onAct(false)}>
              Withdraw…
            </Button>
          )}
          {!isGiven && mayGive && (
            <Button variant="default" size="compact-md" onClick={() => onAct(true)}>
              They agree…
            </Button>
          )}
          {standing === undefined && purpose === "market" && (
            <Button variant="default" size="compact-md" onClick={() => onAct(false)}>
              They object…
            </Button>
          )}
        </div>
      )}
      {!mayGive && (
        <p className={classes["small"]}>An objection is final for us: only they take it back, with their own key.</p>
      )}
      {receipts.length > 0 && (
        <details>
          <summary className={classes["small"]}>
            {receipts.length === 1 ? "1 receipt" : `${receipts.length} receipts`}
          </summary>
          <ul className={classes["list"]}>
            {receipts.map((receipt) => (
              <Receipt key={receipt.id} receipt={receipt} />
            ))}
          </ul>
        </details>
      )}
    </li>
  );
}

function Standing({ purpose, standing }: { purpose: ConsentPurpose; standing: ConsentStanding | undefined }) {
  if (standing === undefined) return <span className={page["soft"]}>not asked yet</span>;
  if (standing.isGiven) return <StateMark tone="well">agreed</StateMark>;
  return <StateMark tone="mind">{purpose === "market" ? "objected" : "withdrawn"}</StateMark>;
}

const Receipt = ({ receipt }: { receipt: ConsentReceipt }) => (
  <li>
    <span>
      {receipt.decision === "given" ? "Agreed" : "Withdrew"} {saidAtText(receipt.channel)}, <Ago atMs={receipt.atMs} />
    </span>
    {receipt.words !== null && <blockquote className={classes["words"]}>{receipt.words}</blockquote>}
    {receipt.inReturn !== null && <span className={classes["small"]}>In return: {receipt.inReturn}</span>}
    <span className={classes["small"]}>
      {receipt.textVersion !== null && `Version ${receipt.textVersion} in ${receipt.textLocale}. `}
      {receipt.evidence !== null && receipt.carriedFrom === null && `Evidence: ${receipt.evidence}. `}
      Entered by <Who principal={receipt.by} />
    </span>
  </li>
);
