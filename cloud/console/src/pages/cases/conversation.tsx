import { Button, Checkbox, NativeSelect, Textarea } from "@mantine/core";
import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { answersQuery, casePath } from "../../api/case-queries.ts";
import type { Beside, CaseDossier, CaseEntry } from "../../api/case-shapes.ts";
import { send } from "../../api/client.ts";
import { useSendingKey } from "../../api/sending-key.ts";
import { alternativeWords, isClosed, reachWords, shownAtMs, speakerOf } from "../../core/case-words.ts";
import { Ago } from "../../parts/ago.tsx";
import { useDraft } from "../../parts/draft.ts";
import { AlertIcon, CheckIcon } from "../../parts/icons.tsx";
import matter from "../../parts/matter.module.css";
import { Notice } from "../../parts/notice.tsx";
import { useNow } from "../../parts/now.ts";
import page from "../../parts/page.module.css";
import { Who } from "../../parts/who.tsx";
import classes from "./conversation.module.css";

/** What the API takes. */
const answerCharsMax = 4_000;

interface ConversationProps {
  found: CaseDossier;
  messages: readonly CaseEntry[];
  beside: Beside | undefined;
  mayWork: boolean;
}

/** What was said between the owner and us, with who said it; and our next answer. Notes among staff are elsewhere. */
export function Conversation({ found, messages, beside, mayWork }: ConversationProps) {
  const nowMs = useNow();
  return (
    <section className={page["card"]} aria-label="Conversation with the owner">
      <h2>Conversation with the owner</h2>
      {beside?.wantsHuman === true && !isClosed(found.status) && (
        <p className={classes["wants"]}>
          <AlertIcon /> They asked for a person.
        </p>
      )}
      {beside?.alternative != null && (
        <p className={classes["wants"]}>
          <AlertIcon /> {alternativeWords(beside.alternative, nowMs)}
        </p>
      )}
      {messages.length === 0 ? (
        <p className={page["note"]}>
          The owner has written nothing, and nobody has written to them.{" "}
          {beside !== undefined && reachWords[beside.reach]}
        </p>
      ) : (
        <ol className={classes["messages"]}>
          {messages.map((message) => (
            <Message key={message.sequence} message={message} beside={beside} />
          ))}
        </ol>
      )}
      {beside?.rating != null && (
        <p className={classes["rating"]}>
          The owner rated how they were helped: <strong>{beside.rating} of 5</strong>
          {beside.ratedAtMs !== null && (
            <span className={page["soft"]}>
              , <Ago atMs={beside.ratedAtMs} />
            </span>
          )}
        </p>
      )}
      {messages.length > 0 && (beside?.reach === "nobody" || beside?.reach === "app") && (
        <p className={page["note"]}>{reachWords[beside.reach]}</p>
      )}
      {mayWork && beside !== undefined && beside.reach !== "nobody" && (
        <AnswerBox found={found} hasDisplay={beside.reach !== "app"} />
      )}
    </section>
  );
}

function Message({ message, beside }: { message: CaseEntry; beside: Beside | undefined }) {
  const speaker = speakerOf(message);
  const seen = beside === undefined ? undefined : shownAtMs(message, beside);
  return (
    <li className={classes["message"]} data-speaker={speaker}>
      <p className={classes["speaker"]}>
        <strong>
          {speaker === "owner" ? (
            "Owner"
          ) : speaker === "automatic" ? (
            "Automatic answer"
          ) : (
            <Who principal={message.by} />
          )}
        </strong>
        {speaker === "owner" && message.data["from"] === "appliance" && " on the appliance"}
        {", "}
        <Ago atMs={message.atMs} />
      </p>
      <p className={matter["words"]}>{message.text}</p>
      {seen === null && <p className={classes["seen"]}>Not yet seen on the display</p>}
      {typeof seen === "number" && (
        <p className={classes["seen"]}>
          <CheckIcon /> Seen on the display <Ago atMs={seen} />
        </p>
      )}
    </li>
  );
}

function AnswerBox({ found, hasDisplay }: { found: CaseDossier; hasDisplay: boolean }) {
  const { id } = found;
  const [text, setText] = useDraft(`answer.${id}`);
  const [waits, setWaits] = useState(false);
  const sendingKey = useSendingKey();
  const client = useQueryClient();
  const templates = useQuery(answersQuery(id)).data?.items ?? [];
  const sending = useMutation({
    mutationFn: (answer: { text: string; waitsForOwner: boolean }) =>
      send("POST", `${casePath(id)}/messages`, answer, sendingKey.key),
    onSettled: (_answer, error) => sendingKey.onSettled(error),
    onSuccess: async () => {
      setText("");
      setWaits(false);
      await client.invalidateQueries({ queryKey: ["cases"] });
    },
  });
  // What a template could not fill in stays visible as `[part]`: the owner must not read that.
  const gaps = [...new Set(templates.flatMap(({ missing }) => missing))].filter((name) => text.includes(`[${name}]`));
  const isClosedNow = isClosed(found.status);
  return (
    <form
      className={classes["answer"]}
      onSubmit={(event) => {
        event.preventDefault();
        sending.mutate({ text: text.trim(), waitsForOwner: waits });
      }}
    >
      {templates.length > 0 && (
        <NativeSelect
          label="Begin with a kept answer"
          size="sm"
          value=""
          onChange={(event) => {
            const chosen = templates.find(({ key }) => key === event.currentTarget.value);
            if (chosen !== undefined) setText(text.trim() === "" ? chosen.text : `${text.trimEnd()}\n\n${chosen.text}`);
          }}
        >
          <option value="">Choose…</option>
          {templates.map(({ key, title, suggested }) => (
            <option key={key} value={key}>
              {suggested ? `${title} (for this cause)` : title}
            </option>
          ))}
        </NativeSelect>
      )}
      <Textarea
        id="answer"
        label="Your answer to the owner"
        autosize
        minRows={4}
        maxRows={16}
        maxLength={answerCharsMax}
        value={text}
        onChange={(event) => setText(event.currentTarget.value)}
      />
      {gaps.length > 0 && (
        <p className={classes["gap"]} role="status">
          <AlertIcon /> Fill in first: {gaps.map((name) => `[${name}]`).join(", ")}
        </p>
      )}
      {sending.error !== null && (
        <>
          <Notice error={sending.error} />
          <p className={page["note"]}>Your words are kept here. Send them again when it works.</p>
        </>
      )}
      {hasDisplay && text.trim() !== "" && (
        <details className={classes["preview"]}>
          <summary>On the appliance’s display</summary>
          <div className={classes["display"]}>
            <strong>Answer from support</strong>
            <p>{text.trim()}</p>
            <span className={classes["displayButton"]}>OK</span>
          </div>
          <p className={page["note"]}>It never covers the display while a program runs.</p>
        </details>
      )}
      {!isClosedNow && (
        <Checkbox
          label="Then wait for the owner’s reply; the clock of the solution stands still"
          checked={waits}
          onChange={(event) => setWaits(event.currentTarget.checked)}
        />
      )}
      <div className={page["actions"]}>
        <Button type="submit" loading={sending.isPending} disabled={text.trim() === "" || gaps.length > 0}>
          Send to the owner
        </Button>
      </div>
    </form>
  );
}
