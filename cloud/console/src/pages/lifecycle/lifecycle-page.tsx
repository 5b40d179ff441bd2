import { getRouteApi } from "@tanstack/react-router";
import { EngagementTabs } from "../../parts/engagement-tabs.tsx";
import page from "../../parts/page.module.css";
import { type Tab, Tabs } from "../../parts/tabs.tsx";
import { AtRisk } from "./at-risk.tsx";
import { Definition } from "./definition.tsx";
import { Flows } from "./flows.tsx";

const route = getRouteApi("/lifecycle");

/** In which stages households are, how they move, who is about to be lost, and what the stages are. */
export function LifecyclePage() {
  const { tab } = route.useSearch();
  const tabs: Tab[] = [
    { words: "Flows", link: { to: "/lifecycle", search: {} }, current: tab === undefined },
    { words: "At risk", link: { to: "/lifecycle", search: { tab: "risk" } }, current: tab === "risk" },
    {
      words: "Definition",
      link: { to: "/lifecycle", search: { tab: "definition" } },
      current: tab === "definition",
    },
  ];
  return (
    <div className={page["page"]}>
      <title>Lifecycle · Hearth</title>
      <h1>Lifecycle</h1>
      <EngagementTabs current="lifecycle" />
      <Tabs label="Parts of the lifecycle" tabs={tabs} />
      {tab === undefined && <Flows />}
      {tab === "risk" && <AtRisk />}
      {tab === "definition" && <Definition />}
    </div>
  );
}
