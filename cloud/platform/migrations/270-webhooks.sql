-- Addresses of the web that follow the outbox.
CREATE TABLE webhook_endpoint (
  id uuid PRIMARY KEY,
  name text NOT NULL,
  url text NOT NULL,
  -- What it wants to hear of: types, or beginnings of types that end with `*`.
  types text[] NOT NULL,
  -- What its messages are signed with, enciphered under a key that is not in the database; while the former counts still, by both.
  secret bytea NOT NULL,
  former_secret bytea,
  former_until_ms bigint,
  created_at_ms bigint NOT NULL,
  created_by text NOT NULL,
  disabled_at_ms bigint,
  -- `gone`: it answered 410; `failing`: nothing arrived there for days; `staff`: somebody did.
  disabled_reason text CHECK (disabled_reason IN ('gone', 'failing', 'staff')),
  -- Since when nothing has arrived; null while things do.
  failing_since_ms bigint,
  -- Up to here the outbox has been turned into deliveries for it.
  after_xid xid8 NOT NULL,
  after_id bigint NOT NULL,
  -- When it was found that retention had removed events before they were turned into deliveries.
  missed_at_ms bigint,
  CHECK ((disabled_at_ms IS NULL) = (disabled_reason IS NULL)),
  CHECK ((former_secret IS NULL) = (former_until_ms IS NULL))
);

-- One event for one endpoint. What the event says lies in the outbox alone, so that it is erased there once.
CREATE TABLE webhook_delivery (
  id uuid PRIMARY KEY,
  endpoint_id uuid NOT NULL REFERENCES webhook_endpoint (id) ON DELETE CASCADE,
  outbox_xid xid8 NOT NULL,
  outbox_id bigint NOT NULL,
  -- The event's own: its receiver knows by it what it has already, whatever happened in between.
  event_id uuid NOT NULL,
  type text NOT NULL,
  subject text NOT NULL,
  status text NOT NULL CHECK (status IN ('queued', 'delivered', 'failed', 'dropped')),
  attempts int NOT NULL DEFAULT 0,
  -- Attempts that were made before it was last queued: the pauses begin anew from there.
  attempts_before int NOT NULL DEFAULT 0,
  created_at_ms bigint NOT NULL,
  next_at_ms bigint NOT NULL,
  ended_at_ms bigint,
  UNIQUE (endpoint_id, outbox_id)
);
CREATE INDEX webhook_delivery_waiting ON webhook_delivery (endpoint_id, outbox_xid, outbox_id) WHERE status = 'queued';
CREATE INDEX webhook_delivery_unsent ON webhook_delivery (endpoint_id, status) WHERE status IN ('queued', 'failed');
CREATE INDEX webhook_delivery_page ON webhook_delivery (endpoint_id, id DESC);
CREATE INDEX webhook_delivery_created ON webhook_delivery (created_at_ms);
CREATE INDEX webhook_delivery_outbox ON webhook_delivery (outbox_id);

CREATE TABLE webhook_attempt (
  delivery_id uuid NOT NULL REFERENCES webhook_delivery (id) ON DELETE CASCADE,
  attempt int NOT NULL,
  at_ms bigint NOT NULL,
  took_ms int NOT NULL,
  outcome text NOT NULL,
  -- `HTTP 503`, or why there was no answer. Nothing that the receiver said.
  detail text NOT NULL,
  PRIMARY KEY (delivery_id, attempt)
);
