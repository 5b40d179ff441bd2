import { useRights } from "../../api/rights.ts";
import { EngagementTabs } from "../../parts/engagement-tabs.tsx";
import page from "../../parts/page.module.css";
import { AppCard } from "./app-card.tsx";
import { PolicyCard } from "./policy-card.tsx";
import { ShopCard } from "./shop-card.tsx";

/** What holds for all of engagement: how often households hear from their maker, and where its shop and its app are. */
export function SettingsPage() {
  const rights = useRights();
  const mayChange = rights?.may("engagement.write") === true && rights.may("loyalty.shop");
  return (
    <div className={page["page"]}>
      <title>Settings · Hearth</title>
      <h1>Settings</h1>
      <EngagementTabs current="settings" />
      {rights !== undefined && !mayChange && (
        <p className={page["note"]}>Your role ({rights.role}) reads what holds here. An admin changes it.</p>
      )}
      <PolicyCard />
      <ShopCard />
      <AppCard />
    </div>
  );
}
