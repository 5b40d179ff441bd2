import { Button, Skeleton } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { consentTextsQuery } from "../../api/household-queries.ts";
import type { ConsentText } from "../../api/household-shapes.ts";
import { useRights } from "../../api/rights.ts";
import { purposeTitle } from "../../core/households.ts";
import { dateText } from "../../core/time.ts";
import { Dialog } from "../../parts/dialog.tsx";
import { EngagementTabs } from "../../parts/engagement-tabs.tsx";
import { QuestionNotice } from "../../parts/notice.tsx";
import { localZone } from "../../parts/now.ts";
import page from "../../parts/page.module.css";
import household from "../household/household.module.css";
import { ConsentTextForm } from "./consent-text-form.tsx";

const isSameText = (one: ConsentText, other: ConsentText): boolean =>
  one.purpose === other.purpose && one.party === other.party && one.locale === other.locale;

/** In which words households are asked, purpose by purpose. */
export function ConsentTextsPage() {
  const mayWrite = useRights()?.may("consents.texts") === true;
  const question = useQuery(consentTextsQuery);
  const [asked, setAsked] = useState<ConsentText | "new" | null>(null);
  const texts = question.data?.items ?? [];
  const groups = Map.groupBy(texts, (text) => purposeTitle(text));
  return (
    <div className={page["page"]}>
      <title>Consent texts · Hearth</title>
      <div className={page["head"]}>
        <h1>Consent texts</h1>
        {mayWrite && <Button onClick={() => setAsked("new")}>Another text</Button>}
      </div>
      <EngagementTabs current="households" />
      <p className={page["note"]}>
        Households agree to words, and to these words only. A change is a further version: it is asked for anew, and
        what was agreed to before stays as it was read.
      </p>
      <QuestionNotice question={question} />
      {question.isPending && question.error === null && <Skeleton height={240} radius={10} />}
      {[...groups].map(([title, ofPurpose]) => (
        <section key={title} className={page["card"]} aria-label={title}>
          <h2>{title}</h2>
          <ul className={household["list"]}>
            {ofPurpose.map((text) => (
              <li key={text.locale} aria-label={`${title} in ${text.locale}`}>
                <div className={household["row"]}>
                  <span className={household["name"]}>{text.locale}</span>
                  <span className={page["soft"]}>
                    version {text.version}, {dateText(text.createdAtMs, localZone)}
                  </span>
                </div>
                <blockquote className={household["words"]} lang={text.locale}>
                  {text.words}
                </blockquote>
                <div className={household["row"]}>
                  <span className={household["small"]} lang={text.locale}>
                    In return: {text.inReturn}
                  </span>
                  {mayWrite && (
                    <Button variant="default" size="compact-md" onClick={() => setAsked(text)}>
                      Next version…
                    </Button>
                  )}
                </div>
              </li>
            ))}
          </ul>
        </section>
      ))}
      <Dialog
        title={asked === "new" ? "Another text" : "Next version"}
        opened={asked !== null}
        onClose={() => setAsked(null)}
      >
        {asked !== null && (
          <ConsentTextForm
            before={asked === "new" ? null : (texts.find((text) => isSameText(text, asked)) ?? asked)}
            onDone={() => setAsked(null)}
          />
        )}
      </Dialog>
    </div>
  );
}
