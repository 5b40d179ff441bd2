import { Button, Skeleton } from "@mantine/core";
import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { getRouteApi } from "@tanstack/react-router";
import { useState } from "react";
import { casePath, caseQuery } from "../../api/case-queries.ts";
import type { CaseDossier, MergedCase } from "../../api/case-shapes.ts";
import { send } from "../../api/client.ts";
import { plural } from "../../core/numbers.ts";
import { Ago } from "../../parts/ago.tsx";
import { useCauseName } from "../../parts/cause-name.ts";
import { Dialog } from "../../parts/dialog.tsx";
import matter from "../../parts/matter.module.css";
import { Notice } from "../../parts/notice.tsx";
import page from "../../parts/page.module.css";
import { Who } from "../../parts/who.tsx";
import classes from "./case.module.css";
import { EvidenceCard } from "./evidence-card.tsx";

const route = getRouteApi("/cases/$id");

/** Why somebody who followed an older link is here. */
export function CameFrom({ found }: { found: CaseDossier }) {
  const { from } = route.useSearch();
  const part = found.merged.find(({ id }) => id === from);
  if (part === undefined) return null;
  return (
    <p className={classes["cameFrom"]} role="status">
      “{part.title}” was merged into this case <Ago atMs={part.mergedAtMs} />, by <Who principal={part.mergedBy} />.
      What was said in it is here.
    </p>
  );
}

/** What turned out to be the same matter: with its own evidence, and the way back. */
export function MergedCases({ found, mayWork }: { found: CaseDossier; mayWork: boolean }) {
  const client = useQueryClient();
  const causeName = useCauseName();
  const [asked, setAsked] = useState<MergedCase | null>(null);
  const parting = useMutation({
    mutationFn: (id: string) => send("POST", `${casePath(id)}/unmerge`, {}),
    onSuccess: () => setAsked(null),
    onSettled: () => client.invalidateQueries({ queryKey: ["cases"] }),
  });
  return (
    <section className={page["card"]} aria-label="Merged cases">
      <h2>Merged into this case</h2>
      <p className={page["note"]}>
        {plural(found.merged.length, "case")} turned out to be the same matter. Messages and notes are in their place
        among the others.
      </p>
      <ul className={classes["mergedList"]}>
        {found.merged.map((part) => (
          <li key={part.id}>
            <p>
              <strong>{part.title}</strong>
            </p>
            <p className={matter["small"]}>
              {causeName(part.cause, found.model)}, opened <Ago atMs={part.openedAtMs} />; merged by{" "}
              <Who principal={part.mergedBy} />, <Ago atMs={part.mergedAtMs} />
            </p>
            {part.deviceId !== null && <PartEvidence found={found} part={part} />}
            {mayWork && (
              <Button
                variant="default"
                size="compact-sm"
                w="fit-content"
                aria-label={`Take it out again… ${part.title}`}
                onClick={() => {
                  parting.reset();
                  setAsked(part);
                }}
              >
                Take it out again…
              </Button>
            )}
          </li>
        ))}
      </ul>
      <Dialog title="Take a case out again" opened={asked !== null} onClose={() => setAsked(null)}>
        {asked !== null && (
          <div className={page["form"]}>
            <p>
              “{asked.title}” is a case of its own again, with what was written in it before it was merged and what was
              promised for it. What was written since stays here, and this case is owed what it was owed without it.
            </p>
            {parting.error !== null && <Notice error={parting.error} />}
            <div className={page["actions"]}>
              <Button loading={parting.isPending} onClick={() => parting.mutate(asked.id)}>
                Take it out
              </Button>
              <Button variant="default" onClick={() => setAsked(null)}>
                Leave it here
              </Button>
            </div>
          </div>
        )}
      </Dialog>
    </section>
  );
}

/** What speaks for it, read when somebody wants it: it stands still. */
function PartEvidence({ found, part }: { found: CaseDossier; part: MergedCase }) {
  const [isOpen, setIsOpen] = useState(false);
  const own = useQuery({ ...caseQuery(part.id), enabled: isOpen, refetchInterval: false }).data;
  return (
    <details className={page["more"]} onToggle={(event) => setIsOpen(event.currentTarget.open)}>
      <summary>Its evidence</summary>
      {isOpen &&
        (own === undefined ? (
          <Skeleton height={240} />
        ) : (
          <EvidenceCard found={{ ...own, entries: found.entries.filter(({ fromCaseId }) => fromCaseId === part.id) }} />
        ))}
    </details>
  );
}
