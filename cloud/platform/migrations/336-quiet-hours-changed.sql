-- Households whose quiet hours are others by now, until each that holds something back for them has looked at it again.
CREATE TABLE household_hours_changed (
  reader text NOT NULL CHECK (reader IN ('decisions', 'letters', 'displays', 'questions')),
  household_id uuid NOT NULL REFERENCES household ON DELETE CASCADE,
  PRIMARY KEY (reader, household_id)
);
CREATE INDEX household_hours_changed_household ON household_hours_changed (household_id);

-- Whether a question waits for nothing but the end of quiet hours.
ALTER TABLE lifecycle_ask ADD COLUMN in_quiet boolean NOT NULL DEFAULT false;
