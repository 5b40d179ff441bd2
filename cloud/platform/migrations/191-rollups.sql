-- What a device's metrics did in each minute, quarter of an hour, hour and day: four numbers for each position of its model's vector, namely the least and
-- the greatest value, the sum and the count. Metrics that the model did not declare lie beside them as {name: [min, max, sum, count]}.
-- Readings whose time cannot be right are in none of them.
CREATE TABLE rollup_minute (
  device_key int NOT NULL,
  at_ms bigint NOT NULL,
  folds float8[] NOT NULL,
  undeclared jsonb,
  PRIMARY KEY (device_key, at_ms)
) PARTITION BY RANGE (at_ms);
CREATE TABLE rollup_minute_default PARTITION OF rollup_minute DEFAULT;

CREATE TABLE rollup_quarter (LIKE rollup_minute, PRIMARY KEY (device_key, at_ms)) PARTITION BY RANGE (at_ms);
CREATE TABLE rollup_quarter_default PARTITION OF rollup_quarter DEFAULT;

CREATE TABLE rollup_hour (LIKE rollup_minute, PRIMARY KEY (device_key, at_ms)) PARTITION BY RANGE (at_ms);
CREATE TABLE rollup_hour_default PARTITION OF rollup_hour DEFAULT;

CREATE TABLE rollup_day (LIKE rollup_minute, PRIMARY KEY (device_key, at_ms)) PARTITION BY RANGE (at_ms);
CREATE TABLE rollup_day_default PARTITION OF rollup_day DEFAULT;

-- The hours of a device whose rollups do not have all of its readings: whoever asks for one of them reads the readings themselves.
-- `generation` grows each time that readings come; the follower takes out only the one that it has worked in.
CREATE TABLE rollup_dirty (
  device_key int NOT NULL,
  at_ms bigint NOT NULL,
  generation bigint NOT NULL DEFAULT 1,
  since_ms bigint NOT NULL,
  PRIMARY KEY (device_key, at_ms)
);
CREATE INDEX rollup_dirty_oldest ON rollup_dirty (since_ms);

SET LOCAL statement_timeout = 0;
INSERT INTO rollup_dirty (device_key, at_ms, since_ms)
SELECT DISTINCT device_key, at_ms / 3600000 * 3600000, 0 FROM reading WHERE suspect_received_at_ms IS NULL;
