import type { ReactNode } from "react";
import classes from "./empty.module.css";

/** A place where nothing is yet: why that is, and how something comes to be there. */
export function Empty({ title, children }: { title: string; children: ReactNode }) {
  return (
    <section className={classes["empty"]}>
      <h2>{title}</h2>
      {children}
    </section>
  );
}
