/** What a case and an incident are shown with: their head, their facts, and what became of them. */
import type { CSSProperties, ReactNode } from "react";
import type { Severity } from "../api/case-shapes.ts";
import type { Tone } from "../core/rollouts.ts";
import { Ago } from "./ago.tsx";
import classes from "./matter.module.css";
import page from "./page.module.css";
import { SeverityMark } from "./severity.tsx";
import { StateMark } from "./state-mark.tsx";
import { useNameOf } from "./who.tsx";

interface MatterHeadProps {
  title: string;
  /** Where it belongs. */
  path: ReactNode;
  severity: Severity;
  status: { words: string; tone: Tone };
  /** What else is said at its top. */
  children: ReactNode;
}

export const MatterHead = ({ title, path, severity, status, children }: MatterHeadProps) => (
  <div className={classes["head"]}>
    <p className={page["soft"]}>{path}</p>
    <h1>{title}</h1>
    <p className={classes["marks"]}>
      <SeverityMark severity={severity} />
      <StateMark tone={status.tone}>{status.words}</StateMark>
      {children}
    </p>
  </div>
);

/** What and whose it is, in a few words each. */
export const Facts = ({
  aRow,
  children,
}: {
  /** On a desk; on a phone it is two. */ aRow: number;
  children: ReactNode;
}) => {
  const style: CSSProperties & { "--facts-a-row": number } = { "--facts-a-row": aRow };
  return (
    <dl className={classes["facts"]} style={style}>
      {children}
    </dl>
  );
};

export const Fact = ({ name, children }: { name: string; children: ReactNode }) => (
  <div>
    <dt>{name}</dt>
    <dd>{children}</dd>
  </div>
);

interface HistoryProps<Entry> {
  /** Oldest first, as they are told. */
  entries: readonly Entry[];
  /** What it is. */
  words: (entry: Entry, nameOf: (principal: string) => string) => ReactNode;
  /** What somebody wrote with it, where it is read here. */
  textOf: (entry: Entry) => string | null;
}

/** What became of it, newest first. */
export function History<Entry extends { sequence: number; atMs: number; by: string }>(props: HistoryProps<Entry>) {
  const { entries, words, textOf } = props;
  const nameOf = useNameOf();
  return (
    <section className={page["card"]} aria-label="What happened">
      <h2>What happened</h2>
      <ol className={classes["history"]}>
        {entries.toReversed().map((entry) => {
          const text = textOf(entry);
          return (
            <li key={entry.sequence}>
              <span>{words(entry, nameOf)}</span>
              <span className={classes["small"]}>
                {nameOf(entry.by)}, <Ago atMs={entry.atMs} />
              </span>
              {text !== null && <span className={classes["words"]}>{text}</span>}
            </li>
          );
        })}
      </ol>
    </section>
  );
}
