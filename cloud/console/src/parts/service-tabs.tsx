import { type Tab, Tabs } from "./tabs.tsx";

type ServicePage = "cases" | "incidents" | "rules" | "measures";

/** The pages of service beside each other. */
export function ServiceTabs({ current }: { current: ServicePage }) {
  const tabs: Tab[] = [
    { words: "Queue", link: { to: "/cases", search: {} }, current: current === "cases" },
    { words: "Incidents", link: { to: "/incidents", search: {} }, current: current === "incidents" },
    { words: "Rules", link: { to: "/rules" }, current: current === "rules" },
    {
      words: "How it goes",
      link: { to: "/cases", search: { tab: "measures" } },
      current: current === "measures",
    },
  ];
  return <Tabs label="Service" tabs={tabs} />;
}
