-- A household that became part of another one: whoever still names it means that one. It keeps its row, so that the merge can be undone.
ALTER TABLE household ADD COLUMN merged_into uuid REFERENCES household (id);
CREATE INDEX household_merged_into ON household (merged_into) WHERE merged_into IS NOT NULL;

CREATE TABLE household_merge (
  id uuid PRIMARY KEY,
  from_id uuid NOT NULL REFERENCES household (id) ON DELETE CASCADE,
  into_id uuid NOT NULL REFERENCES household (id) ON DELETE CASCADE,
  -- How it was known that both are one: by a code that only the one had, or by the word of staff.
  proof text NOT NULL CHECK (proof IN ('welcome_code', 'staff')),
  reason text,
  -- Members who moved, with the role that each had.
  moved_members jsonb NOT NULL,
  at_ms bigint NOT NULL,
  by_principal text NOT NULL,
  undone_at_ms bigint,
  undone_by text,
  undone_reason text
);
CREATE UNIQUE INDEX household_merge_standing ON household_merge (from_id) WHERE undone_at_ms IS NULL;
CREATE INDEX household_merge_into ON household_merge (into_id, at_ms DESC);
CREATE INDEX household_merge_from ON household_merge (from_id, at_ms DESC);

-- Codes that are sent to prospects, by e-mail or with the appliance: who has one shows that the prospect is they. Of 256 random bits
-- only the hash is kept; a code that was used is no longer here.
CREATE TABLE household_welcome (
  id uuid PRIMARY KEY,
  household_id uuid NOT NULL REFERENCES household (id) ON DELETE CASCADE,
  code_sha256 bytea NOT NULL UNIQUE,
  created_at_ms bigint NOT NULL,
  expires_at_ms bigint NOT NULL
);
CREATE INDEX household_welcome_of ON household_welcome (household_id);
CREATE INDEX household_welcome_expires ON household_welcome (expires_at_ms);

-- What others call a household: a shop's customer number, the hash of an e-mail address. Each names one household.
CREATE TABLE household_reference (
  kind text NOT NULL,
  value text NOT NULL,
  household_id uuid NOT NULL REFERENCES household (id) ON DELETE CASCADE,
  created_at_ms bigint NOT NULL,
  created_by text NOT NULL,
  PRIMARY KEY (kind, value)
);
CREATE INDEX household_reference_of ON household_reference (household_id);
