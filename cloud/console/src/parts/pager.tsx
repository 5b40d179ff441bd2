import { Button } from "@mantine/core";
import { ArrowLeftIcon, ArrowRightIcon } from "./icons.tsx";
import classes from "./page.module.css";

interface PagerProps {
  /** What is on the page, in words. Where there are further pages it says that these are not all. */
  words: string;
  cursor: string | undefined;
  nextCursor: string | null;
  onCursor: (cursor: string | undefined) => void;
}

/** From page to page of a list that is read forwards; the browser's own way back leads back. */
export function Pager({ words, cursor, nextCursor, onCursor }: PagerProps) {
  return (
    <nav className={classes["pager"]} aria-label="Pages of the list">
      <span className="numbers">
        {words}
        {(cursor !== undefined || nextCursor !== null) && " on this page"}
      </span>
      <span className={classes["actions"]}>
        {cursor !== undefined && (
          <Button variant="default" leftSection={<ArrowLeftIcon />} onClick={() => onCursor(undefined)}>
            First page
          </Button>
        )}
        {nextCursor !== null && (
          <Button variant="default" rightSection={<ArrowRightIcon />} onClick={() => onCursor(nextCursor)}>
            Next
          </Button>
        )}
      </span>
    </nav>
  );
}
