-- An oven that is too hot says so itself, and its readings show it: both are one cause from now on, and one case. Where somebody made the
-- rule theirs it stays as it is.
CREATE TEMP TABLE moved_rule ON COMMIT DROP AS
SELECT id, version, definition FROM (
  SELECT DISTINCT ON (id) * FROM service_rule WHERE id = '01890000-0000-7000-8000-000000000012' ORDER BY id, version DESC) AS newest
WHERE created_by = 'system' AND definition -> 'codes' = '["over_temperature"]';

INSERT INTO service_rule (id, version, definition, created_at_ms, created_by)
SELECT id, version + 1, definition || '{"cause": "over_temperature"}', (extract(epoch FROM now()) * 1000)::bigint, 'system'
FROM moved_rule;

-- What it holds, it goes on holding.
UPDATE rule_state SET cause = 'over_temperature' WHERE rule_id IN (SELECT id FROM moved_rule) AND cause = 'fault:over_temperature';
UPDATE rule_firing SET cause = 'over_temperature' WHERE rule_id IN (SELECT id FROM moved_rule) AND cause = 'fault:over_temperature';

-- Of two cases that are open for one appliance the one that the appliance's own word opened keeps its name: people look at it and end it.
UPDATE service_case c SET cause = 'over_temperature'
WHERE c.rule_id IN (SELECT id FROM moved_rule) AND c.cause = 'fault:over_temperature' AND (c.is_closed OR NOT EXISTS (
  SELECT FROM service_case o WHERE o.device_key = c.device_key AND o.cause = 'over_temperature' AND NOT o.is_closed));

UPDATE incident i SET cause = 'over_temperature'
WHERE i.rule_id IN (SELECT id FROM moved_rule) AND i.cause = 'fault:over_temperature' AND (i.status = 'resolved' OR NOT EXISTS (
  SELECT FROM incident o WHERE o.model = i.model AND o.cause = 'over_temperature' AND o.status <> 'resolved'));

UPDATE cause_raise r SET cause = 'over_temperature'
WHERE r.cause = 'fault:over_temperature' AND EXISTS (SELECT FROM moved_rule) AND NOT EXISTS (
  SELECT FROM cause_raise o WHERE o.cause = 'over_temperature' AND o.model = r.model AND o.device_key = r.device_key);
