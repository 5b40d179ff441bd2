-- A rule is live, in its shadow, or off; what follows from it is said in it.
UPDATE service_rule SET definition = (definition - 'enabled') || jsonb_build_object(
  'mode', CASE WHEN (definition ->> 'enabled')::boolean IS FALSE THEN 'off' ELSE 'live' END,
  'actions', '[{"kind": "case"}]'::jsonb);

-- Where a rule stands with a device is what its operator makes of it.
ALTER TABLE rule_state
  ADD COLUMN state jsonb,
  -- When the clock must look at it again, whatever comes.
  ADD COLUMN due_ms bigint,
  -- Events that came too late to count.
  ADD COLUMN too_late int NOT NULL DEFAULT 0;
UPDATE rule_state SET state = CASE
  WHEN phase = 'idle' THEN jsonb_build_object('phase', phase, 'lastAtMs', last_at_ms)
  WHEN phase = 'pending' THEN
    jsonb_build_object('phase', phase, 'sinceMs', since_ms, 'lastAtMs', last_at_ms, 'evidence', '[]'::jsonb)
  WHEN cause LIKE 'fault:%' THEN jsonb_build_object('phase', phase, 'lastAtMs', last_at_ms)
  ELSE jsonb_build_object('phase', phase, 'raisedAtMs', since_ms, 'lastAtMs', last_at_ms)
END;
ALTER TABLE rule_state
  ALTER COLUMN state SET NOT NULL,
  DROP COLUMN since_ms,
  DROP COLUMN last_at_ms,
  DROP COLUMN evidence;
-- What is due, the oldest first.
CREATE INDEX rule_state_due ON rule_state (due_ms) WHERE due_ms IS NOT NULL;

-- Each time that a cause came or went, in whichever mode the rule was, with what spoke for it.
CREATE TABLE rule_firing (
  -- UUIDv7: newest last.
  id uuid PRIMARY KEY,
  rule_id uuid NOT NULL,
  rule_version int NOT NULL,
  device_key int NOT NULL,
  cause text NOT NULL,
  kind text NOT NULL CHECK (kind IN ('raise', 'clear')),
  at_ms bigint NOT NULL,
  mode text NOT NULL CHECK (mode IN ('live', 'shadow')),
  trace jsonb NOT NULL,
  -- Tags and commands that are still to be done; null: nothing is.
  todo jsonb
);
CREATE INDEX rule_firing_rule ON rule_firing (rule_id, id DESC);
CREATE INDEX rule_firing_device ON rule_firing (device_key, id DESC);
CREATE INDEX rule_firing_todo ON rule_firing (id) WHERE todo IS NOT NULL;

-- Who has been away since when, the longest first: whose silence a rule may find.
CREATE INDEX device_away ON device (presence_at_ms, key) WHERE NOT online;
