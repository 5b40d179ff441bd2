import { getRouteApi } from "@tanstack/react-router";
import { useRights } from "../../api/rights.ts";
import page from "../../parts/page.module.css";
import { Tabs } from "../../parts/tabs.tsx";
import { Batches } from "./batches.tsx";
import { Certificates } from "./certificates.tsx";
import { ImportSerials } from "./import-serials.tsx";

const route = getRouteApi("/provisioning");

/** Where appliances come from: what is made in which batch, and the certificates that were given out. */
export function ProvisioningPage() {
  const { tab } = route.useSearch();
  const mayWrite = useRights()?.may("provisioning.write") === true;
  const tabs = [
    { words: "Batches", tab: undefined },
    ...(mayWrite ? [{ words: "Import", tab: "import" as const }] : []),
    { words: "Certificates", tab: "certificates" as const },
  ];
  return (
    <div className={page["page"]}>
      <title>Provisioning · Hearth</title>
      <h1>Provisioning</h1>
      <Tabs
        label="Parts of provisioning"
        tabs={tabs.map((one) => ({
          words: one.words,
          link: { to: "/provisioning", search: one.tab === undefined ? {} : { tab: one.tab } },
          current: one.tab === tab,
        }))}
      />
      {tab === undefined && <Batches mayWrite={mayWrite} />}
      {tab === "import" && mayWrite && <ImportSerials />}
      {tab === "certificates" && <Certificates mayWrite={mayWrite} />}
    </div>
  );
}
