-- What a further rule finds in a case that is open already is a line of it.
ALTER TABLE case_entry
  DROP CONSTRAINT case_entry_kind_check,
  ADD CONSTRAINT case_entry_kind_check CHECK (kind IN ('opened', 'reopened', 'resolved', 'status', 'note', 'assigned', 'escalated',
    'message_to_owner', 'message_from_owner', 'diagnosis', 'merged', 'unmerged', 'acknowledged', 'cause_gone', 'cause_back',
    'also_found'));
