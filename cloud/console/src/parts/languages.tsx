import { Button, TextInput } from "@mantine/core";
import { useState } from "react";
import { localePattern } from "../core/program-draft.ts";
import classes from "./languages.module.css";

interface LanguagesProps {
  all: readonly string[];
  /** The one whose texts are shown. */
  current: string;
  /** What is wrong is said of these. */
  wrong?: readonly string[];
  /** English alone, say; all but the last one where left out. */
  stays?: string;
  readOnly?: boolean;
  onCurrent: (locale: string) => void;
  onAdd: (locale: string) => void;
  onRemove: (locale: string) => void;
}

/** In which languages something is said: which of them is shown, another one, one less. */
export function Languages(props: LanguagesProps) {
  const { all, current, wrong = [], stays, readOnly = false, onCurrent, onAdd, onRemove } = props;
  const [added, setAdded] = useState("");
  return (
    <div className={classes["locales"]} role="group" aria-label="Languages">
      {all.map((one) => (
        <button
          key={one}
          type="button"
          className={classes["locale"]}
          aria-pressed={one === current}
          data-wrong={wrong.includes(one)}
          onClick={() => onCurrent(one)}
        >
          {one}
        </button>
      ))}
      {!readOnly && (
        <>
          <TextInput
            aria-label="Another language"
            placeholder="de"
            w={90}
            maxLength={20}
            value={added}
            onChange={(event) => setAdded(event.currentTarget.value)}
          />
          <Button
            variant="default"
            disabled={!localePattern.test(added) || all.includes(added)}
            onClick={() => {
              onAdd(added);
              setAdded("");
            }}
          >
            Add language
          </Button>
          {all.length > 1 && current !== stays && (
            <Button variant="default" onClick={() => onRemove(current)}>
              Remove {current}
            </Button>
          )}
        </>
      )}
    </div>
  );
}
