-- What came too late for a rule to make of it what it would have made in time: a line for each rule and device. A back-test looks at it
-- where it belongs.
CREATE TABLE rule_late (
  rule_id uuid NOT NULL,
  device_key int NOT NULL,
  -- Readings and events, and from when to when they are by their own time.
  count bigint NOT NULL,
  from_ms bigint NOT NULL,
  to_ms bigint NOT NULL,
  -- When the last of them came.
  noted_at_ms bigint NOT NULL,
  PRIMARY KEY (rule_id, device_key)
);
-- A rule's page: who was late last. A device's timeline: what was late.
CREATE INDEX rule_late_rule ON rule_late (rule_id, noted_at_ms DESC);
CREATE INDEX rule_late_device ON rule_late (device_key, noted_at_ms DESC);

-- Counted until now with the state: from when, nobody noted.
INSERT INTO rule_late (rule_id, device_key, count, from_ms, to_ms, noted_at_ms)
SELECT rule_id, device_key, sum(too_late), 0, now, now
FROM rule_state, (SELECT (extract(epoch FROM now()) * 1000)::bigint) AS at(now)
WHERE too_late > 0 GROUP BY rule_id, device_key, now;
ALTER TABLE rule_state DROP COLUMN too_late;
