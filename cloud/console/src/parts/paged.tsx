import { Skeleton } from "@mantine/core";
import type { ReactNode } from "react";
import type { Page } from "../api/shapes.ts";
import { QuestionNotice } from "./notice.tsx";
import { Pager } from "./pager.tsx";

interface PagedProps<Item> {
  question: { data: Page<Item> | undefined; error: Error | null; refetch: () => unknown };
  cursor: string | undefined;
  onCursor: (cursor: string | undefined) => void;
  /** `3 cases` */
  words: (count: number) => string;
  /** How high the list is, about, in px: what is kept free for it until it is there. */
  height: number;
  /** What stands there where there are none. */
  none: ReactNode;
  children: (items: Item[]) => ReactNode;
}

/** A page of a list, while it is asked for, where it has nothing, and with the way to the next. */
export function Paged<Item>({ question, cursor, onCursor, words, height, none, children }: PagedProps<Item>) {
  const { data, error } = question;
  if (data === undefined)
    return error === null ? <Skeleton height={height} radius={10} /> : <QuestionNotice question={question} />;
  const { items, nextCursor } = data;
  return (
    <>
      <QuestionNotice question={question} />
      {items.length === 0 ? none : children(items)}
      {(cursor !== undefined || nextCursor !== null) && (
        <Pager words={words(items.length)} cursor={cursor} nextCursor={nextCursor} onCursor={onCursor} />
      )}
    </>
  );
}
