import { useRights } from "../api/rights.ts";
import { type Tab, Tabs } from "./tabs.tsx";

/** The pages of engagement, by the name that each gives itself. */
export type EngagementPage =
  | "households"
  | "content"
  | "calendar"
  | "segments"
  | "lifecycle"
  | "loyalty"
  | "campaigns"
  | "webhooks"
  | "settings";

/** Where each page of engagement begins: what lies below one of these is under the same link of the bar. */
export const engagementPaths =
  /^\/(households|consents|erasures|content|calendar|campaigns|segments|loyalty|lifecycle|webhooks|settings)(\/|$)/;

/** The pages of engagement beside each other; each for the roles that may see it. */
export function EngagementTabs({ current }: { current: EngagementPage }) {
  const mayWebhooks = useRights()?.may("webhooks.read") === true;
  const tabs: Tab[] = [
    { words: "Households", link: { to: "/households", search: {} }, current: current === "households" },
    { words: "Content", link: { to: "/content", search: {} }, current: current === "content" },
    { words: "Calendar", link: { to: "/calendar", search: {} }, current: current === "calendar" },
    { words: "Campaigns", link: { to: "/campaigns", search: {} }, current: current === "campaigns" },
    { words: "Segments", link: { to: "/segments" }, current: current === "segments" },
    { words: "Loyalty", link: { to: "/loyalty" }, current: current === "loyalty" },
    { words: "Lifecycle", link: { to: "/lifecycle", search: {} }, current: current === "lifecycle" },
  ];
  if (mayWebhooks)
    tabs.push({ words: "Webhooks", link: { to: "/webhooks", search: {} }, current: current === "webhooks" });
  tabs.push({ words: "Settings", link: { to: "/settings" }, current: current === "settings" });
  return <Tabs label="Engagement" tabs={tabs} />;
}
