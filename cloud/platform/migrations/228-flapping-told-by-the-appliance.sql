-- The rule about Wi-Fi that ships with Hearth also goes by what the appliance says, where nobody has changed the rule.
INSERT INTO service_rule (id, version, definition, created_at_ms, created_by)
SELECT id, 2, jsonb_set(definition, '{alsoToldBy}', '{
    "events": [{"type": "network.restored", "atField": "lostAtMs"}, {"type": "network.lost"}], "withinMs": 180000}'),
  (extract(epoch FROM now()) * 1000)::bigint, 'system'
FROM service_rule AS first
WHERE id = '01890000-0000-7000-8000-000000000011' AND version = 1
  AND NOT EXISTS (SELECT 1 FROM service_rule AS later WHERE later.id = first.id AND later.version > 1);
