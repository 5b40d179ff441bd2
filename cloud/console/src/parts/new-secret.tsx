import { Button, NativeSelect } from "@mantine/core";
import { useMutation, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { send } from "../api/client.ts";
import { Dialog } from "./dialog.tsx";
import { Notice } from "./notice.tsx";
import page from "./page.module.css";
import { SecretOnce } from "./secret-once.tsx";

interface NewSecretProps<Answer> {
  /** What it is: `token`. */
  noun: string;
  title: string;
  /** Where it is asked for, and what of the answer it is. */
  path: string;
  secretIn: (answer: Answer) => string;
  /** The beginning of what is asked anew after that. */
  about: readonly string[];
  /** How long the one before goes on working, in milliseconds; the first is what is chosen. */
  graces: readonly { value: string; label: string }[];
  opened: boolean;
  onClose: () => void;
  /** What to do with it. */
  children: string;
}

/** Makes a secret anew: asks what becomes of the one before, and shows the new one once. */
export function NewSecret<Answer>(props: NewSecretProps<Answer>) {
  const { noun, title, path, secretIn, about, graces, opened, onClose, children } = props;
  const [graceMs, setGraceMs] = useState(graces[0]?.value ?? "0");
  const client = useQueryClient();
  const rotate = useMutation({
    mutationFn: () => send<Answer>("POST", path, { graceMs: Number(graceMs) }),
    onSuccess: () => client.invalidateQueries({ queryKey: about }),
  });
  const close = () => {
    rotate.reset();
    onClose();
  };
  return (
    <Dialog title={title} opened={opened} onClose={close}>
      {rotate.data != null ? (
        <SecretOnce
          what={`${noun.charAt(0).toUpperCase()}${noun.slice(1)}`}
          secret={secretIn(rotate.data)}
          onDone={close}
        >
          {children}
        </SecretOnce>
      ) : (
        <div className={page["form"]}>
          <NativeSelect
            label={`The ${noun} before`}
            value={graceMs}
            onChange={(event) => setGraceMs(event.currentTarget.value)}
            data={graces}
          />
          {rotate.error !== null && <Notice error={rotate.error} />}
          <div className={page["actions"]}>
            <Button loading={rotate.isPending} onClick={() => rotate.mutate()}>
              Make a new {noun}
            </Button>
          </div>
        </div>
      )}
    </Dialog>
  );
}
