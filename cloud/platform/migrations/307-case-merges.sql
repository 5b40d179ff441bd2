-- A case that turns out to be another one's duplicate goes into it. What was said and done in it goes along and remembers whence, so
-- that it can be taken out again; its evidence stays its own, and is read beside the other's.
ALTER TABLE service_case
  ADD COLUMN merged_into_id uuid REFERENCES service_case (id),
  -- Whose it was before that household became part of the one whose it is.
  ADD COLUMN came_from_id uuid,
  ALTER COLUMN is_closed SET EXPRESSION AS (status IN ('resolved', 'resolved_in_release', 'merged')),
  DROP CONSTRAINT service_case_status_check,
  DROP CONSTRAINT service_case_resolved_check,
  ADD CONSTRAINT service_case_status_check CHECK (status IN ('open', 'waiting_for_owner', 'waiting_for_staff',
    'waiting_for_release', 'resolved', 'resolved_in_release', 'reopened', 'merged')),
  ADD CONSTRAINT service_case_resolved_check CHECK (
    (status IN ('resolved', 'resolved_in_release', 'merged')) = (resolved_by IS NOT NULL)),
  ADD CONSTRAINT service_case_merged_check CHECK ((status = 'merged') = (merged_into_id IS NOT NULL) AND merged_into_id <> id);
CREATE INDEX service_case_merged ON service_case (merged_into_id) WHERE merged_into_id IS NOT NULL;
CREATE INDEX service_case_came_from ON service_case (came_from_id) WHERE came_from_id IS NOT NULL;

-- Two households that become one may each have asked the same: both cases go on, until somebody puts them together.
DROP INDEX service_case_open_household;
CREATE UNIQUE INDEX service_case_open_household ON service_case (household_id, cause, coalesce(came_from_id, household_id))
  WHERE NOT is_closed AND device_key IS NULL;

ALTER TABLE case_entry
  ADD COLUMN from_case_id uuid,
  DROP CONSTRAINT case_entry_kind_check,
  ADD CONSTRAINT case_entry_kind_check CHECK (kind IN ('opened', 'reopened', 'resolved', 'status', 'note', 'assigned', 'escalated',
    'message_to_owner', 'message_from_owner', 'diagnosis', 'merged', 'unmerged'));
ALTER TABLE diagnosis ADD COLUMN from_case_id uuid;
ALTER TABLE case_display ADD COLUMN from_case_id uuid;
CREATE INDEX case_entry_from_case ON case_entry (from_case_id) WHERE from_case_id IS NOT NULL;
CREATE INDEX diagnosis_from_case ON diagnosis (from_case_id) WHERE from_case_id IS NOT NULL;
CREATE INDEX case_display_from_case ON case_display (from_case_id) WHERE from_case_id IS NOT NULL;
