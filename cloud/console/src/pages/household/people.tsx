import page from "../../parts/page.module.css";
import classes from "./household.module.css";
import { Section } from "./section.tsx";
import type { SectionProps } from "./section-props.ts";

/** Who lives there. */
export const People = ({ household: { members } }: SectionProps) => (
  <Section title="People">
    {members.length === 0 ? (
      <p className={page["note"]}>Nobody is named. A household may exist before anybody has signed in.</p>
    ) : (
      <ul className={classes["list"]}>
        {members.map(({ id, name, email, role }) => (
          <li key={id}>
            <div className={classes["row"]}>
              <span className={classes["name"]}>{name}</span>
              <span className={page["soft"]}>{role}</span>
            </div>
            <span className={classes["small"]}>{email ?? "no e-mail address"}</span>
          </li>
        ))}
      </ul>
    )}
  </Section>
);
