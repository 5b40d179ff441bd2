import { Button, NativeSelect } from "@mantine/core";
import { useMutation, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { send } from "../api/client.ts";
import type { Certificate } from "../api/shapes.ts";
import { revocationWords } from "../core/certificates.ts";
import { Dialog } from "./dialog.tsx";
import { Notice } from "./notice.tsx";
import page from "./page.module.css";

/** Revokes a certificate, after its reason was chosen and its effect read. */
export function RevokeCertificate({ certificate }: { certificate: Certificate }) {
  const [opened, setOpened] = useState(false);
  const [reason, setReason] = useState("");
  const client = useQueryClient();
  const revoke = useMutation({
    mutationFn: () => send("POST", `/api/v1/certificates/${certificate.fingerprint}/revoke`, { reason }),
    onSuccess: async () => {
      setOpened(false);
      await client.invalidateQueries();
    },
  });
  return (
    <>
      <Button
        variant="default"
        size="xs"
        aria-label={`Revoke the certificate of ${certificate.deviceId}`}
        onClick={() => {
          setReason("");
          revoke.reset();
          setOpened(true);
        }}
      >
        Revoke…
      </Button>
      <Dialog
        title={`Revoke the certificate of ${certificate.deviceId}?`}
        opened={opened}
        onClose={() => setOpened(false)}
      >
        <div className={page["form"]}>
          <p>
            It is revoked for ever, and the connection that it let in ends now. The appliance gets another one only
            after it is provisioned anew.
          </p>
          <NativeSelect
            label="Reason"
            value={reason}
            onChange={(event) => setReason(event.currentTarget.value)}
            data={[
              { value: "", label: "Choose a reason" },
              ...Object.entries(revocationWords).map(([value, label]) => ({ value, label })),
            ]}
          />
          {revoke.error !== null && <Notice error={revoke.error} />}
          <div className={page["actions"]}>
            <Button color="red" disabled={reason === ""} loading={revoke.isPending} onClick={() => revoke.mutate()}>
              Revoke it
            </Button>
            <Button variant="default" onClick={() => setOpened(false)}>
              Keep it
            </Button>
          </div>
        </div>
      </Dialog>
    </>
  );
}
