/** Bounds that belong to the gateway alone; those that a maker may set are in `GatewayLimits`. Sizes are bytes, times milliseconds. */
export interface Bounds {
  /** Of one value of the spool, and so of one chunk on the link. */
  chunkRecordsMax: number;
  chunkBytesMax: number;
  /** Written in one commit of the spool. */
  commitBytesMax: number;
  /** Committed chunks kept in memory for the link, so that a cloud that keeps up never makes us read the disk. */
  recentBytesMax: number;
  /** A cloud that says nothing at all for this long is silent: a question about a device then waits no longer. */
  askTimeoutMs: number;
  /** How long a question waits for a cloud that says other things, as it does when thousands come back at once. */
  askTimeoutMsMax: number;
  asksPendingMax: number;
  /** Refused logins of one address in a minute; above it the address makes us ask the cloud for one in eight only. */
  loginFailuresPerMinuteMax: number;
  addressesMax: number;
  /** Refusals of a minute that are answered at once, by address and by name: those after them wait for their answer. */
  loginFailuresFreeByAddress: number;
  loginFailuresFreeByName: number;
  failedNamesMax: number;
  /** Refusals that wait for their answer; those beyond it make the oldest be answered early. */
  refusalsWaitingMax: number;
  /** What the cloud said of a name under attack counts for so long, for whoever comes under it. */
  sharedAnswerMs: number;
  sharedAnswersMax: number;
  /** How long what bears on security is gathered before it is told, and how much of it is told apart meanwhile. */
  securityWindowMs: number;
  securityReportsMax: number;
  securityNamesPerAddressMax: number;
  /** Of what is kept of packets: over all devices, of each, of those who were not let in under a name. */
  wireBytesMax: number;
  wireTextsMax: number;
  wirePacketsMax: number;
  wireRefusedPacketsMax: number;
  /** Devices that are gone, and names under which somebody was not let in, of which it is kept. */
  wiresEndedMax: number;
  wiresRefusedMax: number;
  /** Devices that are watched at a time, and how often what is new is told of each. */
  watchesMax: number;
  wireTellMs: number;
  identitiesMax: number;
  /** How long a request for a certificate waits for the cloud. */
  enrolTimeoutMs: number;
  /** How long a device is held back, all pauses together, until the cloud hears of it; bursts are nobody's concern. */
  heldBackToldAfterMs: number;
  /** How long it must have kept to its limits until it counts as let go. */
  releasedAfterMs: number;
  /** How often the cloud is told how things stand. */
  statusMs: number;
  /** Certificates whose signature need not be checked again. */
  certificatesMax: number;
  /** Of the deny-list. */
  deniedMax: number;
}

export const defaultBounds: Bounds = {
  chunkRecordsMax: 4_000,
  chunkBytesMax: 1_048_576,
  commitBytesMax: 4_194_304,
  recentBytesMax: 8_388_608,
  askTimeoutMs: 2_000,
  askTimeoutMsMax: 6_000,
  asksPendingMax: 20_000,
  loginFailuresPerMinuteMax: 120,
  addressesMax: 10_000,
  loginFailuresFreeByAddress: 20,
  loginFailuresFreeByName: 5,
  failedNamesMax: 10_000,
  refusalsWaitingMax: 1_000,
  sharedAnswerMs: 1_000,
  sharedAnswersMax: 1_000,
  securityWindowMs: 10_000,
  securityReportsMax: 256,
  securityNamesPerAddressMax: 8,
  wireBytesMax: 67_108_864,
  wireTextsMax: 50_000,
  wirePacketsMax: 200,
  wireRefusedPacketsMax: 24,
  wiresEndedMax: 5_000,
  wiresRefusedMax: 1_000,
  watchesMax: 20,
  wireTellMs: 250,
  identitiesMax: 200_000,
  enrolTimeoutMs: 15_000,
  heldBackToldAfterMs: 2_000,
  releasedAfterMs: 5_000,
  statusMs: 1_000,
  certificatesMax: 50_000,
  deniedMax: 100_000,
};
