import { Button, SegmentedControl, TextInput } from "@mantine/core";
import { useMutation, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { send } from "../../api/client.ts";
import { channelsPath } from "../../api/notice-queries.ts";
import type { NoticeChannel, NoticeKind, Subscription } from "../../api/notice-shapes.ts";
import { Notice } from "../../parts/notice.tsx";
import page from "../../parts/page.module.css";
import { SecretOnce } from "../../parts/secret-once.tsx";
import { isAsking, SubscriptionFields } from "./subscription-fields.tsx";

const usual: NoticeKind[] = ["case_opened", "case_overdue", "case_escalated", "incident_opened"];

/** A channel that is made: who is told, and of what. A webhook's secret is shown once. */
export function NewChannel({ onDone }: { onDone: () => void }) {
  const client = useQueryClient();
  const [kind, setKind] = useState<NoticeChannel["kind"]>("email");
  const [name, setName] = useState("");
  const [target, setTarget] = useState("");
  const [asked, setAsked] = useState<Subscription>({ kinds: usual });
  const make = useMutation({
    mutationFn: () =>
      send<{ channel: NoticeChannel; secret: string | null }>("POST", channelsPath, {
        kind,
        name: name.trim(),
        ...(kind === "email" ? { address: target.trim() } : { url: target.trim() }),
        subscriptions: [asked],
      }),
    onSuccess: async (made) => {
      await client.invalidateQueries({ queryKey: ["notices"] });
      if (made === null || made.secret === null) onDone();
    },
  });
  const secret = make.data?.secret ?? null;
  if (secret !== null)
    return (
      <SecretOnce what="Secret of the webhook" secret={secret} onDone={onDone}>
        Messages are signed with it as Standard Webhooks says.
      </SecretOnce>
    );
  const isWhole = name.trim() !== "" && target.trim() !== "" && isAsking(asked);
  return (
    <form
      className={page["form"]}
      onSubmit={(event) => {
        event.preventDefault();
        make.mutate();
      }}
    >
      <SegmentedControl
        aria-label="How"
        value={kind}
        onChange={(value) => setKind(value === "webhook" ? "webhook" : "email")}
        data={[
          { value: "email", label: "E-mail" },
          { value: "webhook", label: "Webhook" },
        ]}
      />
      <TextInput label="Name" value={name} maxLength={100} onChange={(event) => setName(event.currentTarget.value)} />
      <TextInput
        label={kind === "email" ? "E-mail address" : "Address that is posted to"}
        type={kind === "email" ? "email" : "url"}
        value={target}
        maxLength={2_000}
        onChange={(event) => setTarget(event.currentTarget.value)}
      />
      <SubscriptionFields value={asked} onChange={setAsked} />
      {make.error !== null && <Notice error={make.error} />}
      <div className={page["actions"]}>
        <Button type="submit" loading={make.isPending} disabled={!isWhole}>
          Make the channel
        </Button>
      </div>
    </form>
  );
}
