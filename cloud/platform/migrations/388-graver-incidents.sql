-- A rule that takes the same cause for graver makes the incident so.
ALTER TABLE incident_entry DROP CONSTRAINT incident_entry_kind_check,
  ADD CONSTRAINT incident_entry_kind_check
    CHECK (kind IN ('opened', 'reopened', 'graver', 'settling', 'resolved', 'assigned', 'note'));
