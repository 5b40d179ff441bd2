-- Metrics that appliances send and their model does not declare: what is known of them, for the product team to adopt them.
CREATE TABLE unknown_metric (
  model text NOT NULL,
  name text NOT NULL,
  first_seen_ms bigint NOT NULL,
  last_seen_ms bigint NOT NULL,
  -- Whether numbers, and whether booleans, were among its values.
  has_numbers boolean NOT NULL,
  has_flags boolean NOT NULL,
  min_value float8,
  max_value float8,
  -- A bit for each device, by a hash of its key: how many are unset says roughly how many devices there are, however often they are seen.
  devices bit(4096) NOT NULL,
  PRIMARY KEY (model, name)
);

-- What was said by an appliance in a time that is to be forgotten. Worked off again each day for a while: an appliance may have kept
-- some of it, and send it late.
CREATE TABLE telemetry_erasure (
  device_key int NOT NULL,
  from_ms bigint NOT NULL,
  to_ms bigint NOT NULL,
  next_at_ms bigint NOT NULL,
  until_ms bigint NOT NULL,
  PRIMARY KEY (device_key, from_ms, to_ms)
);
CREATE INDEX telemetry_erasure_next ON telemetry_erasure (next_at_ms);
