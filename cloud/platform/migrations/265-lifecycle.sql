-- What the stages of a household's life as a customer are. Each change is a new version, which counts from when it was made; the first
-- one counts for all that was before.
CREATE TABLE lifecycle_definition (
  version int PRIMARY KEY,
  definition jsonb NOT NULL,
  in_force_from_ms bigint NOT NULL,
  created_by text NOT NULL
);
INSERT INTO lifecycle_definition (version, definition, in_force_from_ms, created_by) VALUES (1, '{
  "gap": {"daysUsual": 7, "daysMin": 3, "daysMax": 60},
  "activation": {"programs": 3, "days": 30},
  "engagement": {"gaps": 2},
  "satisfaction": {"ratingMin": 4, "firstAnswerCounts": true},
  "loyalty": {"days": 180, "tierCounts": true},
  "advocacy": {"days": 180},
  "disengaged": {"gaps": 3, "ratingMax": 2, "faults": 2, "faultDays": 30, "complaintDays": 90}
}', 0, 'system');

-- What bears on a household's stage, each once: the stage at any moment follows from these and from the definitions alone, in whatever
-- order they came to be known.
CREATE TABLE lifecycle_signal (
  household_id uuid NOT NULL,
  -- Its identity, unique for ever: that of the act or fact it comes from.
  source text NOT NULL,
  at_ms bigint NOT NULL,
  kind text NOT NULL,
  data jsonb NOT NULL,
  -- The merge that brought it from another household, and from which: so that it can go back.
  merge_id uuid,
  merged_from uuid,
  PRIMARY KEY (household_id, source)
);
-- To tell a household's life again where something came late.
CREATE INDEX lifecycle_signal_order ON lifecycle_signal (household_id, at_ms, source);
CREATE INDEX lifecycle_signal_merge ON lifecycle_signal (merge_id) WHERE merge_id IS NOT NULL;

CREATE TABLE lifecycle_household (
  household_id uuid PRIMARY KEY,
  stage text NOT NULL CHECK (stage IN (
    'acquisition', 'activation', 'engagement', 'satisfaction', 'loyalty', 'advocacy', 'disengaged')),
  since_ms bigint NOT NULL,
  -- All that the next step needs to know.
  state jsonb NOT NULL,
  -- Signals up to `base_at_ms` are in `base`, and no longer kept one by one.
  base jsonb,
  base_at_ms bigint NOT NULL DEFAULT 0,
  -- The definition it was judged by.
  version int NOT NULL,
  -- When its stage, or what endangers it, may change by itself; null: only by something that happens.
  due_at_ms bigint,
  -- What endangers it now, the worst first, and how much.
  risks text[] NOT NULL DEFAULT '{}',
  risk smallint NOT NULL DEFAULT 0
);
CREATE INDEX lifecycle_household_due ON lifecycle_household (due_at_ms) WHERE due_at_ms IS NOT NULL;
CREATE INDEX lifecycle_household_version ON lifecycle_household (version);
CREATE INDEX lifecycle_household_base ON lifecycle_household (base_at_ms);
-- Counts, and who went silent or left in anger lately.
CREATE INDEX lifecycle_household_stage ON lifecycle_household (stage, since_ms DESC, household_id);
CREATE INDEX lifecycle_household_risk ON lifecycle_household (risk DESC, household_id) WHERE risk > 0;

-- How each household came to its stage. What comes late tells the story anew: its lines are then written again.
CREATE TABLE lifecycle_change (
  household_id uuid NOT NULL,
  -- The first is 1.
  place int NOT NULL,
  at_ms bigint NOT NULL,
  -- Null for the first.
  from_stage text,
  to_stage text NOT NULL,
  causes jsonb NOT NULL,
  -- Days since the change before it, and the median of others who changed alike as it was known when this was written.
  days double precision,
  days_median double precision,
  PRIMARY KEY (household_id, place)
);
-- Flows and counts over a period.
CREATE INDEX lifecycle_change_period ON lifecycle_change (at_ms, household_id);
-- How fast others changed alike.
CREATE INDEX lifecycle_change_pace ON lifecycle_change (from_stage, to_stage, at_ms DESC);
