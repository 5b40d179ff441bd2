import { conditionWords } from "../core/condition-words.ts";
import classes from "./expression.module.css";
import page from "./page.module.css";

const capital = (words: string) => words.charAt(0).toUpperCase() + words.slice(1);

/** What a condition says, in a sentence; nothing where words cannot say it. */
export function InWords({ text, className }: { text: string; className?: string | undefined }) {
  const words = conditionWords(text);
  return words === null ? null : <p className={className}>{capital(words)}.</p>;
}

/** A condition to read: in words where they can say it, and as it was written. */
export const Expression = ({ text }: { text: string }) => (
  <>
    <InWords text={text} />
    <pre className={`${page["quoted"]} ${classes["expression"]}`}>
      <code>{text}</code>
    </pre>
  </>
);

/** A condition with the words marked that cannot be used. */
export const Marked = ({ text, place: { from, to } }: { text: string; place: { from: number; to: number } }) => (
  <pre className={`${page["quoted"]} ${classes["expression"]}`} aria-label="Where it cannot be read">
    <code>
      {text.slice(0, from)}
      <mark>{text.slice(from, to) || "\u00A0"}</mark>
      {text.slice(to)}
    </code>
  </pre>
);
