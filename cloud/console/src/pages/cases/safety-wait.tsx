import { Button } from "@mantine/core";
import { useMutation, useQueryClient } from "@tanstack/react-query";
import { casePath } from "../../api/case-queries.ts";
import type { CaseDossier } from "../../api/case-shapes.ts";
import { send } from "../../api/client.ts";
import { waitsForPerson } from "../../core/case-words.ts";
import { Ago } from "../../parts/ago.tsx";
import { Notice } from "../../parts/notice.tsx";
import classes from "./case.module.css";

/** A safety matter waits until a person has seen it, whether or not its cause is still there. */
export function SafetyWait({ found, mayWork }: { found: CaseDossier; mayWork: boolean }) {
  const client = useQueryClient();
  const seeing = useMutation({
    mutationFn: () => send("POST", `${casePath(found.id)}/acknowledge`, {}),
    onSettled: () => client.invalidateQueries({ queryKey: ["cases"] }),
  });
  if (!waitsForPerson(found)) return null;
  const { causeGoneAtMs } = found;
  return (
    <section className={classes["safetyWait"]} aria-label="Whether somebody has seen it">
      <p>
        {causeGoneAtMs === null ? (
          <>
            <strong>Nobody has seen this case yet.</strong> It is a safety matter: even if its cause goes away, it stays
            open until one of you has.
          </>
        ) : (
          <>
            <strong>The cause is gone</strong>, since <Ago atMs={causeGoneAtMs} />. It was a safety matter, so the case
            waits until one of you has looked at it. What is due stays due.
          </>
        )}
      </p>
      {seeing.error !== null && <Notice error={seeing.error} />}
      {mayWork && (
        <Button variant="default" w="fit-content" loading={seeing.isPending} onClick={() => seeing.mutate()}>
          {causeGoneAtMs === null ? "I have seen it" : "I have seen it: resolve"}
        </Button>
      )}
    </section>
  );
}
