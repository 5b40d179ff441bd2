import type { GatewaySecurityKind } from "#protocol/link/messages.ts";

/** `alert`: somebody should look now. `warning`: not as it should be. `info`: for the record. */
export const severities = ["info", "warning", "alert"] as const;
export type Severity = (typeof severities)[number];

interface Kind {
  title: string;
  severity: Severity;
  /** Whether it goes to the outbox, and so to whoever listens there. */
  announced?: true;
}

/** What gateways tell. A gateway that has a kind which is missing here does not compile. */
const ofGateways: Record<GatewaySecurityKind, Kind> = {
  login_refused: { title: "A login was refused", severity: "info" },
  certificate_refused: { title: "A certificate was refused", severity: "warning" },
  claim_refused: { title: "An enrolment was refused", severity: "warning" },
  brute_force: { title: "Somebody guesses at credentials", severity: "alert", announced: true },
  takeover: { title: "A second connection took the place of the first", severity: "info" },
  will_refused: { title: "A will was for where it may not go", severity: "warning" },
  publish_refused: { title: "It published where it may not", severity: "warning" },
  subscribe_refused: { title: "It asked for what it may not hear", severity: "warning" },
  protocol_error: { title: "It sent what is not MQTT 3.1.1", severity: "info" },
  limit_hit: { title: "It went beyond a limit", severity: "info" },
};

/** What happens in the cloud itself. */
const ofCloud = {
  staff_key_refused: { title: "A wrong staff key was tried", severity: "warning" },
  device_token_refused: { title: "A wrong token was tried at hawkBit's device API", severity: "info" },
  permission_refused: { title: "A key was used for what it may not do", severity: "info" },
  token_rotated: { title: "The appliance got a new token", severity: "info" },
  tokens_revoked: { title: "Every token of the appliance was revoked", severity: "warning", announced: true },
  certificate_revoked: { title: "A certificate was revoked", severity: "warning" },
  device_blocked: { title: "The appliance was blocked", severity: "warning", announced: true },
  device_unblocked: { title: "The appliance was let back in", severity: "info", announced: true },
  re_provisioned: { title: "The appliance may be enrolled anew", severity: "warning" },
  claim_secret_rotated: { title: "A production batch got a new claim secret", severity: "warning" },
  paired: { title: "The appliance was paired with a household", severity: "info" },
  handed_over: { title: "The appliance left its household", severity: "info" },
  pairing_limited: { title: "Somebody guesses at pairing codes", severity: "alert", announced: true },
  staff_key_created: { title: "A staff key was made", severity: "warning", announced: true },
  staff_key_revoked: { title: "A staff key was ended", severity: "warning", announced: true },
  gateway_token_created: { title: "A gateway token was made", severity: "warning", announced: true },
  gateway_token_revoked: { title: "A gateway token was ended", severity: "warning", announced: true },
} as const satisfies Record<string, Kind>;

export type SecurityKind = GatewaySecurityKind | keyof typeof ofCloud;
export const securityKinds: Readonly<Record<SecurityKind, Kind>> = { ...ofGateways, ...ofCloud };

export const isSecurityKind = (text: string): text is SecurityKind => Object.hasOwn(securityKinds, text);

/** Lines of the audit log that are security events too: what people did to credentials. */
const audited: Readonly<Record<string, SecurityKind>> = {
  "device.token_rotated": "token_rotated",
  "device.tokens_revoked": "tokens_revoked",
  "device.blocked": "device_blocked",
  "device.unblocked": "device_unblocked",
  "device.re_provisioned": "re_provisioned",
  "certificate.revoked": "certificate_revoked",
  "batch.secret_rotated": "claim_secret_rotated",
  "household.device_paired": "paired",
  "household.device_removed": "handed_over",
  "pairing.limited": "pairing_limited",
  "staff_key.created": "staff_key_created",
  "staff_key.revoked": "staff_key_revoked",
  "ddi_gateway_token.created": "gateway_token_created",
  "ddi_gateway_token.revoked": "gateway_token_revoked",
};

export const kindOfAction = (action: string): SecurityKind | null =>
  Object.hasOwn(audited, action) ? (audited[action] ?? null) : null;

/** Reasons that outweigh their kind: who has one device's credential and another's name is no stranger at the door. */
const outweighing: Readonly<Record<string, Severity>> = {
  "login_refused client_id_differs": "warning",
  "takeover replaced": "warning",
  "takeover took_over": "warning",
};

export const severityOf = (kind: SecurityKind, reason: string): Severity =>
  outweighing[`${kind} ${reason}`] ?? securityKinds[kind].severity;

/** Reasons in plain words. One that is missing is shown as its code. */
const words: Readonly<Record<string, string>> = {
  no_credentials: "it gave no user name or no password",
  malformed_name: "its user name cannot be an appliance's",
  unknown_name: "there is no such appliance, or it is blocked",
  wrong_token: "the token does not fit, or its grace is over",
  client_id_differs: "the token is right, and the client id is another appliance's",
  user_name_differs: "the certificate is right, and the user name is another appliance's",
  session_wanted: "an enrolment keeps no session",
  denied: "the certificate was revoked",
  foreign: "the certificate is not signed by the fleet CA",
  unfit: "the certificate is no appliance's",
  not_yet_valid: "the certificate is not valid yet",
  expired: "the certificate has expired",
  too_many_failures: "its address failed too often",
  cloud_silent: "the service did not answer, and the gateway does not know the appliance",
  by_address: "many refusals to one address",
  by_name: "many refusals under one name",
  staff_key: "many wrong staff keys from one address",
  device_token: "many wrong tokens of appliances from one address",
  same_address: "from the same address, as after a lost line",
  replaced: "this address was replaced",
  took_over: "this address took over",
  not_allowed: "not one of its own topics",
  qos_2: "with QoS 2",
  retained: "retained",
  not_connect: "its first packet is no CONNECT",
  tls_version: "a TLS version below 1.2",
  tls_failed: "the TLS handshake failed",
  protocol_version: "another version of MQTT",
  wrong_key: "nobody has that key",
  request_invalid: "what it sent is no request",
  csr_invalid: "its certificate request cannot be used",
  key_of_another_device: "its key is another appliance's",
  key_revoked: "its key's certificate was revoked",
  unknown_serial: "that serial number was never made",
  serial_of_another_batch: "the serial number is of another batch",
  serial_blocked: "the serial number is blocked",
  already_enrolled: "the serial number is enrolled, with another key",
  quota_used_up: "the batch has enrolled as many as it may",
  batch_closed: "the batch is closed",
  batch_not_valid_now: "the batch's time has not begun, or is over",
  device_blocked: "the appliance is blocked",
  credential_ended: "what it came in by was taken from it while it asked",
  device_has_token: "the appliance has a token; it has to be provisioned anew first",
  more: "so many at once that they are not told apart",
};

/** A reason in plain words, without a full stop. */
export const reasonWords = (reason: string): string =>
  Object.hasOwn(words, reason) ? (words[reason] ?? reason) : reason.replaceAll("_", " ");

/** One sentence for people. */
export function sentence(kind: SecurityKind, reason: string): string {
  const { title } = securityKinds[kind];
  return reason === "" || reason === kind ? `${title}.` : `${title}: ${reasonWords(reason)}.`;
}
