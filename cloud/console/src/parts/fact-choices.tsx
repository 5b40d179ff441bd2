import { Button } from "@mantine/core";
import { factTypeWords } from "../core/segments.ts";
import classes from "./fact-choices.module.css";

export interface FactChoice {
  name: string;
  type: keyof typeof factTypeWords;
  help: string;
  /** What else is to be minded of it. */
  note?: string | null;
}

interface FactChoicesProps<Fact extends FactChoice> {
  groups: readonly { title: string; facts: readonly Fact[] }[];
  onChoose: (fact: Fact) => void;
}

/** The facts that a condition may read, in groups; whoever chooses one has it put into the condition. */
export function FactChoices<Fact extends FactChoice>({ groups, onChoose }: FactChoicesProps<Fact>) {
  return (
    <section className={classes["facts"]} aria-label="Facts">
      <h2>Facts to choose from</h2>
      <p className={classes["small"]}>
        Choose one to put it where the cursor stands. Join conditions by <code>&&</code> and <code>||</code>, turn one
        round by <code>!</code>. Nothing is true of a fact that is missing.
      </p>
      {groups.map(({ title, facts }) => (
        <details key={title}>
          <summary>{title}</summary>
          <ul>
            {facts.map((fact) => (
              <li key={fact.name}>
                <Button
                  variant="default"
                  size="compact-sm"
                  className={classes["fact"] ?? ""}
                  onClick={() => onChoose(fact)}
                >
                  {fact.name}
                </Button>
                <span>
                  {fact.help} <span className={classes["small"]}>{factTypeWords[fact.type]}.</span>
                </span>
                {fact.note != null && <span className={classes["small"]}>{fact.note}</span>}
              </li>
            ))}
          </ul>
        </details>
      ))}
    </section>
  );
}
