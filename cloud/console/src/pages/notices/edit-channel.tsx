import { Button, TextInput } from "@mantine/core";
import { useMutation, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { send } from "../../api/client.ts";
import { channelsPath } from "../../api/notice-queries.ts";
import type { NoticeChannel, Subscription } from "../../api/notice-shapes.ts";
import { Notice } from "../../parts/notice.tsx";
import page from "../../parts/page.module.css";
import classes from "./notices.module.css";
import { isAsking, SubscriptionFields } from "./subscription-fields.tsx";

/** As many as the API takes. */
const subscriptionsMax = 20;

/** Another name, another address, other things to be told of. What is sent already goes where it was to go. */
export function EditChannel({ channel, onDone }: { channel: NoticeChannel; onDone: () => void }) {
  const client = useQueryClient();
  const { id, kind } = channel;
  const [name, setName] = useState(channel.name);
  const [target, setTarget] = useState(channel.target);
  // Each keeps its key while others come and go, and with it what is being typed.
  const [asked, setAsked] = useState(() => channel.subscriptions.map((value, key) => ({ key, value })));
  const change = useMutation({
    mutationFn: () =>
      send("PATCH", `${channelsPath}/${encodeURIComponent(id)}`, {
        name: name.trim(),
        ...(kind === "email" ? { address: target.trim() } : { url: target.trim() }),
        subscriptions: asked.map(({ value }) => value),
      }),
    onSuccess: async () => {
      await client.invalidateQueries({ queryKey: ["notices"] });
      onDone();
    },
  });
  const isWhole =
    name.trim() !== "" && target.trim() !== "" && asked.length > 0 && asked.every(({ value }) => isAsking(value));
  const set = (key: number, value: Subscription) =>
    setAsked(asked.map((one) => (one.key === key ? { key, value } : one)));
  return (
    <form
      className={page["form"]}
      onSubmit={(event) => {
        event.preventDefault();
        change.mutate();
      }}
    >
      <TextInput label="Name" value={name} maxLength={100} onChange={(event) => setName(event.currentTarget.value)} />
      <TextInput
        label={kind === "email" ? "E-mail address" : "Address that is posted to"}
        type={kind === "email" ? "email" : "url"}
        value={target}
        maxLength={2_000}
        onChange={(event) => setTarget(event.currentTarget.value)}
      />
      {asked.map(({ key, value }, at) => (
        <section key={key} className={classes["subscription"]} aria-label={`What they are told of, ${at + 1}`}>
          <SubscriptionFields value={value} onChange={(next) => set(key, next)} />
          {asked.length > 1 && (
            <div className={page["actions"]}>
              <Button
                variant="default"
                size="compact-md"
                onClick={() => setAsked(asked.filter((one) => one.key !== key))}
              >
                Take this off
              </Button>
            </div>
          )}
        </section>
      ))}
      {asked.length < subscriptionsMax && (
        <div className={page["actions"]}>
          <Button
            variant="default"
            size="compact-md"
            onClick={() => {
              const key = Math.max(-1, ...asked.map((one) => one.key)) + 1;
              setAsked([...asked, { key, value: { kinds: ["case_escalated"], levelMin: 1 } }]);
            }}
          >
            And something else…
          </Button>
        </div>
      )}
      {change.error !== null && <Notice error={change.error} />}
      <div className={page["actions"]}>
        <Button type="submit" loading={change.isPending} disabled={!isWhole}>
          Keep the changes
        </Button>
        <Button variant="default" onClick={onDone}>
          Leave it as it is
        </Button>
      </div>
    </form>
  );
}
