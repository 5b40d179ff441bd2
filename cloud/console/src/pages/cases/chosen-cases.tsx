import { Button, CloseButton, Textarea } from "@mantine/core";
import { useMutation, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { bulkPath } from "../../api/case-queries.ts";
import type { BulkOutcome, QueuedCase } from "../../api/case-shapes.ts";
import { send } from "../../api/client.ts";
import { plural } from "../../core/numbers.ts";
import { AssigneeSelect } from "../../parts/assignee-select.tsx";
import { Dialog } from "../../parts/dialog.tsx";
import { Notice } from "../../parts/notice.tsx";
import page from "../../parts/page.module.css";
import { useNameOf } from "../../parts/who.tsx";
import classes from "./chosen-cases.module.css";

type Action = { kind: "give"; staffKeyId: string } | { kind: "release" } | { kind: "resolve"; note: string };

/** What became of it, and in which words. */
interface Told {
  done: string;
  refused: { id: string; title: string; why: string }[];
}

interface ChosenCasesProps {
  chosen: readonly QueuedCase[];
  onChoose: (ids: readonly string[]) => void;
  onAll: () => void;
}

/** What can be done to many cases at once, while some are chosen; and what became of it. */
export function ChosenCases({ chosen, onChoose, onAll }: ChosenCasesProps) {
  const client = useQueryClient();
  const nameOf = useNameOf();
  const [to, setTo] = useState("");
  const [resolving, setResolving] = useState(false);
  const [told, setTold] = useState<Told | null>(null);
  const acting = useMutation({
    mutationFn: (action: Action) => send<BulkOutcome>("POST", bulkPath, { ids: chosen.map(({ id }) => id), action }),
    onMutate: () => setTold(null),
    onSuccess: (outcome, action) => {
      const { done, refused } = outcome ?? { done: [], refused: [] };
      const titles = new Map(chosen.map(({ id, title }) => [id, title]));
      setTold({
        done: `${plural(done.length, "case")} ${doneWords(action, nameOf)}.`,
        refused: refused.map(({ id, title, detail }) => ({
          id,
          title: titles.get(id) ?? id,
          why: detail === undefined ? title : `${title}. ${detail}`,
        })),
      });
      setResolving(false);
      // What could not be done stays chosen, for something else to be done to it.
      onChoose(refused.map(({ id }) => id));
    },
    onSettled: () => client.invalidateQueries({ queryKey: ["cases"] }),
  });
  if (told === null && chosen.length === 0) return null;
  return (
    <div className={classes["dock"]}>
      {told !== null && (
        <div className={classes["told"]} role="status">
          <p>{told.done}</p>
          <CloseButton aria-label="Close what was told" iconSize={18} onClick={() => setTold(null)} />
          {told.refused.length > 0 && (
            <ul>
              {told.refused.map(({ id, title, why }) => (
                <li key={id}>
                  <strong>{title}</strong>: {why}
                </li>
              ))}
            </ul>
          )}
        </div>
      )}
      {acting.error !== null && !resolving && <Notice error={acting.error} />}
      {chosen.length > 0 && (
        <section className={classes["bar"]} aria-label="Chosen cases">
          <p className={classes["count"]} aria-live="polite">
            <strong>{plural(chosen.length, "case")} chosen</strong>
          </p>
          <AssigneeSelect label="Give to" none="Choose…" size="sm" value={to} onChange={setTo} />
          <Button
            disabled={to === ""}
            loading={acting.isPending && acting.variables.kind === "give"}
            onClick={() => acting.mutate({ kind: "give", staffKeyId: to.replace(/^staff:/, "") })}
          >
            Give them
          </Button>
          <Button variant="default" onClick={() => acting.mutate({ kind: "release" })}>
            Put them back
          </Button>
          <Button
            variant="default"
            onClick={() => {
              acting.reset();
              setResolving(true);
            }}
          >
            Resolve them…
          </Button>
          <span className={classes["more"]}>
            <Button variant="subtle" size="compact-sm" onClick={onAll}>
              Choose all on this page
            </Button>
            <Button variant="subtle" size="compact-sm" onClick={() => onChoose([])}>
              Choose none
            </Button>
          </span>
        </section>
      )}
      <Dialog title={`Resolve ${plural(chosen.length, "case")}`} opened={resolving} onClose={() => setResolving(false)}>
        {resolving && (
          <ResolveForm
            pending={acting.isPending}
            error={acting.error}
            onResolve={(note) => acting.mutate({ kind: "resolve", note })}
            onLeave={() => setResolving(false)}
          />
        )}
      </Dialog>
    </div>
  );
}

function doneWords(action: Action, nameOf: (principal: string) => string): string {
  switch (action.kind) {
    case "give":
      return `given to ${nameOf(`staff:${action.staffKeyId}`)}`;
    case "release":
      return "put back for anybody";
    case "resolve":
      return "resolved";
  }
}

interface ResolveFormProps {
  pending: boolean;
  error: Error | null;
  onResolve: (note: string) => void;
  onLeave: () => void;
}

function ResolveForm({ pending, error, onResolve, onLeave }: ResolveFormProps) {
  const [note, setNote] = useState("");
  return (
    <form
      className={page["form"]}
      onSubmit={(event) => {
        event.preventDefault();
        onResolve(note.trim());
      }}
    >
      <p>
        Each gets the same note. Owners who asked are asked how well they were helped. If a cause returns within 7 days,
        its case reopens by itself.
      </p>
      <Textarea
        label="Note for colleagues"
        autosize
        minRows={3}
        maxLength={4_000}
        value={note}
        onChange={(event) => setNote(event.currentTarget.value)}
      />
      {error !== null && <Notice error={error} />}
      <div className={page["actions"]}>
        <Button type="submit" loading={pending} disabled={note.trim() === ""}>
          Resolve them
        </Button>
        <Button variant="default" onClick={onLeave}>
          Leave them as they are
        </Button>
      </div>
    </form>
  );
}
