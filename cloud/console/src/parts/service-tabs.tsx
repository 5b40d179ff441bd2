import { useRights } from "../api/rights.ts";
import { type Tab, Tabs } from "./tabs.tsx";

type ServicePage = "cases" | "incidents" | "rules" | "measures" | "notices";

/** The pages of service beside each other; each for the roles that may see it. */
export function ServiceTabs({ current }: { current: ServicePage }) {
  const mayNotice = useRights()?.may("notices.read") === true;
  const tabs: (Tab & { page: ServicePage })[] = [
    { page: "cases", words: "Queue", link: { to: "/cases", search: {} }, current: current === "cases" },
    {
      page: "measures",
      words: "How it goes",
      link: { to: "/cases", search: { tab: "measures" } },
      current: current === "measures",
    },
  ];
  return <Tabs label="Service" tabs={tabs.filter(({ page }) => page !== "notices" || mayNotice)} />;
}
