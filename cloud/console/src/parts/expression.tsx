import classes from "./expression.module.css";

/** A condition to read. */
export const Expression = ({ text }: { text: string }) => (
  <pre className={classes["expression"]}>
    <code>{text}</code>
  </pre>
);

/** A condition with the words marked that cannot be used. */
export const Marked = ({ text, place: { from, to } }: { text: string; place: { from: number; to: number } }) => (
  <pre className={classes["expression"]} aria-label="Where it cannot be read">
    <code>
      {text.slice(0, from)}
      <mark>{text.slice(from, to) || "\u00A0"}</mark>
      {text.slice(to)}
    </code>
  </pre>
);
