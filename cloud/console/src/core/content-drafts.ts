import type { ContentDraft } from "../api/content-shapes.ts";

let kept: ContentDraft | null = null;

/** Takes a draft that was read from elsewhere from one page to the editor, once. */
export const contentDrafts = {
  keep(draft: ContentDraft): void {
    kept = draft;
  },
  take(): ContentDraft | null {
    const draft = kept;
    kept = null;
    return draft;
  },
};
