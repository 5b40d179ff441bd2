import { getRouteApi } from "@tanstack/react-router";
import { useRights } from "../../api/rights.ts";
import page from "../../parts/page.module.css";
import { Tabs } from "../../parts/tabs.tsx";
import { Components } from "./components.tsx";
import { ReleaseList } from "./release-list.tsx";

const route = getRouteApi("/releases");

/** Firmware: what is published and who runs it, and which appliances run a component that has a hole. */
export function ReleasesPage() {
  const search = route.useSearch();
  const mayWrite = useRights()?.may("firmware.write") === true;
  const { tab } = search;
  return (
    <div className={page["page"]}>
      <title>Releases · Hearth</title>
      <h1>Releases</h1>
      <Tabs
        label="Parts of releases"
        tabs={[
          { words: "Releases", link: { to: "/releases", search: {} }, current: tab === undefined },
          {
            words: "Components",
            link: { to: "/releases", search: { tab: "components" } },
            current: tab === "components",
          },
        ]}
      />
      {tab === undefined ? <ReleaseList search={search} mayWrite={mayWrite} /> : <Components search={search} />}
    </div>
  );
}
