-- The help for a connection that comes and goes names the signal as appliances report it.
INSERT INTO service_document (kind, key, model, version, definition, created_at_ms, created_by)
SELECT kind, key, model, version + 1,
  jsonb_set(definition, '{fix}', to_jsonb(replace(definition ->> 'fix', '(rssi_dbm)', '(wifi_rssi_dbm)'))),
  (extract(epoch FROM now()) * 1000)::bigint, 'system'
FROM (SELECT DISTINCT ON (kind, key, model) * FROM service_document WHERE kind = 'cause' AND key = 'wifi_flapping' AND model = ''
  ORDER BY kind, key, model, version DESC) AS newest
WHERE created_by = 'system';
