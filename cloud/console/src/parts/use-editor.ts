import { useMutation, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { ApiProblem, basedOn, isOvertaken, send } from "../api/client.ts";
import { useRights } from "../api/rights.ts";
import type { Begun } from "../core/begun.ts";
import { type Wrongs, wrongsOf } from "../core/field-wrongs.ts";
import type { Right } from "../core/rights.ts";
import { useMadeFrom } from "./made-from.ts";

interface EditorTask<Draft, Definition, Saved> {
  newest: Begun<Draft>;
  /** Whoever has it may write; others read. */
  right: Right;
  /** The beginning of what is asked anew after a change. */
  about: readonly string[];
  definitionOf: (draft: Draft) => Definition;
  /** What can be said before anything is sent. */
  wrongsBefore: (draft: Draft) => Wrongs;
  pathOf: (draft: Draft) => string;
  /** Whether it may be saved as it begins: where it is not said, what is new or withdrawn may. */
  mayRepeat?: boolean;
  /** @param saved null where the service has nothing to say to it */
  onSaved?: (saved: Saved | null, sent: Draft) => void | Promise<void>;
}

/**
 * What is in force as a form holds it. What is wrong is said once somebody wants to save: by the console before
 * it sends anything, by the service after; a change takes back what the service said.
 */
export function useEditor<
  Draft extends object,
  Definition extends object,
  Saved extends { version: number } = { version: number },
>(task: EditorTask<Draft, Definition, Saved>) {
  const { newest, right, about, definitionOf, wrongsBefore, pathOf, onSaved } = task;
  const client = useQueryClient();
  const readOnly = useRights()?.may(right) !== true;
  const [draft, setDraft] = useState(newest.draft);
  const [isAsked, setIsAsked] = useState(false);
  const definition = definitionOf(draft);
  const differs = (from: Begun<Draft>) => JSON.stringify(definition) !== JSON.stringify(definitionOf(from.draft));
  const madeFrom = useMadeFrom({ newest, mine: draft, mineOf: (begun) => begun.draft, write: setDraft });
  const { base } = madeFrom;
  const mayRepeat = task.mayRepeat ?? (base.version === 0 || base.isWithdrawn === true);
  const save = useMutation({
    mutationFn: (sent: Draft) => send<Saved>("PUT", basedOn(pathOf(sent), base.version), definitionOf(sent)),
    onError: (error) => (isOvertaken(error) ? client.invalidateQueries({ queryKey: about }) : undefined),
    onSuccess: async (saved, sent) => {
      setIsAsked(false);
      if (saved !== null) madeFrom.saved({ ...base, version: saved.version, draft: sent, isWithdrawn: false });
      await client.invalidateQueries({ queryKey: about });
      await onSaved?.(saved, sent);
    },
  });
  const missing = wrongsBefore(draft);
  const said = save.error instanceof ApiProblem ? wrongsOf(save.error.fields) : new Map<string, string>();
  return {
    definition,
    /** The version that the draft was made from: the key of its fields. */
    begun: base.version,
    /** For what somebody else saved since. */
    meanwhile: {
      madeFrom,
      // That it was withdrawn is a change like another.
      saysOf: ({ draft: theirs, isWithdrawn = false }: Begun<Draft>) => ({
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
      isChanged: mayRepeat || differs(base),
      isOvertaken: madeFrom.other !== null,
      isPending: save.isPending,
      error: save.error,
      onCheck: () => {
        setIsAsked(true);
        return missing.size === 0;
      },
      onSave: () => save.mutate(draft),
    },
  };
}
