import { Button } from "@mantine/core";
import { type ReactNode, useState } from "react";
import type { Tone } from "../core/rollouts.ts";
import { Confirm } from "./confirm.tsx";
import { Dialog } from "./dialog.tsx";
import { Notice } from "./notice.tsx";
import page from "./page.module.css";
import { SecretOnce } from "./secret-once.tsx";
import { StateMark } from "./state-mark.tsx";
import told from "./told.module.css";

/** What may be done with every receiver. */
export type ReceiverAct = "test" | "on" | "off" | "remove";

interface ReceiverCardProps {
  /** What it is: `webhook`. */
  noun: string;
  name: string;
  address: string;
  isOff: boolean;
  state: { tone: Tone; words: string };
  mayWrite: boolean;
  /** Does it; answers with another secret where that was asked for. */
  act: {
    error: Error | null;
    data: string | null | undefined;
    isPending: boolean;
    variables: string | undefined;
    reset: () => void;
    mutate: (act: ReceiverAct) => void;
  };
  /** What else may be done with this one. */
  more: ReactNode;
  /** What it means to remove it. */
  removal: string;
  children: ReactNode;
}

/** One receiver outside, a webhook or a channel of staff: where it is, whether it is on, and what may be done with it. */
export function ReceiverCard(props: ReceiverCardProps) {
  const { noun, name, address, isOff, state, mayWrite, act, more, removal, children } = props;
  const [isRemoving, setIsRemoving] = useState(false);
  return (
    <li className={page["card"]} aria-label={name}>
      <div className={page["head"]}>
        <div>
          <h2>{name}</h2>
          <p className={told["small"]}>{address}</p>
        </div>
        <StateMark tone={state.tone}>{state.words}</StateMark>
      </div>
      {children}
      {act.error !== null && <Notice error={act.error} />}
      {mayWrite && (
        <div className={page["actions"]}>
          <Button
            variant="default"
            size="compact-md"
            disabled={isOff}
            loading={act.isPending && act.variables === "test"}
            onClick={() => act.mutate("test")}
          >
            Send a test
          </Button>
          <Button variant="default" size="compact-md" onClick={() => act.mutate(isOff ? "on" : "off")}>
            {isOff ? "Switch on" : "Switch off"}
          </Button>
          {more}
          <Button variant="default" size="compact-md" c="var(--wrong)" onClick={() => setIsRemoving(true)}>
            Remove…
          </Button>
        </div>
      )}
      <Dialog title="The new secret" opened={typeof act.data === "string"} onClose={act.reset}>
        {typeof act.data === "string" && (
          <SecretOnce what="Secret" secret={act.data} onDone={act.reset}>
            It counts from the next attempt on.
          </SecretOnce>
        )}
      </Dialog>
      <Confirm
        title={`Remove the ${noun}?`}
        opened={isRemoving}
        yes={`Remove ${name}`}
        no="Leave it"
        isFinal
        onYes={() => {
          setIsRemoving(false);
          act.mutate("remove");
        }}
        onClose={() => setIsRemoving(false)}
      >
        <p>{removal} What was sent, and what was still to be sent, is forgotten with it.</p>
      </Confirm>
    </li>
  );
}
