import { Link } from "@tanstack/react-router";
import type { ReactNode } from "react";
import page from "../../parts/page.module.css";

/** The head of an editor: where one came from, what this is, and what it does. */
export const EditorHead = ({ title, children }: { title: string; children: ReactNode }) => (
  <div>
    <title>{`${title} · Hearth`}</title>
    <p className={page["soft"]}>
      <Link to="/loyalty">Loyalty</Link>
    </p>
    <h1>{title}</h1>
    <p className={page["note"]}>{children}</p>
  </div>
);
