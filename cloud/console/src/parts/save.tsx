import { Button } from "@mantine/core";
import { type ReactNode, useState } from "react";
import { Confirm } from "./confirm.tsx";
import { Notice } from "./notice.tsx";
import page from "./page.module.css";

/** The two answers to whether something is to change for households. */
export const inForce = { yes: "Yes, from now on", no: "Not yet" };

interface SaveProps {
  label: string;
  isChanged: boolean;
  /** Somebody else saved since; then nothing is saved before one of the two is chosen. */
  isOvertaken: boolean;
  isPending: boolean;
  error: Error | null;
  /** What somebody else saved. */
  meanwhile: ReactNode;
  /** What is to be read before it is saved; null: nothing, it is saved at once. */
  confirm: { title: string; body: ReactNode } | null;
  /** @returns whether there is nothing wrong with it */
  onCheck: () => boolean;
  onSave: () => void;
  /** What else can be done with it, on a button beside. */
  children?: ReactNode;
}

/** Saves what a form says, after what it does was read where that hits many. */
export function Save(props: SaveProps) {
  const { label, isChanged, isOvertaken, isPending, error, meanwhile, confirm, onCheck, onSave, children } = props;
  const [opened, setOpened] = useState(false);
  return (
    <>
      {error !== null && !isOvertaken && <Notice error={error} />}
      {meanwhile}
      <div className={page["actions"]}>
        <Button
          type="submit"
          disabled={!isChanged || isOvertaken}
          loading={isPending}
          onClick={(event) => {
            event.preventDefault();
            if (!onCheck()) return;
            if (confirm === null) onSave();
            else setOpened(true);
          }}
        >
          {label}
        </Button>
        {children}
      </div>
      {confirm !== null && (
        <Confirm
          title={confirm.title}
          opened={opened}
          {...inForce}
          onYes={() => {
            setOpened(false);
            onSave();
          }}
          onClose={() => setOpened(false)}
        >
          {confirm.body}
        </Confirm>
      )}
    </>
  );
}
