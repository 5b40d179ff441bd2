import { useMutation, useQueryClient } from "@tanstack/react-query";
import type { ReactNode } from "react";
import { send } from "../../api/client.ts";
import { contentPath } from "../../api/content-queries.ts";
import type { ContentDetail } from "../../api/content-shapes.ts";
import { Notice } from "../../parts/notice.tsx";

export interface StepProps {
  item: ContentDetail;
  onDone: () => void;
}

/** A step of the item: what it sends, and what the page knows afterwards. */
export function useStep({ item, onDone }: StepProps) {
  const client = useQueryClient();
  return useMutation({
    mutationFn: ({ verb, body }: { verb: string; body?: object }) =>
      send("POST", `${contentPath(item.id)}/${verb}`, body),
    // Whoever sees the page again sees what has become of the item, and no button that is over.
    onSuccess: async () => {
      await client.invalidateQueries({ queryKey: ["content"] });
      onDone();
    },
  });
}

export const Failed = ({ error }: { error: Error | null }): ReactNode => error !== null && <Notice error={error} />;
