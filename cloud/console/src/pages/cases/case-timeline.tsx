import type { CaseDossier, CaseEntry } from "../../api/case-shapes.ts";
import { assignedWords, entryWords, isMessage } from "../../core/case-words.ts";
import { History } from "../../parts/matter.tsx";
import page from "../../parts/page.module.css";

/** What became of the case. Messages and notes stand here by their name alone: their words are above. */
export function CaseTimeline({ found }: { found: CaseDossier }) {
  const titles = new Map(found.merged.map(({ id, title }) => [id, title]));
  return (
    <History
      entries={found.entries}
      words={(entry, nameOf) => (
        <>
          {sentence(entry, nameOf)}
          {entry.fromCaseId !== null && (
            <span className={page["soft"]}> in “{titles.get(entry.fromCaseId) ?? "a merged case"}”</span>
          )}
        </>
      )}
      textOf={(entry) => (isMessage(entry) || entry.kind === "note" ? null : entry.text)}
    />
  );
}

function sentence(entry: CaseEntry, nameOf: (principal: string) => string): string {
  return entry.kind === "assigned" ? assignedWords(entry, nameOf) : entryWords(entry);
}
