import { Button, TextInput } from "@mantine/core";
import type { ReactNode } from "react";
import { wrongAt, type Wrongs } from "../../core/field-wrongs.ts";
import type { Translation } from "../../core/program-draft.ts";
import classes from "./loyalty.module.css";

interface TranslationsProps<Words> {
  /** Whose words they are: `of the tier Gold`. */
  of: string;
  rows: readonly Translation<Words>[];
  none: Words;
  wrongs: Wrongs;
  /** Of the first row without its number: `/texts`. */
  pointer: string;
  readOnly: boolean;
  onChange: (rows: Translation<Words>[]) => void;
  field: (words: Words, put: (words: Words) => void, language: string, wrong: string | null) => ReactNode;
}

/** The same words in other languages, a row each. Who reads none of these reads the words above. */
export function Translations<Words>(props: TranslationsProps<Words>) {
  const { of, rows, none, wrongs, pointer, readOnly, onChange, field } = props;
  const put = (at: number, row: Translation<Words>) => onChange(rows.with(at, row));
  return (
    <div className={classes["translations"]} role="group" aria-label={`Other languages ${of}`}>
      {rows.map((row, at) => {
        const wrong = wrongAt(wrongs, `${pointer}/${at}`);
        const language = row.locale === "" ? `language ${at + 1}` : row.locale;
        return (
          // oxlint-disable-next-line react/no-array-index-key -- rows have no name of their own until they are written
          <div key={at} className={classes["translation"]}>
            <TextInput
              label="Language"
              placeholder="de"
              value={row.locale}
              readOnly={readOnly}
              maxLength={12}
              error={wrong}
              onChange={(event) => put(at, { ...row, locale: event.currentTarget.value })}
            />
            {field(row.words, (words) => put(at, { ...row, words }), language, wrong)}
            {!readOnly && (
              <Button
                variant="subtle"
                className={classes["remove"] ?? ""}
                aria-label={`Remove ${language} ${of}`}
                onClick={() => onChange(rows.toSpliced(at, 1))}
              >
                Remove
              </Button>
            )}
          </div>
        );
      })}
      {!readOnly && (
        <Button
          variant="default"
          className={classes["add"] ?? ""}
          onClick={() => onChange([...rows, { locale: "", words: none }])}
        >
          Add a language
        </Button>
      )}
    </div>
  );
}
