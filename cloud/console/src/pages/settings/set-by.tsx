import { Ago } from "../../parts/ago.tsx";
import page from "../../parts/page.module.css";
import { Who } from "../../parts/who.tsx";

interface SetByProps {
  /** 0: nobody set it yet. */
  version: number;
  by: string;
  atMs: number;
}

/** Which version is in force, and whose it is. */
export const SetBy = ({ version, by, atMs }: SetByProps) => (
  <p className={page["note"]}>
    {version === 0 ? (
      "Nobody changed it yet: it is as Hearth comes."
    ) : (
      <>
        Version {version}, set by <Who principal={by} />, <Ago atMs={atMs} />.
      </>
    )}
  </p>
);
