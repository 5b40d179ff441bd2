-- What is known of households that were there before their stages were told: told from it at the first turn of the clock.
INSERT INTO lifecycle_signal (household_id, source, at_ms, kind, data)
SELECT id, 'known:' || id, created_at_ms, 'known', '{}' FROM household
UNION ALL
SELECT d.household_id, '~hearth.household.device_joined:device:' || d.id || ':' || d.household_since_ms, d.household_since_ms, 'paired',
  jsonb_build_object('deviceId', d.id)
FROM device d WHERE d.household_id IS NOT NULL AND d.household_since_ms IS NOT NULL
UNION ALL
SELECT d.household_id, d.id || '/' || e.id, e.order_at_ms, CASE e.type WHEN 'fault.raised' THEN 'fault' ELSE 'used' END,
  CASE e.type
    WHEN 'fault.raised' THEN jsonb_build_object('deviceId', d.id, 'code', left(coalesce(e.data ->> 'code', ''), 64))
    ELSE jsonb_build_object('deviceId', d.id, 'isProgram', e.type = 'program.finished')
  END
FROM device d JOIN device_event e ON e.device_key = d.key
WHERE d.household_id IS NOT NULL AND e.order_at_ms >= coalesce(d.household_since_ms, 0)
  AND e.type IN ('program.finished', 'program.aborted', 'fault.raised')
UNION ALL
SELECT c.household_id, '~hearth.case.opened:case:' || c.id || ':' || c.opened_at_ms, c.opened_at_ms, 'case_opened',
  jsonb_build_object('caseId', c.id, 'deviceId', d.id, 'title', c.title, 'byHousehold', c.opened_by ~ '^(owner|device):')
FROM service_case c LEFT JOIN device d ON d.key = c.device_key WHERE c.household_id IS NOT NULL AND NOT c.is_closed
UNION ALL
SELECT c.household_id, '~rated:' || c.id, v.rated_at_ms, 'feedback', jsonb_build_object('rating', v.rating, 'deviceId', NULL)
FROM case_conversation v JOIN service_case c ON c.id = v.case_id
WHERE c.household_id IS NOT NULL AND v.rating IS NOT NULL AND v.rated_at_ms IS NOT NULL
ON CONFLICT DO NOTHING;

-- Version 0: never told.
INSERT INTO lifecycle_household (household_id, stage, since_ms, state, version)
SELECT id, 'acquisition', created_at_ms, '{"facts": {"knownSinceMs": null, "devices": [], "pairedAtMs": null, "programs": 0,
  "occasions": [], "lastUseMs": null, "faults": [], "feedback": null, "openCases": [], "lastResolved": null, "complainedAtMs": null,
  "tier": null, "withdrawn": null, "shareCookedMs": null, "referralMs": null}, "stage": null, "sinceMs": 0, "engagedSinceMs": null,
  "changes": 0, "last": null, "judgedToMs": 0, "version": 0}', 0
FROM household;
