import { getRouteApi } from "@tanstack/react-router";
import { useRights } from "../../api/rights.ts";
import page from "../../parts/page.module.css";
import { Tabs } from "../../parts/tabs.tsx";
import { Calendar } from "./calendar.tsx";
import { RolloutList } from "./rollout-list.tsx";

const route = getRouteApi("/rollouts");

/** What is being brought to appliances, and when: the rollouts, and the calendar of their windows and of freezes. */
export function RolloutsPage() {
  const search = route.useSearch();
  const mayWrite = useRights()?.may("rollouts.write") === true;
  const { tab } = search;
  return (
    <div className={page["page"]}>
      <title>Rollouts · Hearth</title>
      <h1>Rollouts</h1>
      <Tabs
        label="Parts of rollouts"
        tabs={[
          { words: "Rollouts", link: { to: "/rollouts", search: {} }, current: tab === undefined },
          { words: "Calendar", link: { to: "/rollouts", search: { tab: "calendar" } }, current: tab === "calendar" },
        ]}
      />
      {tab === undefined ? <RolloutList search={search} mayWrite={mayWrite} /> : <Calendar mayWrite={mayWrite} />}
    </div>
  );
}
