-- How far each source is committed. Locking the row first fences a predecessor whose last transaction is still committing.
CREATE TABLE watermark (
  gateway_id text NOT NULL,
  spool_epoch uuid NOT NULL,
  sequence bigint NOT NULL,
  first_seen_at_ms bigint NOT NULL,
  moved_at_ms bigint NOT NULL,
  PRIMARY KEY (gateway_id, spool_epoch)
);

-- Ranges that never came: lost with a spool, or damaged in it.
CREATE TABLE gap (
  id uuid PRIMARY KEY,
  gateway_id text NOT NULL,
  spool_epoch uuid NOT NULL,
  from_sequence bigint NOT NULL,
  -- Null where nobody can know: the spool itself is gone.
  to_sequence bigint,
  reason text NOT NULL,
  found_at_ms bigint NOT NULL,
  UNIQUE (gateway_id, spool_epoch, from_sequence, reason)
);

-- What could not be taken, whole, with the reason.
CREATE TABLE quarantine (
  id uuid PRIMARY KEY,
  gateway_id text NOT NULL,
  spool_epoch uuid NOT NULL,
  sequence bigint NOT NULL,
  device_id text NOT NULL,
  channel text NOT NULL,
  received_at_ms bigint NOT NULL,
  payload bytea NOT NULL,
  reason text NOT NULL,
  detail text NOT NULL,
  UNIQUE (gateway_id, spool_epoch, sequence)
);
CREATE INDEX quarantine_device ON quarantine (device_id, received_at_ms DESC);
