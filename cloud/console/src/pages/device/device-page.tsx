import { Skeleton } from "@mantine/core";
import { useElementSize } from "@mantine/hooks";
import { useInfiniteQuery, useQuery } from "@tanstack/react-query";
import { getRouteApi, Link, useNavigate } from "@tanstack/react-router";
import { useMemo, useState } from "react";
import {
  type ChartWindow,
  devicePath,
  deviceQuery,
  isStored,
  latestQuery,
  modelsQuery,
  telemetryPath,
  telemetryQuery,
  timelinePath,
  timelineQuery,
} from "../../api/queries.ts";
import { ApiProblem } from "../../api/client.ts";
import type { Device, DeviceDetail } from "../../api/shapes.ts";
import { curlGet, type CurlLine, curlStream } from "../../core/curl.ts";
import { defaultMetrics, type MetricInfo, metricsOf } from "../../core/metrics.ts";
import { reportedText } from "../../core/reported.ts";
import { telemetryMarks } from "../../core/telemetry-marks.ts";
import { isTimeZone } from "../../core/time.ts";
import { itemKey, mergeTimeline, type TimelineItem } from "../../core/timeline.ts";
import {
  type DeviceSearch,
  deviceSearch,
  type DeviceTab,
  kindsShown,
  type RangeName,
  ranges,
} from "../../core/url-state.ts";
import { Empty } from "../../parts/empty.tsx";
import { useKeys } from "../../parts/keys.ts";
import { QuestionNotice } from "../../parts/notice.tsx";
import { localZone } from "../../parts/now.ts";
import { ChartCard } from "./chart-card.tsx";
import { CurlModal } from "./curl-modal.tsx";
import { ConnectionsTab } from "./connections-tab.tsx";
import { CredentialsTab } from "./credentials-tab.tsx";
import { DeviceHeader } from "./device-header.tsx";
import { DeviceTabs } from "./device-tabs.tsx";
import { DeviceState } from "./device-state.tsx";
import { HeldNotice } from "./held-notice.tsx";
import classes from "./device.module.css";
import { Timeline } from "./timeline.tsx";
import { WireTab } from "./wire-tab.tsx";

const route = getRouteApi("/devices/$id");
const defaultRange: RangeName = "1h";

export function DevicePage() {
  const { id } = route.useParams();
  const { tab } = route.useSearch();
  const question = useQuery(deviceQuery(id));
  const device = question.data;
  const missing = question.error instanceof ApiProblem && question.error.status === 404;
  return (
    <div className={classes["page"]}>
      <title>{`${id} · Hearth`}</title>
      {missing ? (
        <Empty title={`There is no appliance ${id}`}>
          <p>
            The id may be mistyped, or it belongs to another Hearth.{" "}
            <Link to="/devices" search={{ q: id }}>
              Look for ids that contain it
            </Link>
            .
          </p>
        </Empty>
      ) : (
        <QuestionNotice question={question} />
      )}
      {device !== undefined &&
        !missing &&
        (tab === undefined ? <KnownDevice device={device} /> : <TabbedDevice device={device} tab={tab} />)}
      {question.isPending && <DeviceSkeleton />}
    </div>
  );
}

/** About two buckets for each pixel; in coarse steps, so that a window that is resized does not ask anew for each pixel. */
const pointsFor = (width: number) => Math.min(5_000, Math.ceil((width * 2) / 200) * 200);

function windowOf(
  { from, to, range = defaultRange }: DeviceSearch,
  metrics: readonly string[],
  points: number,
): ChartWindow {
  const span =
    from !== undefined && to !== undefined
      ? ({ kind: "fixed", fromMs: from, toMs: to } as const)
      : ({ kind: "live", spanMs: ranges[range].spanMs, refreshMs: ranges[range].refreshMs } as const);
  return { metrics, points, span };
}

/** The metrics of the address, as far as the appliance has them, in the appliance's order. */
function chosenMetrics(search: DeviceSearch, metrics: readonly MetricInfo[]): string[] {
  if (search.metrics === undefined) return defaultMetrics(metrics);
  const named = new Set(search.metrics.split(","));
  return metrics.map(({ metric }) => metric).filter((metric) => named.has(metric));
}

/** The address of what is shown, and what changes it. */
function useDeviceAddress(id: string) {
  const search = route.useSearch();
  const navigate = useNavigate();
  const change = (part: DeviceSearch) =>
    void navigate({
      to: "/devices/$id",
      params: { id },
      search: (now) => ({ ...deviceSearch(now), ...part }),
      replace: true,
      resetScroll: false,
    });
  return { search, change };
}

/** The timeline: what the service keeps, and what stands out in the readings that the chart shows. */
function useTimeline(id: string, search: DeviceSearch, marks: readonly TimelineItem[]) {
  const shownKinds = kindsShown(search.kinds);
  const stored = shownKinds.filter(isStored);
  const question = useInfiniteQuery(timelineQuery(id, stored));
  const pages = question.data?.pages;
  const oldestMs = pages?.at(-1)?.nextBeforeMs ?? null;
  const withMarks = shownKinds.includes("reading");
  const items = useMemo(
    () =>
      mergeTimeline(
        stored.length === 0 ? [] : (pages ?? []).flatMap((page) => page.items),
        withMarks ? marks : [],
        oldestMs,
      ),
    [pages, marks, withMarks, oldestMs, stored.length],
  );
  const isPending = stored.length > 0 && question.isPending;
  return { items, question: { ...question, isPending, hasNextPage: stored.length > 0 && question.hasNextPage } };
}

/** The appliance's own zone, where it reports one that exists, and the zone that is shown. */
function zonesOf(device: Device, clock: DeviceSearch["clock"]): { knownZone: string | null; timeZone: string } {
  const applianceZone = reportedText(device.reported["timeZone"]);
  const knownZone = applianceZone !== null && isTimeZone(applianceZone) ? applianceZone : null;
  const timeZone = clock === "utc" ? "UTC" : clock === "appliance" && knownZone !== null ? knownZone : localZone;
  return { knownZone, timeZone };
}

/** How the appliance comes in: its connections, and what it logs in with. */
function TabbedDevice({ device, tab }: { device: DeviceDetail; tab: DeviceTab }) {
  const { id } = device;
  const { search, change } = useDeviceAddress(id);
  const [curl, setCurl] = useState<CurlLine[] | null>(null);
  const model = useQuery(modelsQuery).data?.items.find(({ key }) => key === device.model);
  const { knownZone, timeZone } = zonesOf(device, search.clock);
  return (
    <>
      <DeviceHeader
        device={device}
        model={model}
        clock={search.clock}
        timeZone={timeZone}
        applianceZone={knownZone}
        onClock={(clock) => change({ clock })}
        onCurl={() => setCurl(tabCurlLines(id, tab))}
      />
      {device.held !== null && <HeldNotice held={device.held} timeZone={timeZone} />}
      <DeviceTabs id={id} current={tab} clock={search.clock} />
      {tab === "connections" && <ConnectionsTab id={id} timeZone={timeZone} />}
      {tab === "wire" && (
        <WireTab id={id} timeZone={timeZone} filter={search.packet} onFilter={(packet) => change({ packet })} />
      )}
      {tab === "credentials" && <CredentialsTab device={device} />}
      <CurlModal lines={curl} onClose={() => setCurl(null)} />
    </>
  );
}

function KnownDevice({ device }: { device: Device }) {
  const { id } = device;
  const { search, change } = useDeviceAddress(id);
  const [hoverMs, setHoverMs] = useState<number | null>(null);
  const [curl, setCurl] = useState<CurlLine[] | null>(null);
  const room = useElementSize();

  const model = useQuery(modelsQuery).data?.items.find(({ key }) => key === device.model);
  const latest = useQuery(latestQuery(id)).data?.items;
  const metrics = useMemo(() => metricsOf(model, latest ?? []), [model, latest]);
  const chosen = chosenMetrics(search, metrics);
  const chart = windowOf(search, chosen, pointsFor(room.width));
  const telemetry = useQuery(telemetryQuery(id, chart));
  const answer = chosen.length === 0 ? undefined : telemetry.data;
  const shown = answer ?? { fromMs: search.from ?? 0, toMs: search.to ?? 1 };

  const marks = useMemo(() => (answer === undefined ? [] : telemetryMarks(answer)), [answer]);
  const { items, question } = useTimeline(id, search, marks);
  const selected = items.find((item) => itemKey(item) === search.item) ?? null;
  const inRange = useMemo(
    () => items.filter(({ atMs }) => atMs >= shown.fromMs && atMs <= shown.toMs),
    [items, shown.fromMs, shown.toMs],
  );

  const select = (item: TimelineItem | null) => {
    if (item === null) return change({ item: undefined });
    const seen = item.atMs >= shown.fromMs && item.atMs <= shown.toMs;
    const half = Math.round((shown.toMs - shown.fromMs) / 2);
    // What lies outside the chart's range is brought into its middle.
    return change({ item: itemKey(item), ...(seen ? {} : { from: item.atMs - half, to: item.atMs + half }) });
  };
  const step = (by: 1 | -1) => {
    const at = selected === null ? -1 : items.indexOf(selected);
    const next = items[at === -1 ? 0 : Math.min(items.length - 1, Math.max(0, at + by))];
    if (next !== undefined) select(next);
  };
  useKeys({ j: () => step(1), k: () => step(-1), Escape: () => select(null) });

  const { knownZone, timeZone } = zonesOf(device, search.clock);

  const toggleMetric = (metric: string) => {
    const next = chosen.includes(metric) ? chosen.filter((one) => one !== metric) : [...chosen, metric];
    change({ metrics: next.length === 0 ? "none" : next.join(",") });
  };
  return (
    <>
      <DeviceHeader
        device={device}
        model={model}
        clock={search.clock}
        timeZone={timeZone}
        applianceZone={knownZone}
        onClock={(clock) => change({ clock })}
        onCurl={() => setCurl(curlLines(id, chart, search))}
      />
      {device.held !== null && <HeldNotice held={device.held} timeZone={timeZone} />}
      <DeviceTabs id={id} current={undefined} clock={search.clock} />
      <div className={classes["columns"]} id="readings">
        <div className={classes["main"]}>
          <ChartCard
            deviceId={id}
            question={{ ...telemetry, data: answer }}
            metrics={metrics}
            selectedMetrics={chosen}
            range={chart.span.kind === "fixed" ? null : (search.range ?? defaultRange)}
            shown={shown}
            items={inRange}
            selected={selected}
            hoverMs={hoverMs}
            timeZone={timeZone}
            room={room}
            onHover={setHoverMs}
            onSelect={select}
            onRange={(range) => change({ range, from: undefined, to: undefined })}
            onZoom={(fromMs, toMs) =>
              change({ from: Math.round(fromMs), to: Math.max(Math.round(toMs), Math.round(fromMs) + 1_000) })
            }
            onToggleMetric={toggleMetric}
          />
          <DeviceState title="Everything it reports" state={device.reported} />
          <DeviceState title={`What is wanted of it, version ${device.desiredVersion}`} state={device.desired} />
        </div>
        <div className={classes["side"]}>
          <Timeline
            items={items}
            chosen={search.kinds === undefined ? [] : kindsShown(search.kinds)}
            selectedKey={search.item ?? null}
            timeZone={timeZone}
            question={question}
            onSelect={select}
            onKinds={(kinds) => change({ kinds: kinds.length === 0 ? undefined : kinds.join(",") })}
          />
        </div>
      </div>
      <CurlModal lines={curl} onClose={() => setCurl(null)} />
    </>
  );
}

const get = (path: string) => curlGet(location.origin, path);

function curlLines(id: string, chart: ChartWindow, search: DeviceSearch): CurlLine[] {
  const path = `/api/v1/devices/${encodeURIComponent(id)}`;
  const stored = kindsShown(search.kinds).filter(isStored);
  return [
    { what: "This appliance", line: get(path) },
    { what: "Its newest values", line: get(`${path}/telemetry/latest`) },
    ...(chart.metrics.length === 0
      ? []
      : [{ what: "The chart, as it is now", line: get(telemetryPath(id, chart, Date.now())) }]),
    ...(stored.length === 0 ? [] : [{ what: "The timeline", line: get(timelinePath(id, stored, null, 100)) }]),
  ];
}

function tabCurlLines(id: string, tab: DeviceTab): CurlLine[] {
  const path = devicePath(id);
  const appliance = { what: "This appliance", line: get(path) };
  switch (tab) {
    case "connections":
      return [{ what: "Its connections", line: get(`${path}/connections`) }];
    case "wire":
      return [{ what: "Its wire, as it goes", line: curlStream(location.origin, `${path}/wire`) }];
    case "credentials":
      return [appliance, { what: "Its certificates", line: get(`${path}/certificates`) }];
  }
}

function DeviceSkeleton() {
  return (
    <div className={classes["page"]} aria-busy="true" aria-label="Loading">
      <Skeleton height={64} radius={8} />
      <div className={classes["columns"]}>
        <Skeleton height={520} radius={10} />
        <Skeleton height={520} radius={10} />
      </div>
    </div>
  );
}
