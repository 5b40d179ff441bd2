import { Skeleton } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { getRouteApi, Link } from "@tanstack/react-router";
import { failuresQuery, rolloutQuery } from "../../api/rollout-queries.ts";
import { useRights } from "../../api/rights.ts";
import type { RolloutDetail, RolloutFailure, RolloutStage } from "../../api/rollout-shapes.ts";
import { countText, plural } from "../../core/numbers.ts";
import { historyReason, historyText, progressText, stateWords } from "../../core/rollouts.ts";
import { absoluteText, agoText } from "../../core/time.ts";
import { Ago } from "../../parts/ago.tsx";
import { By } from "../../parts/by.tsx";
import { AlertIcon } from "../../parts/icons.tsx";
import { QuestionNotice } from "../../parts/notice.tsx";
import { localZone, useNow } from "../../parts/now.ts";
import page from "../../parts/page.module.css";
import { StateMark } from "../../parts/state-mark.tsx";
import { Funnel } from "./funnel.tsx";
import { Gate, Gates } from "./gates.tsx";
import { PlanFacts } from "./plan-facts.tsx";
import { RolloutActions } from "./rollout-actions.tsx";
import classes from "./rollouts.module.css";
import { StageRail } from "./stage-rail.tsx";

const route = getRouteApi("/rollouts/$id");

/** One rollout: how far it is, whether it is well, what stopped it, and what may be done. */
export function RolloutPage() {
  const { id } = route.useParams();
  const question = useQuery(rolloutQuery(id));
  const mayWrite = useRights()?.may("rollouts.write") === true;
  const rollout = question.data;
  return (
    <div className={page["page"]}>
      <title>{`${rollout?.name ?? "Rollout"} · Hearth`}</title>
      <QuestionNotice question={question} />
      {rollout === undefined
        ? question.error === null && <Skeleton height={320} radius={10} />
        : [<Head key="head" rollout={rollout} mayWrite={mayWrite} />, <Body key="body" rollout={rollout} />]}
    </div>
  );
}

function Head({ rollout, mayWrite }: { rollout: RolloutDetail; mayWrite: boolean }) {
  const nowMs = useNow();
  const { name, model, version, releaseKind, state, stages, noGate } = rollout;
  const { words, tone } = stateWords[state.kind];
  const progress = progressText(state, stages, nowMs);
  return (
    <>
      <div className={page["head"]}>
        <div>
          <p className={classes["soft"]}>
            <Link to="/rollouts" search={{}}>
              Rollouts
            </Link>
          </p>
          <h1>{name}</h1>
          <p className={classes["soft"]}>
            {model} to{" "}
            <Link to="/releases" search={{ model, release: rollout.releaseId }}>
              {version}
            </Link>
            {releaseKind === "security" && ", a security release"}
          </p>
        </div>
        <StateMark tone={tone}>{words}</StateMark>
      </div>
      {progress !== null && <p>{progress}</p>}
      {state.kind === "halted" && rollout.haltedBy !== null && <Halted rollout={rollout} />}
      {noGate && (
        <p className={classes["warning"]}>
          <AlertIcon />
          <span>No stage has a gate: however many fail, only a person stops this rollout.</span>
        </p>
      )}
      {mayWrite && <RolloutActions rollout={rollout} />}
    </>
  );
}

function Halted({ rollout: { haltedBy, stages, state } }: { rollout: RolloutDetail }) {
  const name = stages[state.stage ?? 0]?.name ?? "A stage";
  return (
    <section className={page["card"]} aria-label="Why it halted">
      <p className={classes["warning"]} data-tone="wrong">
        <AlertIcon />
        <span>
          The gate of {name} tripped {state.haltedAtMs !== undefined && <Ago atMs={state.haltedAtMs} />}. Nobody else is
          offered the release; what had not begun was taken back.
        </span>
      </p>
      {haltedBy !== null && <Gate gate={haltedBy} />}
    </section>
  );
}

/** The stage that counts now: the one it is at, or the last that did anything. */
const currentStage = ({ stages, state }: RolloutDetail): RolloutStage | undefined =>
  stages[state.progress?.stage ?? state.stage ?? 0];

function Body({ rollout }: { rollout: RolloutDetail }) {
  const stage = currentStage(rollout);
  const hasBegun = rollout.members > 0;
  return (
    <>
      <section className={page["card"]} aria-label="Stages">
        <StageRail stages={rollout.stages} />
      </section>
      {hasBegun && (
        <section className={page["card"]} aria-label="Appliances">
          <h2>{plural(rollout.members, "appliance")}</h2>
          <Funnel tally={rollout.funnel} />
        </section>
      )}
      <div className={classes["pair"]}>
        <div className={page["page"]}>
          {stage !== undefined && rollout.state.kind !== "halted" && <Gates stage={stage} />}
          {hasBegun && <Failures id={rollout.id} />}
          <section className={page["card"]} aria-label="Plan">
            <h2>Plan</h2>
            <PlanFacts plan={rollout.plan} />
          </section>
        </div>
        <div className={page["page"]}>
          <When rollout={rollout} />
          <History rollout={rollout} />
        </div>
      </div>
    </>
  );
}

function When({ rollout: { windows, expectedFinishAtMs, expectedFinishWhy, state } }: { rollout: RolloutDetail }) {
  const nowMs = useNow();
  const isOver = state.kind === "finished" || state.kind === "aborted" || state.kind === "halted";
  const { openZones, closedZones, nextChangeAtMs, waitingOpen, waitingClosed, waitingFrozen } = windows;
  return (
    <section className={page["card"]} aria-label="When">
      <h2>When</h2>
      <dl className={classes["facts"]}>
        <dt>{isOver ? "Ended" : "Expected to end"}</dt>
        <dd>
          {expectedFinishAtMs === null ? null : (
            <span title={absoluteText(expectedFinishAtMs, localZone)}>
              {absoluteText(expectedFinishAtMs, localZone)}, {agoText(expectedFinishAtMs, nowMs)}.{" "}
            </span>
          )}
          <span className={classes["soft"]}>{expectedFinishWhy}</span>
        </dd>
        {!isOver && openZones.length + closedZones.length > 0 && (
          <>
            <dt>Windows</dt>
            <dd>
              Open in {plural(openZones.length, "time zone")}, closed in {countText(closedZones.length)}.
              {nextChangeAtMs !== null && (
                <span className={classes["soft"]}> Changes {agoText(nextChangeAtMs, nowMs)}.</span>
              )}
              <br />
              <span className={`${classes["soft"]} numbers`}>
                {plural(waitingOpen, "appliance")} could start now, {countText(waitingClosed)} wait for their window
                {waitingFrozen > 0 && `, ${countText(waitingFrozen)} stand in a frozen country`}.
              </span>
            </dd>
          </>
        )}
      </dl>
    </section>
  );
}

function Failures({ id }: { id: string }) {
  const items = useQuery(failuresQuery(id)).data?.items ?? [];
  return (
    <section className={page["card"]} aria-label="Failures by reason">
      <h2>Failures by reason</h2>
      {items.length === 0 ? (
        <p className={classes["soft"]}>None so far.</p>
      ) : (
        <ul className={classes["history"]}>
          {items.map((failure) => (
            <Failure key={`${failure.state} ${failure.reason}`} failure={failure} />
          ))}
        </ul>
      )}
    </section>
  );
}

const Failure = ({ failure: { state, reason, count, retryable, examples } }: { failure: RolloutFailure }) => (
  <li>
    <span>
      <strong className="numbers">{countText(count)}</strong> {state === "timed_out" ? "timed out in" : "failed:"}{" "}
      <code>{reason}</code>
      {retryable && <span className={classes["soft"]}> Another try may help.</span>}
    </span>
    <span className={classes["examples"]}>
      {examples.map((deviceId) => (
        <Link key={deviceId} to="/devices/$id" params={{ id: deviceId }} search={{ kinds: "delivery" }}>
          {deviceId}
        </Link>
      ))}
    </span>
  </li>
);

const History = ({ rollout: { history, stages } }: { rollout: RolloutDetail }) => (
  <section className={page["card"]} aria-label="Who did what">
    <h2>Who did what</h2>
    <ol className={classes["history"]}>
      {history.map(({ id, atMs, by, what, stage, reason }) => (
        <li key={id}>
          <span>
            {historyText(what)}
            {stage !== null && `: ${stages[stage]?.name ?? `stage ${stage + 1}`}`}
          </span>
          <span className={classes["soft"]}>
            <By principal={by} />, <Ago atMs={atMs} />
          </span>
          {reason !== null && <span>{by === "system" ? historyReason(reason) : `“${reason}”`}</span>}
        </li>
      ))}
    </ol>
  </section>
);
