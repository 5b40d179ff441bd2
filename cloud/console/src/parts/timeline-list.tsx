import { Button } from "@mantine/core";
import { Fragment, type ReactNode } from "react";
import { absoluteText, clockText } from "../core/time.ts";
import { byDay } from "../core/timeline.ts";
import { useNow } from "./now.ts";
import classes from "./timeline-list.module.css";

interface KindFilterProps<Kind extends string> {
  kinds: readonly Kind[];
  words: Record<Kind, string>;
  icon?: (kind: Kind) => ReactNode;
  /** None means all. */
  chosen: readonly Kind[];
  onChoose: (kinds: Kind[]) => void;
}

/** Which kinds of entries a timeline shows. */
export const KindFilter = <Kind extends string>({ kinds, words, icon, chosen, onChoose }: KindFilterProps<Kind>) => (
  <div className={classes["kinds"]} role="group" aria-label="Show only">
    {kinds.map((kind) => {
      const isChosen = chosen.includes(kind);
      return (
        <button
          key={kind}
          type="button"
          className={classes["kind"]}
          aria-pressed={isChosen}
          onClick={() => onChoose(isChosen ? chosen.filter((one) => one !== kind) : [...chosen, kind])}
        >
          {icon?.(kind)}
          {words[kind]}
        </button>
      );
    })}
  </div>
);

interface DaysProps<Item> {
  /** Newest first. */
  items: readonly Item[];
  timeZone: string;
  keyOf: (item: Item) => string;
  /** Of a day's heading. */
  dayClass: string | undefined;
  /** One entry, as an item of a list. */
  children: (item: Item) => ReactNode;
}

/** The entries of a timeline, each under its day in the zone that is shown. */
export function Days<Item extends { atMs: number }>({ items, timeZone, keyOf, dayClass, children }: DaysProps<Item>) {
  const nowMs = useNow();
  return byDay(items, nowMs, timeZone).map(({ day, items: ofDay }) => (
    <section key={day} aria-label={day}>
      <h3 className={dayClass}>{day}</h3>
      <ul>
        {ofDay.map((item) => (
          <Fragment key={keyOf(item)}>{children(item)}</Fragment>
        ))}
      </ul>
    </section>
  ));
}

/** The time of day of an entry. */
export const EntryTime = ({ atMs, timeZone }: { atMs: number; timeZone: string }) => (
  <time
    className={`${classes["time"]} numbers`}
    dateTime={new Date(atMs).toISOString()}
    title={absoluteText(atMs, timeZone)}
  >
    {clockText(atMs, timeZone)}
  </time>
);

interface OlderProps {
  question: { hasNextPage: boolean; isFetchingNextPage: boolean; fetchNextPage: () => unknown };
}

/** Fetches what happened before the last entry; nothing where there is no more. */
export const Older = ({ question }: OlderProps) =>
  question.hasNextPage && (
    <Button
      variant="default"
      fullWidth
      loading={question.isFetchingNextPage}
      onClick={() => void question.fetchNextPage()}
    >
      Show older entries
    </Button>
  );
