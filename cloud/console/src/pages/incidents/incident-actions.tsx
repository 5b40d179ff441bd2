import { Button, Checkbox, Textarea } from "@mantine/core";
import { useMutation, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { send } from "../../api/client.ts";
import { incidentPath } from "../../api/incident-queries.ts";
import type { IncidentDetail } from "../../api/incident-shapes.ts";
import { plural } from "../../core/numbers.ts";
import { AssigneeSelect } from "../../parts/assignee-select.tsx";
import { Dialog } from "../../parts/dialog.tsx";
import { useDraft } from "../../parts/draft.ts";
import { Notice } from "../../parts/notice.tsx";
import page from "../../parts/page.module.css";

type Asked = "note" | "resolve" | "give";

const titles: Record<Asked, string> = {
  note: "A note for your colleagues",
  resolve: "Resolve the incident",
  give: "Give the incident to somebody",
};
const verbs: Record<Asked, string> = { note: "Keep the note", resolve: "Resolve", give: "Give it" };

/** What may be done with an incident: take it, give it to somebody, say something about it, resolve it. */
export function IncidentActions({ found }: { found: IncidentDetail }) {
  const [asked, setAsked] = useState<Asked | null>(null);
  const [chosen, setChosen] = useState("");
  const [text, setText] = useDraft(`incident.${found.id}`);
  const [givesCases, setGivesCases] = useState(false);
  const client = useQueryClient();
  const act = useMutation({
    mutationFn: ({ path, body }: { path: string; body: object }) =>
      send("POST", `${incidentPath(found.id)}/${path}`, body),
    onSuccess: (_answer, { path }) => {
      if (path !== "assign") setText("");
      setAsked(null);
    },
    onSettled: () => client.invalidateQueries({ queryKey: ["incidents"] }),
  });
  const order = () => {
    if (asked === "give") return { path: "assign", body: { assignee: chosen.replace(/^staff:/, "") } };
    if (asked === "note") return { path: "notes", body: { text: text.trim() } };
    return { path: "resolve", body: { note: text.trim(), standing: givesCases ? "cases" : "leave" } };
  };
  return (
    <>
      {act.error !== null && asked === null && <Notice error={act.error} />}
      <div className={page["actions"]}>
        {found.status !== "resolved" && (
          <Button
            variant={found.assignee === null ? "filled" : "default"}
            loading={act.isPending && act.variables.path === "assign"}
            onClick={() => act.mutate({ path: "assign", body: { assignee: found.assignee === null ? "me" : null } })}
          >
            {found.assignee === null ? "Take it" : "Put it back"}
          </Button>
        )}
        {found.status !== "resolved" && (
          <Button variant="default" onClick={() => setAsked("give")}>
            Give to…
          </Button>
        )}
        <Button variant="default" onClick={() => setAsked("note")}>
          Write a note…
        </Button>
        {found.status !== "resolved" && (
          <Button variant="default" onClick={() => setAsked("resolve")}>
            Resolve…
          </Button>
        )}
      </div>
      <Dialog title={asked === null ? "" : titles[asked]} opened={asked !== null} onClose={() => setAsked(null)}>
        <form
          className={page["form"]}
          onSubmit={(event) => {
            event.preventDefault();
            act.mutate(order());
          }}
        >
          {asked === "give" ? (
            <>
              <p>
                Whoever has it, it is theirs from now on. They are told, where a channel of Notifications reaches them.
              </p>
              <AssigneeSelect
                label="To whom"
                none="Choose…"
                value={chosen}
                without={found.assignee}
                onChange={setChosen}
              />
            </>
          ) : (
            <Textarea
              label="Note for colleagues"
              autosize
              minRows={3}
              maxLength={4_000}
              value={text}
              onChange={(event) => setText(event.currentTarget.value)}
            />
          )}
          {asked === "resolve" && found.standing > 0 && (
            <Checkbox
              label={`${plural(found.standing, "appliance")} still have the cause: give each a case of its own`}
              checked={givesCases}
              onChange={(event) => setGivesCases(event.currentTarget.checked)}
            />
          )}
          {act.error !== null && <Notice error={act.error} />}
          <div className={page["actions"]}>
            <Button
              type="submit"
              loading={act.isPending}
              disabled={asked === "give" ? chosen === "" : text.trim() === ""}
            >
              {asked === null ? "" : verbs[asked]}
            </Button>
            <Button variant="default" onClick={() => setAsked(null)}>
              Leave it as it is
            </Button>
          </div>
        </form>
      </Dialog>
    </>
  );
}
