import { useQuery } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { modelsQuery } from "../../api/queries.ts";
import page from "../../parts/page.module.css";
import classes from "./household.module.css";
import { Section } from "./section.tsx";
import type { SectionProps } from "./section-props.ts";

/** What stands in their kitchen. */
export function Appliances({ household: { devices } }: SectionProps) {
  const models = useQuery(modelsQuery).data?.items ?? [];
  const modelName = (key: string) => models.find((model) => model.key === key)?.name ?? key;
  return (
    <Section title="Appliances">
      {devices.length === 0 ? (
        <p className={page["note"]}>
          None yet. One joins when somebody types the code on its display into the app, or when staff give it to the
          household. Until then they are a prospect.
        </p>
      ) : (
        <ul className={classes["list"]}>
          {devices.map(({ id, model }) => (
            <li key={id} className={classes["row"]}>
              <Link to="/devices/$id" params={{ id }} className={page["link"]}>
                {id}
              </Link>
              <span className={page["soft"]}>{modelName(model)}</span>
            </li>
          ))}
        </ul>
      )}
    </Section>
  );
}
