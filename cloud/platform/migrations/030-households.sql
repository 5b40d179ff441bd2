CREATE TABLE household (
  id uuid PRIMARY KEY,
  name text NOT NULL,
  locale text NOT NULL,
  -- IANA name: calendar days, quiet hours and limits are counted in it.
  time_zone text NOT NULL,
  channels jsonb NOT NULL,
  created_at_ms bigint NOT NULL
);

CREATE TABLE household_member (
  id uuid PRIMARY KEY,
  household_id uuid NOT NULL REFERENCES household (id),
  name text NOT NULL,
  email text,
  created_at_ms bigint NOT NULL
);
CREATE INDEX household_member_of ON household_member (household_id, id);

ALTER TABLE device ADD FOREIGN KEY (household_id) REFERENCES household (id);
