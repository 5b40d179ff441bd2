import { useRights } from "../../api/rights.ts";
import type { DeviceSearch, DeviceTab } from "../../core/url-state.ts";
import { Tabs } from "../../parts/tabs.tsx";

interface DeviceTabsProps {
  id: string;
  current: DeviceTab | undefined;
  clock: DeviceSearch["clock"];
}

/** The parts of an appliance's page, as far as the key's role may see them. */
export function DeviceTabs({ id, current, clock }: DeviceTabsProps) {
  const rights = useRights();
  const parts: { words: string; tab: DeviceTab | undefined; shown: boolean }[] = [
    { words: "Readings", tab: undefined, shown: true },
    { words: "Connections", tab: "connections", shown: rights?.may("devices.connections") === true },
    { words: "Wire", tab: "wire", shown: rights?.may("devices.wire") === true },
    { words: "Messages", tab: "messages", shown: rights?.may("telemetry.raw") === true },
    { words: "Credentials", tab: "credentials", shown: true },
  ];
  return (
    <Tabs
      label="Parts of this appliance"
      tabs={parts
        .filter(({ shown }) => shown)
        .map(({ words, tab }) => ({
          words,
          link: { to: "/devices/$id", params: { id }, search: { tab, clock } },
          current: tab === current,
        }))}
    />
  );
}
