import { SegmentedControl, Skeleton } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { getRouteApi, Link, useNavigate } from "@tanstack/react-router";
import { certificatesQuery } from "../../api/queries.ts";
import type { Certificate } from "../../api/shapes.ts";
import { plural } from "../../core/numbers.ts";
import { type ProvisioningSearch, provisioningSearch } from "../../core/url-state.ts";
import { Ago } from "../../parts/ago.tsx";
import { type Column, DataTable } from "../../parts/data-table.tsx";
import { Empty } from "../../parts/empty.tsx";
import { Expiry } from "../../parts/expiry.tsx";
import { QuestionNotice } from "../../parts/notice.tsx";
import page from "../../parts/page.module.css";
import { Pager } from "../../parts/pager.tsx";
import { RevokeCertificate } from "../../parts/revoke-certificate.tsx";
import { TypedFilter } from "../../parts/typed-filter.tsx";

const route = getRouteApi("/provisioning");

const choices = [
  { value: "", label: "All" },
  { value: "expiring", label: "Within 30 days" },
  { value: "revoked", label: "Revoked" },
];

const columns: readonly Column<Certificate>[] = [
  {
    name: "Appliance",
    cell: ({ deviceId }) => (
      <Link to="/devices/$id" params={{ id: deviceId }} search={{ tab: "credentials" }}>
        {deviceId}
      </Link>
    ),
    lead: true,
  },
  { name: "State", cell: (certificate) => <Expiry certificate={certificate} />, lead: true },
  { name: "Given out", cell: ({ issuedAtMs }) => <Ago atMs={issuedAtMs} /> },
  { name: "Batch", cell: ({ batch }) => batch },
  { name: "Fingerprint", cell: ({ fingerprint }) => <code title={fingerprint}>{fingerprint.slice(0, 16)}…</code> },
];

const withRevoke: readonly Column<Certificate>[] = [
  ...columns,
  {
    name: "Actions",
    cell: (certificate) => (certificate.revokedAtMs === null ? <RevokeCertificate certificate={certificate} /> : null),
  },
];

/** The certificates that appliances log in with, those that end first on top. */
export function Certificates({ mayWrite }: { mayWrite: boolean }) {
  const search = route.useSearch();
  const { device, certificates, cursor } = search;
  const question = useQuery(certificatesQuery({ device, certificates, cursor }));
  const navigate = useNavigate();
  const items = question.data?.items ?? [];
  const change = (part: ProvisioningSearch) =>
    void navigate({
      to: "/provisioning",
      search: (now) => ({ ...provisioningSearch(now), cursor: undefined, ...part }),
    });
  return (
    <>
      <search className={page["filters"]}>
        <SegmentedControl
          aria-label="Which certificates"
          size="sm"
          value={certificates ?? ""}
          onChange={(value) => change({ certificates: provisioningSearch({ certificates: value }).certificates })}
          data={choices}
        />
        <TypedFilter label="Appliance" value={device} onChange={(typed) => change({ device: typed })} />
      </search>
      <QuestionNotice question={question} />
      {question.isPending && <Skeleton height={200} radius={10} />}
      {question.data !== undefined && items.length === 0 && (
        <NoCertificates isFiltered={device !== undefined || certificates !== undefined} />
      )}
      {items.length > 0 && (
        <>
          <DataTable
            label="Certificates"
            columns={mayWrite ? withRevoke : columns}
            rows={items}
            keyOf={({ fingerprint }) => fingerprint}
            stale={question.isPlaceholderData}
          />
          <Pager
            words={plural(items.length, "certificate")}
            cursor={cursor}
            nextCursor={question.data?.nextCursor ?? null}
            onCursor={(next) => change({ cursor: next })}
          />
        </>
      )}
    </>
  );
}

const NoCertificates = ({ isFiltered }: { isFiltered: boolean }) =>
  isFiltered ? (
    <Empty title="No certificate fits these filters">
      <p>An appliance is given by its whole id. Appliances renew their certificates in the last third of their life.</p>
    </Empty>
  ) : (
    <Empty title="No certificate was given out yet">
      <p>
        An appliance of an open batch asks for its certificate when it first connects, with the claim secret of its
        batch. Each one shows here, with its end.
      </p>
    </Empty>
  );
