/** Why a connection ended; part of its presence record. */
export type CloseReason =
  | "closed"
  | "lost"
  | "keepalive"
  | "taken_over"
  | "revoked"
  | "protocol_error"
  | "packet_too_large"
  | "publish_refused"
  | "will_refused"
  | "held_too_long"
  | "stalled"
  | "spool_failed"
  | "connect_timeout"
  | "login_timeout"
  | "refused"
  | "shutdown";

/** What the gateway counts since its boot. The names are stable: they stand in health and in metrics. */
export const newCounters = () => ({
  connects: 0,
  logins: 0,
  refused_connections_max: 0,
  refused_protocol: 0,
  refused_identifier: 0,
  refused_unavailable: 0,
  refused_spool_full: 0,
  refused_not_authorized: 0,
  messages: 0,
  message_bytes: 0,
  acked: 0,
  dropped_qos0: 0,
  delivered: 0,
  undelivered: 0,
  subscribes_refused: 0,
  feeds_published: 0,
  feeds_refused: 0,
  sessions_dropped: 0,
  batches: 0,
  gaps: 0,
  spool_write_failures: 0,
  cached_identities_used: 0,
  asks_unanswered: 0,
  closed_closed: 0,
  closed_lost: 0,
  closed_keepalive: 0,
  closed_taken_over: 0,
  closed_revoked: 0,
  closed_protocol_error: 0,
  closed_packet_too_large: 0,
  closed_publish_refused: 0,
  closed_will_refused: 0,
  closed_held_too_long: 0,
  closed_stalled: 0,
  closed_spool_failed: 0,
  closed_connect_timeout: 0,
  closed_login_timeout: 0,
  closed_refused: 0,
  closed_shutdown: 0,
});
export type Counters = ReturnType<typeof newCounters>;
