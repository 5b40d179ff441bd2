import { Button, NativeSelect } from "@mantine/core";
import { useMutation, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { send } from "../../api/client.ts";
import { devicePath } from "../../api/queries.ts";
import { useRights } from "../../api/rights.ts";
import { Dialog } from "../../parts/dialog.tsx";
import { Notice } from "../../parts/notice.tsx";
import page from "../../parts/page.module.css";
import { SecretOnce } from "../../parts/secret-once.tsx";

/** A new token, and the end of all of them; each for the roles that may. */
export function TokenActions({ id, count }: { id: string; count: number }) {
  const rights = useRights();
  const [asked, setAsked] = useState<"new" | "revoke" | null>(null);
  const mayGive = rights?.may("devices.register") === true;
  const mayRevoke = rights?.may("devices.write") === true && count > 0;
  if (!mayGive && !mayRevoke) return null;
  return (
    <>
      <div className={page["actions"]}>
        {mayGive && (
          <Button variant="default" onClick={() => setAsked("new")}>
            New token…
          </Button>
        )}
        {mayRevoke && (
          <Button variant="default" onClick={() => setAsked("revoke")}>
            Revoke all tokens…
          </Button>
        )}
      </div>
      <NewToken id={id} opened={asked === "new"} onClose={() => setAsked(null)} />
      <RevokeTokens id={id} opened={asked === "revoke"} onClose={() => setAsked(null)} />
    </>
  );
}

interface AskedProps {
  id: string;
  opened: boolean;
  onClose: () => void;
}

const dayMs = 86_400_000;
const graces = [
  { value: String(dayMs), label: "Works for another day" },
  { value: String(7 * dayMs), label: "Works for another week" },
  { value: "0", label: "Ends now, and its connection with it" },
];

function NewToken({ id, opened, onClose }: AskedProps) {
  const [graceMs, setGraceMs] = useState(graces[0]?.value ?? "0");
  const client = useQueryClient();
  const rotate = useMutation({
    mutationFn: () => send<{ token: string }>("POST", `${devicePath(id)}/token`, { graceMs: Number(graceMs) }),
    onSuccess: () => client.invalidateQueries({ queryKey: ["device", id] }),
  });
  const close = () => {
    rotate.reset();
    onClose();
  };
  return (
    <Dialog title={`New token for ${id}`} opened={opened} onClose={close}>
      {rotate.data ? (
        <SecretOnce what="Token" secret={rotate.data.token} onDone={close}>
          It goes into the appliance, and lets it in under its id.
        </SecretOnce>
      ) : (
        <div className={page["form"]}>
          <NativeSelect
            label="The token before"
            value={graceMs}
            onChange={(event) => setGraceMs(event.currentTarget.value)}
            data={graces}
          />
          {rotate.error !== null && <Notice error={rotate.error} />}
          <div className={page["actions"]}>
            <Button loading={rotate.isPending} onClick={() => rotate.mutate()}>
              Make a new token
            </Button>
          </div>
        </div>
      )}
    </Dialog>
  );
}

function RevokeTokens({ id, opened, onClose }: AskedProps) {
  const client = useQueryClient();
  const revoke = useMutation({
    mutationFn: () => send("DELETE", `${devicePath(id)}/tokens`),
    onSuccess: async () => {
      onClose();
      await client.invalidateQueries({ queryKey: ["device", id] });
    },
  });
  return (
    <Dialog title={`Revoke every token of ${id}?`} opened={opened} onClose={onClose}>
      <div className={page["form"]}>
        <p>Its connection ends now, and it stays out until it carries a new token or a certificate.</p>
        {revoke.error !== null && <Notice error={revoke.error} />}
        <div className={page["actions"]}>
          <Button color="red" loading={revoke.isPending} onClick={() => revoke.mutate()}>
            Revoke all tokens
          </Button>
          <Button variant="default" onClick={onClose}>
            Keep them
          </Button>
        </div>
      </div>
    </Dialog>
  );
}
