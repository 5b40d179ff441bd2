import { Button, Checkbox, NativeSelect, NumberInput, TextInput } from "@mantine/core";
import type { PlanGate, PlanStage, StageSize } from "../../api/rollout-shapes.ts";
import { newGate } from "../../core/rollouts.ts";
import page from "../../parts/page.module.css";
import classes from "./planner.module.css";

const hourMs = 3_600_000;

const sizeKinds = [
  { value: "tag", label: "Those with a tag" },
  { value: "share", label: "A share" },
  { value: "count", label: "A number" },
  { value: "rest", label: "All the rest" },
];

const newSize: Record<string, StageSize> = {
  tag: { kind: "tag", tag: "internal" },
  share: { kind: "share", share: 0.1 },
  count: { kind: "count", count: 100 },
  rest: { kind: "rest" },
};

const stagesMax = 20;

interface StagesProps {
  stages: readonly PlanStage[];
  onChange: (stages: PlanStage[]) => void;
}

/** The stages in their order: who, for how long, and what stops it. */
export function StageEditor({ stages, onChange }: StagesProps) {
  const put = (at: number, stage: PlanStage) => onChange(stages.map((one, index) => (index === at ? stage : one)));
  return (
    <div className={classes["stages"]}>
      {stages.map((stage, at) => (
        <fieldset key={at} className={classes["stage"]}>
          <legend>Stage {at + 1}</legend>
          <StageFields stage={stage} onChange={(next) => put(at, next)} />
          {stages.length > 1 && (
            <div className={page["actions"]}>
              <Button variant="subtle" size="sm" onClick={() => onChange(stages.filter((_, index) => index !== at))}>
                Take stage {at + 1} away
              </Button>
            </div>
          )}
        </fieldset>
      ))}
      {stages.length < stagesMax && (
        <div className={page["actions"]}>
          <Button
            variant="default"
            size="sm"
            onClick={() =>
              // Before the last, which usually takes all the rest.
              onChange([
                ...stages.slice(0, -1),
                {
                  name: `Stage ${stages.length}`,
                  size: { kind: "share", share: 0.1 },
                  soakMs: 24 * hourMs,
                  gate: newGate(),
                  next: "continue",
                },
                ...stages.slice(-1),
              ])
            }
          >
            Add a stage
          </Button>
        </div>
      )}
    </div>
  );
}

function StageFields({ stage, onChange }: { stage: PlanStage; onChange: (stage: PlanStage) => void }) {
  const { name, size, soakMs, gate, next } = stage;
  return (
    <>
      <div className={classes["row"]}>
        <TextInput
          label="Name"
          value={name}
          maxLength={100}
          onChange={(event) => onChange({ ...stage, name: event.currentTarget.value })}
        />
        <NativeSelect
          label="Takes"
          value={size.kind}
          data={sizeKinds}
          onChange={(event) => onChange({ ...stage, size: newSize[event.currentTarget.value] ?? size })}
        />
        <SizeField size={size} onChange={(changed) => onChange({ ...stage, size: changed })} />
        <NumberInput
          label="Watched, hours"
          value={soakMs / hourMs}
          min={0}
          max={90 * 24}
          decimalScale={2}
          onChange={(value) => onChange({ ...stage, soakMs: Math.round(Number(value) * hourMs) })}
        />
      </div>
      <Checkbox
        label="A gate stops it by itself"
        checked={gate !== null}
        onChange={(event) => onChange({ ...stage, gate: event.currentTarget.checked ? newGate() : null })}
      />
      {gate !== null && <GateFields gate={gate} onChange={(changed) => onChange({ ...stage, gate: changed })} />}
      <Checkbox
        label="A second person says whether it goes on after this stage"
        checked={next === "wait_for_approval"}
        onChange={(event) =>
          onChange({ ...stage, next: event.currentTarget.checked ? "wait_for_approval" : "continue" })
        }
      />
    </>
  );
}

function SizeField({ size, onChange }: { size: StageSize; onChange: (size: StageSize) => void }) {
  switch (size.kind) {
    case "tag":
      return (
        <TextInput
          label="Tag"
          value={size.tag}
          maxLength={64}
          onChange={(event) => onChange({ kind: "tag", tag: event.currentTarget.value })}
        />
      );
    case "share":
      return (
        <NumberInput
          label="Share, %"
          value={Math.round(size.share * 10_000) / 100}
          min={0}
          max={100}
          decimalScale={2}
          onChange={(value) => onChange({ kind: "share", share: Number(value) / 100 })}
        />
      );
    case "count":
      return (
        <NumberInput
          label="How many"
          value={size.count}
          min={0}
          allowDecimal={false}
          onChange={(value) => onChange({ kind: "count", count: Number(value) })}
        />
      );
    case "rest":
      return null;
  }
}

const percent = (share: number | null): number | string => (share === null ? "" : Math.round(share * 10_000) / 100);
const share = (value: number | string): number | null => (value === "" ? null : Number(value) / 100);

function GateFields({ gate, onChange }: { gate: PlanGate; onChange: (gate: PlanGate) => void }) {
  return (
    <div className={classes["row"]}>
      <NumberInput
        label="Halts above failed, %"
        value={percent(gate.failureShareMax)}
        min={0}
        max={100}
        decimalScale={2}
        onChange={(value) => onChange({ ...gate, failureShareMax: share(value) })}
      />
      <NumberInput
        label="Halts above failed, number"
        value={gate.failuresMax ?? ""}
        min={0}
        allowDecimal={false}
        onChange={(value) => onChange({ ...gate, failuresMax: value === "" ? null : Number(value) })}
      />
      <NumberInput
        label="Halts above timed out, %"
        value={percent(gate.timeoutShareMax)}
        min={0}
        max={100}
        decimalScale={2}
        onChange={(value) => onChange({ ...gate, timeoutShareMax: share(value) })}
      />
      <NumberInput
        label="Smallest sample"
        value={gate.sampleMin}
        min={1}
        allowDecimal={false}
        onChange={(value) => onChange({ ...gate, sampleMin: Number(value) })}
      />
    </div>
  );
}
