import { Checkbox, NumberInput } from "@mantine/core";
import type { ReactNode } from "react";
import type { LifecycleDefinition, Stage } from "../../api/lifecycle-shapes.ts";
import { StageMark } from "../../parts/stage-mark.tsx";
import classes from "./lifecycle.module.css";

interface DefinitionFormProps {
  definition: LifecycleDefinition;
  mayChange: boolean;
  onChange: (definition: LifecycleDefinition) => void;
}

/** The thresholds in sentences, a stage each. What contradicts itself is said by the service. */
export function DefinitionForm({ definition, mayChange, onChange }: DefinitionFormProps) {
  const { gap, activation, engagement, satisfaction, loyalty, advocacy, disengaged, feedback } = definition;
  const number = (label: string, value: number, max: number, put: (value: number) => LifecycleDefinition, step = 1) => (
    <NumberInput
      label={label}
      value={value}
      min={1}
      max={max}
      step={step}
      readOnly={!mayChange}
      allowDecimal={step < 1}
      onChange={(next) => {
        if (typeof next === "number") onChange(put(next));
      }}
    />
  );
  return (
    <div className={classes["definition"]}>
      <Part stage="acquisition" means="Known to us, and no appliance is paired." />
      <Part stage="activation" means="Has an appliance, and is trying it.">
        {number("Fewer programs finished than", activation.programs, 100, (programs) => ({
          ...definition,
          activation: { ...activation, programs },
        }))}
        {number("For so many days", activation.days, 365, (days) => ({
          ...definition,
          activation: { ...activation, days },
        }))}
      </Part>
      <Part stage="engagement" means="Past activation, and in use as usual.">
        {number(
          "Used within so many of its usual pauses",
          engagement.gaps,
          20,
          (gaps) => ({ ...definition, engagement: { gaps } }),
          0.5,
        )}
      </Part>
      <Part stage="satisfaction" means="Engaged, no case open, and said to be content.">
        {number("Last feedback at least", satisfaction.ratingMin, 5, (ratingMin) => ({
          ...definition,
          satisfaction: { ...satisfaction, ratingMin },
        }))}
        <Checkbox
          label="Or the last case was solved at the first answer"
          checked={satisfaction.firstAnswerCounts}
          disabled={!mayChange}
          onChange={(event) =>
            onChange({
              ...definition,
              satisfaction: { ...satisfaction, firstAnswerCounts: event.currentTarget.checked },
            })
          }
        />
      </Part>
      <Part stage="loyalty" means="Stays.">
        {number("Engaged for so many days", loyalty.days, 3_650, (days) => ({
          ...definition,
          loyalty: { ...loyalty, days },
        }))}
        <Checkbox
          label="Or has a tier above the first"
          checked={loyalty.tierCounts}
          disabled={!mayChange}
          onChange={(event) =>
            onChange({ ...definition, loyalty: { ...loyalty, tierCounts: event.currentTarget.checked } })
          }
        />
      </Part>
      <Part stage="advocacy" means="Somebody cooked what it shared, or paired an appliance because of it.">
        {number("Within so many days", advocacy.days, 3_650, (days) => ({ ...definition, advocacy: { days } }))}
      </Part>
      <Part
        stage="disengaged"
        means="Silent; or bad feedback with a case open or after faults; or no more marketing after a complaint."
      >
        {number(
          "Silent for more than so many of its usual pauses",
          disengaged.gaps,
          50,
          (gaps) => ({ ...definition, disengaged: { ...disengaged, gaps } }),
          0.5,
        )}
        {number("Feedback of at most", disengaged.ratingMax, 4, (ratingMax) => ({
          ...definition,
          disengaged: { ...disengaged, ratingMax },
        }))}
        {number("Faults", disengaged.faults, 20, (faults) => ({
          ...definition,
          disengaged: { ...disengaged, faults },
        }))}
        {number("Within so many days of each other", disengaged.faultDays, 365, (faultDays) => ({
          ...definition,
          disengaged: { ...disengaged, faultDays },
        }))}
        {number("Days that a complaint counts", disengaged.complaintDays, 365, (complaintDays) => ({
          ...definition,
          disengaged: { ...disengaged, complaintDays },
        }))}
      </Part>
      <Part
        legend="Asking for feedback"
        means="How they like it, from 1 to 5, on the appliance's display: beside after every closed case. At most once a week, never in quiet hours, and only of those who agreed that it may improve the product."
      >
        {feedback.afterDays !== null &&
          number("So many days after they came to have it", feedback.afterDays, 365, (afterDays) => ({
            ...definition,
            feedback: { ...feedback, afterDays },
          }))}
        <Checkbox
          label="After their first days with the appliance"
          checked={feedback.afterDays !== null}
          disabled={!mayChange}
          onChange={(event) =>
            onChange({
              ...definition,
              feedback: { ...feedback, afterDays: event.currentTarget.checked ? 30 : null },
            })
          }
        />
        <Checkbox
          label="After a reward that they redeemed"
          checked={feedback.afterReward}
          disabled={!mayChange}
          onChange={(event) =>
            onChange({ ...definition, feedback: { ...feedback, afterReward: event.currentTarget.checked } })
          }
        />
      </Part>
      <Part
        legend="A usual pause"
        means="The median time between a household's own uses. Several within six hours are one."
      >
        {number("At least, in days", gap.daysMin, 365, (daysMin) => ({ ...definition, gap: { ...gap, daysMin } }))}
        {number("At most, in days", gap.daysMax, 365, (daysMax) => ({ ...definition, gap: { ...gap, daysMax } }))}
        {number("While it has used it less than three times, in days", gap.daysUsual, 365, (daysUsual) => ({
          ...definition,
          gap: { ...gap, daysUsual },
        }))}
      </Part>
    </div>
  );
}

interface PartProps {
  stage?: Stage;
  /** Of a part that is no stage. */
  legend?: string;
  means: string;
  children?: ReactNode;
}

const Part = ({ stage, legend, means, children }: PartProps) => (
  <fieldset className={classes["part"]}>
    <legend>{stage === undefined ? legend : <StageMark stage={stage} />}</legend>
    <p className={classes["means"]}>{means}</p>
    {children !== undefined && <div className={classes["inputs"]}>{children}</div>}
  </fieldset>
);
