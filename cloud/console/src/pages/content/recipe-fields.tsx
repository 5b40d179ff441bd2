import { Button, Checkbox, NativeSelect, NumberInput, Textarea, TextInput } from "@mantine/core";
import type { ProgramSettings } from "#protocol/content.ts";
import { programWords } from "#protocol/program-words.ts";
import type { ContentCheck, LocaleText, ModelLimits, RecipeStep } from "../../api/content-shapes.ts";
import { placeOf } from "../../core/content.ts";
import page from "../../parts/page.module.css";
import classes from "./content.module.css";

interface RecipeFieldsProps {
  text: LocaleText;
  locale: string;
  check: ContentCheck | null;
  models: readonly ModelLimits[];
  onChange: (part: Partial<LocaleText>) => void;
}

const minutes = (seconds: number | undefined): number | string => (seconds === undefined ? "" : seconds / 60);
const number = (value: number | string): number | undefined => (typeof value === "number" ? value : undefined);
const seconds = (value: number | string): number | undefined =>
  typeof value === "number" ? Math.round(value * 60) : undefined;

/** Ingredients, times, and steps, each with what the appliance is to preload. */
export function RecipeFields({ text, locale, check, models, onChange }: RecipeFieldsProps) {
  const steps = text.steps ?? [];
  const setStep = (at: number, step: RecipeStep) => onChange({ steps: steps.with(at, step) });
  return (
    <>
      <Textarea
        label="Summary"
        rows={2}
        value={text.summary ?? ""}
        onChange={(event) => onChange({ summary: event.currentTarget.value })}
      />
      <div className={classes["pair"]}>
        <NumberInput
          label="Servings"
          min={1}
          max={100}
          value={text.servings ?? ""}
          onChange={(value) => onChange({ servings: number(value) })}
        />
        <NumberInput
          label="To prepare, in minutes"
          min={0}
          value={minutes(text.prep_s)}
          onChange={(value) => onChange({ prep_s: seconds(value) })}
        />
        <NumberInput
          label="To cook, in minutes"
          min={0}
          value={minutes(text.cook_s)}
          onChange={(value) => onChange({ cook_s: seconds(value) })}
        />
      </div>
      <Textarea
        label="Ingredients, a line each"
        description="An amount in double braces follows the reader’s units: {{500 g}}, {{180 °C}}"
        rows={5}
        value={(text.ingredients ?? []).join("\n")}
        onChange={(event) => onChange({ ingredients: event.currentTarget.value.split("\n") })}
      />
      <h2>Steps</h2>
      {steps.map((step, at) => (
        <Step
          // oxlint-disable-next-line react/no-array-index-key -- steps have no name of their own, and keep their place
          key={at}
          step={step}
          number={at + 1}
          wrong={wrongAt(check, locale, at)}
          models={models}
          onChange={(next) => setStep(at, next)}
          onRemove={steps.length > 1 ? () => onChange({ steps: steps.toSpliced(at, 1) }) : null}
        />
      ))}
      <div className={page["actions"]}>
        <Button variant="default" onClick={() => onChange({ steps: [...steps, { text: "" }] })}>
          Add a step
        </Button>
      </div>
    </>
  );
}

/** What is wrong with one step, each sentence once. */
function wrongAt(check: ContentCheck | null, locale: string, at: number): string[] {
  const all = [...(check?.errors ?? []), ...(check?.misfits ?? [])];
  const here = all.filter(({ pointer }) => {
    const place = placeOf(pointer);
    return place.locale === locale && place.step === at;
  });
  return [...new Set(here.map(({ message }) => message.replace(/^step \d+: /, "")))];
}

interface StepProps {
  step: RecipeStep;
  number: number;
  wrong: string[];
  models: readonly ModelLimits[];
  onChange: (step: RecipeStep) => void;
  onRemove: (() => void) | null;
}

function Step({ step, number: place, wrong, models, onChange, onRemove }: StepProps) {
  const { machine } = step;
  const programs = [...new Set(models.flatMap(({ capabilities }) => capabilities.programs))];
  const usual: ProgramSettings = { program: programs[0] ?? "HotAir" };
  return (
    <fieldset className={classes["step"]} data-wrong={wrong.length > 0}>
      <legend className="hidden">Step {place}</legend>
      <div className={classes["stepHead"]}>
        <strong>Step {place}</strong>
        {onRemove !== null && (
          <Button variant="default" size="sm" onClick={onRemove} aria-label={`Remove step ${place}`}>
            Remove
          </Button>
        )}
      </div>
      <Textarea
        label={`What to do in step ${place}`}
        rows={2}
        value={step.text}
        onChange={(event) => onChange({ ...step, text: event.currentTarget.value })}
      />
      <TextInput
        label="Begins the part"
        description="Only where the recipe has parts, such as Dough and Filling"
        value={step.section ?? ""}
        onChange={(event) => onChange({ ...step, section: event.currentTarget.value || undefined })}
      />
      <Checkbox
        label="The appliance preloads a program"
        checked={machine !== undefined}
        onChange={(event) => onChange({ ...step, machine: event.currentTarget.checked ? usual : undefined })}
      />
      {machine !== undefined && (
        <Machine
          machine={machine}
          programs={programs}
          place={place}
          onChange={(next) => onChange({ ...step, machine: next })}
        />
      )}
      {wrong.length > 0 && (
        <ul className={classes["violations"]} aria-label={`What is wrong with step ${place}`}>
          {wrong.map((sentence) => (
            <li key={sentence}>{sentence}</li>
          ))}
        </ul>
      )}
    </fieldset>
  );
}

const steamWords = [
  { value: "", label: "None" },
  { value: "low", label: "Low" },
  { value: "medium", label: "Medium" },
  { value: "high", label: "High" },
];

interface MachineProps {
  machine: ProgramSettings;
  programs: ProgramSettings["program"][];
  place: number;
  onChange: (machine: ProgramSettings) => void;
}

function Machine({ machine, programs, place, onChange }: MachineProps) {
  const set = (part: { [Key in keyof ProgramSettings]?: ProgramSettings[Key] | undefined }) =>
    onChange(withoutUnset({ ...machine, ...part }));
  const known = programs.includes(machine.program) ? programs : [machine.program, ...programs];
  return (
    <div className={classes["pair"]} role="group" aria-label={`Machine of step ${place}`}>
      <NativeSelect
        label="Program"
        value={machine.program}
        onChange={(event) =>
          set({ program: known.find((one) => one === event.currentTarget.value) ?? machine.program })
        }
        data={known.map((program) => ({ value: program, label: programWords[program] }))}
      />
      <NumberInput
        label="Temperature, °C"
        value={machine.setpoint_c ?? ""}
        onChange={(value) => set({ setpoint_c: number(value) })}
      />
      <NumberInput
        label="Duration, minutes"
        min={0}
        value={minutes(machine.duration_s)}
        onChange={(value) => set({ duration_s: seconds(value) })}
      />
      <NumberInput
        label="Until the probe says, °C"
        value={machine.probe_c ?? ""}
        onChange={(value) => set({ probe_c: number(value) })}
      />
      <NativeSelect
        label="Steam"
        value={machine.steamLevel ?? ""}
        onChange={(event) => {
          const level = event.currentTarget.value;
          set({ steamLevel: level === "low" || level === "medium" || level === "high" ? level : undefined });
        }}
        data={steamWords}
      />
      <Checkbox
        label="Fast preheat"
        checked={machine.fastPreHeat === true}
        onChange={(event) => set({ fastPreHeat: event.currentTarget.checked || undefined })}
      />
    </div>
  );
}

/** Settings that nobody made are not there, rather than there and empty. */
function withoutUnset(machine: {
  [Key in keyof ProgramSettings]: ProgramSettings[Key] | undefined;
}): ProgramSettings {
  const { program, setpoint_c, duration_s, probe_c, steamLevel, fastPreHeat } = machine;
  return {
    program: program ?? "HotAir",
    ...(setpoint_c === undefined ? {} : { setpoint_c }),
    ...(duration_s === undefined ? {} : { duration_s }),
    ...(probe_c === undefined ? {} : { probe_c }),
    ...(steamLevel === undefined ? {} : { steamLevel }),
    ...(fastPreHeat === undefined ? {} : { fastPreHeat }),
  };
}
