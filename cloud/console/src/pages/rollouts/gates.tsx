import type { RolloutGate, RolloutStage } from "../../api/rollout-shapes.ts";
import { gateName, gateScale, gateSentence } from "../../core/rollouts.ts";
import { AlertIcon } from "../../parts/icons.tsx";
import page from "../../parts/page.module.css";
import classes from "./rollouts.module.css";

/** The gate of the stage that counts now: each line that it draws, and what stands behind the value. */
export function Gates({ stage }: { stage: RolloutStage }) {
  return (
    <section className={page["card"]} aria-label="Gate">
      <h2>Gate of {stage.name}</h2>
      {stage.gates.length === 0 ? (
        <p className={classes["warning"]}>
          <AlertIcon />
          <span>This stage has no gate. However many fail, only a person stops it.</span>
        </p>
      ) : (
        <div className={classes["gates"]}>
          {stage.gates.map((gate) => (
            <Gate key={gate.gate} gate={gate} />
          ))}
        </div>
      )}
    </section>
  );
}

export function Gate({ gate }: { gate: RolloutGate }) {
  const { value, line } = gateScale(gate);
  return (
    <div className={classes["gate"]} data-verdict={gate.verdict}>
      <span>{gateName(gate)}</span>
      <div className={classes["scale"]} aria-hidden="true">
        {value > 0 && <span className={classes["value"]} style={{ width: `${value * 100}%` }} />}
        <span className={classes["line"]} style={{ left: `${line * 100}%` }} />
      </div>
      <span className={`${classes["soft"]} numbers`}>{gateSentence(gate)}</span>
    </div>
  );
}
