import type { ReactNode } from "react";
import type { Wrongs } from "../../core/field-wrongs.ts";
import type { Translation } from "../../core/program-draft.ts";
import { TextField } from "../../parts/fields.tsx";
import form from "../../parts/form.module.css";
import { Rows } from "../../parts/rows.tsx";

interface TranslationsProps<Words> {
  /** Whose words they are: `of the tier Gold`. */
  of: string;
  value: readonly Translation<Words>[];
  none: Words;
  wrongs: Wrongs;
  /** Of the first row without its number: `/texts`. */
  pointer: string;
  readOnly: boolean;
  onChange: (rows: Translation<Words>[]) => void;
  children: (words: WordsProps<Words>, language: string) => ReactNode;
}

/** What is said in one of the other languages, in the hands of its fields. */
interface WordsProps<Words> {
  value: Words;
  readOnly: boolean;
  onChange: (words: Words) => void;
}

/** The same words in other languages, a row each. Who reads none of these reads the words above. */
export function Translations<Words>({ of, none, children, ...rest }: TranslationsProps<Words>) {
  const languageOf = ({ locale }: Translation<Words>, at: number) => (locale === "" ? `language ${at + 1}` : locale);
  return (
    <div className={form["translations"]} role="group" aria-label={`Other languages ${of}`}>
      <Rows
        {...rest}
        none={{ locale: "", words: none }}
        max={20}
        look="translation"
        add="Add a language"
        nameOf={(row, at) => `${languageOf(row, at)} ${of}`}
      >
        {(field, row, at) => (
          <>
            {/* Whatever is wrong with a row is told at its language. */}
            <TextField label="Language" placeholder="de" max={12} {...field("locale", "")} />
            {children(field("words"), languageOf(row, at))}
          </>
        )}
      </Rows>
    </div>
  );
}

export function TranslatedTitle<Words extends { title: string }>(props: WordsProps<Words> & { language: string }) {
  const { language, value, readOnly, onChange } = props;
  return (
    <TextField
      label={`Title in ${language}`}
      max={200}
      value={value.title}
      readOnly={readOnly}
      onChange={(title) => onChange({ ...value, title })}
    />
  );
}
