import type { CaseDossier, CaseEntry } from "../../api/case-shapes.ts";
import { assignedWords, entryWords, isMessage } from "../../core/case-words.ts";
import { Ago } from "../../parts/ago.tsx";
import page from "../../parts/page.module.css";
import { useNameOf } from "../../parts/who.tsx";
import classes from "./case.module.css";

/** What became of the case, newest first. Messages and notes stand here by their name alone: their words are above. */
export function CaseTimeline({ found }: { found: CaseDossier }) {
  const nameOf = useNameOf();
  const titles = new Map(found.merged.map(({ id, title }) => [id, title]));
  return (
    <section className={page["card"]} aria-label="What happened">
      <h2>What happened</h2>
      <ol className={classes["history"]}>
        {found.entries.toReversed().map((entry) => (
          <li key={entry.sequence}>
            <span>
              {sentence(entry, nameOf)}
              {entry.fromCaseId !== null && (
                <span className={page["soft"]}> in “{titles.get(entry.fromCaseId) ?? "a merged case"}”</span>
              )}
            </span>
            <span className={classes["small"]}>
              {nameOf(entry.by)}, <Ago atMs={entry.atMs} />
            </span>
            {entry.text !== null && !isMessage(entry) && entry.kind !== "note" && (
              <span className={classes["words"]}>{entry.text}</span>
            )}
          </li>
        ))}
      </ol>
    </section>
  );
}

function sentence(entry: CaseEntry, nameOf: (principal: string) => string): string {
  return entry.kind === "assigned" ? assignedWords(entry, nameOf) : entryWords(entry);
}
