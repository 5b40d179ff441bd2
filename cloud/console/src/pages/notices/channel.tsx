import { Button } from "@mantine/core";
import { useMutation, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { send } from "../../api/client.ts";
import { channelsPath } from "../../api/notice-queries.ts";
import type { NoticeChannel } from "../../api/notice-shapes.ts";
import { subscriptionWords } from "../../core/notices.ts";
import { Dialog } from "../../parts/dialog.tsx";
import { Notice } from "../../parts/notice.tsx";
import page from "../../parts/page.module.css";
import { SecretOnce } from "../../parts/secret-once.tsx";
import { StateMark } from "../../parts/state-mark.tsx";
import { EditChannel } from "./edit-channel.tsx";
import { useNameOf } from "../../parts/who.tsx";
import told from "../../parts/told.module.css";

type Act = "test" | "secret" | "remove" | "on" | "off";

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
  const [isRemoving, setIsRemoving] = useState(false);
  const [isEditing, setIsEditing] = useState(false);
  const isOff = disabledAtMs !== null;
  const nameOf = useNameOf();
  const words = [...new Set(subscriptions.map((one) => subscriptionWords(one, nameOf)))];
  return (
    <li className={page["card"]} aria-label={name}>
      <div className={page["head"]}>
        <div>
          <h2>{name}</h2>
          <p className={told["small"]}>
            {kind === "email" ? "E-mail to" : "Webhook at"} {target}
          </p>
        </div>
        <StateMark tone={isOff ? "mind" : "well"}>
          {isOff ? (disabledBy === "gone" ? "Off: the receiver is gone" : "Off") : "On"}
        </StateMark>
      </div>
      <ul className={told["told"]}>
        {words.map((one) => (
          <li key={one}>{one}</li>
        ))}
      </ul>
      {act.error !== null && <Notice error={act.error} />}
      {mayWrite && (
        <div className={page["actions"]}>
          <Button
            variant="default"
            size="compact-md"
            loading={act.isPending && act.variables === "test"}
            onClick={() => act.mutate("test")}
          >
            Send a test
          </Button>
          <Button variant="default" size="compact-md" onClick={() => setIsEditing(true)}>
            Change…
          </Button>
          <Button variant="default" size="compact-md" onClick={() => act.mutate(isOff ? "on" : "off")}>
            {isOff ? "Switch on" : "Switch off"}
          </Button>
          {kind === "webhook" && (
            <Button variant="default" size="compact-md" onClick={() => act.mutate("secret")}>
              Another secret
            </Button>
          )}
          <Button variant="default" size="compact-md" c="var(--wrong)" onClick={() => setIsRemoving(true)}>
            Remove…
          </Button>
        </div>
      )}
      <Dialog title="Another secret" opened={typeof act.data === "string"} onClose={() => act.reset()}>
        {typeof act.data === "string" && (
          <SecretOnce what="Secret" secret={act.data} onDone={() => act.reset()}>
            It counts from the next attempt on.
          </SecretOnce>
        )}
      </Dialog>
      <Dialog title={`Change ${name}`} opened={isEditing} onClose={() => setIsEditing(false)}>
        {isEditing && <EditChannel channel={channel} onDone={() => setIsEditing(false)} />}
      </Dialog>
      <Dialog title="Remove the channel?" opened={isRemoving} onClose={() => setIsRemoving(false)}>
        <div className={page["form"]}>
          <p>Nobody is told there any more. What was sent, and what was still to be sent, is forgotten with it.</p>
          <div className={page["actions"]}>
            <Button
              variant="default"
              c="var(--wrong)"
              onClick={() => {
                setIsRemoving(false);
                act.mutate("remove");
              }}
            >
              Remove {name}
            </Button>
            <Button variant="default" onClick={() => setIsRemoving(false)}>
              Leave it
            </Button>
          </div>
        </div>
      </Dialog>
    </li>
  );
}
