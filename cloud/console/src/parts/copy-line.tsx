import { Button } from "@mantine/core";
import { useEffect, useRef, useState } from "react";
import classes from "./copy-line.module.css";

type Copied = "no" | "yes" | "selected";

const words: Record<Copied, string> = { no: "Copy", yes: "Copied", selected: "Selected: press Ctrl C" };

/** How long the button says what became of it. */
const saidMs = 2_000;

/** A line for a terminal, whole on the screen and one press from the clipboard. */
export function CopyLine({ what, line }: { what: string; line: string }) {
  const [copied, setCopied] = useState<Copied>("no");
  const text = useRef<HTMLPreElement>(null);

  useEffect(() => {
    if (copied === "no") return;
    const timer = setTimeout(() => setCopied("no"), saidMs);
    return () => clearTimeout(timer);
  }, [copied]);

  const copy = async () => {
    try {
      await navigator.clipboard.writeText(line);
      setCopied("yes");
    } catch {
      // Browsers keep the clipboard from pages that came over plain HTTP; then the line is made ready to be copied by hand.
      if (text.current !== null) getSelection()?.selectAllChildren(text.current);
      setCopied("selected");
    }
  };

  return (
    <div className={classes["block"]}>
      <div className={classes["head"]}>
        <span>{what}</span>
        <Button variant="subtle" size="compact-md" aria-label={`${words[copied]}: ${what}`} onClick={() => void copy()}>
          {words[copied]}
        </Button>
      </div>
      <pre ref={text} className={classes["line"]}>
        {line}
      </pre>
    </div>
  );
}
