import { useMutation, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { ApiProblem, send } from "../../api/client.ts";
import { useRights } from "../../api/rights.ts";
import { type Wrongs, wrongsOf } from "../../core/field-wrongs.ts";

interface EditorTask<Draft, Definition> {
  /** What the form begins with. */
  begin: Draft;
  /** The version that the form begins with, 0 where there is none. */
  version: number;
  /** Whether none of this is in force yet, so that it may be saved as it begins. */
  isNew: boolean;
  definitionOf: (draft: Draft) => Definition;
  /** What can be said before anything is sent. */
  wrongsBefore: (draft: Draft) => Wrongs;
  pathOf: (draft: Draft) => string;
  onSaved?: () => Promise<void>;
}

/**
 * A definition of the program as a form holds it. What is wrong is said once somebody wants to save: by the console before
 * it sends anything, by the service after; a change takes back what the service said.
 */
export function useEditor<Draft extends object, Definition>(task: EditorTask<Draft, Definition>) {
  const { begin, version, isNew, definitionOf, wrongsBefore, pathOf, onSaved } = task;
  const client = useQueryClient();
  const readOnly = useRights()?.may("loyalty.rules") !== true;
  const [draft, setDraft] = useState(begin);
  const [basedOn] = useState(version);
  const [isAsked, setIsAsked] = useState(false);
  const definition = definitionOf(draft);
  const save = useMutation({
    mutationFn: () => send("PUT", `${pathOf(draft)}?basedOn=${basedOn}`, definition),
    onSuccess: async () => {
      await client.invalidateQueries({ queryKey: ["loyalty"] });
      await onSaved?.();
    },
  });
  const missing = wrongsBefore(draft);
  const said = save.error instanceof ApiProblem ? wrongsOf(save.error.fields) : new Map<string, string>();
  const isChanged = isNew || JSON.stringify(definition) !== JSON.stringify(definitionOf(begin));
  return {
    definition,
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
      isChanged,
      isPending: save.isPending,
      error: save.error,
      onCheck: () => {
        setIsAsked(true);
        return missing.size === 0;
      },
      onSave: () => save.mutate(),
    },
  };
}
