import { Button, NativeSelect, Textarea, TextInput } from "@mantine/core";
import { useMutation, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { isOvertaken, send } from "../../api/client.ts";
import { consentTextsPath, consentTextsQuery } from "../../api/household-queries.ts";
import type { ConsentText } from "../../api/household-shapes.ts";
import { purposeTitle, purposeWords } from "../../core/households.ts";
import { useMadeFrom } from "../../parts/made-from.ts";
import { Meanwhile } from "../../parts/meanwhile.tsx";
import { Notice } from "../../parts/notice.tsx";
import page from "../../parts/page.module.css";
import household from "../household/household.module.css";

/** What a party is called in addresses: `Green Energy` is `green-energy`. */
const keyOf = (name: string): string =>
  name
    .toLowerCase()
    .replaceAll(/[^a-z0-9]+/g, "-")
    .replaceAll(/^-|-$/g, "")
    .slice(0, 64);

type Wording = Pick<ConsentText, "version" | "words" | "inReturn" | "createdBy" | "createdAtMs">;
const nothingYet: Wording = { version: 0, words: "", inReturn: "", createdBy: "", createdAtMs: 0 };
const saysOf = ({ words, inReturn }: Wording) => ({ words, inReturn });

/** The words of a purpose in one language. @param before what they are now; null for those that are not there yet */
export function ConsentTextForm({ before, onDone }: { before: ConsentText | null; onDone: () => void }) {
  const client = useQueryClient();
  const [purpose, setPurpose] = useState<string>(before?.purpose ?? "improve");
  const [partyName, setPartyName] = useState(before?.partyName ?? "");
  const [locale, setLocale] = useState(before?.locale ?? "");
  const [words, setWords] = useState(before?.words ?? "");
  const [inReturn, setInReturn] = useState(before?.inReturn ?? "");
  const madeFrom = useMadeFrom({
    newest: before ?? nothingYet,
    mine: { words, inReturn },
    mineOf: saysOf,
    write: (next) => {
      setWords(next.words);
      setInReturn(next.inReturn);
    },
  });
  const { base, other } = madeFrom;
  const isShared = purpose === "share";
  const put = useMutation({
    mutationFn: () => {
      const party = isShared ? { party: before?.party ?? keyOf(partyName), partyName: partyName.trim() } : {};
      return send<ConsentText>("PUT", `${consentTextsPath}?basedOn=${base.version}`, {
        purpose,
        ...party,
        locale,
        words: words.trim(),
        inReturn: inReturn.trim(),
      });
    },
    onError: (error) =>
      isOvertaken(error) ? client.invalidateQueries({ queryKey: consentTextsQuery.queryKey }) : undefined,
    async onSuccess(saved) {
      if (saved !== null) madeFrom.saved(saved);
      await client.invalidateQueries({ queryKey: consentTextsQuery.queryKey });
      onDone();
    },
  });
  const isReady =
    [locale, words, inReturn].every((text) => text.trim() !== "") && (!isShared || keyOf(partyName) !== "");
  return (
    <form
      className={page["form"]}
      onSubmit={(event) => {
        event.preventDefault();
        if (isReady) put.mutate();
      }}
    >
      {before === null ? (
        <>
          <NativeSelect
            label="What for"
            value={purpose}
            onChange={(event) => setPurpose(event.currentTarget.value)}
            data={Object.entries(purposeWords).map(([value, label]) => ({ value, label }))}
          />
          {isShared && (
            <TextInput
              label="With whom"
              description="The name that they read."
              maxLength={200}
              value={partyName}
              onChange={(event) => setPartyName(event.currentTarget.value)}
            />
          )}
          <TextInput
            label="Language"
            description="Such as de or en-GB."
            maxLength={20}
            value={locale}
            onChange={(event) => setLocale(event.currentTarget.value)}
          />
        </>
      ) : (
        <p>
          {purposeTitle(before)}, in {before.locale}. Version {before.version} stays with those who agreed to it.
        </p>
      )}
      <Textarea
        label="What they agree to"
        autosize
        minRows={3}
        maxLength={4_000}
        value={words}
        onChange={(event) => setWords(event.currentTarget.value)}
      />
      <Textarea
        label="What they get in return"
        autosize
        minRows={2}
        maxLength={1_000}
        value={inReturn}
        onChange={(event) => setInReturn(event.currentTarget.value)}
      />
      {put.error !== null && other === null && <Notice error={put.error} />}
      <Meanwhile madeFrom={madeFrom} saysOf={saysOf} onChosen={put.reset}>
        {(theirs) => (
          <>
            <blockquote className={household["words"]}>{theirs.words}</blockquote>
            <p className={page["note"]}>In return: {theirs.inReturn}</p>
          </>
        )}
      </Meanwhile>
      <div className={page["actions"]}>
        <Button type="submit" disabled={!isReady || other !== null} loading={put.isPending}>
          Put into force
        </Button>
        <Button variant="default" onClick={onDone}>
          Cancel
        </Button>
      </div>
    </form>
  );
}
