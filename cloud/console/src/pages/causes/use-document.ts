import { useMutation, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { ApiProblem, isOvertaken, send } from "../../api/client.ts";
import { type DocumentKind, documentPath } from "../../api/document-queries.ts";
import { useRights } from "../../api/rights.ts";
import type { WrittenVersion } from "../../api/support-shapes.ts";
import type { Written } from "../../core/document-draft.ts";
import { type Wrongs, wrongsOf } from "../../core/field-wrongs.ts";
import { useMadeFrom } from "../../parts/made-from.ts";

interface DocumentTask<Draft, Definition> {
  kind: DocumentKind;
  keyOf: (draft: Draft) => string;
  model: string | null;
  /** As it is now, for this model or for all. */
  newest: Written<Draft>;
  definitionOf: (draft: Draft) => Definition;
  /** What can be said before anything is sent. */
  wrongsBefore: (draft: Draft) => Wrongs;
  onSaved?: (key: string) => Promise<void>;
}

/**
 * What is known of a cause, or an answer, as a form holds it. What is wrong is said once somebody wants to save: by the console before it
 * sends anything, by the service after; a change takes back what the service said.
 */
export function useDocument<Draft extends object, Definition extends object>(task: DocumentTask<Draft, Definition>) {
  const { kind, keyOf, model, newest, definitionOf, wrongsBefore, onSaved } = task;
  const client = useQueryClient();
  const readOnly = useRights()?.may("causes.write") !== true;
  const [draft, setDraft] = useState(newest.draft);
  const [isAsked, setIsAsked] = useState(false);
  const differs = (from: Written<Draft>) =>
    JSON.stringify(definitionOf(draft)) !== JSON.stringify(definitionOf(from.draft));
  const madeFrom = useMadeFrom({ newest, mine: draft, mineOf: (begun) => begun.draft, write: setDraft });
  const { base, other } = madeFrom;
  const readAgain = () => client.invalidateQueries({ queryKey: [kind] });
  const save = useMutation({
    mutationFn: (sent: Draft) =>
      send<WrittenVersion<Definition>>(
        "PUT",
        documentPath(kind, keyOf(sent), model, { basedOn: base.version }),
        definitionOf(sent),
      ),
    onError: (error) => (isOvertaken(error) ? readAgain() : undefined),
    onSuccess: async (saved, sent) => {
      setIsAsked(false);
      if (saved !== null) {
        const { version, createdBy, createdAtMs } = saved;
        madeFrom.saved({ version, createdBy, createdAtMs, draft: sent, isWithdrawn: false });
      }
      await readAgain();
      await onSaved?.(keyOf(sent));
    },
  });
  const missing = wrongsBefore(draft);
  const said = save.error instanceof ApiProblem ? wrongsOf(save.error.fields) : new Map<string, string>();
  return {
    /** For what somebody else saved since. */
    meanwhile: {
      madeFrom,
      // That it was withdrawn is a change like another.
      saysOf: ({ draft: theirs, isWithdrawn }: Written<Draft>) => ({
        ...definitionOf(theirs),
        ...(isWithdrawn ? { withdrawn: "yes" } : {}),
      }),
      onChosen: save.reset,
    },
    /** For the fields. */
    part: {
      draft,
      wrongs: isAsked && missing.size > 0 ? missing : said,
      readOnly,
      onChange: (more: Partial<Draft>) => {
        save.reset();
        setDraft((before) => ({ ...before, ...more }));
      },
    },
    /** For the button that saves. */
    saving: {
      isReady: (base.version === 0 || base.isWithdrawn || differs(base)) && other === null,
      isPending: save.isPending,
      error: other === null ? save.error : null,
      /** @returns what is wrong with it; nothing is sent then */
      onSave: (): Wrongs => {
        setIsAsked(true);
        if (missing.size === 0) save.mutate(draft);
        return missing;
      },
    },
  };
}
