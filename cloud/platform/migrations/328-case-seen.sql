-- A safety matter that went away by itself waits for a person to have seen it.
ALTER TABLE service_case
  ADD COLUMN seen_at_ms bigint,
  ADD COLUMN seen_by text,
  -- Since when what opened it is gone, while it waits for a person all the same.
  ADD COLUMN cause_gone_at_ms bigint,
  ADD CONSTRAINT service_case_seen_check CHECK ((seen_at_ms IS NULL) = (seen_by IS NULL));
UPDATE service_case c SET seen_at_ms = e.at_ms, seen_by = e.by FROM (
  SELECT DISTINCT ON (o.id) o.id, e.at_ms, e.by FROM service_case o JOIN case_entry e ON e.case_id = o.id
  WHERE NOT o.is_closed AND e.by LIKE 'staff:%' ORDER BY o.id, e.sequence) AS e
WHERE e.id = c.id;

ALTER TABLE case_entry
  DROP CONSTRAINT case_entry_kind_check,
  ADD CONSTRAINT case_entry_kind_check CHECK (kind IN ('opened', 'reopened', 'resolved', 'status', 'note', 'assigned', 'escalated',
    'message_to_owner', 'message_from_owner', 'diagnosis', 'merged', 'unmerged', 'acknowledged', 'cause_gone', 'cause_back'));
