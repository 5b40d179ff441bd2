import { programWords } from "#protocol/program-words.ts";
import type { ContentCheck, ContentDraft } from "../../api/content-shapes.ts";
import { placeOf } from "../../core/content.ts";
import page from "../../parts/page.module.css";
import { StateMark } from "../../parts/state-mark.tsx";
import classes from "./content.module.css";

/** What each model that it is for can do, and what of the recipe it cannot. */
export function Limits({ draft, check }: { draft: ContentDraft; check: ContentCheck }) {
  const meant = check.models.filter(({ key }) => draft.models === null || draft.models.includes(key));
  return (
    <section className={page["card"]} aria-label="Safety limits">
      <h2>Safety limits</h2>
      <ul className={classes["limits"]}>
        {meant.map(({ key, name, capabilities }) => {
          const wrong = check.misfits.filter(({ model }) => model === key);
          const steps = new Set(wrong.map(({ pointer }) => placeOf(pointer).step));
          return (
            <li key={key}>
              <StateMark tone={wrong.length === 0 ? "well" : "wrong"}>
                {name}:{" "}
                {wrong.length === 0
                  ? "can do all of it"
                  : `cannot do step ${[...steps].map((step) => (step ?? 0) + 1).join(", ")}`}
              </StateMark>
              <p className={page["soft"]}>
                {capabilities.setpoint_c_max === undefined ? "No oven" : `Up to ${capabilities.setpoint_c_max} °C`}
                {capabilities.probe ? ", probe" : ""}
                {capabilities.steam ? ", steam" : ""}
                {capabilities.programs.length > 0 &&
                  `; ${capabilities.programs.map((program) => programWords[program]).join(", ")}`}
              </p>
            </li>
          );
        })}
      </ul>
      <p className={page["note"]}>
        A recipe only preloads. Nothing in it starts heat: a person does, at the appliance.
      </p>
    </section>
  );
}
