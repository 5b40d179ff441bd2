-- A plan that brings a release to a target set in stages behind gates.
CREATE TABLE rollout (
  id uuid PRIMARY KEY,
  name text NOT NULL,
  release_id uuid NOT NULL REFERENCES firmware_release (id),
  -- Of the release, which keeps them for ever.
  model text NOT NULL,
  version text NOT NULL,
  release_kind text NOT NULL,
  release_counter int NOT NULL,
  plan jsonb NOT NULL,
  -- One of core/rollout.ts's states, with its own fields.
  state jsonb NOT NULL,
  state_kind text NOT NULL GENERATED ALWAYS AS (state ->> 'kind') STORED,
  created_at_ms bigint NOT NULL,
  created_by text NOT NULL,
  changed_at_ms bigint NOT NULL,
  -- Appliances whose facts changed up to then were looked at for assigning them. Null until members are assigned.
  followed_to_ms bigint,
  -- When the metrics of its gates were measured last.
  measured_at_ms bigint NOT NULL DEFAULT 0
);
-- The tick, and who else lays claim to a model's appliances.
CREATE INDEX rollout_alive ON rollout (model) WHERE state_kind IN ('awaiting_approval', 'scheduled', 'running', 'paused');
CREATE INDEX rollout_follows ON rollout (model) WHERE state_kind = 'finished' AND (plan ->> 'autoAssign')::boolean;
CREATE INDEX rollout_of_release ON rollout (release_id);

CREATE TABLE rollout_stage (
  rollout_id uuid NOT NULL REFERENCES rollout (id),
  stage smallint NOT NULL,
  -- The highest bucket that assigning gave to this stage; null where it goes by a tag. Later appliances are put where their bucket lies.
  bucket_max bigint,
  -- The gate's metric on both sides, as it was last measured.
  measured jsonb,
  PRIMARY KEY (rollout_id, stage)
);

-- Where each appliance stands in a rollout. No foreign key to device: a million of them would take longer to check than to write, and an
-- appliance is never deleted.
CREATE TABLE rollout_device (
  rollout_id uuid NOT NULL,
  device_key int NOT NULL,
  stage smallint NOT NULL,
  -- The first 32 bits of md5(rolloutId ':' deviceId): the order within a stage.
  bucket bigint NOT NULL,
  state text NOT NULL CHECK (state IN
    ('waiting', 'offered', 'started', 'done', 'failed', 'timed_out', 'declined', 'skipped', 'cancelled')),
  reason text,
  delivery_id uuid,
  time_zone text NOT NULL,
  country text,
  offered_at_ms bigint,
  started_at_ms bigint,
  ended_at_ms bigint,
  PRIMARY KEY (rollout_id, device_key)
);
-- Starting, in the order of buckets.
CREATE INDEX rollout_device_waiting ON rollout_device (rollout_id, stage, bucket) WHERE state = 'waiting';
-- What becomes of a delivery.
CREATE UNIQUE INDEX rollout_device_delivery ON rollout_device (delivery_id) WHERE delivery_id IS NOT NULL;
-- Lists of one state, failures by reason, samples for a metric.
CREATE INDEX rollout_device_state ON rollout_device (rollout_id, state, device_key) WHERE state <> 'waiting';

-- How many stand where: what the planner reads instead of the members.
CREATE TABLE rollout_tally (
  rollout_id uuid NOT NULL,
  stage smallint NOT NULL,
  state text NOT NULL,
  time_zone text NOT NULL,
  -- '': nobody knows it.
  country text NOT NULL,
  n int NOT NULL,
  PRIMARY KEY (rollout_id, stage, state, time_zone, country)
) WITH (fillfactor = 50);

-- Once a statement and not once a row. In the order of the key, so that two statements that count in the same places never wait for
-- each other in a ring.
CREATE FUNCTION count_new_members() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  INSERT INTO rollout_tally AS t (rollout_id, stage, state, time_zone, country, n)
  SELECT rollout_id, stage, state, time_zone, coalesce(country, ''), count(*)
  FROM came GROUP BY 1, 2, 3, 4, 5 ORDER BY 1, 2, 3, 4, 5
  ON CONFLICT (rollout_id, stage, state, time_zone, country) DO UPDATE SET n = t.n + excluded.n;
  RETURN NULL;
END $$;
CREATE FUNCTION count_moved_members() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  INSERT INTO rollout_tally AS t (rollout_id, stage, state, time_zone, country, n)
  SELECT rollout_id, stage, state, time_zone, country, sum(change) FROM (
    SELECT rollout_id, stage, state, time_zone, coalesce(country, '') AS country, 1 AS change FROM came
    UNION ALL
    SELECT rollout_id, stage, state, time_zone, coalesce(country, ''), -1 FROM went
  ) AS moved
  GROUP BY 1, 2, 3, 4, 5 HAVING sum(change) <> 0 ORDER BY 1, 2, 3, 4, 5
  ON CONFLICT (rollout_id, stage, state, time_zone, country) DO UPDATE SET n = t.n + excluded.n;
  RETURN NULL;
END $$;
CREATE TRIGGER rollout_device_came AFTER INSERT ON rollout_device REFERENCING NEW TABLE AS came
  FOR EACH STATEMENT EXECUTE FUNCTION count_new_members();
CREATE TRIGGER rollout_device_moved AFTER UPDATE ON rollout_device REFERENCING OLD TABLE AS went NEW TABLE AS came
  FOR EACH STATEMENT EXECUTE FUNCTION count_moved_members();

-- How many began when: the start rate, and what a finish can be expected from.
CREATE TABLE rollout_start (
  rollout_id uuid NOT NULL REFERENCES rollout (id),
  at_ms bigint NOT NULL,
  stage smallint NOT NULL,
  n int NOT NULL
);
CREATE INDEX rollout_start_recent ON rollout_start (rollout_id, at_ms);

-- Who did what, and what the rollout did by itself.
CREATE TABLE rollout_history (
  id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  rollout_id uuid NOT NULL REFERENCES rollout (id),
  at_ms bigint NOT NULL,
  by text NOT NULL,
  what text NOT NULL,
  stage smallint,
  reason text,
  data jsonb NOT NULL DEFAULT '{}'
);
CREATE INDEX rollout_history_of ON rollout_history (rollout_id, id DESC);

-- Times in which no update begins.
CREATE TABLE rollout_freeze (
  id uuid PRIMARY KEY,
  -- ISO 3166-1 alpha-2; none: everywhere.
  countries text[] NOT NULL,
  -- None: all.
  models text[] NOT NULL,
  from_ms bigint NOT NULL,
  to_ms bigint NOT NULL,
  reason text NOT NULL,
  created_at_ms bigint NOT NULL,
  created_by text NOT NULL
);
CREATE INDEX rollout_freeze_by_time ON rollout_freeze (to_ms);
