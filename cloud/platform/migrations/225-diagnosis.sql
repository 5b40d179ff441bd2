ALTER TABLE case_entry
  DROP CONSTRAINT case_entry_kind_check,
  ADD CONSTRAINT case_entry_kind_check CHECK (kind IN ('opened', 'reopened', 'resolved', 'status', 'note', 'assigned', 'escalated',
    'message_to_owner', 'message_from_owner', 'diagnosis'));

-- What an appliance was asked about itself, and what came of it.
CREATE TABLE diagnosis (
  id uuid PRIMARY KEY,
  -- The delivery that carried the question.
  command_id uuid NOT NULL UNIQUE,
  case_id uuid NOT NULL REFERENCES service_case (id),
  device_key int NOT NULL,
  -- Whose appliance it was; null where it was nobody's, or they left.
  household_id uuid,
  kind text NOT NULL CHECK (kind IN ('self_test', 'send_log')),
  state text NOT NULL CHECK (state IN ('asked', 'sending', 'receiving', 'answered', 'failed', 'expired', 'removed')),
  reason text,
  asked_at_ms bigint NOT NULL,
  asked_by text NOT NULL,
  changed_at_ms bigint NOT NULL,
  -- Until when its answer, or its log, is taken.
  until_ms bigint NOT NULL,
  result jsonb,
  -- Of a log: what lies on disk.
  log_bytes int,
  log_sha256 text,
  log_is_cut boolean,
  -- What was taken out of it, by kind.
  log_removals jsonb,
  -- The file of one that is removed is deleted by the clock.
  has_file boolean NOT NULL DEFAULT false
);
CREATE INDEX diagnosis_case ON diagnosis (case_id, id DESC);
-- Leaving a household and its erasure.
CREATE INDEX diagnosis_household ON diagnosis (household_id) WHERE household_id IS NOT NULL;
-- The clock: what was waited for too long, what was kept long enough, and files to delete.
CREATE INDEX diagnosis_waiting ON diagnosis (until_ms) WHERE state IN ('asked', 'sending', 'receiving');
CREATE INDEX diagnosis_kept ON diagnosis (changed_at_ms) WHERE has_file;
