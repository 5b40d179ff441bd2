-- Households that became one are taken apart by the home of each row: the household that it was first kept for, null while that is the one
-- that has it. What goes back follows from what that household is made of then, and no row remembers the merges that moved it.
ALTER TABLE outside_fact RENAME COLUMN addressed_id TO home_id;
ALTER TABLE loyalty_redemption RENAME COLUMN addressed_id TO home_id;
ALTER TABLE loyalty_grant RENAME COLUMN addressed_id TO home_id;
ALTER TABLE service_case RENAME COLUMN came_from_id TO home_id;

-- The first merge that moved a row moved it from its home.
ALTER TABLE decision ADD COLUMN home_id uuid;
UPDATE decision d SET home_id = m.from_id FROM household_merge m
WHERE d.merge_id IS NOT NULL AND m.id = coalesce(d.merges_before[1], d.merge_id);
ALTER TABLE decision DROP COLUMN merge_id, DROP COLUMN merges_before;
ALTER TABLE campaign_member ADD COLUMN home_id uuid;
UPDATE campaign_member c SET home_id = m.from_id FROM household_merge m
WHERE c.merge_id IS NOT NULL AND m.id = coalesce(c.merges_before[1], c.merge_id);
ALTER TABLE campaign_member DROP COLUMN merge_id, DROP COLUMN merges_before;
ALTER TABLE household_act ADD COLUMN home_id uuid;
UPDATE household_act a SET home_id = m.from_id FROM household_merge m WHERE a.merges IS NOT NULL AND m.id = a.merges[1];
ALTER TABLE household_act DROP COLUMN merges;

-- Of signals only the newest merge was known. What comes from outside says whose it was, as do cases; the rest bears the household's name.
ALTER TABLE lifecycle_signal ADD COLUMN home_id uuid;
UPDATE lifecycle_signal SET home_id = merged_from WHERE merged_from IS NOT NULL;
UPDATE lifecycle_signal s SET home_id = f.home_id FROM outside_fact f
WHERE s.merged_from IS NOT NULL AND s.source = f.source || ':' || f.fact_id;
UPDATE lifecycle_signal SET home_id = substring(source FROM 7)::uuid WHERE merged_from IS NOT NULL AND source LIKE 'known:%';
UPDATE lifecycle_signal SET home_id = substring(source FROM 'household:([0-9a-f-]{36}):')::uuid
WHERE merged_from IS NOT NULL AND source ~ '^~.*:household:[0-9a-f-]{36}:';
UPDATE lifecycle_signal s SET home_id = coalesce(c.home_id, c.household_id) FROM service_case c
WHERE s.merged_from IS NOT NULL AND s.source ~ '^~(hearth[.]case[.].*:case|rated):[0-9a-f-]{36}'
  AND c.id = substring(s.source FROM '(?:case|rated):([0-9a-f-]{36})')::uuid AND c.household_id IS NOT NULL;
ALTER TABLE lifecycle_signal DROP COLUMN merge_id, DROP COLUMN merged_from;

-- The life of a household that is part of another, as it was when it became that: the rows themselves, so that a column that comes to one of
-- these tables and may not be null has to come here too.
CREATE TABLE lifecycle_aside (
  household_id uuid PRIMARY KEY,
  life jsonb NOT NULL,
  changes jsonb NOT NULL,
  asks jsonb NOT NULL
);
