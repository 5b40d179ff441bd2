import { useState } from "react";

const nameOf = (key: string) => `hearth.draft.${key}`;

function read(key: string): string {
  try {
    return sessionStorage.getItem(nameOf(key)) ?? "";
  } catch {
    // Storage may be denied; the draft then lives as long as the page.
    return "";
  }
}

/** Words that were begun and not sent: they outlive a failed sending, another page, and a reload, in this tab. */
export function useDraft(key: string): [text: string, setText: (text: string) => void] {
  const [text, setText] = useState(() => read(key));
  return [
    text,
    (next) => {
      setText(next);
      try {
        if (next === "") sessionStorage.removeItem(nameOf(key));
        else sessionStorage.setItem(nameOf(key), next);
      } catch {
        // See `read`.
      }
    },
  ];
}
