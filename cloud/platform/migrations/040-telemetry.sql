-- Readings: one row each, values in the order of metric_position (booleans as 1 and 0), metrics that the model does not declare beside
-- them. A partition a day; what no day holds goes to the default partition.
CREATE TABLE reading (
  device_key int NOT NULL,
  at_ms bigint NOT NULL,
  metric_values float8[] NOT NULL,
  undeclared jsonb,
  -- Set only where the device's clock cannot be right: when the gateway received it.
  suspect_received_at_ms bigint,
  PRIMARY KEY (device_key, at_ms)
) PARTITION BY RANGE (at_ms);
CREATE TABLE reading_default PARTITION OF reading DEFAULT;

-- A second reading at the same time merges its metrics; the first value of a metric wins.
CREATE FUNCTION merge_values(earlier float8[], later float8[]) RETURNS float8[] LANGUAGE sql IMMUTABLE AS $$
  SELECT array_agg(coalesce(earlier[i], later[i]) ORDER BY i)
  FROM generate_series(1, greatest(cardinality(earlier), cardinality(later))) AS i
$$;

CREATE TABLE device_event (
  device_key int NOT NULL,
  id text NOT NULL,
  at_ms bigint NOT NULL,
  received_at_ms bigint NOT NULL,
  -- The time that order goes by: the device's own, or the gateway's where the device's cannot be right.
  order_at_ms bigint NOT NULL,
  clock_suspect boolean NOT NULL,
  type text NOT NULL,
  data jsonb NOT NULL,
  PRIMARY KEY (device_key, id)
);
CREATE INDEX device_event_timeline ON device_event (device_key, order_at_ms DESC, id);
