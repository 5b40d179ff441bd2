import { Button, NativeSelect } from "@mantine/core";
import { useMutation, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { send } from "../api/client.ts";
import type { Certificate } from "../api/shapes.ts";
import { revocationWords } from "../core/certificates.ts";
import { Confirm } from "./confirm.tsx";

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
      <Confirm
        title={`Revoke the certificate of ${certificate.deviceId}?`}
        opened={opened}
        yes="Revoke it"
        no="Keep it"
        isFinal
        isReady={reason !== ""}
        isPending={revoke.isPending}
        error={revoke.error}
        onYes={() => revoke.mutate()}
        onClose={() => setOpened(false)}
      >
        <p>
          It is revoked for ever, and the connection that it let in ends now. The appliance gets another one only after
          it is provisioned anew.
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
      </Confirm>
    </>
  );
}
