import type { ContentDraft } from "../api/content-shapes.ts";

/** A draft that was read from elsewhere, and what was there and is not in it, by name. */
export interface ReadDraft {
  draft: ContentDraft;
  leftOut: string[];
}

let kept: ReadDraft | null = null;

/** Takes a draft that was read from elsewhere from one page to the editor, once. */
export const contentDrafts = {
  keep(read: ReadDraft): void {
    kept = read;
  },
  take(): ReadDraft | null {
    const read = kept;
    kept = null;
    return read;
  },
};
