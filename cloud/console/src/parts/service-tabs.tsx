import { useRights } from "../api/rights.ts";
import { type Tab, Tabs } from "./tabs.tsx";

type ServicePage = "cases" | "incidents" | "rules" | "causes" | "answers" | "measures" | "notices";

/** The pages of service beside each other; each for the roles that may see it. */
export function ServiceTabs({ current }: { current: ServicePage }) {
  const mayNotice = useRights()?.may("notices.read") === true;
  const tabs: Tab[] = [
    { words: "Queue", link: { to: "/cases", search: {} }, current: current === "cases" },
    { words: "Incidents", link: { to: "/incidents", search: {} }, current: current === "incidents" },
    { words: "Rules", link: { to: "/rules" }, current: current === "rules" },
    { words: "Causes", link: { to: "/causes", search: {} }, current: current === "causes" },
    { words: "Answers", link: { to: "/answers", search: {} }, current: current === "answers" },
    {
      words: "How it goes",
      link: { to: "/cases", search: { tab: "measures" } },
      current: current === "measures",
    },
  ];
  if (mayNotice) {
    tabs.push({ words: "Staff notices", link: { to: "/notices", search: {} }, current: current === "notices" });
  }
  return <Tabs label="Service" tabs={tabs} />;
}
