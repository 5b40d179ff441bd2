import { Button } from "@mantine/core";
import { useMutation, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { send } from "../../api/client.ts";
import { webhookPath } from "../../api/webhook-queries.ts";
import type { ListedWebhook } from "../../api/webhook-shapes.ts";
import { plural } from "../../core/numbers.ts";
import { disabledWords, typeWords } from "../../core/webhooks.ts";
import { Ago } from "../../parts/ago.tsx";
import { Dialog } from "../../parts/dialog.tsx";
import page from "../../parts/page.module.css";
import { type ReceiverAct, ReceiverCard } from "../../parts/receiver-card.tsx";
import told from "../../parts/told.module.css";

type Act = ReceiverAct | "change_over" | "replace_now";

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
  const reason = webhook.disabledReason;
  return (
    <ReceiverCard
      noun="webhook"
      name={name}
      address={url}
      isOff={reason !== null}
      state={
        reason !== null
          ? { tone: "mind", words: disabledWords[reason] }
          : failingSinceMs === null
            ? { tone: "well", words: "On" }
            : { tone: "wrong", words: "Nothing arrives" }
      }
      mayWrite={mayWrite}
      act={act}
      more={<AnotherSecret onRenew={act.mutate} />}
      removal="No event goes there any more."
    >
      <p className={told["small"]}>Hears of: {typeWords(types)}</p>
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
    </ReceiverCard>
  );
}

/** Asks whether the present secret is to count for a while. */
function AnotherSecret({ onRenew }: { onRenew: (act: "change_over" | "replace_now") => void }) {
  const [isAsked, setIsAsked] = useState(false);
  const renew = (act: "change_over" | "replace_now") => {
    setIsAsked(false);
    onRenew(act);
  };
  return (
    <>
      <Button variant="default" size="compact-md" onClick={() => setIsAsked(true)}>
        Another secret…
      </Button>
      <Dialog title="Another secret" opened={isAsked} onClose={() => setIsAsked(false)}>
        <div className={page["form"]}>
          <p>
            For a day every message is signed with both, so that the receiver changes over when it suits. If somebody
            else knows the present one, end it now: until the receiver has the new one it will refuse what comes.
          </p>
          <div className={page["actions"]}>
            <Button onClick={() => renew("change_over")}>Change over in a day</Button>
            <Button variant="default" c="var(--wrong)" onClick={() => renew("replace_now")}>
              End the present one now
            </Button>
          </div>
        </div>
      </Dialog>
    </>
  );
}
