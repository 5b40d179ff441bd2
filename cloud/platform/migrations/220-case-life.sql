-- What staff, or a household, opens has no rule.
ALTER TABLE service_case ALTER COLUMN rule_id DROP NOT NULL;
ALTER TABLE service_case
  DROP CONSTRAINT service_case_status_check,
  DROP CONSTRAINT service_case_check,
  ADD CONSTRAINT service_case_status_check CHECK (status IN ('open', 'waiting_for_owner', 'waiting_for_staff',
    'waiting_for_release', 'resolved', 'resolved_in_release', 'reopened')),
  ADD CONSTRAINT service_case_severity_check CHECK (severity IN ('info', 'service', 'safety')),
  -- `cause`, or the principal.
  ADD COLUMN opened_by text NOT NULL DEFAULT 'cause',
  ADD COLUMN model text NOT NULL DEFAULT '',
  -- When it came to be known here. Its cause may be days older, told by an appliance that was away.
  ADD COLUMN known_at_ms bigint NOT NULL DEFAULT 0,
  -- The release that staff said mends it, and when the appliance confirmed it or a newer one.
  ADD COLUMN fixed_in_version text,
  ADD COLUMN fixed_in_counter int,
  ADD COLUMN release_confirmed_at_ms bigint,
  -- The promise: when the first answer and the solution are due, and what came of them.
  ADD COLUMN first_answer_due_at_ms bigint NOT NULL DEFAULT 0,
  ADD COLUMN resolve_due_at_ms bigint NOT NULL DEFAULT 0,
  ADD COLUMN answered_at_ms bigint,
  ADD COLUMN answered_by text,
  -- Since when the clock of the solution stands still.
  ADD COLUMN paused_at_ms bigint,
  -- What is due next; far in the future (9007199254740991) where nothing is.
  ADD COLUMN due_at_ms bigint NOT NULL DEFAULT 9007199254740991,
  ADD COLUMN escalation_level int NOT NULL DEFAULT 0,
  ADD COLUMN escalated_to text,
  -- When the next level is reached; null where there is none.
  ADD COLUMN escalates_at_ms bigint,
  -- The principal who works on it.
  ADD COLUMN assignee text,
  ADD COLUMN assigned_at_ms bigint,
  ADD COLUMN reopened_count int NOT NULL DEFAULT 0,
  ADD COLUMN first_resolved_at_ms bigint,
  ADD COLUMN severity_rank smallint GENERATED ALWAYS AS (
    CASE severity WHEN 'safety' THEN 0 WHEN 'service' THEN 1 ELSE 2 END) STORED,
  ADD COLUMN is_closed boolean GENERATED ALWAYS AS (status IN ('resolved', 'resolved_in_release')) STORED,
  ADD CONSTRAINT service_case_resolved_check CHECK ((status IN ('resolved', 'resolved_in_release')) = (resolved_by IS NOT NULL)),
  ADD CONSTRAINT service_case_fixed_in_check CHECK ((fixed_in_version IS NULL) = (fixed_in_counter IS NULL)),
  ADD CONSTRAINT service_case_release_check CHECK (
    status NOT IN ('waiting_for_release', 'resolved_in_release') OR fixed_in_version IS NOT NULL);

UPDATE service_case c SET model = d.model FROM device d WHERE d.key = c.device_key;
-- Cases from before there were promises: each is promised the usual from its opening on.
UPDATE service_case SET known_at_ms = opened_at_ms,
  first_answer_due_at_ms = opened_at_ms + CASE severity WHEN 'safety' THEN 3600000 WHEN 'service' THEN 28800000 ELSE 259200000 END,
  resolve_due_at_ms = opened_at_ms + CASE severity WHEN 'safety' THEN 86400000 WHEN 'service' THEN 432000000 ELSE 1209600000 END,
  paused_at_ms = CASE WHEN status = 'waiting_for_owner' THEN status_at_ms END,
  first_resolved_at_ms = CASE WHEN status = 'resolved' THEN status_at_ms END;
UPDATE service_case SET due_at_ms = first_answer_due_at_ms, escalates_at_ms = first_answer_due_at_ms WHERE status <> 'resolved';

DROP INDEX service_case_open;
-- The dedupe key: one open case per device and cause.
CREATE UNIQUE INDEX service_case_open ON service_case (device_key, cause) WHERE NOT is_closed;
-- The queue, in its order.
CREATE INDEX service_case_queue ON service_case (severity_rank, due_at_ms, opened_at_ms, id) WHERE NOT is_closed;
-- What the clock moves.
CREATE INDEX service_case_escalates ON service_case (escalates_at_ms) WHERE escalates_at_ms IS NOT NULL;
CREATE INDEX service_case_waiting_for_release ON service_case (device_key) WHERE status = 'waiting_for_release';
-- Similar appliances: the same cause, open or lately.
CREATE INDEX service_case_cause ON service_case (cause, opened_at_ms DESC);
-- Measures, week by week.
CREATE INDEX service_case_known ON service_case (known_at_ms);

ALTER TABLE case_entry
  DROP CONSTRAINT case_entry_kind_check,
  ADD CONSTRAINT case_entry_kind_check CHECK (kind IN ('opened', 'reopened', 'resolved', 'status', 'note', 'assigned', 'escalated',
    'message_to_owner', 'message_from_owner'));

-- What is promised, and who hears when a promise is in danger. Each change is a new version; the newest counts.
CREATE TABLE case_policy (
  version int PRIMARY KEY,
  definition jsonb NOT NULL,
  created_at_ms bigint NOT NULL,
  created_by text NOT NULL
);
INSERT INTO case_policy (version, definition, created_at_ms, created_by) VALUES (1, '{
  "safety": {"firstAnswerMs": 3600000, "resolveMs": 86400000, "escalation": [
    {"afterDueMs": -900000, "to": {"kind": "assignee"}},
    {"afterDueMs": 0, "to": {"kind": "role", "role": "support"}},
    {"afterDueMs": 3600000, "to": {"kind": "role", "role": "admin"}}]},
  "service": {"firstAnswerMs": 28800000, "resolveMs": 432000000, "escalation": [
    {"afterDueMs": -3600000, "to": {"kind": "assignee"}},
    {"afterDueMs": 0, "to": {"kind": "role", "role": "support"}},
    {"afterDueMs": 28800000, "to": {"kind": "role", "role": "admin"}}]},
  "info": {"firstAnswerMs": 259200000, "resolveMs": 1209600000, "escalation": [
    {"afterDueMs": 0, "to": {"kind": "role", "role": "support"}},
    {"afterDueMs": 259200000, "to": {"kind": "role", "role": "admin"}}]}
}', (extract(epoch FROM now()) * 1000)::bigint, 'system');
