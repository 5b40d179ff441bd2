-- Where staff are told: an e-mail address, or an address of the web that is posted to.
CREATE TABLE notice_channel (
  id uuid PRIMARY KEY,
  kind text NOT NULL CHECK (kind IN ('email', 'webhook')),
  name text NOT NULL,
  target text NOT NULL,
  -- Of a webhook: what its messages are signed with, enciphered under a key that is not in the database.
  secret bytea,
  -- What it is told of: any of these.
  subscriptions jsonb NOT NULL,
  created_at_ms bigint NOT NULL,
  created_by text NOT NULL,
  disabled_at_ms bigint,
  -- `gone` where the receiver said so, else who did it.
  disabled_by text,
  CHECK ((kind = 'webhook') = (secret IS NOT NULL)),
  CHECK ((disabled_at_ms IS NULL) = (disabled_by IS NULL))
);

-- What staff are told of, written in the transaction that makes it true; only what some channel wants.
CREATE TABLE notice (
  id uuid PRIMARY KEY,
  kind text NOT NULL,
  severity text,
  level int NOT NULL,
  -- Whom an escalation reaches: `role:admin`, `group:...`, a principal; null: nobody in particular.
  reaches text,
  subject text NOT NULL,
  title text NOT NULL,
  at_ms bigint NOT NULL,
  created_at_ms bigint NOT NULL,
  data jsonb NOT NULL
);
CREATE INDEX notice_created ON notice (created_at_ms);

-- One message to one channel, with one notice or many. Its id is the idempotency key that its receiver sees.
CREATE TABLE notice_delivery (
  id uuid PRIMARY KEY,
  channel_id uuid NOT NULL REFERENCES notice_channel (id) ON DELETE CASCADE,
  status text NOT NULL CHECK (status IN ('queued', 'delivered', 'failed', 'dropped')),
  notices int NOT NULL,
  created_at_ms bigint NOT NULL,
  -- Tried again until then.
  until_ms bigint NOT NULL,
  attempts int NOT NULL DEFAULT 0,
  next_at_ms bigint NOT NULL,
  ended_at_ms bigint
);
CREATE INDEX notice_delivery_due ON notice_delivery (next_at_ms) WHERE status = 'queued';
CREATE INDEX notice_delivery_channel ON notice_delivery (channel_id, created_at_ms DESC);

-- What each channel is to be told; without a delivery until it is put into one.
CREATE TABLE notice_item (
  channel_id uuid NOT NULL REFERENCES notice_channel (id) ON DELETE CASCADE,
  notice_id uuid NOT NULL REFERENCES notice (id) ON DELETE CASCADE,
  delivery_id uuid REFERENCES notice_delivery (id) ON DELETE CASCADE,
  PRIMARY KEY (channel_id, notice_id)
);
CREATE INDEX notice_item_pending ON notice_item (channel_id, notice_id) WHERE delivery_id IS NULL;
CREATE INDEX notice_item_delivery ON notice_item (delivery_id) WHERE delivery_id IS NOT NULL;
CREATE INDEX notice_item_notice ON notice_item (notice_id);

CREATE TABLE notice_attempt (
  delivery_id uuid NOT NULL REFERENCES notice_delivery (id) ON DELETE CASCADE,
  attempt int NOT NULL,
  at_ms bigint NOT NULL,
  took_ms int NOT NULL,
  outcome text NOT NULL,
  detail text NOT NULL,
  PRIMARY KEY (delivery_id, attempt)
);
