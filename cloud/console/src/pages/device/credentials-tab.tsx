import { useQuery } from "@tanstack/react-query";
import { deviceCertificatesQuery } from "../../api/queries.ts";
import { useRights } from "../../api/rights.ts";
import type { Certificate, DeviceDetail } from "../../api/shapes.ts";
import { untilText } from "../../core/certificates.ts";
import { Ago } from "../../parts/ago.tsx";
import { type Column, DataTable } from "../../parts/data-table.tsx";
import { Expiry } from "../../parts/expiry.tsx";
import { AlertIcon, CheckIcon } from "../../parts/icons.tsx";
import { QuestionNotice } from "../../parts/notice.tsx";
import { useNow } from "../../parts/now.ts";
import page from "../../parts/page.module.css";
import { RevokeCertificate } from "../../parts/revoke-certificate.tsx";
import { TokenActions } from "./token-actions.tsx";

type Token = DeviceDetail["credentials"]["tokens"][number];

/** What the appliance logs in with. */
export function CredentialsTab({ device }: { device: DeviceDetail }) {
  return (
    <>
      <Certificates id={device.id} />
      <Tokens device={device} />
    </>
  );
}

function Tokens({ device: { id, credentials } }: { device: DeviceDetail }) {
  const { tokens } = credentials;
  return (
    <section className={page["card"]} aria-label="Tokens">
      <h2>Tokens</h2>
      {tokens.length === 0 ? (
        <p className={page["note"]}>
          It has no token. An appliance that was provisioned logs in with its certificate and needs none.
        </p>
      ) : (
        <DataTable
          label="Tokens"
          columns={tokenColumns}
          rows={tokens}
          keyOf={({ createdAtMs, validUntilMs }) => `${createdAtMs} ${validUntilMs}`}
        />
      )}
      <TokenActions id={id} count={tokens.length} />
    </section>
  );
}

const tokenColumns: readonly Column<Token>[] = [
  { name: "State", cell: ({ validUntilMs }) => <TokenState validUntilMs={validUntilMs} />, lead: true },
  { name: "Made", cell: ({ createdAtMs }) => <Ago atMs={createdAtMs} /> },
];

function TokenState({ validUntilMs }: { validUntilMs: number | null }) {
  const nowMs = useNow();
  return validUntilMs === null ? (
    <span className={`${page["mark"]} ${page["well"]}`}>
      <CheckIcon />
      In force
    </span>
  ) : (
    <span className={`${page["mark"]} ${page["mind"]}`}>
      <AlertIcon />
      In its grace, ends {untilText(validUntilMs, nowMs)}
    </span>
  );
}

function Certificates({ id }: { id: string }) {
  const question = useQuery(deviceCertificatesQuery(id));
  const mayRevoke = useRights()?.may("provisioning.write") === true;
  const items = question.data?.items ?? [];
  return (
    <section className={page["card"]} aria-label="Certificates">
      <h2>Certificates</h2>
      <QuestionNotice question={question} />
      {question.data !== undefined && items.length === 0 && (
        <p className={page["note"]}>
          It has none. An appliance of a production batch gets its certificate when it first connects with the batch’s
          claim secret.
        </p>
      )}
      {items.length > 0 && (
        <DataTable
          label="Certificates"
          columns={mayRevoke ? [...certificateColumns, revokeColumn] : certificateColumns}
          rows={items}
          keyOf={({ fingerprint }) => fingerprint}
        />
      )}
    </section>
  );
}

const certificateColumns: readonly Column<Certificate>[] = [
  { name: "State", cell: (certificate) => <Expiry certificate={certificate} />, lead: true },
  { name: "Given out", cell: ({ issuedAtMs }) => <Ago atMs={issuedAtMs} /> },
  { name: "Batch", cell: ({ batch }) => batch },
  { name: "Fingerprint", cell: ({ fingerprint }) => <code title={fingerprint}>{fingerprint.slice(0, 16)}…</code> },
];

const revokeColumn: Column<Certificate> = {
  name: "Actions",
  cell: (certificate) => (certificate.revokedAtMs === null ? <RevokeCertificate certificate={certificate} /> : null),
};
