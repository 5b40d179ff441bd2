import { Button } from "@mantine/core";
import type { ReactNode } from "react";
import { Dialog } from "./dialog.tsx";
import { Notice } from "./notice.tsx";
import page from "./page.module.css";

interface ConfirmProps {
  title: string;
  opened: boolean;
  /** What is done, on the button that does it. */
  yes: string;
  no: string;
  /** What is done cannot be undone. */
  isFinal?: boolean;
  /** Whether all is said that it needs. */
  isReady?: boolean;
  isPending?: boolean;
  error?: Error | null;
  onYes: () => void;
  onClose: () => void;
  /** What it means, and what it asks for. */
  children: ReactNode;
}

/** Says what a step means before it is taken. */
export function Confirm(props: ConfirmProps) {
  const {
    title,
    opened,
    yes,
    no,
    isFinal = false,
    isReady = true,
    isPending = false,
    error = null,
    onYes,
    onClose,
    children,
  } = props;
  return (
    <Dialog title={title} opened={opened} onClose={onClose}>
      <div className={page["form"]}>
        {children}
        {error !== null && <Notice error={error} />}
        <div className={page["actions"]}>
          <Button {...(isFinal ? { color: "red.9" } : {})} disabled={!isReady} loading={isPending} onClick={onYes}>
            {yes}
          </Button>
          <Button variant="default" onClick={onClose}>
            {no}
          </Button>
        </div>
      </div>
    </Dialog>
  );
}
