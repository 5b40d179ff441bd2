import { CloseButton, Modal } from "@mantine/core";
import type { ReactNode } from "react";
import classes from "./dialog.module.css";

interface DialogProps {
  title: string;
  opened: boolean;
  size?: "md" | "lg";
  onClose: () => void;
  children: ReactNode;
}

/** A dialog with its name on top. Its head is not Mantine's, which would be a second banner of the page. */
export function Dialog({ title, opened, size = "md", onClose, children }: DialogProps) {
  return (
    <Modal.Root opened={opened} onClose={onClose} size={size} centered>
      <Modal.Overlay />
      <Modal.Content>
        <Modal.Body>
          <div className={classes["head"]}>
            <Modal.Title>{title}</Modal.Title>
            <CloseButton aria-label="Close" iconSize={18} className={classes["close"] ?? ""} onClick={onClose} />
          </div>
          {children}
        </Modal.Body>
      </Modal.Content>
    </Modal.Root>
  );
}
