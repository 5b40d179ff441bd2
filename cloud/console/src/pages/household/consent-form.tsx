import { Button, NativeSelect, TextInput } from "@mantine/core";
import { useMutation, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { send } from "../../api/client.ts";
import { householdKey, householdPath } from "../../api/household-queries.ts";
import type { ConsentPurpose, ConsentText, Household } from "../../api/household-shapes.ts";
import { type SaidAt, saidAts, saidAtWords } from "../../core/households.ts";
import { Notice } from "../../parts/notice.tsx";
import page from "../../parts/page.module.css";
import classes from "./household.module.css";

interface ConsentFormProps {
  household: Household;
  purpose: ConsentPurpose;
  party: string | null;
  isGiven: boolean;
  texts: readonly ConsentText[];
  onDone: () => void;
}

/** The words that are read to somebody of this language; English, or any, where there are none in it. */
function textFor(texts: readonly ConsentText[], locale: string): ConsentText | undefined {
  const language = locale.split("-")[0];
  return (
    texts.find((one) => one.locale === locale) ??
    texts.find((one) => one.locale === language) ??
    texts.find((one) => one.locale === "en") ??
    texts[0]
  );
}

/** What somebody said elsewhere, entered by staff with what shows it. */
export function ConsentForm({ household, purpose, party, isGiven, texts, onDone }: ConsentFormProps) {
  const client = useQueryClient();
  const [channel, setChannel] = useState<SaidAt>("phone");
  const [evidence, setEvidence] = useState("");
  const [isTried, setIsTried] = useState(false);
  const own = texts.filter((one) => one.purpose === purpose && one.party === party);
  const text = isGiven ? textFor(own, household.locale) : undefined;
  const say = useMutation({
    mutationFn: () => {
      const said = { purpose, party, channel, evidence: evidence.trim() };
      const path = `${householdPath(household.id)}/consents`;
      if (!isGiven) return send("POST", `${path}/withdrawals`, said);
      return send("POST", path, { ...said, locale: text?.locale, version: text?.version });
    },
    async onSuccess() {
      await client.invalidateQueries({ queryKey: householdKey(household.id) });
      onDone();
    },
  });
  const isMissing = isTried && evidence.trim() === "";
  return (
    <form
      className={page["form"]}
      onSubmit={(event) => {
        event.preventDefault();
        setIsTried(true);
        if (evidence.trim() !== "") say.mutate();
      }}
    >
      {text !== undefined && (
        <>
          <p>Read these words to them. What they agree to is these and no others.</p>
          <blockquote className={classes["words"]}>{text.words}</blockquote>
          <p className={classes["small"]}>In return: {text.inReturn}</p>
        </>
      )}
      {!isGiven && <p>It counts from the next message on. They need not say why.</p>}
      <NativeSelect
        label="Where did they say so?"
        value={channel}
        onChange={(event) => setChannel(saidAts.find((one) => one === event.currentTarget.value) ?? "phone")}
        data={saidAts.map((value) => ({ value, label: saidAtWords[value] }))}
      />
      <TextInput
        label="Where can that be read or heard?"
        description="The number of the call, the letter’s place, the form."
        maxLength={1_000}
        value={evidence}
        onChange={(event) => setEvidence(event.currentTarget.value)}
        error={isMissing ? "Say where it can be looked up: without it nobody can show it later" : undefined}
      />
      {say.error !== null && <Notice error={say.error} />}
      <div className={page["actions"]}>
        <Button type="submit" loading={say.isPending}>
          {isGiven ? "They agreed" : "They withdrew"}
        </Button>
        <Button variant="default" onClick={onDone}>
          Cancel
        </Button>
      </div>
    </form>
  );
}
