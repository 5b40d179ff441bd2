import { Button } from "@mantine/core";
import { useMutation, useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { send } from "../../api/client.ts";
import { householdMergesQuery, householdPath, householdReferencesQuery } from "../../api/household-queries.ts";
import type { HouseholdMerge, HouseholdReference } from "../../api/household-shapes.ts";
import { useRights } from "../../api/rights.ts";
import { Ago } from "../../parts/ago.tsx";
import { Dialog } from "../../parts/dialog.tsx";
import { HrefLink } from "../../parts/href-link.tsx";
import { Notice, QuestionNotice } from "../../parts/notice.tsx";
import page from "../../parts/page.module.css";
import { SecretOnce } from "../../parts/secret-once.tsx";
import { Who } from "../../parts/who.tsx";
import classes from "./household.module.css";
import { JoinForm, UndoForm } from "./merge-forms.tsx";
import { ForgetForm, ReferenceForm } from "./reference-forms.tsx";
import { Section } from "./section.tsx";
import type { SectionProps } from "./section-props.ts";

type Asked =
  | { kind: "join" }
  | { kind: "undo"; merge: HouseholdMerge }
  | { kind: "add" }
  | { kind: "forget"; reference: HouseholdReference };

const titles: Record<Asked["kind"], string> = {
  join: "Join a prospect",
  undo: "Are they two after all?",
  add: "Another name of theirs",
  forget: "Forget what others call them?",
};

/** What others call them, and which prospects they were before. */
export function Identity({ household }: SectionProps) {
  const { id, devices, mergedInto } = household;
  const mayWrite = useRights()?.may("households.write") === true;
  const references = useQuery(householdReferencesQuery(id));
  const merges = useQuery(householdMergesQuery(id));
  const [asked, setAsked] = useState<Asked | null>(null);
  const welcome = useMutation({
    mutationFn: () => send<{ code: string; link: string }>("POST", `${householdPath(id)}/welcome`),
  });
  const isProspect = devices.length === 0 && mergedInto === null;
  return (
    <Section
      title="Who they are to others"
      actions={
        mayWrite && (
          <>
            {isProspect && (
              <Button variant="default" size="compact-md" loading={welcome.isPending} onClick={() => welcome.mutate()}>
                Welcome code…
              </Button>
            )}
            {mergedInto === null && (
              <>
                <Button variant="default" size="compact-md" onClick={() => setAsked({ kind: "add" })}>
                  Add a name…
                </Button>
                <Button variant="default" size="compact-md" onClick={() => setAsked({ kind: "join" })}>
                  Join a prospect…
                </Button>
              </>
            )}
          </>
        )
      }
    >
      <QuestionNotice question={references} />
      {references.data?.items.length === 0 ? (
        <p className={page["note"]}>
          No shop and no site has a name for them yet. Facts that come by an outside name then make a prospect.
        </p>
      ) : (
        <ul className={classes["list"]} aria-label="What others call them">
          {references.data?.items.map((one) => (
            <li key={`${one.kind} ${one.value}`}>
              <div className={classes["row"]}>
                <span className={classes["name"]}>{one.kind.replaceAll("_", " ")}</span>
                {mayWrite && mergedInto === null && (
                  <Button
                    variant="default"
                    size="compact-md"
                    aria-label={`Forget ${one.kind.replaceAll("_", " ")} ${one.value}`}
                    onClick={() => setAsked({ kind: "forget", reference: one })}
                  >
                    Forget…
                  </Button>
                )}
              </div>
              <span className={classes["small"]}>{one.value}</span>
            </li>
          ))}
        </ul>
      )}
      {welcome.error !== null && <Notice error={welcome.error} />}
      <QuestionNotice question={merges} />
      {(merges.data?.items.length ?? 0) > 0 && (
        <ul className={classes["list"]} aria-label="Merges">
          {merges.data?.items.map((merge) => (
            <Merge
              key={merge.id}
              merge={merge}
              householdId={id}
              onUndo={mayWrite ? () => setAsked({ kind: "undo", merge }) : undefined}
            />
          ))}
        </ul>
      )}
      <Dialog title="Welcome code" opened={welcome.data != null} onClose={() => welcome.reset()}>
        {welcome.data != null && (
          <SecretOnce what="Welcome code" secret={welcome.data.code} onDone={() => welcome.reset()}>
            Send it to them alone. Whoever types it while pairing an appliance gets the points and the history of this
            prospect.
          </SecretOnce>
        )}
      </Dialog>
      <Dialog title={asked === null ? "" : titles[asked.kind]} opened={asked !== null} onClose={() => setAsked(null)}>
        {asked?.kind === "join" && <JoinForm household={household} onDone={() => setAsked(null)} />}
        {asked?.kind === "add" && <ReferenceForm householdId={id} onDone={() => setAsked(null)} />}
        {asked?.kind === "forget" && (
          <ForgetForm householdId={id} reference={asked.reference} onDone={() => setAsked(null)} />
        )}
        {asked?.kind === "undo" && <UndoForm householdId={id} merge={asked.merge} onDone={() => setAsked(null)} />}
      </Dialog>
    </Section>
  );
}

interface MergeProps {
  merge: HouseholdMerge;
  householdId: string;
  onUndo: (() => void) | undefined;
}

function Merge({ merge, householdId, onUndo }: MergeProps) {
  const { from, into, proof, reason, atMs, by, undone } = merge;
  const other = from === householdId ? into : from;
  return (
    <li>
      <div className={classes["row"]}>
        <span>
          {from === householdId ? "Became part of " : "Was joined by "}
          <HrefLink href={`/households/${other}`} className={page["link"]}>
            {from === householdId ? "another household" : "a prospect"}
          </HrefLink>
          , <Ago atMs={atMs} />
        </span>
        {undone === null && onUndo !== undefined && (
          <Button variant="default" size="compact-md" onClick={onUndo}>
            Undo…
          </Button>
        )}
      </div>
      <span className={classes["small"]}>
        {proof === "welcome_code" ? "They showed the welcome code" : `Said by staff: ${reason}`}. By{" "}
        <Who principal={by} />
      </span>
      {undone !== null && (
        <span className={classes["small"]}>
          Undone <Ago atMs={undone.atMs} /> by <Who principal={undone.by} />: {undone.reason}
        </span>
      )}
    </li>
  );
}
