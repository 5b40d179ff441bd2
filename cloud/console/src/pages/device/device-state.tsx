import { plainText } from "../../core/reported.ts";
import classes from "./device.module.css";

/** A state key by key, folded away until somebody wants it. */
export function DeviceState({ title, state }: { title: string; state: Record<string, unknown> }) {
  const fields = Object.entries(state);
  if (fields.length === 0) return null;
  return (
    <details className={classes["stateCard"]}>
      <summary>{title}</summary>
      <dl>
        {fields.map(([name, value]) => (
          <div key={name} style={{ display: "contents" }}>
            <dt>{name}</dt>
            <dd>{plainText(value)}</dd>
          </div>
        ))}
      </dl>
    </details>
  );
}
