import { heldBackText } from "#protocol/held-back.ts";
import type { Device } from "../../api/shapes.ts";
import { Ago } from "../../parts/ago.tsx";
import { AlertIcon } from "../../parts/icons.tsx";
import notice from "../../parts/notice.module.css";

/** That an appliance is held back, why, and what becomes of what it says. */
export function HeldNotice({ held, timeZone }: { held: NonNullable<Device["held"]>; timeZone: string }) {
  return (
    <div role="status" className={`${notice["notice"]} ${notice["mild"]}`}>
      <AlertIcon />
      <div>
        <p className={notice["title"]}>Held back</p>
        <p>
          It {heldBackText(held.reason, held.limit)}: Hearth reads it no faster than that. Nothing is lost, the rest
          waits in the appliance.
        </p>
        <p className={notice["help"]}>
          Began <Ago atMs={held.sinceMs} timeZone={timeZone} />.
        </p>
      </div>
    </div>
  );
}
