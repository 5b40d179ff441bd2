/**
 * Why Hearth set a record of the up road aside. The code is stable: it stands in quarantine, in the API and in metrics.
 */
export const quarantineReasons = {
  not_json: "The payload is not JSON in UTF-8.",
  wrong_shape: "The payload is JSON, but not of the shape that its topic asks for.",
  unknown_device: "The device is not in the registry.",
  unknown_delivery: "The receipt or reply names a delivery that this device never had.",
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
