import { Button } from "@mantine/core";
import { useMutation, useQueryClient } from "@tanstack/react-query";
import { type ReactNode, useState } from "react";
import { send } from "../api/client.ts";
import type { Sent, Try } from "../api/sent-shapes.ts";
import type { Page } from "../api/shapes.ts";
import { plural } from "../core/numbers.ts";
import { sentStatusWords } from "../core/sent.ts";
import { Ago } from "./ago.tsx";
import { type Column, DataTable } from "./data-table.tsx";
import { Dialog } from "./dialog.tsx";
import { Notice, QuestionNotice } from "./notice.tsx";
import page from "./page.module.css";
import { Pager } from "./pager.tsx";
import { StateMark } from "./state-mark.tsx";
import told from "./told.module.css";

interface SentListProps<Item extends Sent> {
  title: string;
  /** What one of them is called: `message`. */
  noun: string;
  /** What stands there before any was sent. */
  none: string;
  filters: ReactNode;
  question: { data: Page<Item> | undefined; error: Error | null; refetch: () => unknown };
  cursor: string | undefined;
  onCursor: (cursor: string | undefined) => void;
  /** What it is, and for whom. */
  lead: Pick<Column<Item>, "name" | "cell">;
  /** Everything that is known of one. */
  detail: (id: string) => ReactNode;
  /** What stands between the filters and the list. */
  children?: ReactNode;
}

/** What was sent to receivers outside, newest first, each with every attempt. */
export function SentList<Item extends Sent>(props: SentListProps<Item>) {
  const { title, noun, none, filters, question, cursor, onCursor, lead, detail, children } = props;
  const [shown, setShown] = useState<string | null>(null);
  const items = question.data?.items ?? [];
  const nextCursor = question.data?.nextCursor ?? null;
  const columns: Column<Item>[] = [
    { ...lead, lead: true },
    {
      name: "Status",
      cell: ({ status }) => <StateMark tone={sentStatusWords[status].tone}>{sentStatusWords[status].words}</StateMark>,
    },
    {
      name: "Attempts",
      cell: ({ id, attempts }) => (
        <Button variant="default" size="compact-sm" w="fit-content" onClick={() => setShown(id)}>
          {plural(attempts, "attempt")}
        </Button>
      ),
    },
    { name: "Next", cell: ({ nextAtMs }) => (nextAtMs === null ? null : <Ago atMs={nextAtMs} />) },
    { name: "Made", cell: ({ createdAtMs }) => <Ago atMs={createdAtMs} /> },
  ];
  return (
    <section className={page["page"]} aria-label={title}>
      <div className={page["head"]}>
        <h2>{title}</h2>
        <div className={page["actions"]}>{filters}</div>
      </div>
      <QuestionNotice question={question} />
      {children}
      {items.length > 0 && <DataTable label={`${lead.name}s`} columns={columns} rows={items} keyOf={({ id }) => id} />}
      {question.data !== undefined && items.length === 0 && <p className={page["note"]}>{none}</p>}
      {(cursor !== undefined || nextCursor !== null) && (
        <Pager words={plural(items.length, noun)} cursor={cursor} nextCursor={nextCursor} onCursor={onCursor} />
      )}
      <Dialog title={`The ${noun}`} opened={shown !== null} size="lg" onClose={() => setShown(null)}>
        {shown !== null && detail(shown)}
      </Dialog>
    </section>
  );
}

interface AttemptsProps {
  found: Sent & { tries: readonly Try[] };
  /** Where it is asked to be sent again. */
  path: string;
  /** The first word of what is asked anew after that. */
  about: string;
  mayWrite: boolean;
  /** What stands between the attempts and the button. */
  children?: ReactNode;
}

/** Every attempt to send one, with a way to send it again. */
export function Attempts({ found, path, about, mayWrite, children }: AttemptsProps) {
  const client = useQueryClient();
  const resend = useMutation({
    mutationFn: () => send("POST", `${path}/resend`),
    onSettled: () => client.invalidateQueries({ queryKey: [about] }),
  });
  return (
    <>
      {found.tries.length === 0 ? (
        <p className={page["note"]}>It has not been tried yet.</p>
      ) : (
        <ol className={`${told["told"]} numbers`} aria-label="Attempts">
          {found.tries.map(({ attempt, atMs, tookMs, outcome, detail }) => (
            <li key={attempt}>
              {attempt}. {outcome.replaceAll("_", " ")}: {detail}, {tookMs} ms, <Ago atMs={atMs} />
            </li>
          ))}
        </ol>
      )}
      {children}
      {resend.error !== null && <Notice error={resend.error} />}
      {mayWrite && found.status !== "queued" && (
        <div className={page["actions"]}>
          <Button variant="default" loading={resend.isPending} onClick={() => resend.mutate()}>
            Send it again
          </Button>
        </div>
      )}
    </>
  );
}
