-- The durable promise to get one thing to one device, and what became of it.
CREATE TABLE delivery (
  id uuid PRIMARY KEY,
  device_key int NOT NULL REFERENCES device (key),
  -- The same device as the gateway names it: sending starts from this id and ends in a topic with it.
  device_id text NOT NULL,
  kind text NOT NULL,
  subject text NOT NULL,
  -- What people call it on a timeline: a recipe's title, a version, a command.
  label text NOT NULL,
  generation int NOT NULL,
  priority smallint NOT NULL,
  body jsonb NOT NULL,
  phase text NOT NULL CHECK (phase IN
    ('queued', 'sent', 'received', 'done', 'failed', 'rejected', 'expired', 'superseded', 'cancelled')),
  step text,
  attempt int NOT NULL,
  -- How often this attempt was written to a socket.
  sends int NOT NULL,
  -- Queued: not to be sent before. Otherwise 0.
  not_before_ms bigint NOT NULL,
  -- Sent and received: since when, by the cloud's time. Otherwise 0.
  since_ms bigint NOT NULL,
  -- Failed and expired: whether the device said so, or the cloud's own time-out or deadline.
  cause text,
  -- When the cloud must look at it again by itself; null once it is closed.
  due_at_ms bigint,
  created_at_ms bigint NOT NULL,
  expires_at_ms bigint NOT NULL,
  changed_at_ms bigint NOT NULL,
  UNIQUE (device_key, kind, subject, generation)
);
-- Sending: what is open for devices that became ready.
CREATE INDEX delivery_open ON delivery (device_id) WHERE phase IN ('queued', 'sent', 'received');
-- The tick.
CREATE INDEX delivery_due ON delivery (due_at_ms) WHERE due_at_ms IS NOT NULL;
-- Lists and timelines of one device, newest first.
CREATE INDEX delivery_device ON delivery (device_key, id DESC);
CREATE INDEX delivery_timeline ON delivery (device_key, created_at_ms DESC);
CREATE INDEX delivery_ended ON delivery (device_key, changed_at_ms DESC)
  WHERE phase IN ('superseded', 'cancelled') OR cause IN ('deadline', 'timed_out');
-- Counts, and lists of one phase.
CREATE INDEX delivery_phase ON delivery (phase, kind, id DESC);

-- The last generation of each (device, kind, subject). A row of its own, so that two who create at once get two numbers.
CREATE TABLE delivery_generation (
  device_key int NOT NULL REFERENCES device (key),
  kind text NOT NULL,
  subject text NOT NULL,
  generation int NOT NULL,
  PRIMARY KEY (device_key, kind, subject)
);

-- What the device said, also where it changed nothing.
CREATE TABLE delivery_receipt (
  delivery_id uuid NOT NULL REFERENCES delivery (id),
  attempt bigint NOT NULL,
  step text NOT NULL,
  device_key int NOT NULL REFERENCES device (key),
  at_ms bigint NOT NULL,
  received_at_ms bigint NOT NULL,
  -- The time that order goes by: the device's own, or the gateway's where the device's is ahead.
  order_at_ms bigint NOT NULL,
  progress float8,
  reason text,
  -- The result of a command.
  result jsonb,
  -- Why it changed nothing; null where it moved the delivery.
  refused text,
  PRIMARY KEY (delivery_id, attempt, step)
);
CREATE INDEX delivery_receipt_timeline ON delivery_receipt (device_key, order_at_ms DESC);
