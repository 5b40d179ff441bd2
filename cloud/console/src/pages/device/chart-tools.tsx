import { Button, Menu, TextInput } from "@mantine/core";
import { useMutation, useQuery } from "@tanstack/react-query";
import { type FormEvent, type ReactNode, useId, useState } from "react";
import { download } from "../../api/client.ts";
import type { LiveTail } from "../../api/live-tail.ts";
import { devicesQuery, exportPath } from "../../api/queries.ts";
import { samplingWords } from "../../core/live.ts";
import { plural } from "../../core/numbers.ts";
import { panned, type Span, zoomed } from "../../core/zoom.ts";
import { ArrowLeftIcon, ArrowRightIcon, MinusIcon, PlusIcon } from "../../parts/icons.tsx";
import { Notice } from "../../parts/notice.tsx";
import classes from "./chart-tools.module.css";

/** How much closer one press looks, and how far it moves: shares of what is seen. */
export const zoomStep = 0.5;
const panStep = 0.5;

interface ChartToolsProps {
  deviceId: string;
  model: string;
  shown: Span;
  selectedMetrics: readonly string[];
  /** The appliance that this one is compared with. */
  other: string | undefined;
  isLive: boolean;
  tail: LiveTail;
  onZoom: (span: Span) => void;
  onLive: (isOn: boolean) => void;
  onOther: (id: string | undefined) => void;
}

/** What can be done with the chart: look closer, move, watch live, compare, take away. */
export function ChartTools(props: ChartToolsProps) {
  const { shown, isLive, tail, onZoom, onLive } = props;
  const middleMs = (shown.fromMs + shown.toMs) / 2;
  return (
    <>
      <div className={classes["tools"]}>
        <div className={classes["steps"]} role="group" aria-label="Move the range">
          <Step words="Earlier" onClick={() => onZoom(panned(shown, -panStep, Date.now()))}>
            <ArrowLeftIcon />
          </Step>
          <Step words="See more" onClick={() => onZoom(zoomed(shown, 1 / zoomStep, middleMs, Date.now()))}>
            <MinusIcon />
          </Step>
          <Step words="Look closer" onClick={() => onZoom(zoomed(shown, zoomStep, middleMs, Date.now()))}>
            <PlusIcon />
          </Step>
          <Step words="Later" onClick={() => onZoom(panned(shown, panStep, Date.now()))}>
            <ArrowRightIcon />
          </Step>
        </div>
        <button
          type="button"
          role="switch"
          aria-checked={isLive}
          className={classes["live"]}
          onClick={() => onLive(!isLive)}
        >
          <span className={classes["lamp"]} aria-hidden="true" />
          Live
        </button>
        <Compare {...props} />
        <Export {...props} />
      </div>
      {isLive && <LiveWords tail={tail} />}
    </>
  );
}

const Step = ({ words, onClick, children }: { words: string; onClick: () => void; children: ReactNode }) => (
  <button type="button" className={classes["step"]} aria-label={words} title={words} onClick={onClick}>
    {children}
  </button>
);

function LiveWords({ tail }: { tail: LiveTail }) {
  if (tail.error !== null && !tail.isOpen) return <Notice error={tail.error} mild />;
  const words = [
    tail.sampling === null ? "Beginning to watch…" : samplingWords(tail.sampling),
    tail.missed > 0 ? `${plural(tail.missed, "reading")} came faster than this page took them; they are stored.` : "",
  ];
  return (
    <p role="status" className={classes["words"]} data-sampling={tail.sampling?.sampling ?? ""}>
      {words.join(" ")}
    </p>
  );
}

const suggestionsMax = 12;

function Compare({ deviceId, model, other, onOther }: ChartToolsProps) {
  const listId = useId();
  const [typed, setTyped] = useState("");
  const q = typed.trim();
  // Of the same model first of all: what others measure may not be comparable.
  const found = useQuery({ ...devicesQuery({ q: q === "" ? undefined : q, model }), enabled: q !== "" });
  if (other !== undefined) {
    return (
      <span className={classes["other"]}>
        <span className={classes["dotted"]} aria-hidden="true" />
        {other}
        <Button variant="subtle" size="compact-md" onClick={() => onOther(undefined)}>
          Stop comparing
        </Button>
      </span>
    );
  }
  const onSubmit = (event: FormEvent) => {
    event.preventDefault();
    const serial = found.data?.items.find((one) => one.serial === q);
    if (q !== "") onOther(serial?.id ?? q);
    setTyped("");
  };
  return (
    <form onSubmit={onSubmit} className={classes["compare"]}>
      <TextInput
        size="sm"
        aria-label="Compare with another appliance"
        placeholder="Compare with…"
        list={listId}
        autoComplete="off"
        spellCheck={false}
        maxLength={64}
        value={typed}
        onChange={(event) => setTyped(event.currentTarget.value)}
      />
      <datalist id={listId}>
        {(found.data?.items ?? [])
          .filter(({ id }) => id !== deviceId)
          .slice(0, suggestionsMax)
          .map(({ id, serial }) => (
            <option key={id} value={id}>
              {serial}
            </option>
          ))}
      </datalist>
    </form>
  );
}

function Export({ deviceId, other, shown, selectedMetrics }: ChartToolsProps) {
  const take = useMutation({
    mutationFn: (format: "csv" | "ndjson") =>
      download(
        exportPath([deviceId, ...(other === undefined ? [] : [other])], selectedMetrics, shown, format),
        `${deviceId}.${format}`,
      ),
  });
  return (
    <>
      {/* What loads above moves the button; the list stays open even where that takes it out of sight. */}
      <Menu position="bottom-end" hideDetached={false}>
        <Menu.Target>
          <Button variant="default" size="sm" loading={take.isPending}>
            Export
          </Button>
        </Menu.Target>
        <Menu.Dropdown>
          <Menu.Label>Raw readings of what is shown; that you take them is on record</Menu.Label>
          <Menu.Item onClick={() => take.mutate("csv")}>CSV</Menu.Item>
          <Menu.Item onClick={() => take.mutate("ndjson")}>NDJSON, a reading a line</Menu.Item>
        </Menu.Dropdown>
      </Menu>
      {take.error !== null && <Notice error={take.error} onRetry={() => take.reset()} />}
    </>
  );
}
