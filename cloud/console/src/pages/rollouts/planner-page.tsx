import { Button, Checkbox, NativeSelect, NumberInput, Skeleton, Textarea, TextInput } from "@mantine/core";
import { useDebouncedValue } from "@mantine/hooks";
import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { getRouteApi, Link, useNavigate } from "@tanstack/react-router";
import { useState } from "react";
import { send } from "../../api/client.ts";
import { publishedQuery, rolloutPath, rolloutQuery, targetFactsQuery } from "../../api/rollout-queries.ts";
import type { Release, RolloutPlan } from "../../api/rollout-shapes.ts";
import { usualStages } from "../../core/rollouts.ts";
import { Empty } from "../../parts/empty.tsx";
import { Notice } from "../../parts/notice.tsx";
import page from "../../parts/page.module.css";
import { PlanPreview } from "./plan-preview.tsx";
import classes from "./planner.module.css";
import { StageEditor } from "./stage-editor.tsx";
import { WindowEditor } from "./window-editor.tsx";

const route = getRouteApi("/rollouts/new");

const hourMs = 3_600_000;
const dayMs = 24 * hourMs;

const newPlan = (release: Release | undefined): RolloutPlan => ({
  name: release === undefined ? "" : `${release.model} ${release.version}`,
  releaseId: release?.id ?? "",
  target: "true",
  stages: usualStages(),
  windows: [{ weekdays: [1, 2, 3, 4, 5, 6, 7], from: "01:00", to: "05:00" }],
  startsPerMinuteMax: 1_000,
  startAtMs: null,
  approval: "not_needed",
  consent: "automatic",
  postponeMsMax: 7 * dayMs,
  noticeMs: release?.kind === "security" ? dayMs : 0,
  autoAssign: true,
  freezeOverride: null,
  attemptsMax: 3,
});

/** Plans a rollout, with a dry run beside it; a draft is changed the same way. */
export function PlannerPage() {
  const { release: releaseId, draft } = route.useSearch();
  const releases = useQuery(publishedQuery).data;
  const known = useQuery({ ...rolloutQuery(draft ?? ""), enabled: draft !== undefined, refetchInterval: false }).data;
  const isReady = releases !== undefined && (draft === undefined || known !== undefined);
  return (
    <div className={page["page"]}>
      <title>Plan a rollout · Hearth</title>
      <div>
        <p className={page["soft"]}>
          <Link to="/rollouts" search={{}}>
            Rollouts
          </Link>
        </p>
        <h1>{draft === undefined ? "Plan a rollout" : "Change the plan"}</h1>
      </div>
      {!isReady ? (
        <Skeleton height={320} radius={10} />
      ) : releases.length === 0 ? (
        <Empty title="There is no published release yet">
          <p>
            A rollout brings a signed release to appliances. Sign one on your own machine with{" "}
            <code>npm run release -- sign</code> and publish it with <code>npm run release -- publish</code>; it shows
            here at once.
          </p>
        </Empty>
      ) : (
        <Planner
          releases={releases}
          draft={draft ?? null}
          start={known?.plan ?? newPlan(releases.find(({ id }) => id === releaseId))}
        />
      )}
    </div>
  );
}

interface PlannerProps {
  releases: readonly Release[];
  draft: string | null;
  start: RolloutPlan;
}

function Planner({ releases, draft, start }: PlannerProps) {
  const [plan, setPlan] = useState(start);
  const [settled] = useDebouncedValue(plan, 400);
  const navigate = useNavigate();
  const client = useQueryClient();
  const put = (part: Partial<RolloutPlan>) => setPlan((now) => ({ ...now, ...part }));
  const save = useMutation({
    mutationFn: async () => {
      if (draft === null) return send<{ id: string }>("POST", "/api/v1/rollouts", plan);
      const { releaseId: _, ...patch } = plan;
      await send("PATCH", rolloutPath(draft), patch);
      return { id: draft };
    },
    onSuccess: async (made) => {
      await client.invalidateQueries({ queryKey: ["rollouts"] });
      if (made !== null) await navigate({ to: "/rollouts/$id", params: { id: made.id } });
    },
  });
  const release = releases.find(({ id }) => id === plan.releaseId);
  return (
    <div className={classes["planner"]}>
      <form
        className={page["page"]}
        onSubmit={(event) => {
          event.preventDefault();
          save.mutate();
        }}
      >
        <section className={page["card"]} aria-label="What and to whom">
          <h2>What, and to whom</h2>
          <NativeSelect
            label="Release"
            value={plan.releaseId}
            disabled={draft !== null}
            onChange={(event) => {
              const chosen = releases.find(({ id }) => id === event.currentTarget.value);
              const before = newPlan(release).name;
              put({
                releaseId: chosen?.id ?? "",
                ...(plan.name === "" || plan.name === before ? { name: newPlan(chosen).name } : {}),
              });
            }}
            data={[
              { value: "", label: "Choose a published release" },
              ...releases.map(({ id, model, version, kind }) => ({
                value: id,
                label: `${model} ${version}${kind === "security" ? " (security)" : ""}`,
              })),
            ]}
          />
          <TextInput
            label="Name"
            value={plan.name}
            maxLength={100}
            onChange={(event) => put({ name: event.currentTarget.value })}
          />
          <Target plan={plan} put={put} />
        </section>
        <section className={page["card"]} aria-label="Stages">
          <h2>Stages</h2>
          <StageEditor stages={plan.stages} onChange={(stages) => put({ stages })} />
        </section>
        <section className={page["card"]} aria-label="Windows">
          <h2>Windows</h2>
          <WindowEditor windows={plan.windows} onChange={(windows) => put({ windows })} />
        </section>
        <Terms plan={plan} put={put} isSecurity={release?.kind === "security"} />
        {save.error !== null && <Notice error={save.error} />}
        <div className={page["actions"]}>
          <Button type="submit" loading={save.isPending} disabled={plan.releaseId === "" || plan.name.trim() === ""}>
            {draft === null ? "Save the draft" : "Save the changes"}
          </Button>
        </div>
      </form>
      <PlanPreview
        plan={settled.releaseId === "" ? null : { ...settled, ...(draft === null ? {} : { exceptId: draft }) }}
      />
    </div>
  );
}

interface PartProps {
  plan: RolloutPlan;
  put: (part: Partial<RolloutPlan>) => void;
}

function Target({ plan, put }: PartProps) {
  const help = useQuery(targetFactsQuery).data;
  return (
    <>
      <Textarea
        label="Target: a condition on each appliance; true takes all that the release fits"
        value={plan.target}
        maxLength={2_000}
        autosize
        minRows={2}
        spellCheck={false}
        styles={{ input: { fontFamily: "var(--mantine-font-family-monospace)" } }}
        onChange={(event) => put({ target: event.currentTarget.value })}
      />
      {help !== undefined && (
        <details className={classes["facts"]}>
          <summary>What it can ask</summary>
          <dl>
            {help.facts.map((fact) => (
              <div key={fact.name}>
                <dt>{fact.name}</dt>
                <dd>{fact.help}</dd>
              </div>
            ))}
          </dl>
          <h3>To begin with</h3>
          <ul className={page["form"]}>
            {help.examples.map(({ text, means }) => (
              <li key={text}>
                <Button variant="default" size="compact-sm" onClick={() => put({ target: text })}>
                  <code>{text}</code>
                </Button>{" "}
                {means}
              </li>
            ))}
          </ul>
        </details>
      )}
    </>
  );
}

/** A time as its field writes it, by the reader's clock. */
function fieldTime(atMs: number): string {
  const date = new Date(atMs - new Date(atMs).getTimezoneOffset() * 60_000);
  return date.toISOString().slice(0, 16);
}

const Terms = ({ plan, put, isSecurity }: PartProps & { isSecurity: boolean }) => (
  <section className={page["card"]} aria-label="Terms">
    <h2>Pace and people</h2>
    <div className={classes["row"]}>
      <TextInput
        label="Begins; empty: by hand"
        type="datetime-local"
        value={plan.startAtMs === null ? "" : fieldTime(plan.startAtMs)}
        onChange={(event) => {
          const { value } = event.currentTarget;
          put({ startAtMs: value === "" ? null : new Date(value).getTime() });
        }}
      />
      <NumberInput
        label="Starts a minute"
        value={plan.startsPerMinuteMax}
        min={1}
        allowDecimal={false}
        onChange={(value) => put({ startsPerMinuteMax: Number(value) })}
      />
      <NumberInput
        label="Tries for each"
        value={plan.attemptsMax}
        min={1}
        max={10}
        allowDecimal={false}
        onChange={(value) => put({ attemptsMax: Number(value) })}
      />
      <NumberInput
        label="Told before, hours"
        value={plan.noticeMs / hourMs}
        min={0}
        max={30 * 24}
        onChange={(value) => put({ noticeMs: Math.round(Number(value) * hourMs) })}
      />
      <NumberInput
        label="May wait, days"
        value={plan.postponeMsMax / dayMs}
        min={0}
        max={90}
        onChange={(value) => put({ postponeMsMax: Math.round(Number(value) * dayMs) })}
      />
    </div>
    <Checkbox
      label="The household is asked first"
      checked={plan.consent === "ask"}
      onChange={(event) => put({ consent: event.currentTarget.checked ? "ask" : "automatic" })}
    />
    <Checkbox
      label="A second person approves the plan"
      checked={plan.approval === "second_person"}
      onChange={(event) => put({ approval: event.currentTarget.checked ? "second_person" : "not_needed" })}
    />
    <Checkbox
      label="New and returning appliances get it too"
      checked={plan.autoAssign}
      onChange={(event) => put({ autoAssign: event.currentTarget.checked })}
    />
    {isSecurity && (
      <TextInput
        label="Override freezes, because; empty: freezes hold"
        value={plan.freezeOverride?.reason ?? ""}
        maxLength={500}
        onChange={(event) => {
          const { value } = event.currentTarget;
          put({ freezeOverride: value === "" ? null : { reason: value } });
        }}
      />
    )}
  </section>
);
