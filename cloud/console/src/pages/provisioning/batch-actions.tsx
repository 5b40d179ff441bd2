import { Button } from "@mantine/core";
import { useMutation, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { send } from "../../api/client.ts";
import type { Batch } from "../../api/shapes.ts";
import { Confirm } from "../../parts/confirm.tsx";
import { NewSecret } from "../../parts/new-secret.tsx";
import { Notice } from "../../parts/notice.tsx";
import page from "../../parts/page.module.css";

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
      <Confirm
        title={`Close batch ${key}?`}
        opened={asked === "close"}
        yes="Close the batch"
        no="Leave it open"
        isPending={move.isPending}
        onYes={() => move.mutate("close")}
        onClose={() => setAsked(null)}
      >
        <p>
          From now on none of its appliances is enrolled. Those that are in stay in. It can be opened again at any time.
        </p>
      </Confirm>
      <NewSecret
        noun="claim secret"
        title={`New claim secret for ${key}`}
        path={`${path}/secret`}
        secretIn={({ secret }: { secret: string }) => secret}
        about={["batches"]}
        graces={graces}
        opened={asked === "secret"}
        onClose={() => setAsked(null)}
      >
        Appliances that are made from now on should carry it.
      </NewSecret>
    </>
  );
}
