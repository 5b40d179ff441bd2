import { Button, Skeleton } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { memo, useCallback, useEffect, useMemo, useRef, useState } from "react";
import { causesQuery } from "../../api/document-queries.ts";
import { casePath } from "../../core/cases.ts";
import { causeDocument } from "../../core/causes.ts";
import { plainText } from "../../core/reported.ts";
import { absoluteText, agoText, durationText } from "../../core/time.ts";
import {
  type Flapping,
  foldFlapping,
  itemKey,
  kindWords,
  rowKey,
  type TimelineItem,
  type TimelineKind,
  timelineKinds,
} from "../../core/timeline.ts";
import { CauseLink } from "../../parts/cause-link.tsx";
import { HrefLink } from "../../parts/href-link.tsx";
import { KindIcon } from "../../parts/icons.tsx";
import { QuestionNotice } from "../../parts/notice.tsx";
import { useNow } from "../../parts/now.ts";
import { Days, EntryTime, KindFilter, Older } from "../../parts/timeline-list.tsx";
import { kindColours } from "./kind-colours.ts";
import classes from "./timeline.module.css";

interface TimelineProps {
  /** The appliance's, for what is known of its faults. */
  model: string;
  items: readonly TimelineItem[];
  /** The kinds that somebody chose; none means all. */
  chosen: readonly TimelineKind[];
  selectedKey: string | null;
  timeZone: string;
  question: {
    data: unknown;
    error: Error | null;
    isPending: boolean;
    hasNextPage: boolean;
    isFetchingNextPage: boolean;
    refetch: () => unknown;
    fetchNextPage: () => unknown;
  };
  onSelect: (item: TimelineItem | null) => void;
  onKinds: (kinds: TimelineKind[]) => void;
}

/** Everything that happened to one appliance, whoever recorded it, newest first. */
export function Timeline(props: TimelineProps) {
  const { items, model, chosen, selectedKey, timeZone, question, onKinds } = props;
  const list = useRef<HTMLDivElement>(null);

  const latest = useRef(props.onSelect);
  latest.current = props.onSelect;
  const select = useCallback((item: TimelineItem | null) => latest.current(item), []);

  // The day is all that counts of the clock here.
  const todayMs = Math.floor(useNow() / 3_600_000) * 3_600_000;
  const rows = useMemo(() => foldFlapping(items, todayMs, timeZone), [items, todayMs, timeZone]);

  const isListed = items.some((item) => itemKey(item) === selectedKey);

  // Picked on the chart or named in a link, an entry may lie outside the part of the list that is seen. Only the list moves, never the page.
  useEffect(() => {
    const box = list.current;
    const entry = box?.querySelector<HTMLElement>('[data-selected="true"]') ?? null;
    if (box === null || entry === null || box.scrollHeight <= box.clientHeight) return;
    const [top, bottom] = [entry.offsetTop, entry.offsetTop + entry.offsetHeight];
    if (top - 40 < box.scrollTop) box.scrollTop = top - 40;
    else if (bottom > box.scrollTop + box.clientHeight) box.scrollTop = bottom - box.clientHeight;
  }, [selectedKey, isListed]);

  return (
    <section className={classes["card"]} aria-label="Timeline">
      <div className={classes["head"]}>
        <h2>Timeline</h2>
        <span className={classes["zone"]}>{timeZone === "UTC" ? "in UTC" : `in the time of ${timeZone}`}</span>
      </div>
      <div className={classes["kinds"]}>
        <KindFilter
          kinds={timelineKinds}
          words={kindWords}
          icon={(kind) => <KindIcon kind={kind} />}
          chosen={chosen}
          onChoose={onKinds}
        />
      </div>
      <div className={classes["list"]} ref={list} data-testid="timeline-list">
        {question.error !== null && <QuestionNotice question={question} />}
        {question.isPending && items.length === 0 && question.error === null && <TimelineSkeleton />}
        {!question.isPending && items.length === 0 && <Nothing narrowed={chosen.length > 0} />}
        <Days items={rows} timeZone={timeZone} keyOf={rowKey} dayClass={classes["day"]}>
          {(row) =>
            row.kind === "flapping" ? (
              <Folded flapping={row} model={model} selectedKey={selectedKey} timeZone={timeZone} onSelect={select} />
            ) : (
              <Entry
                item={row}
                model={model}
                selected={itemKey(row) === selectedKey}
                timeZone={timeZone}
                onSelect={select}
              />
            )
          }
        </Days>
        {question.hasNextPage && items.length > 0 && (
          <div className={classes["older"]}>
            <Older question={question} />
          </div>
        )}
      </div>
    </section>
  );
}

interface EntryProps {
  item: TimelineItem;
  model: string;
  selected: boolean;
  /** It is one of those that one line stands for. */
  inside?: boolean;
  timeZone: string;
  onSelect: (item: TimelineItem | null) => void;
}

/** Hundreds of these stand on a page that ticks each second and follows the pointer: only what changes is drawn anew. */
const Entry = memo(function Entry({ item, model, selected, inside = false, timeZone, onSelect }: EntryProps) {
  return (
    <li className={classes["entry"]} data-selected={selected} data-kind={item.kind} data-inside={inside}>
      <button
        type="button"
        className={classes["button"]}
        aria-expanded={selected}
        data-entry
        onClick={() => onSelect(selected ? null : item)}
      >
        <span className={classes["icon"]} style={{ color: `var(${kindColours[item.kind]})` }}>
          <KindIcon kind={item.kind} />
        </span>
        <span className={classes["title"]}>
          <span className="hidden">{kindWords[item.kind]}: </span>
          {item.title}
        </span>
        <EntryTime atMs={item.atMs} timeZone={timeZone} />
      </button>
      {selected && <Details item={item} model={model} timeZone={timeZone} />}
    </li>
  );
});

interface FoldedProps extends Pick<EntryProps, "model" | "timeZone" | "onSelect"> {
  flapping: Flapping;
  selectedKey: string | null;
}

/** Goings and comings in one line, which opens to them; it is open by itself where one of them is selected. */
function Folded({ flapping: { times, offlineMs, atMs, items }, selectedKey, ...entry }: FoldedProps) {
  const [asked, setAsked] = useState(false);
  const isOpen = asked || items.some((item) => itemKey(item) === selectedKey);
  return (
    <>
      <li className={classes["entry"]} data-kind="flapping">
        <button
          type="button"
          className={classes["button"]}
          aria-expanded={isOpen}
          onClick={() => {
            if (isOpen && selectedKey !== null) entry.onSelect(null);
            setAsked(!isOpen);
          }}
        >
          <span className={classes["icon"]} style={{ color: `var(${kindColours.presence})` }}>
            <KindIcon kind="presence" />
          </span>
          <span className={classes["title"]}>
            <span className="hidden">{kindWords.presence}: </span>
            Offline {times} times, {durationText(offlineMs)} in all
          </span>
          <EntryTime atMs={atMs} timeZone={entry.timeZone} />
        </button>
      </li>
      {isOpen &&
        items.map((item) => (
          <Entry key={itemKey(item)} item={item} selected={itemKey(item) === selectedKey} inside {...entry} />
        ))}
    </>
  );
}

/** `expiresAtMs` reads `expires at`: the unit is in the value. */
const fieldWords = (name: string) =>
  name
    .replace(/Ms$/, "")
    .replaceAll(/([a-z])([A-Z])/g, "$1 $2")
    .replaceAll("_", " ")
    .toLowerCase();

/** Epoch milliseconds of this century: a number under such a name is a time, a smaller one a length of time. */
const epochMsMin = 946_684_800_000;

function fieldText(name: string, value: unknown, timeZone: string): string {
  if (name.endsWith("Ms") && typeof value === "number" && value >= epochMsMin) return absoluteText(value, timeZone);
  return plainText(value);
}

/** The appliance's own clock is told only where it differs from the time that puts the entry in order. */
function isTelling(name: string, value: unknown, { atMs, data }: TimelineItem): boolean {
  if (name === "atMs") return value !== atMs;
  // What it is called says more.
  if (name === "itemId") return typeof data["item"] !== "string";
  return value !== null && !(name === "clockSuspect" && value === false);
}

/** What staff wrote about a fault: what to look at, and the part that mends it. */
function FaultHelp({ code, model }: { code: string; model: string }) {
  const causes = useQuery(causesQuery).data?.items;
  if (causes === undefined) return null;
  const cause = causeDocument(causes, `fault:${code}`, model);
  if (cause === undefined) {
    return (
      <p className={classes["help"]}>
        Nobody has written about fault {code} yet. Once somebody does,{" "}
        <CauseLink cause={`fault:${code}`} model={model}>
          among the causes
        </CauseLink>
        , it is shown here.
      </p>
    );
  }
  const { title, fix, part } = cause.definition;
  return (
    <div className={classes["help"]}>
      <p>
        <strong>{title}</strong>
      </p>
      <p>{fix}</p>
      {part !== null && (
        <p>
          Part {part.number}, {part.name}
        </p>
      )}
    </div>
  );
}

/** The code of a fault that an entry tells of, where one may be looked up. */
function faultCode({ kind, data }: TimelineItem): string | null {
  const { type, code } = data;
  const isFault = kind === "event" && typeof type === "string" && type.startsWith("fault.");
  return isFault && typeof code === "string" && /^[A-Za-z0-9_.-]{1,64}$/.test(code) ? code : null;
}

interface DetailsProps {
  item: TimelineItem;
  model: string;
  timeZone: string;
}

function Details({ item, model, timeZone }: DetailsProps) {
  const nowMs = useNow();
  const { caseId, incidentId } = item.data;
  const code = faultCode(item);
  const fields = Object.entries(item.data).filter(([name, value]) => isTelling(name, value, item));
  return (
    <>
      <dl className={classes["details"]}>
        <dt>when</dt>
        <dd className="numbers">
          {absoluteText(item.atMs, timeZone)}, {agoText(item.atMs, nowMs)}
        </dd>
        {fields.map(([name, value]) => (
          <div key={name} style={{ display: "contents" }}>
            <dt>{fieldWords(name)}</dt>
            <dd>{fieldText(name, value, timeZone)}</dd>
          </div>
        ))}
      </dl>
      {code !== null && <FaultHelp code={code} model={model} />}
      {typeof caseId === "string" && (
        <p className={classes["leads"]}>
          <HrefLink href={casePath(caseId)}>Open the case</HrefLink>
        </p>
      )}
      {typeof incidentId === "string" && (
        <p className={classes["leads"]}>
          <HrefLink href={`/incidents/${incidentId}`}>Open the incident</HrefLink>
        </p>
      )}
      <div className={classes["toChart"]}>
        <Button
          variant="default"
          size="md"
          onClick={() => document.getElementById("readings")?.scrollIntoView({ block: "start" })}
        >
          See it on the chart
        </Button>
      </div>
    </>
  );
}

const Nothing = ({ narrowed }: { narrowed: boolean }) => (
  <p className={classes["note"]}>
    {narrowed
      ? "Nothing of the kinds chosen above has happened. Choose others, or none to see everything."
      : "Nothing has happened yet. What the appliance reports, what is sent to it, its cases and its household's points all appear here."}
  </p>
);

const TimelineSkeleton = () => (
  <div aria-busy="true" aria-label="Loading" style={{ display: "grid", gap: 10, padding: 18 }}>
    {Array.from({ length: 7 }, (_, at) => (
      <Skeleton key={at} height={34} radius={6} />
    ))}
  </div>
);
