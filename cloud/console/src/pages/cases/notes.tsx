import { Button, Textarea } from "@mantine/core";
import { useMutation, useQueryClient } from "@tanstack/react-query";
import { casePath } from "../../api/case-queries.ts";
import type { CaseDossier } from "../../api/case-shapes.ts";
import { send } from "../../api/client.ts";
import { Ago } from "../../parts/ago.tsx";
import { useDraft } from "../../parts/draft.ts";
import matter from "../../parts/matter.module.css";
import { Notice } from "../../parts/notice.tsx";
import page from "../../parts/page.module.css";
import { Who } from "../../parts/who.tsx";
import classes from "./case.module.css";

/** What staff say among themselves. It looks like nothing that an owner could ever read. */
export function Notes({ found, mayWork }: { found: CaseDossier; mayWork: boolean }) {
  const [text, setText] = useDraft(`note.${found.id}`);
  const client = useQueryClient();
  const noting = useMutation({
    mutationFn: (note: string) => send("POST", `${casePath(found.id)}/notes`, { text: note }),
    onSuccess: async () => {
      setText("");
      await client.invalidateQueries({ queryKey: ["cases"] });
    },
  });
  const notes = found.entries.filter(({ kind, text: said }) => kind === "note" && said !== null);
  return (
    <section className={classes["notes"]} aria-label="Notes among staff">
      <div className={page["head"]}>
        <h2>Notes among staff</h2>
        <span className={classes["inside"]}>The owner never sees these</span>
      </div>
      {notes.length > 0 && (
        <ol className={classes["noteList"]}>
          {notes.map(({ sequence, by, atMs, text: said }) => (
            <li key={sequence}>
              <p className={matter["words"]}>{said}</p>
              <p className={matter["small"]}>
                <Who principal={by} />, <Ago atMs={atMs} />
              </p>
            </li>
          ))}
        </ol>
      )}
      {mayWork && (
        <form
          className={page["form"]}
          onSubmit={(event) => {
            event.preventDefault();
            noting.mutate(text.trim());
          }}
        >
          <Textarea
            id="note"
            label="A note for your colleagues"
            autosize
            minRows={2}
            maxRows={10}
            maxLength={4_000}
            value={text}
            onChange={(event) => setText(event.currentTarget.value)}
          />
          {noting.error !== null && <Notice error={noting.error} />}
          <div className={page["actions"]}>
            <Button type="submit" variant="default" loading={noting.isPending} disabled={text.trim() === ""}>
              Keep the note
            </Button>
          </div>
        </form>
      )}
      {!mayWork && notes.length === 0 && <p className={page["note"]}>There is none.</p>}
    </section>
  );
}
