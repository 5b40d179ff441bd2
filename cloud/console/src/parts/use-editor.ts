import { useMutation, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { ApiProblem, isOvertaken, send } from "../api/client.ts";
import { useRights } from "../api/rights.ts";
import { type Wrongs, wrongsOf } from "../core/field-wrongs.ts";
import type { Right } from "../core/rights.ts";
import { useMadeFrom, type Version } from "./made-from.ts";

/** A version of a definition, as the service has it. */
export interface Defined<Definition> extends Version {
  definition: Definition;
}

/** A version as a form begins with it; 0 is that of what is new. */
export interface Begun<Draft> extends Version {
  draft: Draft;
}

export const begunNew = <Draft>(draft: Draft): Begun<Draft> => ({ version: 0, draft, createdAtMs: 0, createdBy: "" });

export const begunWith = <Draft, Definition>(
  { version, definition, createdAtMs, createdBy }: Defined<Definition>,
  draftOf: (definition: Definition) => Draft,
): Begun<Draft> => ({ version, draft: draftOf(definition), createdAtMs, createdBy });

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
  /** Whether it may be saved as it begins: what is new may, where it is not said. */
  mayRepeat?: boolean;
  /** @param saved null where the service has nothing to say to it */
  onSaved?: (saved: Saved | null, sent: Draft) => void | Promise<void>;
}

/**
 * What is in force as a form holds it. What is wrong is said once somebody wants to save: by the console before
 * it sends anything, by the service after; a change takes back what the service said.
 */
export function useEditor<Draft extends object, Definition, Saved extends { version: number } = { version: number }>(
  task: EditorTask<Draft, Definition, Saved>,
) {
  const { newest, right, about, definitionOf, wrongsBefore, pathOf, onSaved } = task;
  const mayRepeat = task.mayRepeat ?? newest.version === 0;
  const client = useQueryClient();
  const readOnly = useRights()?.may(right) !== true;
  const [draft, setDraft] = useState(newest.draft);
  const [isAsked, setIsAsked] = useState(false);
  const definition = definitionOf(draft);
  const differs = (from: Begun<Draft>) => JSON.stringify(definition) !== JSON.stringify(definitionOf(from.draft));
  const madeFrom = useMadeFrom({ newest, mine: draft, mineOf: (begun) => begun.draft, write: setDraft });
  const { base } = madeFrom;
  const save = useMutation({
    mutationFn: (sent: Draft) => send<Saved>("PUT", `${pathOf(sent)}?basedOn=${base.version}`, definitionOf(sent)),
    onError: (error) => (isOvertaken(error) ? client.invalidateQueries({ queryKey: about }) : undefined),
    onSuccess: async (saved, sent) => {
      setIsAsked(false);
      if (saved !== null) madeFrom.saved({ ...base, version: saved.version, draft: sent });
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
    meanwhile: { madeFrom, saysOf: (begun: Begun<Draft>) => definitionOf(begun.draft), onChosen: save.reset },
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
