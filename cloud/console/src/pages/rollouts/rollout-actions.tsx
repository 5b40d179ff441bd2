import { Button, Textarea } from "@mantine/core";
import { useMutation, useQueryClient } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { type ReactNode, useState } from "react";
import { send } from "../../api/client.ts";
import { rolloutPath } from "../../api/rollout-queries.ts";
import type { RolloutDetail } from "../../api/rollout-shapes.ts";
import { countText, plural } from "../../core/numbers.ts";
import { Dialog } from "../../parts/dialog.tsx";
import { Notice } from "../../parts/notice.tsx";
import page from "../../parts/page.module.css";
import classes from "./rollouts.module.css";

type Verb = "submit" | "approve" | "start" | "pause" | "resume" | "abort" | "retry-failed" | "promote";

interface Asks {
  title: string;
  says: (rollout: RolloutDetail) => ReactNode;
  needsReason: boolean;
}

interface Action {
  verb: Verb;
  words: string;
  /** What is said before it is done; an action without one is done at once. */
  asks?: Asks;
  isGrave?: boolean;
}

const approveWords = (rollout: RolloutDetail) =>
  rollout.state.kind === "running" ? "Let the next stage begin" : "Approve";

function actionsOf(rollout: RolloutDetail): Action[] {
  const { kind, progress } = rollout.state;
  const actions: Action[] = [];
  if (kind === "draft") actions.push({ verb: "submit", words: "Submit" });
  if (kind === "awaiting_approval" || (kind === "running" && progress?.kind === "waiting")) {
    actions.push({ verb: "approve", words: approveWords(rollout) });
  }
  if (kind === "scheduled") actions.push({ verb: "start", words: "Start now" });
  if (kind === "paused") actions.push({ verb: "resume", words: "Resume" });
  if (kind === "running") {
    actions.push({ verb: "pause", words: "Pause…", asks: pauseAsks });
    if (progress?.kind !== "waiting") actions.push({ verb: "promote", words: "Promote early…", asks: promoteAsks });
  }
  if (rollout.retryable > 0 && (kind === "running" || kind === "paused")) {
    actions.push({ verb: "retry-failed", words: "Try the failed ones again…", asks: retryAsks });
  }
  if (kind !== "finished" && kind !== "aborted" && kind !== "halted") {
    actions.push({ verb: "abort", words: "Abort…", asks: abortAsks, isGrave: true });
  }
  return actions;
}

const pauseAsks: Asks = {
  title: "Pause the rollout?",
  needsReason: true,
  says: () => (
    <p>No further appliance is offered the release. Those that have begun go on, and their gate is watched.</p>
  ),
};

const promoteAsks: Asks = {
  title: "End this stage early?",
  needsReason: true,
  says: () => (
    <p>
      The next stage begins now, before this one has its sample and was watched as long as planned. Its gate still
      holds.
    </p>
  ),
};

const retryAsks: Asks = {
  title: "Try the failed ones again?",
  needsReason: false,
  says: ({ retryable }) => (
    <p>
      {plural(retryable, "appliance")} failed for a reason after which another try may help. The others, such as those
      that rolled back, are left as they are.
    </p>
  ),
};

const abortAsks: Asks = {
  title: "Abort the rollout?",
  needsReason: true,
  says: ({ abortEffect: { done, underWay, calledBack, notStarted } }) => (
    <ul className={classes["effect"]}>
      <li>
        <strong>{countText(done)}</strong> are done, and keep the new firmware.
      </li>
      <li>
        <strong>{countText(underWay)}</strong> have begun, and go on: nothing breaks off in the middle.
      </li>
      <li>
        <strong>{countText(calledBack)}</strong> were offered it and have not begun: it is taken back.
      </li>
      <li>
        <strong>{countText(notStarted)}</strong> never get it from this rollout.
      </li>
      <li>An aborted rollout does not go on. Plan a new one for those that are left.</li>
    </ul>
  ),
};

/** What may be done with a rollout as it is now, each with its effect spelled out before. */
export function RolloutActions({ rollout }: { rollout: RolloutDetail }) {
  const [asked, setAsked] = useState<Action | null>(null);
  const client = useQueryClient();
  const act = useMutation({
    mutationFn: ({ verb, reason }: { verb: Verb; reason?: string }) =>
      send("POST", `${rolloutPath(rollout.id)}/${verb}`, reason === undefined ? {} : { reason }),
    onSuccess: async () => {
      setAsked(null);
      await client.invalidateQueries({ queryKey: ["rollouts"] });
    },
  });
  const actions = actionsOf(rollout);
  if (actions.length === 0) return null;
  return (
    <>
      {act.error !== null && asked === null && <Notice error={act.error} />}
      <div className={page["actions"]}>
        {actions.map((action, at) => (
          <Button
            key={action.verb}
            variant={at === 0 && action.asks === undefined ? "filled" : "default"}
            {...(action.isGrave === true ? { c: "var(--wrong)" } : {})}
            loading={act.isPending && act.variables.verb === action.verb}
            onClick={() => {
              act.reset();
              if (action.asks === undefined) act.mutate({ verb: action.verb });
              else setAsked(action);
            }}
          >
            {action.words}
          </Button>
        ))}
        {rollout.state.kind === "draft" && (
          <Button
            variant="default"
            renderRoot={(props) => <Link {...props} to="/rollouts/new" search={{ draft: rollout.id }} />}
          >
            Change the plan
          </Button>
        )}
      </div>
      <Dialog title={asked?.asks?.title ?? ""} opened={asked !== null} onClose={() => setAsked(null)}>
        {asked?.asks !== undefined && (
          <Ask
            action={asked}
            rollout={rollout}
            error={act.error}
            pending={act.isPending}
            onAct={(reason) => act.mutate({ verb: asked.verb, ...(reason === null ? {} : { reason }) })}
            onLeave={() => setAsked(null)}
          />
        )}
      </Dialog>
    </>
  );
}

interface AskProps {
  action: Action;
  rollout: RolloutDetail;
  error: Error | null;
  pending: boolean;
  onAct: (reason: string | null) => void;
  onLeave: () => void;
}

function Ask({ action, rollout, error, pending, onAct, onLeave }: AskProps) {
  const [reason, setReason] = useState("");
  const needsReason = action.asks?.needsReason === true;
  return (
    <div className={page["form"]}>
      {action.asks?.says(rollout)}
      {needsReason && (
        <Textarea
          label="Why; it stays in the rollout's history"
          value={reason}
          maxLength={500}
          autosize
          minRows={2}
          onChange={(event) => setReason(event.currentTarget.value)}
        />
      )}
      {error !== null && <Notice error={error} />}
      <div className={page["actions"]}>
        <Button
          loading={pending}
          disabled={needsReason && reason.trim() === ""}
          {...(action.isGrave === true ? { color: "red.9" } : {})}
          onClick={() => onAct(needsReason ? reason.trim() : null)}
        >
          {action.words.replace("…", "")}
        </Button>
        <Button variant="default" onClick={onLeave}>
          Leave it as it is
        </Button>
      </div>
    </div>
  );
}
