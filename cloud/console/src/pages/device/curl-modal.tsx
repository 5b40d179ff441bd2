import type { CurlLine } from "../../core/curl.ts";
import { Dialog } from "../../parts/dialog.tsx";
import { CopyLine } from "../../parts/copy-line.tsx";
import classes from "./device.module.css";

/** What this page asks of the API, as lines for a terminal. */
export function CurlModal({ lines, onClose }: { lines: readonly CurlLine[] | null; onClose: () => void }) {
  return (
    <Dialog title="Copy as curl" size="lg" opened={lines !== null} onClose={onClose}>
      <div className={classes["lines"]}>
        <p className={classes["soft"]}>
          The lines expect your key in <code>HEARTH_KEY</code>, so that they can be shared without it.
        </p>
        {(lines ?? []).map(({ what, line }) => (
          <CopyLine key={what} what={what} line={line} />
        ))}
      </div>
    </Dialog>
  );
}
