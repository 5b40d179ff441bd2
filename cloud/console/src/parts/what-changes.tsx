import type { ReactNode } from "react";
import form from "./form.module.css";
import page from "./page.module.css";

interface WhatChangesProps {
  sentences: readonly string[];
  /** For whom, and from when on. */
  children: ReactNode;
}

/** What a change does for many, as it is read before somebody puts it in force. */
export const WhatChanges = ({ sentences, children }: WhatChangesProps) => (
  <>
    <ul className={form["changes"]} aria-label="What changes">
      {sentences.map((sentence) => (
        <li key={sentence}>{sentence}</li>
      ))}
    </ul>
    <p className={page["note"]}>{children}</p>
  </>
);
