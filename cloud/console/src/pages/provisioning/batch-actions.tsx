import { Button, NativeSelect } from "@mantine/core";
import { useMutation, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { send } from "../../api/client.ts";
import type { Batch } from "../../api/shapes.ts";
import { Dialog } from "../../parts/dialog.tsx";
import { Notice } from "../../parts/notice.tsx";
import page from "../../parts/page.module.css";
import { SecretOnce } from "../../parts/secret-once.tsx";

const dayMs = 86_400_000;
const graces = [
  { value: String(180 * dayMs), label: "Works for another 180 days" },
  { value: String(30 * dayMs), label: "Works for another 30 days" },
  { value: "0", label: "Ends now: appliances that carry it stay out" },
];

/** What may be done with a batch: it is closed and opened again, and it gets a new claim secret. */
export function BatchActions({ batch: { key, state } }: { batch: Batch }) {
  const [asked, setAsked] = useState<"close" | "secret" | null>(null);
  const client = useQueryClient();
  const path = `/api/v1/batches/${encodeURIComponent(key)}`;
  const move = useMutation({
    mutationFn: (verb: "close" | "reopen") => send("POST", `${path}/${verb}`),
    onSuccess: async () => {
      setAsked(null);
      await client.invalidateQueries({ queryKey: ["batches"] });
    },
  });
  return (
    <>
      {move.error !== null && <Notice error={move.error} />}
      <div className={page["actions"]}>
        <Button variant="default" size="sm" onClick={() => setAsked("secret")}>
          New claim secret…
        </Button>
        {state === "open" ? (
          <Button variant="default" size="sm" onClick={() => setAsked("close")}>
            Close…
          </Button>
        ) : (
          <Button variant="default" size="sm" loading={move.isPending} onClick={() => move.mutate("reopen")}>
            Reopen
          </Button>
        )}
      </div>
      <Dialog title={`Close batch ${key}?`} opened={asked === "close"} onClose={() => setAsked(null)}>
        <div className={page["form"]}>
          <p>
            From now on none of its appliances is enrolled. Those that are in stay in. It can be opened again at any
            time.
          </p>
          <div className={page["actions"]}>
            <Button loading={move.isPending} onClick={() => move.mutate("close")}>
              Close the batch
            </Button>
            <Button variant="default" onClick={() => setAsked(null)}>
              Leave it open
            </Button>
          </div>
        </div>
      </Dialog>
      <NewSecret batch={key} path={path} opened={asked === "secret"} onClose={() => setAsked(null)} />
    </>
  );
}

interface NewSecretProps {
  batch: string;
  path: string;
  opened: boolean;
  onClose: () => void;
}

function NewSecret({ batch, path, opened, onClose }: NewSecretProps) {
  const [graceMs, setGraceMs] = useState(graces[0]?.value ?? "0");
  const client = useQueryClient();
  const rotate = useMutation({
    mutationFn: () => send<{ secret: string }>("POST", `${path}/secret`, { graceMs: Number(graceMs) }),
    onSuccess: () => client.invalidateQueries({ queryKey: ["batches"] }),
  });
  const close = () => {
    rotate.reset();
    onClose();
  };
  return (
    <Dialog title={`New claim secret for ${batch}`} opened={opened} onClose={close}>
      {rotate.data ? (
        <SecretOnce what="Claim secret" secret={rotate.data.secret} onDone={close}>
          Appliances that are made from now on should carry it.
        </SecretOnce>
      ) : (
        <div className={page["form"]}>
          <NativeSelect
            label="The secret before"
            value={graceMs}
            onChange={(event) => setGraceMs(event.currentTarget.value)}
            data={graces}
          />
          {rotate.error !== null && <Notice error={rotate.error} />}
          <div className={page["actions"]}>
            <Button loading={rotate.isPending} onClick={() => rotate.mutate()}>
              Make a new secret
            </Button>
          </div>
        </div>
      )}
    </Dialog>
  );
}
