import { Button, Checkbox, TextInput } from "@mantine/core";
import { useMutation, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { send } from "../../api/client.ts";
import { webhooksPath } from "../../api/webhook-queries.ts";
import type { Webhook } from "../../api/webhook-shapes.ts";
import { heardText } from "../../core/event-words.ts";
import { typeChoices } from "../../core/webhooks.ts";
import { Notice } from "../../parts/notice.tsx";
import page from "../../parts/page.module.css";
import { SecretOnce } from "../../parts/secret-once.tsx";
import told from "../../parts/told.module.css";

/** A webhook that is made: where, and of what it hears. Its secret is shown once. */
export function NewWebhook({ onDone }: { onDone: () => void }) {
  const client = useQueryClient();
  const [name, setName] = useState("");
  const [url, setUrl] = useState("");
  const [types, setTypes] = useState<readonly string[]>(["hearth.points.*"]);
  const make = useMutation({
    mutationFn: () =>
      send<{ webhook: Webhook; secret: string }>("POST", webhooksPath, { name: name.trim(), url: url.trim(), types }),
    onSuccess: () => client.invalidateQueries({ queryKey: ["webhooks"] }),
  });
  if (make.data != null)
    return (
      <SecretOnce what="Secret of the webhook" secret={make.data.secret} onDone={onDone}>
        Every message is signed with it as Standard Webhooks says; a receiver that checks the signature knows that it
        comes from here.
      </SecretOnce>
    );
  return (
    <form
      className={page["form"]}
      onSubmit={(event) => {
        event.preventDefault();
        make.mutate();
      }}
    >
      <TextInput label="Name" value={name} maxLength={100} onChange={(event) => setName(event.currentTarget.value)} />
      <TextInput
        label="Address that is posted to"
        description="https, and in the internet"
        type="url"
        value={url}
        maxLength={2_000}
        onChange={(event) => setUrl(event.currentTarget.value)}
      />
      <fieldset className={told["choices"]}>
        <legend>It hears of</legend>
        {typeChoices.map((one) => (
          <Checkbox
            key={one}
            label={heardText(one)}
            description={one}
            checked={types.includes(one)}
            onChange={() => setTypes(types.includes(one) ? types.filter((other) => other !== one) : [...types, one])}
          />
        ))}
      </fieldset>
      {make.error !== null && <Notice error={make.error} />}
      <div className={page["actions"]}>
        <Button
          type="submit"
          loading={make.isPending}
          disabled={name.trim() === "" || url.trim() === "" || types.length === 0}
        >
          Make the webhook
        </Button>
      </div>
    </form>
  );
}
