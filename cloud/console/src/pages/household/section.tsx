import type { ReactNode } from "react";
import page from "../../parts/page.module.css";
import classes from "./household.module.css";

interface SectionProps {
  title: string;
  /** What can be done here, beside the title. */
  actions?: ReactNode;
  children: ReactNode;
}

/** One subject of the household's page, in a card of its own. */
export const Section = ({ title, actions, children }: SectionProps) => (
  <section className={page["card"]} aria-label={title}>
    <div className={classes["sectionHead"]}>
      <h2>{title}</h2>
      {actions !== undefined && <div className={page["actions"]}>{actions}</div>}
    </div>
    {children}
  </section>
);
