import { Button, NativeSelect, TextInput } from "@mantine/core";
import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { type FormEvent, useState } from "react";
import { send } from "../../api/client.ts";
import { modelsQuery } from "../../api/queries.ts";
import type { Batch } from "../../api/shapes.ts";
import { Dialog } from "../../parts/dialog.tsx";
import { Notice } from "../../parts/notice.tsx";
import page from "../../parts/page.module.css";
import { SecretOnce } from "../../parts/secret-once.tsx";

interface MadeBatch {
  batch: Batch;
  secret: string;
}

/** Makes a batch; then its dialog is where its claim secret is seen, once. */
export function NewBatch({ opened, onClose }: { opened: boolean; onClose: () => void }) {
  const client = useQueryClient();
  const make = useMutation({
    mutationFn: (body: unknown) => send<MadeBatch>("POST", "/api/v1/batches", body),
    onSuccess: () => client.invalidateQueries({ queryKey: ["batches"] }),
  });
  const close = () => {
    make.reset();
    onClose();
  };
  const made = make.data ?? null;
  return (
    <Dialog title={made === null ? "New batch" : `Batch ${made.batch.key} is made`} opened={opened} onClose={close}>
      {made === null ? (
        <BatchForm error={make.error} pending={make.isPending} onMake={(body) => make.mutate(body)} />
      ) : (
        <SecretOnce what="Claim secret" secret={made.secret} onDone={close}>
          It goes into every appliance of the batch, and opens nothing but its first enrolment.
        </SecretOnce>
      )}
    </Dialog>
  );
}

interface BatchFormProps {
  error: Error | null;
  pending: boolean;
  onMake: (body: unknown) => void;
}

function BatchForm({ error, pending, onMake }: BatchFormProps) {
  const models = useQuery(modelsQuery).data?.items ?? [];
  const [key, setKey] = useState("");
  const [model, setModel] = useState("");
  const [quota, setQuota] = useState("");
  const [until, setUntil] = useState("");
  const isWhole = key.trim() !== "" && model !== "" && /^[1-9]\d*$/.test(quota.trim());
  const onSubmit = (event: FormEvent) => {
    event.preventDefault();
    const end = until === "" ? {} : { validUntilMs: new Date(`${until}T23:59:59`).getTime() };
    if (isWhole) onMake({ key: key.trim(), model, quota: Number(quota), ...end });
  };
  return (
    <form className={page["form"]} onSubmit={onSubmit}>
      <TextInput
        label="Key of the batch: letters, digits, dots and dashes"
        value={key}
        maxLength={64}
        autoComplete="off"
        spellCheck={false}
        onChange={(event) => setKey(event.currentTarget.value)}
      />
      <NativeSelect
        label="Model"
        value={model}
        onChange={(event) => setModel(event.currentTarget.value)}
        data={[{ value: "", label: "Choose a model" }, ...models.map((one) => ({ value: one.key, label: one.name }))]}
      />
      <TextInput
        label="How many of its appliances may be enrolled"
        inputMode="numeric"
        value={quota}
        maxLength={9}
        autoComplete="off"
        onChange={(event) => setQuota(event.currentTarget.value)}
      />
      <TextInput
        label="Last day of enrolment; may be left out"
        type="date"
        value={until}
        onChange={(event) => setUntil(event.currentTarget.value)}
      />
      {error !== null && <Notice error={error} />}
      <div className={page["actions"]}>
        <Button type="submit" disabled={!isWhole} loading={pending}>
          Make the batch
        </Button>
      </div>
    </form>
  );
}
