-- A cut-out that opened and salt that runs out are rules of their own by now. The rule about every fault leaves them out, unless somebody
-- made it theirs: then it stays as it is, and those that are new begin switched off.
INSERT INTO service_rule (id, version, definition, created_at_ms, created_by)
SELECT id, version + 1, definition || '{"notCodes": ["over_temperature", "salt_low", "rinse_aid_low"]}',
  (extract(epoch FROM now()) * 1000)::bigint, 'system'
FROM (SELECT DISTINCT ON (id) * FROM service_rule WHERE id = '01890000-0000-7000-8000-000000000002' ORDER BY id, version DESC) AS newest
WHERE created_by = 'system';

INSERT INTO service_rule (id, version, definition, created_at_ms, created_by)
SELECT fresh.id, 1, fresh.definition, (extract(epoch FROM now()) * 1000)::bigint, 'system'
FROM (SELECT DISTINCT ON (id) * FROM service_rule WHERE id = '01890000-0000-7000-8000-000000000002' ORDER BY id, version DESC) AS newest,
  (VALUES
    ('01890000-0000-7000-8000-000000000012'::uuid, '{"kind": "fault", "title": "Appliance protects itself", "severity": "safety",
      "mode": "off", "actions": [{"kind": "case"}], "codes": ["over_temperature"]}'::jsonb),
    ('01890000-0000-7000-8000-000000000013', '{"kind": "fault", "title": "Something runs out", "severity": "info",
      "mode": "off", "actions": [{"kind": "case"}], "codes": ["salt_low", "rinse_aid_low"]}')) AS fresh (id, definition)
WHERE newest.created_by <> 'system';

-- Who says goodbye did not lose its connection, and neither did whose gateway was stopped.
INSERT INTO service_rule (id, version, definition, created_at_ms, created_by)
SELECT id, version + 1,
  jsonb_set(definition, '{event,where}', to_jsonb('reason in ["lost", "keepalive", "taken_over", "stalled"]'::text)),
  (extract(epoch FROM now()) * 1000)::bigint, 'system'
FROM (SELECT DISTINCT ON (id) * FROM service_rule WHERE id = '01890000-0000-7000-8000-000000000011' ORDER BY id, version DESC) AS newest
WHERE created_by = 'system';
