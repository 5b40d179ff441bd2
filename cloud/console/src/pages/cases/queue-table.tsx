import { Button, Checkbox } from "@mantine/core";
import { Link } from "@tanstack/react-router";
import type { QueuedCase } from "../../api/case-shapes.ts";
import { dueOf, statusWords } from "../../core/case-words.ts";
import { Ago } from "../../parts/ago.tsx";
import { useCauseName } from "../../parts/cause-name.ts";
import { type Column, DataTable } from "../../parts/data-table.tsx";
import { AlertIcon } from "../../parts/icons.tsx";
import matter from "../../parts/matter.module.css";
import { useNow } from "../../parts/now.ts";
import page from "../../parts/page.module.css";
import { SeverityMark } from "../../parts/severity.tsx";
import { StateMark } from "../../parts/state-mark.tsx";
import { Who } from "../../parts/who.tsx";
import classes from "./cases.module.css";
import chosen from "./chosen-cases.module.css";

const links = () => [...document.querySelectorAll<HTMLElement>("a[data-case]")];

/** The case whose link has the focus. */
export const chosenCase = (): string | null => {
  const focused = document.activeElement;
  const row = focused?.closest("[data-row]")?.querySelector("a[data-case]");
  return row?.getAttribute("data-case") ?? null;
};

/** To the next case of the list, or the one before; to the first where none is chosen. */
export function moveChoice(step: 1 | -1): void {
  const all = links();
  const at = all.findIndex((link) => link.dataset["case"] === chosenCase());
  const next = all[at === -1 ? 0 : Math.min(all.length - 1, Math.max(0, at + step))];
  next?.focus();
  next?.scrollIntoView({ block: "nearest" });
}

interface QueueTableProps {
  cases: readonly QueuedCase[];
  stale: boolean;
  onTake?: (one: QueuedCase) => void;
  /** Cases are chosen for something to be done to many; `range`: all from the last one up to this one. */
  choosing?: { chosen: ReadonlySet<string>; onToggle: (id: string, range: boolean) => void };
}

export function QueueTable({ cases, stale, onTake, choosing }: QueueTableProps) {
  const columns: Column<QueuedCase>[] = [
    {
      name: "Case",
      lead: true,
      cell: (one) => (
        <div className={choosing === undefined ? "" : chosen["lead"]}>
          {choosing !== undefined && (
            <Checkbox
              aria-label={`Choose ${one.title}`}
              checked={choosing.chosen.has(one.id)}
              onChange={(event) =>
                choosing.onToggle(one.id, "shiftKey" in event.nativeEvent && event.nativeEvent.shiftKey === true)
              }
            />
          )}
          <Title one={one} />
        </div>
      ),
    },
    { name: "Severity", cell: ({ severity }) => <SeverityMark severity={severity} /> },
    { name: "Due", cell: (one) => <DueMark one={one} /> },
    {
      name: "Appliance",
      cell: ({ deviceId }) =>
        deviceId === null ? (
          <span className={page["soft"]}>a household’s</span>
        ) : (
          <Link to="/devices/$id" params={{ id: deviceId }} search={{}}>
            {deviceId}
          </Link>
        ),
    },
    {
      name: "Who has it",
      cell: (one) =>
        one.assignee !== null ? (
          <Who principal={one.assignee} />
        ) : onTake === undefined ? (
          <span className={page["soft"]}>nobody</span>
        ) : (
          <Button
            variant="default"
            size="compact-sm"
            w="fit-content"
            aria-label={`Take ${one.title}`}
            onClick={() => onTake(one)}
          >
            Take
          </Button>
        ),
    },
    { name: "Opened", cell: ({ openedAtMs }) => <Ago atMs={openedAtMs} /> },
  ];
  return (
    <DataTable
      label="Cases"
      columns={columns}
      rows={cases}
      keyOf={({ id }) => id}
      toneOf={({ severity }) => (severity === "safety" ? "wrong" : "plain")}
      stale={stale}
    />
  );
}

function Title({ one }: { one: QueuedCase }) {
  const { id, title, cause, model, status, escalatedTo, reopenedCount, causeGoneAtMs } = one;
  const { words, tone } = statusWords[status];
  const name = useCauseName()(cause, model);
  return (
    <div className={matter["title"]}>
      <Link to="/cases/$id" params={{ id }} className={matter["titleLink"]} data-case={id}>
        {title}
      </Link>
      <span className={classes["titleMore"]}>
        {status === "open" ? <span>{words}</span> : <StateMark tone={tone}>{words}</StateMark>}
        {name !== title && <span>{name}</span>}
        {causeGoneAtMs !== null && <span>the cause is gone</span>}
        {model !== null && <span>{model}</span>}
        {escalatedTo !== null && <span>escalated to {escalatedTo.replace(/^role:/, "")}</span>}
        {reopenedCount > 0 && status !== "reopened" && <span>came back {reopenedCount}×</span>}
      </span>
    </div>
  );
}

/** What is due in words; what is overdue says so, and has a drawing beside its colour. */
export function DueMark({ one }: { one: Pick<QueuedCase, "promise" | "status"> }) {
  const { words, tone, isOverdue } = dueOf(one.promise, one.status, useNow());
  return (
    <span className={classes["due"]} data-tone={tone} data-overdue={isOverdue}>
      {tone !== "plain" && <AlertIcon />}
      <span className="numbers">{words}</span>
    </span>
  );
}
