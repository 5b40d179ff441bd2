import type { Model } from "#protocol/model.ts";
import { Button, SegmentedControl } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import type { ReactNode } from "react";
import { householdQuery } from "../../api/household-queries.ts";
import type { Device } from "../../api/shapes.ts";
import { reportedText } from "../../core/reported.ts";
import { dateText, shortClockText } from "../../core/time.ts";
import type { DeviceSearch } from "../../core/url-state.ts";
import { Ago } from "../../parts/ago.tsx";
import { ArrowLeftIcon, TerminalIcon } from "../../parts/icons.tsx";
import { localZone, useNow } from "../../parts/now.ts";
import { HouseholdLink } from "../../parts/household-link.tsx";
import { Presence } from "../../parts/presence.tsx";
import classes from "./device.module.css";
import { ServiceBrief } from "./service-brief.tsx";

type Clock = DeviceSearch["clock"];

interface DeviceHeaderProps {
  device: Device;
  model: Model | undefined;
  clock: Clock;
  timeZone: string;
  /** The appliance's own zone, where it reports one that exists. */
  applianceZone: string | null;
  onClock: (clock: Clock) => void;
  onCurl: () => void;
}

const clockOf = (value: string): Clock => (value === "utc" || value === "appliance" ? value : undefined);

/** Who this appliance is and how it is right now. */
export function DeviceHeader(props: DeviceHeaderProps) {
  const { device, clock, applianceZone, onClock, onCurl } = props;
  const clocks = [
    { value: "", label: "Your time" },
    { value: "utc", label: "UTC" },
    ...(applianceZone === null || applianceZone === localZone ? [] : [{ value: "appliance", label: "Appliance’s" }]),
  ];
  return (
    <>
      <div>
        <Link to="/devices" search={{}} className={classes["back"]}>
          <ArrowLeftIcon />
          Appliances
        </Link>
        <div className={classes["head"]}>
          <div className={classes["title"]}>
            <h1>{device.id}</h1>
            <span className={classes["state"]}>
              <Presence device={device} />
              {device.presenceAtMs !== null && (
                <span className={classes["soft"]}>
                  {device.online ? "came" : "left"} <Ago atMs={device.presenceAtMs} timeZone={props.timeZone} />
                </span>
              )}
            </span>
          </div>
          <div className={classes["actions"]}>
            <SegmentedControl
              aria-label="Whose clock is shown"
              size="sm"
              value={clock ?? ""}
              onChange={(value) => onClock(clockOf(value))}
              data={clocks}
            />
            <Button variant="default" leftSection={<TerminalIcon />} onClick={onCurl}>
              Copy as curl
            </Button>
          </div>
        </div>
      </div>
      <Facts {...props} />
      <ServiceBrief deviceId={device.id} timeZone={props.timeZone} />
    </>
  );
}

function Facts({ device, model, timeZone, applianceZone }: DeviceHeaderProps) {
  const nowMs = useNow();
  const { reported, serial, householdId, soldAtMs, warrantyUntilMs, createdAtMs } = device;
  const modelName = model === undefined ? device.model : `${model.brand} ${model.name}`;
  return (
    <dl className={classes["facts"]}>
      <Fact name="Model">
        <Link to="/models" search={{ model: device.model }}>
          {modelName}
        </Link>
      </Fact>
      {serial !== device.id && <Fact name="Serial number">{serial}</Fact>}
      <Fact name="Doing">{reportedText(reported["operation"])}</Fact>
      <Fact name="Firmware">{reportedText(reported["firmware"])}</Fact>
      <Fact name="Language" minor>
        {reportedText(reported["locale"])}
      </Fact>
      <Fact name="At the appliance">
        {applianceZone === null ? null : (
          <span className="numbers">
            {shortClockText(nowMs, applianceZone)} <span className={classes["soft"]}>{applianceZone}</span>
          </span>
        )}
      </Fact>
      <Fact name="Household">{householdId === null ? "none yet" : <Household id={householdId} />}</Fact>
      {soldAtMs !== null && <Fact name="Sold">{dateText(soldAtMs, timeZone)}</Fact>}
      <Fact name="Warranty">{endWords(warrantyUntilMs, nowMs, timeZone)}</Fact>
      <Fact name="Support">{endWords(model?.endOfSupportMs ?? null, nowMs, timeZone)}</Fact>
      <Fact name="Registered" minor>
        {dateText(createdAtMs, timeZone)}
      </Fact>
    </dl>
  );
}

/** A time that ends something, and whether it has; null where nobody said when. */
const endWords = (atMs: number | null, nowMs: number, timeZone: string) =>
  atMs === null ? null : `${atMs > nowMs ? "until" : "ended"} ${dateText(atMs, timeZone)}`;

function Household({ id }: { id: string }) {
  return <HouseholdLink id={id} name={useQuery(householdQuery(id)).data?.name} />;
}

/** A fact that is not known takes no room; a minor one none on a small screen. */
function Fact({ name, minor = false, children }: { name: string; minor?: boolean; children: ReactNode }) {
  return children === null ? null : (
    <div className={classes["fact"]} data-minor={minor}>
      <dt>{name}</dt>
      <dd>{children}</dd>
    </div>
  );
}
