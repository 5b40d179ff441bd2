-- A product type. Every version that was put through the API is kept.
CREATE TABLE model (
  key text NOT NULL,
  version int NOT NULL,
  document jsonb NOT NULL,
  created_at_ms bigint NOT NULL,
  PRIMARY KEY (key, version)
);

-- The position of a declared metric in the vector of every reading of its model. Given once and never changed, so that old rows
-- keep their meaning when a later version of the model declares more.
CREATE TABLE metric_position (
  model text NOT NULL,
  name text NOT NULL,
  position int NOT NULL,
  PRIMARY KEY (model, name),
  UNIQUE (model, position)
);

CREATE TABLE device (
  key int GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  id text NOT NULL UNIQUE,
  model text NOT NULL,
  serial text NOT NULL,
  household_id uuid,
  sold_at_ms bigint,
  created_at_ms bigint NOT NULL,
  -- Of each valid token, as lower-case hex: more than one only while a rotation has its grace.
  token_sha256 text[] NOT NULL,
  blocked_at_ms bigint,
  -- Presence: the gateway's boot and the number of the connection in it.
  online boolean NOT NULL DEFAULT false,
  gateway_id text,
  boot_id text,
  connection_id bigint,
  presence_at_ms bigint,
  -- { key: { value, atMs } }: for each key the newest time wins.
  reported jsonb NOT NULL DEFAULT '{}',
  desired jsonb NOT NULL DEFAULT '{}',
  desired_version int NOT NULL DEFAULT 0
);
CREATE INDEX device_model ON device (model, key);
CREATE INDEX device_household ON device (household_id) WHERE household_id IS NOT NULL;
CREATE INDEX device_online ON device (key) WHERE online;

-- Every coming and going, for the timeline.
CREATE TABLE presence_change (
  device_key int NOT NULL REFERENCES device (key),
  at_ms bigint NOT NULL,
  gateway_id text NOT NULL,
  boot_id text NOT NULL,
  connection_id bigint NOT NULL,
  state text NOT NULL,
  reason text,
  PRIMARY KEY (device_key, boot_id, connection_id, state)
);
CREATE INDEX presence_change_at ON presence_change (device_key, at_ms DESC);
