import { Button } from "@mantine/core";
import type { ReactNode } from "react";
import { changesBetween } from "../core/changes.ts";
import { plural } from "../core/numbers.ts";
import { Ago } from "./ago.tsx";
import { AlertIcon } from "./icons.tsx";
import classes from "./meanwhile.module.css";
import page from "./page.module.css";
import { Who } from "./who.tsx";

interface MeanwhileProps {
  /** What the draft was made from, and what is there now. */
  before: unknown;
  now: unknown;
  version: number;
  by: string;
  atMs: number;
  onKeep: () => void;
  onTake: () => void;
  /** The other version, whole. */
  children: ReactNode;
}

const shownMax = 12;

const changeWords = (was: string | null, is: string | null): string =>
  was === null ? `is new: “${is}”` : is === null ? `was “${was}”, and is gone` : `was “${was}”, and is “${is}”`;

/** Somebody else saved what is being written: who, when and what they changed, and which of the two it is to be. */
export function Meanwhile({ before, now, version, by, atMs, onKeep, onTake, children }: MeanwhileProps) {
  const changes = changesBetween(before, now);
  return (
    <section className={classes["meanwhile"]} role="alert" aria-label="Changed meanwhile">
      <p className={classes["title"]}>
        <AlertIcon /> Version {version} is there meanwhile
      </p>
      <p>
        <Who principal={by} /> put it there <Ago atMs={atMs} />. What you wrote stands as you left it; saved, it
        replaces theirs.
      </p>
      {changes.length === 0 ? (
        <p>It says the same as the version that you began with.</p>
      ) : (
        <ul className={classes["changes"]} aria-label="What they changed">
          {changes.slice(0, shownMax).map(({ place, before: was, now: is }) => (
            <li key={place}>
              {place !== "" && <code>{place}</code>} {changeWords(was, is)}
            </li>
          ))}
          {changes.length > shownMax && <li>and {plural(changes.length - shownMax, "change")} more</li>}
        </ul>
      )}
      <details>
        <summary>Look at their version</summary>
        <div className={classes["theirs"]}>{children}</div>
      </details>
      <div className={page["actions"]}>
        <Button variant="default" onClick={onKeep}>
          Go on with mine
        </Button>
        <Button variant="default" onClick={onTake}>
          Take theirs, and drop mine
        </Button>
      </div>
    </section>
  );
}
