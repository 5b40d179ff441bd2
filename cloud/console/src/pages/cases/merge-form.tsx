import { Button, Radio, Skeleton, Textarea } from "@mantine/core";
import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { casePath, mergeTargetsQuery } from "../../api/case-queries.ts";
import type { CaseDossier, QueuedCase } from "../../api/case-shapes.ts";
import { send } from "../../api/client.ts";
import { dueOf, statusWords } from "../../core/case-words.ts";
import { agoText } from "../../core/time.ts";
import { useCauseName } from "../../parts/cause-name.ts";
import { useDraft } from "../../parts/draft.ts";
import { Notice, QuestionNotice } from "../../parts/notice.tsx";
import { useNow } from "../../parts/now.ts";
import page from "../../parts/page.module.css";

/** Into which other case one goes; the page follows it there by itself. */
export function MergeForm({ found, onLeave }: { found: CaseDossier; onLeave: () => void }) {
  const client = useQueryClient();
  const question = useQuery(mergeTargetsQuery(found.id));
  const [chosen, setChosen] = useState("");
  const [note, setNote] = useDraft(`merge.${found.id}`);
  const merging = useMutation({
    mutationFn: () => {
      const more = note.trim() === "" ? {} : { note: note.trim() };
      return send("POST", `${casePath(found.id)}/merge`, { into: chosen, ...more });
    },
    onSuccess: () => setNote(""),
    onSettled: () => client.invalidateQueries({ queryKey: ["cases"] }),
  });
  const items = question.data?.items;
  const nowMs = useNow();
  const causeName = useCauseName();
  return (
    <form
      className={page["form"]}
      onSubmit={(event) => {
        event.preventDefault();
        merging.mutate();
      }}
    >
      <QuestionNotice question={question} />
      {items === undefined ? (
        question.error === null && <Skeleton height={120} />
      ) : items.length === 0 ? (
        <p className={page["note"]}>
          There is no other open case of this household {found.deviceId === null ? "" : "and this appliance "}that it
          could be the same matter as. What is resolved stays as it was told.
        </p>
      ) : (
        <>
          <p>
            What was said, noted and found here is read in the other case from now on, and the owner goes on there. This
            one ends with its due times; where they were sooner, they hold there. It can be taken out again.
          </p>
          <Radio.Group label="The case that stays" value={chosen} onChange={setChosen}>
            {items.map((one) => (
              <Radio
                key={one.id}
                value={one.id}
                mt={10}
                label={one.title}
                description={[causeName(one.cause, one.model), ...wordsOf(one, nowMs)].join(" · ")}
              />
            ))}
          </Radio.Group>
          <Textarea
            label="Why they are one, for colleagues (not needed)"
            autosize
            minRows={2}
            maxLength={4_000}
            value={note}
            onChange={(event) => setNote(event.currentTarget.value)}
          />
        </>
      )}
      {merging.error !== null && <Notice error={merging.error} />}
      <div className={page["actions"]}>
        {items !== undefined && items.length > 0 && (
          <Button type="submit" loading={merging.isPending} disabled={chosen === ""}>
            Merge into it
          </Button>
        )}
        <Button variant="default" onClick={onLeave}>
          Leave it as it is
        </Button>
      </div>
    </form>
  );
}

const wordsOf = (one: QueuedCase, nowMs: number): string[] => [
  one.deviceId ?? "of the household",
  statusWords[one.status].words,
  dueOf(one.promise, one.status, nowMs).words,
  `opened ${agoText(one.openedAtMs, nowMs)}`,
];
