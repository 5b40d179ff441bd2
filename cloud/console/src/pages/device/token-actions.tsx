import { Button } from "@mantine/core";
import { useMutation, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { send } from "../../api/client.ts";
import { devicePath } from "../../api/queries.ts";
import { useRights } from "../../api/rights.ts";
import { Confirm } from "../../parts/confirm.tsx";
import { NewSecret } from "../../parts/new-secret.tsx";
import page from "../../parts/page.module.css";

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
      <NewSecret
        noun="token"
        title={`New token for ${id}`}
        path={`${devicePath(id)}/token`}
        secretIn={({ token }: { token: string }) => token}
        about={["device", id]}
        graces={graces}
        opened={asked === "new"}
        onClose={() => setAsked(null)}
      >
        It goes into the appliance, and lets it in under its id.
      </NewSecret>
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
    <Confirm
      title={`Revoke every token of ${id}?`}
      opened={opened}
      yes="Revoke all tokens"
      no="Keep them"
      isFinal
      isPending={revoke.isPending}
      error={revoke.error}
      onYes={() => revoke.mutate()}
      onClose={onClose}
    >
      <p>Its connection ends now, and it stays out until it carries a new token or a certificate.</p>
    </Confirm>
  );
}
