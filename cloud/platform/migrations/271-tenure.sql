-- Which household had an appliance, and when, after it left: what it said then is that household's, wherever it is now.
CREATE TABLE device_tenure (
  device_key int NOT NULL REFERENCES device (key),
  household_id uuid NOT NULL,
  from_ms bigint NOT NULL,
  to_ms bigint NOT NULL,
  PRIMARY KEY (household_id, device_key, from_ms)
);
CREATE INDEX device_tenure_device ON device_tenure (device_key, from_ms);

-- Of those that left before there was this table the audit log tells when. Households that were erased since have nothing to find here.
INSERT INTO device_tenure (device_key, household_id, from_ms, to_ms)
SELECT d.key, l.household_id::uuid, coalesce(lag(l.at_ms) OVER (PARTITION BY d.key ORDER BY l.sequence), 0), l.at_ms
FROM (
  SELECT sequence, at_ms, substr(subject, 11) AS household_id, after_json::jsonb ->> 'deviceId' AS device_id
  FROM audit_entry WHERE action = 'household.device_removed' AND after_json IS NOT NULL
) AS l
JOIN device d ON d.id = l.device_id
JOIN household h ON h.id = l.household_id::uuid
ON CONFLICT DO NOTHING;
