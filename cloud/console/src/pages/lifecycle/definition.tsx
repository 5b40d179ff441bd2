import { Button, Skeleton } from "@mantine/core";
import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { isOvertaken, send } from "../../api/client.ts";
import { definitionQuery, definitionVersionsQuery } from "../../api/lifecycle-queries.ts";
import type { DefinitionVersion, LifecycleDefinition, LifecyclePreview } from "../../api/lifecycle-shapes.ts";
import { useRights } from "../../api/rights.ts";
import { plural } from "../../core/numbers.ts";
import { Ago } from "../../parts/ago.tsx";
import { useMadeFrom } from "../../parts/made-from.ts";
import { Meanwhile } from "../../parts/meanwhile.tsx";
import { Notice, QuestionNotice } from "../../parts/notice.tsx";
import page from "../../parts/page.module.css";
import { Who } from "../../parts/who.tsx";
import { DefinitionForm } from "./definition-form.tsx";
import { FlowPicture } from "./flow-picture.tsx";
import classes from "./lifecycle.module.css";

/** What the stages are, and how many households another definition would move. */
export function Definition() {
  const question = useQuery(definitionQuery);
  return (
    <>
      <QuestionNotice question={question} />
      {question.isPending && <Skeleton height={420} radius={10} />}
      {question.data !== undefined && <Known inForce={question.data} />}
      <Versions />
    </>
  );
}

const asVersion = ({ version, definition, createdBy, inForceFromMs }: DefinitionVersion) => ({
  version,
  definition,
  createdBy,
  createdAtMs: inForceFromMs,
});

function Known({ inForce }: { inForce: DefinitionVersion }) {
  const client = useQueryClient();
  const rights = useRights();
  const mayChange = rights?.may("lifecycle.write") === true;
  const [draft, setDraft] = useState<LifecycleDefinition>(inForce.definition);
  const differs = (from: Pick<DefinitionVersion, "definition">) =>
    JSON.stringify(draft) !== JSON.stringify(from.definition);
  const madeFrom = useMadeFrom({
    newest: asVersion(inForce),
    mine: draft,
    mineOf: ({ definition }) => definition,
    write: setDraft,
  });
  const { base, other } = madeFrom;
  const preview = useMutation({
    mutationFn: (definition: LifecycleDefinition) =>
      send<LifecyclePreview>("POST", "/api/v1/lifecycle/definition/preview", { definition }),
  });
  const save = useMutation({
    mutationFn: (definition: LifecycleDefinition) =>
      send<DefinitionVersion>("PUT", "/api/v1/lifecycle/definition", { basedOn: base.version, definition }),
    onError: (error) => (isOvertaken(error) ? client.invalidateQueries({ queryKey: ["lifecycle"] }) : undefined),
    onSuccess: async (saved) => {
      if (saved !== null) {
        setDraft(saved.definition);
        madeFrom.saved(asVersion(saved));
      }
      await client.invalidateQueries({ queryKey: ["lifecycle"] });
    },
  });
  const forget = () => {
    preview.reset();
    save.reset();
  };
  const isChanged = differs(base);
  const found = preview.variables === draft ? (preview.data ?? null) : null;
  const error = (other === null ? save.error : null) ?? preview.error;
  return (
    <section className={page["card"]} aria-label="Definition of the stages">
      <h2>What the stages are</h2>
      <p className={page["note"]}>
        A household is in the highest stage that fits it, and may skip any. Where none fits it stays where it was. A
        change counts from now on: what was before stays as it was judged then.
      </p>
      <DefinitionForm
        key={base.version}
        definition={draft}
        // Greyed once it is known that they may not, and not while it is asked.
        mayChange={rights === undefined || mayChange}
        onChange={(next) => {
          setDraft(next);
          forget();
        }}
      />
      {error !== null && <Notice error={error} />}
      <Meanwhile madeFrom={madeFrom} saysOf={({ definition }) => definition} onChosen={forget}>
        {({ definition }) => <DefinitionForm definition={definition} mayChange={false} onChange={() => {}} />}
      </Meanwhile>
      {mayChange && (
        <div className={page["actions"]}>
          <Button
            variant="default"
            disabled={!isChanged}
            loading={preview.isPending}
            onClick={() => preview.mutate(draft)}
          >
            Who would move?
          </Button>
          <Button
            disabled={!isChanged || found === null || other !== null}
            loading={save.isPending}
            onClick={() => save.mutate(draft)}
          >
            Put it in force
          </Button>
          {isChanged && found === null && !preview.isPending && (
            <p className={page["note"]}>Look first who would move; then it can be put in force.</p>
          )}
        </div>
      )}
      {isChanged && found !== null && <WouldMove found={found} />}
    </section>
  );
}

function WouldMove({ found }: { found: LifecyclePreview }) {
  const { households, moved, isSample, flows } = found;
  const scope = isSample
    ? `${plural(households, "household")} that were looked at, of more`
    : plural(households, "household");
  return (
    <div className={classes["preview"]} role="status">
      <p>
        <strong className="numbers">
          {moved === 0 ? "Nobody would move" : `${plural(moved, "household")} would move`}
        </strong>
        , of {scope}.
      </p>
      {flows.length > 0 && <FlowPicture flows={flows} before="as it is" after="as it would be" height={140} />}
    </div>
  );
}

function Versions() {
  const items = useQuery(definitionVersionsQuery).data?.items ?? [];
  if (items.length < 2) return null;
  return (
    <section className={page["card"]} aria-label="Versions">
      <h2>Versions</h2>
      <ul className={classes["versions"]}>
        {items.map(({ version, inForceFromMs, createdBy }) => (
          <li key={version}>
            <strong className="numbers">Version {version}</strong> by <Who principal={createdBy} />
            {inForceFromMs > 0 && (
              <>
                , in force <Ago atMs={inForceFromMs} />
              </>
            )}
          </li>
        ))}
      </ul>
    </section>
  );
}
