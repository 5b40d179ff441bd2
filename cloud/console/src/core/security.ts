/** Security events as the page shows them. The sentences are the service's; the names of kinds are for choosing among them. */

/** In the order of the filter: what somebody does at the door, then what people of the house do. */
export const securityKindNames = {
  brute_force: "Guessing at credentials",
  login_refused: "Login refused",
  certificate_refused: "Certificate refused",
  claim_refused: "Enrolment refused",
  takeover: "Connection taken over",
  publish_refused: "Publish refused",
  subscribe_refused: "Subscribe refused",
  will_refused: "Will refused",
  protocol_error: "Not MQTT 3.1.1",
  limit_hit: "Limit reached",
  staff_key_refused: "Wrong staff key",
  device_token_refused: "Wrong token at hawkBit's API",
  permission_refused: "Not permitted",
  pairing_limited: "Guessing at pairing codes",
  token_rotated: "New token",
  tokens_revoked: "Tokens revoked",
  certificate_revoked: "Certificate revoked",
  device_blocked: "Appliance blocked",
  device_unblocked: "Appliance let back in",
  re_provisioned: "Provisioned anew",
  claim_secret_rotated: "New claim secret",
  paired: "Paired",
  handed_over: "Handed over",
  staff_key_created: "Staff key made",
  staff_key_revoked: "Staff key ended",
  gateway_token_created: "Gateway token made",
  gateway_token_revoked: "Gateway token ended",
} as const satisfies Record<string, string>;

const names: Readonly<Record<string, string>> = securityKindNames;

/** A service that is newer than the page may tell of a kind that is not known here. */
export const kindName = (kind: string): string =>
  Object.hasOwn(names, kind) ? (names[kind] ?? kind) : kind.replaceAll("_", " ");

/** Who did it: `staff:…` is a key, whose id's end tells it from the others. */
export const byText = (by: string): string => (by.startsWith("staff:") ? `staff key …${by.slice(-6)}` : by);

const hourMs = 3_600_000;

export interface HourCount {
  fromMs: number;
  alert: number;
  warning: number;
  info: number;
}

/** How many events were last told of in each of the last hours, oldest first; the last hour is the one that runs. */
export function countByHour(
  events: readonly { lastAtMs: number; severity: "info" | "warning" | "alert" }[],
  nowMs: number,
  hours: number,
): HourCount[] {
  const lastMs = Math.floor(nowMs / hourMs) * hourMs;
  const counts = Array.from({ length: hours }, (_, at) => ({
    fromMs: lastMs - (hours - 1 - at) * hourMs,
    alert: 0,
    warning: 0,
    info: 0,
  }));
  for (const { lastAtMs, severity } of events) {
    const at = hours - 1 - Math.floor((lastMs + hourMs - 1 - lastAtMs) / hourMs);
    const count = counts[Math.min(at, hours - 1)];
    if (count !== undefined) count[severity] += 1;
  }
  return counts;
}
