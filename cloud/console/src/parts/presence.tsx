import type { Device } from "../api/shapes.ts";
import classes from "./presence.module.css";

type State = "online" | "offline" | "blocked" | "never";

const words: Record<State, string> = {
  online: "Online",
  offline: "Offline",
  blocked: "Blocked",
  never: "Never connected",
};

function presenceOf({ online, blockedAtMs, presenceAtMs }: Device): State {
  if (blockedAtMs !== null) return "blocked";
  if (online) return "online";
  return presenceAtMs === null ? "never" : "offline";
}

/** Whether an appliance is here: a shape and a word, so that nobody has to tell two colours apart. */
export function Presence({ device }: { device: Device }) {
  const state = presenceOf(device);
  return (
    <span className={`${classes["presence"]} ${classes[state === "never" ? "offline" : state]}`}>
      <span className={classes["dot"]} aria-hidden="true" />
      {words[state]}
    </span>
  );
}
