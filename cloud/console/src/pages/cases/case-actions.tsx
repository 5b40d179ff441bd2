import { Button, NativeSelect, Textarea } from "@mantine/core";
import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { useEffect, useState } from "react";
import { casePath } from "../../api/case-queries.ts";
import type { CaseDossier } from "../../api/case-shapes.ts";
import { send } from "../../api/client.ts";
import { publishedQuery } from "../../api/rollout-queries.ts";
import { isClosed } from "../../core/case-words.ts";
import { AssigneeSelect } from "../../parts/assignee-select.tsx";
import { Dialog } from "../../parts/dialog.tsx";
import { useDraft } from "../../parts/draft.ts";
import { Notice } from "../../parts/notice.tsx";
import page from "../../parts/page.module.css";
import { MergeForm } from "./merge-form.tsx";

/** What may be done with a case; the first three at once, the others with a word more. */
export type CaseAction = "take" | "release" | "reopen" | "wait" | "resolve" | "fixed-in" | "give" | "merge";

interface Order {
  path: string;
  body?: object;
}

interface CaseActionsProps {
  found: CaseDossier;
  /** What a key or a button asked for. */
  asked: CaseAction | null;
  onAsk: (action: CaseAction | null) => void;
}

const buttonWords: Record<CaseAction, string> = {
  take: "Take it",
  release: "Put it back",
  reopen: "Work on it again",
  wait: "Wait for the owner…",
  resolve: "Resolve…",
  "fixed-in": "Mended in a release…",
  give: "Give to…",
  merge: "Merge into another…",
};

function actionsOf({ status, assignee, model }: CaseDossier): CaseAction[] {
  if (isClosed(status)) return [];
  const waits = status === "waiting_for_owner" || status === "waiting_for_staff" || status === "waiting_for_release";
  return [
    assignee === null ? "take" : "release",
    "give",
    ...(status === "waiting_for_owner" || status === "waiting_for_release" ? [] : (["wait"] as const)),
    ...(waits ? (["reopen"] as const) : []),
    // What is no appliance's matter is mended in no release.
    ...(status === "waiting_for_release" || model === null ? [] : (["fixed-in"] as const)),
    "resolve",
    "merge",
  ];
}

export function CaseActions({ found, asked, onAsk }: CaseActionsProps) {
  const client = useQueryClient();
  const act = useMutation({
    mutationFn: ({ path, body }: Order) => send("POST", `${casePath(found.id)}/${path}`, body),
    onSuccess: () => onAsk(null),
    onSettled: () => client.invalidateQueries({ queryKey: ["cases"] }),
  });
  const actions = actionsOf(found);
  // These need no further word, from a key as from a button.
  useEffect(() => {
    if (asked !== "take" && asked !== "release") return;
    onAsk(null);
    if (actions.includes(asked)) act.mutate({ path: asked });
  }, [asked]);
  if (actions.length === 0) return null;
  const hasDialog = asked !== null && asked !== "take" && asked !== "release";
  return (
    <>
      {act.error !== null && !hasDialog && <Notice error={act.error} />}
      <div className={page["actions"]}>
        {actions.map((action, at) => (
          <Button
            key={action}
            variant={at === 0 && action === "take" ? "filled" : "default"}
            loading={act.isPending && act.variables.path === action}
            onClick={() => {
              act.reset();
              onAsk(action);
            }}
          >
            {buttonWords[action]}
          </Button>
        ))}
      </div>
      <Dialog
        title={hasDialog ? buttonWords[asked].replace("…", "") : ""}
        opened={hasDialog}
        onClose={() => onAsk(null)}
      >
        {hasDialog && asked === "merge" && <MergeForm found={found} onLeave={() => onAsk(null)} />}
        {hasDialog && asked !== "merge" && (
          <Asked
            found={found}
            action={asked}
            pending={act.isPending}
            error={act.error}
            onAct={(order) => act.mutate(order)}
            onLeave={() => onAsk(null)}
          />
        )}
      </Dialog>
    </>
  );
}

interface AskedProps {
  found: CaseDossier;
  action: Exclude<CaseAction, "take" | "release" | "merge">;
  pending: boolean;
  error: Error | null;
  onAct: (order: Order) => void;
  onLeave: () => void;
}

const says: Record<AskedProps["action"], string> = {
  wait: "The clock of the solution stands still until the owner answers. The note is for your colleagues; write to the owner in the conversation.",
  reopen: "The case is open again, and its clock goes on. The note is for your colleagues.",
  resolve:
    "The owner is asked how well they were helped. If the cause returns within 7 days, the case reopens by itself.",
  "fixed-in":
    "The case waits until the appliance confirms that release or a newer one, and is then resolved. If the cause returns there, it reopens by itself.",
  give: "Whoever has it, it is theirs from now on. They are told, where a channel of Notifications reaches them.",
};

function Asked(props: AskedProps) {
  const { found, action, pending, error, onAct, onLeave } = props;
  const [note, setNote] = useDraft(`${action}.${found.id}`);
  const [chosen, setChosen] = useState("");
  const releases = (useQuery(publishedQuery).data ?? []).filter(({ model }) => model === found.model);
  const order = orderOf(action, note.trim(), chosen, releases);
  return (
    <form
      className={page["form"]}
      onSubmit={(event) => {
        event.preventDefault();
        if (order !== null) onAct(order);
      }}
    >
      <p>{says[action]}</p>
      {action === "fixed-in" &&
        (releases.length === 0 ? (
          <p className={page["note"]}>
            No release for {found.model} is published yet. Publish the one that mends it first.
          </p>
        ) : (
          <NativeSelect
            label="Release"
            value={chosen}
            onChange={(event) => setChosen(event.currentTarget.value)}
            data={[
              { value: "", label: "Choose…" },
              ...releases.map(({ id, version }) => ({ value: id, label: `${found.model} ${version}` })),
            ]}
          />
        ))}
      {action === "give" && (
        <AssigneeSelect label="To whom" none="Choose…" value={chosen} without={found.assignee} onChange={setChosen} />
      )}
      {action !== "give" && (
        <Textarea
          label={action === "fixed-in" ? "Note for colleagues (not needed)" : "Note for colleagues"}
          autosize
          minRows={3}
          maxLength={4_000}
          value={note}
          onChange={(event) => setNote(event.currentTarget.value)}
        />
      )}
      {error !== null && <Notice error={error} />}
      <div className={page["actions"]}>
        <Button type="submit" loading={pending} disabled={order === null}>
          {buttonWords[action].replace("…", "")}
        </Button>
        <Button variant="default" onClick={onLeave}>
          Leave it as it is
        </Button>
      </div>
    </form>
  );
}

/** What is sent; null while something is missing. */
function orderOf(
  action: AskedProps["action"],
  text: string,
  chosen: string,
  releases: readonly { id: string; version: string; releaseCounter: number }[],
): Order | null {
  if (action === "give")
    return chosen === "" ? null : { path: "give", body: { staffKeyId: chosen.replace(/^staff:/, "") } };
  if (action === "fixed-in") {
    const release = releases.find(({ id }) => id === chosen);
    if (release === undefined) return null;
    const { version, releaseCounter } = release;
    return { path: "fixed-in", body: { version, releaseCounter, ...(text === "" ? {} : { note: text }) } };
  }
  if (text === "") return null;
  if (action === "resolve") return { path: "resolve", body: { note: text } };
  return { path: "notes", body: { text, status: action === "wait" ? "waiting_for_owner" : "open" } };
}
