import type { Certificate } from "../api/shapes.ts";
import { type CertificateState, certificateState, revocationText, untilText } from "../core/certificates.ts";
import { absoluteText } from "../core/time.ts";
import { AlertIcon, CheckIcon } from "./icons.tsx";
import { localZone, useNow } from "./now.ts";
import page from "./page.module.css";

const tones = { good: "well", soon: "mind", expired: "wrong", revoked: "wrong" } as const;
const verbs: Record<CertificateState, string> = { good: "Ends", soon: "Ends", expired: "Expired", revoked: "Revoked" };

/** How a certificate stands: a drawing, a word and a time, so that nobody has to tell two colours apart. */
export function Expiry({ certificate }: { certificate: Certificate }) {
  const nowMs = useNow();
  const state = certificateState(certificate, nowMs);
  const atMs = certificate.revokedAtMs ?? certificate.notAfterMs;
  return (
    <span>
      <span className={`${page["mark"]} ${page[tones[state]]}`} title={absoluteText(atMs, localZone)}>
        {state === "good" ? <CheckIcon /> : <AlertIcon />}
        {verbs[state]} {untilText(atMs, nowMs)}
      </span>
      {certificate.revokedReason !== null && (
        <span className={page["soft"]}> {revocationText(certificate.revokedReason)}</span>
      )}
    </span>
  );
}
