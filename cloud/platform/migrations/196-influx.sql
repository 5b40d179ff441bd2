-- Under which name each appliance's readings lie in InfluxDB. It says nothing about the appliance: with this row gone nobody can tell
-- whose they were, also where InfluxDB cannot delete.
CREATE TABLE reading_series (
  device_key int PRIMARY KEY,
  series text NOT NULL UNIQUE,
  -- What was received before is not stored: it was still on its way when everything of the appliance was erased.
  since_received_ms bigint NOT NULL DEFAULT 0
);

-- What InfluxDB has to delete, until it has and nothing from before the erasure is on its way any longer.
CREATE TABLE reading_erasure (
  id uuid PRIMARY KEY,
  series text NOT NULL,
  from_ms bigint NOT NULL,
  to_ms bigint NOT NULL,
  -- Everything under the name, which stands for nobody any longer.
  is_whole boolean NOT NULL,
  erased_at_ms bigint NOT NULL,
  -- Null until InfluxDB has done it once.
  deleted_at_ms bigint
);

-- Metrics that appliances of a model sent without its declaring them: each is a field in InfluxDB for ever, so there is a bound.
CREATE TABLE undeclared_field (
  model text NOT NULL,
  metric text NOT NULL,
  -- It came as true or false; InfluxDB has numbers alone.
  is_flag boolean NOT NULL,
  PRIMARY KEY (model, metric)
);

-- Readings, or parts of them, that InfluxDB refuses for good.
CREATE TABLE parked_reading (
  id uuid PRIMARY KEY,
  device_key int NOT NULL,
  at_ms bigint NOT NULL,
  received_at_ms bigint NOT NULL,
  metrics jsonb NOT NULL,
  reason text NOT NULL,
  detail text NOT NULL,
  parked_at_ms bigint NOT NULL
);
CREATE INDEX parked_reading_device ON parked_reading (device_key, id DESC);
