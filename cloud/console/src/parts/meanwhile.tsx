import { Button } from "@mantine/core";
import { Fragment, type ReactNode } from "react";
import type { Version } from "../core/begun.ts";
import { changesBetween, changeWords } from "../core/changes.ts";
import { plural } from "../core/numbers.ts";
import { Ago } from "./ago.tsx";
import { AlertIcon } from "./icons.tsx";
import type { MadeFrom } from "./made-from.ts";
import classes from "./meanwhile.module.css";
import page from "./page.module.css";
import { Who } from "./who.tsx";

interface MeanwhileProps<V> {
  /** Of the draft that is written; nothing is shown while nobody else saved. */
  madeFrom: MadeFrom<V>;
  /** What of a version people write: of that the changes are told. */
  saysOf: (version: V) => unknown;
  /** Where versions have no number that people read. */
  title?: string;
  /** One of the two is chosen: the saving that was refused, and whatever else was said of the draft, is over. */
  onChosen: () => void;
  /** The other version, whole. */
  children: (other: V) => ReactNode;
}

const shownMax = 12;

/** Places by their names; the whole has none. */
const Places = ({ places }: { places: readonly string[] }) =>
  places.map((place, at) => (
    <Fragment key={place}>
      {at > 0 && ", "}
      {place === "" ? "all of it" : <code>{place}</code>}
    </Fragment>
  ));

/** Somebody else saved what is being written: who, when and what they changed, and which of the two it is to be. */
export function Meanwhile<V extends Version>({ madeFrom, saysOf, title, onChosen, children }: MeanwhileProps<V>) {
  const { base, other, both, keepMine, takeTheirs } = madeFrom;
  if (other === null) return null;
  const changes = changesBetween(saysOf(base), saysOf(other));
  const choose = (one: () => void) => () => {
    onChosen();
    one();
  };
  return (
    <section className={classes["meanwhile"]} role="alert" aria-label="Changed meanwhile">
      <p className={classes["title"]}>
        <AlertIcon /> {title ?? `Version ${other.version} is there meanwhile`}
      </p>
      <p>
        <Who principal={other.createdBy} /> put it there <Ago atMs={other.createdAtMs} />. What you wrote stands as you
        left it. Go on with it, and what they changed where you did not comes into it.
      </p>
      {changes.length === 0 ? (
        <p>It says the same as the version that you began with.</p>
      ) : (
        <ul className={classes["changes"]} aria-label="What they changed">
          {changes.slice(0, shownMax).map((change) => (
            <li key={change.place}>
              {change.place !== "" && <code>{change.place}</code>} {changeWords(change)}
            </li>
          ))}
          {changes.length > shownMax && <li>and {plural(changes.length - shownMax, "change")} more</li>}
        </ul>
      )}
      {both.length > 0 && (
        <p>
          You both changed <Places places={both} />: there it stays as you wrote it.
        </p>
      )}
      <details>
        <summary>Look at their version</summary>
        <div className={classes["theirs"]}>{children(other)}</div>
      </details>
      <div className={page["actions"]}>
        <Button variant="default" onClick={choose(keepMine)}>
          Go on with mine
        </Button>
        <Button variant="default" onClick={choose(takeTheirs)}>
          Take theirs, and drop mine
        </Button>
      </div>
    </section>
  );
}
