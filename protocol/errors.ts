/**
 * Why Hearth set a record of the up road aside. The code is stable: it stands in quarantine, in the API and in metrics.
 */
export const quarantineReasons = {
  not_json: "The payload is not JSON in UTF-8.",
  wrong_shape: "The payload is JSON, but not of the shape that its topic asks for.",
  unknown_device: "The device is not in the registry.",
  unknown_delivery: "The receipt or reply names a delivery that this device never had.",
  other_content:
    "The appliance sent an event with this id before, and said something else then; what it said first holds.",
  storage_refused: "The database refused the record, and it alone.",
} as const;
export type QuarantineReason = keyof typeof quarantineReasons;

/** CONNACK return codes of MQTT 3.1.1, clause 3.2.2.3, as the gateway uses them. */
export const connack = {
  accepted: 0,
  unacceptableProtocol: 1,
  identifierRejected: 2,
  /** The spool is at its bound, or the gateway cannot ask the cloud and does not know the device: come back later. */
  serverUnavailable: 3,
  /** Unknown device and wrong token look the same from outside. */
  notAuthorized: 5,
} as const;

/** Why a connection ended, in plain words. The code stands in presence records, in the API and in metrics. */
export const closeReasons = {
  closed: "The appliance said goodbye",
  lost: "The line was lost",
  keepalive: "Nothing was heard for one and a half times the keepalive",
  taken_over: "The appliance connected anew",
  revoked: "Its credentials were revoked, or it was blocked",
  credential_ended: "The grace of the token that it came with was over",
  protocol_error: "It sent something that is not MQTT 3.1.1",
  packet_too_large: "It sent a packet that is too large",
  publish_refused: "It published where it may not",
  will_refused: "Its will was for a topic where it may not publish",
  over_limit: "It asked for more than a limit allows",
  held_too_long: "Its messages could not be stored in time; it sends them again",
  stalled: "It did not read what was sent to it",
  spool_failed: "The gateway could not store its messages; it sends them again",
  connect_timeout: "It connected and said nothing",
  login_timeout: "Its login took too long",
  refused: "Its login was refused",
  stayed_too_long: "It came to be enrolled, and stayed longer than that may take",
  shutdown: "The gateway was stopped",
} as const;
export type CloseReason = keyof typeof closeReasons;
