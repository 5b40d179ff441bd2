-- What segments ask of a household: one flat row each. Days are numbers of the household's calendar, counted from 1970-01-01, so that
-- "three weeks ago" is a subtraction and every row answers by itself. Lists of days are sorted, an entry for each time, the newest 500.
CREATE TABLE household_profile (
  household_id uuid PRIMARY KEY,
  locale text NOT NULL,
  time_zone text NOT NULL,
  appliances int NOT NULL,
  models text[] NOT NULL,
  kinds text[] NOT NULL,
  firmware_versions text[] NOT NULL,
  oldest_firmware text,
  oldest_firmware_parts int[],
  country text,
  tags text[] NOT NULL,
  has_steam boolean NOT NULL,
  has_probe boolean NOT NULL,
  paired_day int,
  consents text[] NOT NULL,
  points bigint NOT NULL,
  tier text,
  stage text,
  open_cases int NOT NULL,
  programs int NOT NULL,
  program_days int[] NOT NULL,
  last_cook_day int,
  programs_used text[] NOT NULL,
  steam_programs int NOT NULL,
  programs_aborted int NOT NULL,
  aborted_days int[] NOT NULL,
  cleanings int NOT NULL,
  last_cleaned_day int,
  faults int NOT NULL,
  fault_days int[] NOT NULL,
  recipes_finished int NOT NULL,
  recipe_days int[] NOT NULL,
  recipes_aborted int NOT NULL,
  recipes_saved int NOT NULL,
  recipes_searched int NOT NULL,
  last_recipe text,
  last_recipe_at_ms bigint,
  shares int NOT NULL,
  last_feedback int,
  last_feedback_at_ms bigint,
  last_feedback_day int,
  page_views int NOT NULL,
  page_view_days int[] NOT NULL,
  price_checks int NOT NULL,
  last_price_check_day int,
  last_cart_at_ms bigint,
  orders int NOT NULL,
  last_order_at_ms bigint,
  last_order_day int,
  returns int NOT NULL,
  mentions int NOT NULL,
  mention_reach bigint NOT NULL,
  -- The first day on which a segment may see it otherwise though nothing happens; null where none will.
  due_day int,
  -- Made before what it is made of was looked at: it is gone through from the beginning.
  is_stale boolean NOT NULL DEFAULT false
) WITH (fillfactor = 70);
CREATE INDEX household_profile_due ON household_profile (time_zone, due_day) WHERE due_day IS NOT NULL;
CREATE INDEX household_profile_zone ON household_profile (time_zone);
CREATE INDEX household_profile_stale ON household_profile (household_id) WHERE is_stale;

-- What a household did, as far as its profile counts it: each once, for ever, whoever sends it again.
CREATE TABLE household_act (
  household_id uuid NOT NULL,
  -- Of the act's source, as a hash.
  identity uuid NOT NULL,
  kind text NOT NULL,
  at_ms bigint NOT NULL,
  said text,
  amount int,
  -- The mergings by which it came here, the newest last; null where it was here from the beginning.
  merges uuid[],
  PRIMARY KEY (household_id, identity)
);

CREATE TABLE segment (
  -- Names it in the table of members; never given twice, also where an id is.
  key int GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  id text NOT NULL UNIQUE,
  version int NOT NULL,
  definition jsonb NOT NULL,
  changed_at_ms bigint NOT NULL,
  changed_by text NOT NULL,
  -- While it is filled: every household up to this one was looked at. Null once all were.
  filled_to uuid DEFAULT '00000000-0000-0000-0000-000000000000',
  -- As of the last folding of `segment_change`.
  members bigint NOT NULL DEFAULT 0
);

CREATE TABLE segment_version (
  segment_key int NOT NULL,
  segment_id text NOT NULL,
  version int NOT NULL,
  definition jsonb NOT NULL,
  changed_at_ms bigint NOT NULL,
  changed_by text NOT NULL,
  PRIMARY KEY (segment_key, version)
);

CREATE TABLE segment_member (
  segment_key int NOT NULL,
  household_id uuid NOT NULL,
  since_ms bigint NOT NULL,
  PRIMARY KEY (segment_key, household_id)
);
CREATE INDEX segment_member_of ON segment_member (household_id, segment_key);

-- Who came and went, as numbers: added where it happens, so that nobody waits for a counter, and folded into `segment` a moment later.
CREATE TABLE segment_change (
  segment_key int NOT NULL,
  delta int NOT NULL
);

-- How many members a segment had at the end of each day of UTC.
CREATE TABLE segment_day (
  segment_key int NOT NULL,
  day date NOT NULL,
  members bigint NOT NULL,
  PRIMARY KEY (segment_key, day)
);

-- Segments whose members are still to be removed.
CREATE TABLE segment_deleted (segment_key int PRIMARY KEY);

INSERT INTO household_profile (household_id, locale, time_zone, appliances, models, kinds, firmware_versions, tags, has_steam, has_probe,
  consents, points, open_cases, programs, program_days, programs_used, steam_programs, programs_aborted, aborted_days, cleanings, faults,
  fault_days, recipes_finished, recipe_days, recipes_aborted, recipes_saved, recipes_searched, shares, page_views, page_view_days,
  price_checks, orders, returns, mentions, mention_reach, is_stale)
SELECT id, locale, time_zone, 0, '{}', '{}', '{}', '{}', false, false, '{}', 0, 0, 0, '{}', '{}', 0, 0, '{}', 0, 0, '{}', 0, '{}', 0, 0, 0, 0,
  0, '{}', 0, 0, 0, 0, 0, true
FROM household;

-- What appliances said before there were profiles, as far as it was their household's.
INSERT INTO household_act (household_id, identity, kind, at_ms, said)
SELECT d.household_id, md5(d.id || '/' || e.id)::uuid, k.kind, e.order_at_ms,
  CASE WHEN jsonb_typeof(k.said) = 'string' AND char_length(k.said #>> '{}') BETWEEN 1 AND 64 THEN k.said #>> '{}' END
FROM device_event e
JOIN device d ON d.key = e.device_key AND d.household_id IS NOT NULL AND e.order_at_ms >= coalesce(d.household_since_ms, 0),
LATERAL (SELECT
  CASE e.type
    WHEN 'program.finished' THEN 'program' WHEN 'program.aborted' THEN 'aborted' WHEN 'maintenance.done' THEN 'cleaning'
    WHEN 'fault.raised' THEN 'fault' WHEN 'recipe.finished' THEN 'recipe' WHEN 'share.created' THEN 'share'
  END AS kind,
  CASE e.type
    WHEN 'program.finished' THEN e.data -> 'program' WHEN 'recipe.finished' THEN e.data -> 'recipeId'
  END AS said) AS k
WHERE k.kind IS NOT NULL
ON CONFLICT DO NOTHING;
