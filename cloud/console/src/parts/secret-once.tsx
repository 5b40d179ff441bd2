import { Button } from "@mantine/core";
import type { ReactNode } from "react";
import { CopyLine } from "./copy-line.tsx";
import page from "./page.module.css";

interface SecretOnceProps {
  what: string;
  secret: string;
  onDone: () => void;
  children: ReactNode;
}

/** A secret that the service has already forgotten: seen now, or never. */
export function SecretOnce({ what, secret, onDone, children }: SecretOnceProps) {
  return (
    <div className={page["form"]}>
      <p>
        <strong>This is the only time that it is shown.</strong> {children}
      </p>
      <CopyLine what={what} line={secret} />
      <div className={page["actions"]}>
        <Button onClick={onDone}>I have stored it</Button>
      </div>
    </div>
  );
}
