import { Skeleton } from "@mantine/core";
import { useElementSize } from "@mantine/hooks";
import { useInfiniteQuery, useQuery } from "@tanstack/react-query";
import { getRouteApi, Link, useNavigate } from "@tanstack/react-router";
import { useEffect, useMemo, useState } from "react";
import {
  type ChartWindow,
  devicePath,
  deviceQuery,
  exportPath,
  isStored,
  latestQuery,
  modelsQuery,
  telemetryPath,
  telemetryQuery,
  timelinePath,
  timelineQuery,
} from "../../api/queries.ts";
import { messagesPath } from "../../api/support-queries.ts";
import { ApiProblem } from "../../api/client.ts";
import type { Device, DeviceDetail } from "../../api/shapes.ts";
import { curlGet, type CurlLine, curlStream } from "../../core/curl.ts";
import { ofDevice } from "../../core/chart-data.ts";
import { withLive } from "../../core/live.ts";
import { type Span, zoomed } from "../../core/zoom.ts";
import { liveTailPath, useLiveTail } from "../../api/live-tail.ts";
import { zoomStep } from "./chart-tools.tsx";
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
import { MessagesTab } from "./messages-tab.tsx";
import { Timeline } from "./timeline.tsx";
import { WireTab } from "./wire-tab.tsx";

const route = getRouteApi("/devices/$id");
const defaultRange: RangeName = "1h";
/** What is seen when somebody begins to watch. */
const liveRange: RangeName = "15m";

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

/**
 * About a bucket for each two pixels: its band from minimum to maximum hides nothing. In coarse steps, so that a window that is resized
 * does not ask anew for each pixel.
 */
const pointsFor = (width: number) => Math.min(5_000, Math.ceil(width / 2 / 50) * 50);

function windowOf(
  { from, to, range = defaultRange, with: other }: DeviceSearch,
  metrics: readonly string[],
  points: number,
): ChartWindow {
  const span =
    from !== undefined && to !== undefined
      ? ({ kind: "fixed", fromMs: from, toMs: to } as const)
      : ({ kind: "live", spanMs: ranges[range].spanMs, refreshMs: ranges[range].refreshMs } as const);
  return { metrics, other, points, span };
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

/** Pages of the timeline that are read for the chart's sake; what lies before is there on request. */
const marksPagesMax = 8;

/** The timeline: what the service keeps, and what stands out in the readings that the chart shows. */
function useTimeline(id: string, search: DeviceSearch, marks: readonly TimelineItem[], fromMs: number | null) {
  const shownKinds = kindsShown(search.kinds);
  const stored = shownKinds.filter(isStored);
  const question = useInfiniteQuery(timelineQuery(id, stored));
  const pages = question.data?.pages;
  const oldestMs = pages?.at(-1)?.nextBeforeMs ?? null;
  const { hasNextPage, isFetching, fetchNextPage } = question;
  const isShort = fromMs !== null && oldestMs !== null && oldestMs > fromMs && (pages?.length ?? 0) < marksPagesMax;
  // What happened within the chart's range is marked on it, as far back as it goes.
  useEffect(() => {
    if (isShort && hasNextPage && !isFetching) void fetchNextPage();
  }, [isShort, hasNextPage, isFetching, fetchNextPage]);
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
      {tab === "messages" && (
        <MessagesTab
          id={id}
          timeZone={timeZone}
          channel={search.channel}
          onChannel={(channel) => change({ channel })}
        />
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
  const tail = useLiveTail(id, search.live === "on");
  const answer = useMemo(
    () =>
      chosen.length === 0 || telemetry.data === undefined ? undefined : withLive(telemetry.data, id, tail.readings),
    [chosen.length, telemetry.data, id, tail.readings],
  );
  // A range that was chosen is seen at once: until its own readings have come, those of before are drawn in it.
  const shown =
    chart.span.kind === "fixed"
      ? { fromMs: chart.span.fromMs, toMs: chart.span.toMs }
      : (answer ?? { fromMs: 0, toMs: 1 });

  const marks = useMemo(() => (answer === undefined ? [] : telemetryMarks(ofDevice(answer, id))), [answer, id]);
  const { items, question } = useTimeline(id, search, marks, answer === undefined ? null : shown.fromMs);
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
  const zoom = ({ fromMs, toMs }: Span) => change({ from: fromMs, to: toMs, live: undefined });
  const zoomBy = (factor: number) => zoom(zoomed(shown, factor, (shown.fromMs + shown.toMs) / 2, Date.now()));
  useKeys({
    j: () => step(1),
    k: () => step(-1),
    Escape: () => select(null),
    "+": () => zoomBy(zoomStep),
    "=": () => zoomBy(zoomStep),
    "-": () => zoomBy(1 / zoomStep),
    "0": () => change({ from: undefined, to: undefined }),
  });

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
        onCurl={() => setCurl(curlLines(id, chart, search, shown))}
      />
      {device.held !== null && <HeldNotice held={device.held} timeZone={timeZone} />}
      <DeviceTabs id={id} current={undefined} clock={search.clock} />
      <div className={classes["columns"]} id="readings">
        <div className={classes["main"]}>
          <ChartCard
            deviceId={id}
            model={device.model}
            other={search.with}
            isLive={search.live === "on"}
            tail={tail}
            onLive={(isOn) =>
              change(isOn ? { live: "on", range: liveRange, from: undefined, to: undefined } : { live: undefined })
            }
            onOther={(other) => change({ with: other })}
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
              zoom({ fromMs: Math.round(fromMs), toMs: Math.max(Math.round(toMs), Math.round(fromMs) + 1_000) })
            }
            onToggleMetric={toggleMetric}
          />
          <DeviceState title="Everything it reports" state={device.reported} />
          <DeviceState title={`What is wanted of it, version ${device.desiredVersion}`} state={device.desired} />
        </div>
        <div className={classes["side"]}>
          <Timeline
            model={device.model}
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

function curlLines(id: string, chart: ChartWindow, search: DeviceSearch, shown: Span): CurlLine[] {
  const path = `/api/v1/devices/${encodeURIComponent(id)}`;
  const stored = kindsShown(search.kinds).filter(isStored);
  return [
    { what: "This appliance", line: get(path) },
    { what: "Its newest values", line: get(`${path}/telemetry/latest`) },
    ...(chart.metrics.length === 0
      ? []
      : [
          { what: "The chart, as it is now", line: get(telemetryPath(id, chart, Date.now())) },
          { what: "Its raw readings of that time", line: get(exportPath([id], chart.metrics, shown, "csv")) },
        ]),
    { what: "What it measures, as it comes", line: curlStream(location.origin, liveTailPath(id)) },
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
    case "messages":
      return [{ what: "What it said", line: get(messagesPath(id, undefined, null)) }];
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
