import { Button } from "@mantine/core";
import { useMutation, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { send } from "../../api/client.ts";
import { webhookPath } from "../../api/webhook-queries.ts";
import type { ListedWebhook } from "../../api/webhook-shapes.ts";
import { plural } from "../../core/numbers.ts";
import { disabledWords } from "../../core/webhooks.ts";
import { Ago } from "../../parts/ago.tsx";
import { Dialog } from "../../parts/dialog.tsx";
import { Notice } from "../../parts/notice.tsx";
import page from "../../parts/page.module.css";
import { SecretOnce } from "../../parts/secret-once.tsx";
import { StateMark } from "../../parts/state-mark.tsx";
import told from "../../parts/told.module.css";

type Act = "test" | "on" | "off" | "remove" | "change_over" | "replace_now";

function useWebhookAct(id: string) {
  const client = useQueryClient();
  const path = webhookPath(id);
  return useMutation({
    mutationFn: async (act: Act): Promise<string | null> => {
      if (act === "test") await send("POST", `${path}/test`);
      if (act === "remove") await send("DELETE", path);
      if (act === "on" || act === "off") await send("PATCH", path, { enabled: act === "on" });
      if (act !== "change_over" && act !== "replace_now") return null;
      const made = await send<{ secret: string }>("POST", `${path}/secret`, { keepFormer: act === "change_over" });
      return made?.secret ?? null;
    },
    onSettled: () => client.invalidateQueries({ queryKey: ["webhooks"] }),
  });
}

/** One webhook: where it goes, of what it hears, and how it is doing. */
export function WebhookCard({ webhook, mayWrite }: { webhook: ListedWebhook; mayWrite: boolean }) {
  const { id, name, url, types, waiting, failed, failingSinceMs, missedAtMs, formerSecretUntilMs } = webhook;
  const act = useWebhookAct(id);
  const [asked, setAsked] = useState<"secret" | "remove" | null>(null);
  const reason = webhook.disabledReason;
  const isOff = reason !== null;
  const doAndClose = (what: Act) => {
    setAsked(null);
    act.mutate(what);
  };
  return (
    <li className={page["card"]} aria-label={name}>
      <div className={page["head"]}>
        <div>
          <h2>{name}</h2>
          <p className={told["small"]}>{url}</p>
        </div>
        <StateMark tone={isOff ? "mind" : failingSinceMs === null ? "well" : "wrong"}>
          {isOff ? disabledWords[reason] : failingSinceMs === null ? "On" : "Nothing arrives"}
        </StateMark>
      </div>
      <p className={told["small"]}>Hears of {types.join(", ")}</p>
      <p className={told["small"]}>
        {plural(waiting, "event")} to be sent, {failed} failed.
        {failingSinceMs !== null && (
          <>
            {" "}
            Nothing has arrived since <Ago atMs={failingSinceMs} />.
          </>
        )}
        {missedAtMs !== null &&
          " Some events were no longer kept when it came back: read the present state by the API."}
        {formerSecretUntilMs !== null && (
          <>
            {" "}
            The former secret counts too, until <Ago atMs={formerSecretUntilMs} />.
          </>
        )}
      </p>
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
          <Button variant="default" size="compact-md" onClick={() => setAsked("secret")}>
            Another secret…
          </Button>
          <Button variant="default" size="compact-md" c="var(--wrong)" onClick={() => setAsked("remove")}>
            Remove…
          </Button>
        </div>
      )}
      <Dialog title="Another secret" opened={asked === "secret"} onClose={() => setAsked(null)}>
        <div className={page["form"]}>
          <p>
            For a day every message is signed with both, so that the receiver changes over when it suits. If somebody
            else knows the present one, end it now: until the receiver has the new one it will refuse what comes.
          </p>
          <div className={page["actions"]}>
            <Button onClick={() => doAndClose("change_over")}>Change over in a day</Button>
            <Button variant="default" c="var(--wrong)" onClick={() => doAndClose("replace_now")}>
              End the present one now
            </Button>
          </div>
        </div>
      </Dialog>
      <Dialog title="The new secret" opened={typeof act.data === "string"} onClose={() => act.reset()}>
        {typeof act.data === "string" && (
          <SecretOnce what="Secret" secret={act.data} onDone={() => act.reset()}>
            It counts from the next attempt on.
          </SecretOnce>
        )}
      </Dialog>
      <Dialog title="Remove the webhook?" opened={asked === "remove"} onClose={() => setAsked(null)}>
        <div className={page["form"]}>
          <p>No event goes there any more. What was sent, and what was still to be sent, is forgotten with it.</p>
          <div className={page["actions"]}>
            <Button variant="default" c="var(--wrong)" onClick={() => doAndClose("remove")}>
              Remove {name}
            </Button>
            <Button variant="default" onClick={() => setAsked(null)}>
              Leave it
            </Button>
          </div>
        </div>
      </Dialog>
    </li>
  );
}
