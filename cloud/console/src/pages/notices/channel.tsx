import { Button } from "@mantine/core";
import { useMutation, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { send } from "../../api/client.ts";
import { channelsPath } from "../../api/notice-queries.ts";
import type { NoticeChannel } from "../../api/notice-shapes.ts";
import { subscriptionWords } from "../../core/notices.ts";
import { Dialog } from "../../parts/dialog.tsx";
import { type ReceiverAct, ReceiverCard } from "../../parts/receiver-card.tsx";
import { EditChannel } from "./edit-channel.tsx";
import { useNameOf } from "../../parts/who.tsx";
import told from "../../parts/told.module.css";

type Act = ReceiverAct | "secret";

function useChannelAct(id: string) {
  const client = useQueryClient();
  const path = `${channelsPath}/${encodeURIComponent(id)}`;
  return useMutation({
    mutationFn: async (act: Act): Promise<string | null> => {
      if (act === "test") await send("POST", `${path}/test`);
      if (act === "remove") await send("DELETE", path);
      if (act === "on" || act === "off") await send("PATCH", path, { enabled: act === "on" });
      return act === "secret" ? ((await send<{ secret: string }>("POST", `${path}/secret`))?.secret ?? null) : null;
    },
    onSettled: () => client.invalidateQueries({ queryKey: ["notices"] }),
  });
}

/** One place where staff are told: who, of what, and whether it is on. */
export function Channel({ channel, mayWrite }: { channel: NoticeChannel; mayWrite: boolean }) {
  const { id, kind, name, target, subscriptions, disabledAtMs, disabledBy } = channel;
  const act = useChannelAct(id);
  const [isEditing, setIsEditing] = useState(false);
  const isOff = disabledAtMs !== null;
  const nameOf = useNameOf();
  const words = [...new Set(subscriptions.map((one) => subscriptionWords(one, nameOf)))];
  return (
    <ReceiverCard
      noun="channel"
      name={name}
      address={`${kind === "email" ? "E-mail to" : "Webhook at"} ${target}`}
      isOff={isOff}
      state={
        isOff
          ? { tone: "mind", words: disabledBy === "gone" ? "Off: the receiver is gone" : "Off" }
          : { tone: "well", words: "On" }
      }
      mayWrite={mayWrite}
      act={act}
      more={
        <>
          <Button variant="default" size="compact-md" onClick={() => setIsEditing(true)}>
            Change…
          </Button>
          {kind === "webhook" && (
            <Button variant="default" size="compact-md" onClick={() => act.mutate("secret")}>
              Another secret
            </Button>
          )}
        </>
      }
      removal="Nobody is told there any more."
    >
      <ul className={told["told"]}>
        {words.map((one) => (
          <li key={one}>{one}</li>
        ))}
      </ul>
      <Dialog title={`Change ${name}`} opened={isEditing} onClose={() => setIsEditing(false)}>
        {isEditing && <EditChannel channel={channel} onDone={() => setIsEditing(false)} />}
      </Dialog>
    </ReceiverCard>
  );
}
