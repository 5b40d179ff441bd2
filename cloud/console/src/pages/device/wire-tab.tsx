import { wireTypes } from "#protocol/link/wire.ts";
import { Button, NativeSelect, Skeleton } from "@mantine/core";
import { useState } from "react";
import { ApiProblem } from "../../api/client.ts";
import { useRights } from "../../api/rights.ts";
import type { WirePacket } from "../../api/shapes.ts";
import { useWire, type Wire } from "../../api/wire.ts";
import { loginText, viaText } from "../../core/connections.ts";
import { countText } from "../../core/numbers.ts";
import { absoluteText, preciseClockText } from "../../core/time.ts";
import {
  codeTexts,
  directionText,
  packetFilter,
  type PacketFilter,
  packetName,
  packetTone,
  passes,
} from "../../core/wire.ts";
import { type Column, DataTable } from "../../parts/data-table.tsx";
import { Empty } from "../../parts/empty.tsx";
import { AlertIcon, IncomingIcon, OutgoingIcon } from "../../parts/icons.tsx";
import { NotForThisRole } from "../../parts/not-for-this-role.tsx";
import { Notice } from "../../parts/notice.tsx";
import page from "../../parts/page.module.css";
import classes from "./wire.module.css";

interface WireTabProps {
  id: string;
  timeZone: string;
  filter: PacketFilter | undefined;
  onFilter: (filter: PacketFilter | undefined) => void;
}

/** The packets between the appliance and its gateway, as they go. */
export function WireTab(props: WireTabProps) {
  const rights = useRights();
  if (rights === undefined) return null;
  const refused = <NotForThisRole role={rights.role} what="The wire" />;
  return rights.may("devices.wire") ? <LiveWire key={props.id} {...props} refused={refused} /> : refused;
}

function LiveWire({ id, timeZone, filter, onFilter, refused }: WireTabProps & { refused: React.ReactNode }) {
  const { wire, retry } = useWire(id);
  const [frozen, setFrozen] = useState<Wire | null>(null);
  if (wire.error instanceof ApiProblem && wire.error.status === 403) return refused;
  const { packets, sentence } = frozen ?? wire;
  const rows = (packets ?? []).filter((packet) => passes(packet, filter)).toReversed();
  return (
    <>
      <div className={classes["bar"]}>
        <NativeSelect
          label="Show"
          size="sm"
          value={filter ?? ""}
          onChange={(event) => onFilter(packetFilter(event.currentTarget.value))}
          data={filters}
        />
        <Button
          variant="default"
          size="sm"
          disabled={packets === null}
          onClick={() => setFrozen(frozen === null ? wire : null)}
        >
          {frozen === null ? "Pause" : "Go on"}
        </Button>
        <State wire={wire} frozen={frozen} />
      </div>
      <p className={page["note"]}>
        Newest first, at most 200. Payloads and passwords are never shown, and it is put on record that you look.
      </p>
      {wire.error !== null && <Notice error={wire.error} mild={packets !== null} onRetry={retry} />}
      {packets === null && wire.error === null && <Skeleton height={280} radius={10} />}
      {packets !== null && rows.length === 0 && (
        <Nothing sentence={sentence} isFiltered={packets.length > 0} onAll={() => onFilter(undefined)} />
      )}
      {rows.length > 0 && (
        <DataTable
          label="Packets"
          columns={columnsIn(timeZone)}
          rows={rows}
          keyOf={(packet) => packet.id}
          toneOf={packetTone}
        />
      )}
    </>
  );
}

const filters = [
  { value: "", label: "Everything" },
  { value: "trouble", label: "Refused or lost" },
  ...wireTypes.filter((type) => type !== "reserved").map((type) => ({ value: type, label: packetName(type) })),
];

/** Whether what is on the page is what goes on now. */
function State({ wire, frozen }: { wire: Wire; frozen: Wire | null }) {
  if (frozen !== null) {
    const seen = new Set(frozen.packets?.map(({ id }) => id));
    const missed = wire.packets?.filter(({ id }) => !seen.has(id)).length ?? 0;
    return (
      <p className={page["soft"]}>
        <span role="status">Paused</span>
        {missed > 0 && <span className="numbers">, {countText(missed)} more since</span>}
      </p>
    );
  }
  return (
    <p className={page["soft"]} role="status">
      {wire.isLive ? "Live" : wire.packets === null ? "Connecting" : "Not live, connecting again"}
    </p>
  );
}

interface NothingProps {
  sentence: string | null;
  isFiltered: boolean;
  onAll: () => void;
}

function Nothing({ sentence, isFiltered, onAll }: NothingProps) {
  if (isFiltered) {
    return (
      <Empty title="No packet fits this filter">
        <p>What comes and fits will show here.</p>
        <Button variant="default" style={{ justifySelf: "start" }} onClick={onAll}>
          Show everything
        </Button>
      </Empty>
    );
  }
  return (
    <Empty title="Nothing to see yet">
      {sentence !== null && <p>{sentence}</p>}
      <p>
        Switch the appliance on, or let it connect anew: its CONNECT shows here within a second, and the CONNACK says
        whether it was let in, and if not, why.
      </p>
    </Empty>
  );
}

const columnsIn = (timeZone: string): readonly Column<WirePacket>[] => [
  {
    name: "Time",
    lead: true,
    cell: ({ atMs }) => (
      <time dateTime={new Date(atMs).toISOString()} title={absoluteText(atMs, timeZone)} className="numbers">
        {preciseClockText(atMs, timeZone)}
      </time>
    ),
  },
  { name: "Packet", lead: true, cell: (packet) => <Name packet={packet} /> },
  { name: "Direction", lead: true, cell: ({ direction }) => directionOf(direction) },
  { name: "What it says", lead: true, cell: (packet) => saysOf(packet) },
  { name: "Flags", cell: (packet) => flagsOf(packet) },
  {
    name: "Size",
    cell: ({ size }) => (size === 0 ? null : <span className={classes["short"]}>{countText(size)} B</span>),
  },
];

function Name({ packet: { type, count } }: { packet: WirePacket }) {
  return (
    <span className={classes["short"]}>
      <strong>{packetName(type)}</strong>
      {count > 1 && <span className={page["soft"]}> {countText(count)} times</span>}
    </span>
  );
}

function directionOf(direction: WirePacket["direction"]) {
  const words = directionText[direction];
  return words === null ? null : (
    <span className={`${page["mark"]} ${page["soft"]}`}>
      {direction === "in" ? <IncomingIcon /> : <OutgoingIcon />}
      {words}
    </span>
  );
}

/** Where it goes, what it answers, and why it was refused. */
function saysOf(packet: WirePacket) {
  const { publish, filters: asked, connect, messageId, sentence } = packet;
  const tone = packetTone(packet);
  const topics = publish?.topic == null ? asked : [publish.topic];
  const lines = [...(connect === null ? [] : [connectText(connect)]), ...codeTexts(packet)];
  if (topics.length + lines.length === 0 && sentence === null && messageId === null) return null;
  return (
    <div className={classes["says"]}>
      {/* An appliance may ask for one filter twice, and get one code for several; nothing here moves. */}
      {topics.map((topic, at) => (
        <code key={`${at} ${topic}`}>{topic}</code>
      ))}
      {lines.map((line, at) => (
        <span key={`${at} ${line}`}>{line}</span>
      ))}
      {sentence !== null && (
        <span className={`${classes["sentence"]} ${tone === "plain" ? "" : page[tone]}`}>
          {tone !== "plain" && <AlertIcon />}
          {sentence}
        </span>
      )}
      {messageId !== null && <span className={page["soft"]}>Message {messageId}</span>}
    </div>
  );
}

const connectText = ({ clean, keepaliveS, via, login }: NonNullable<WirePacket["connect"]>): string =>
  [
    viaText[via],
    ...(login === null ? [] : [`login: ${loginText[login].toLowerCase()}`]),
    keepaliveS === 0 ? "no keepalive" : `keepalive ${keepaliveS} s`,
    clean ? "clean session" : "session kept",
  ].join(", ");

function flagsOf({ publish }: WirePacket) {
  if (publish === null) return null;
  const { qos, dup, retain } = publish;
  return <span>{[`QoS ${qos}`, ...(dup ? ["DUP"] : []), ...(retain ? ["RETAIN"] : [])].join(", ")}</span>;
}
