-- The identity of every fact that was ever accepted, and of what it said. Both are keyed hashes and name nobody: they stay when a household
-- is erased, so that what is sent again afterwards is known and does nothing.
CREATE TABLE outside_fact_identity (
  source text NOT NULL,
  id_hmac bytea NOT NULL,
  content_hmac bytea NOT NULL,
  PRIMARY KEY (source, id_hmac)
);

CREATE TABLE outside_fact (
  sequence bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  household_id uuid NOT NULL,
  -- Whose it was when it came: after a merge is undone it is theirs again.
  addressed_id uuid NOT NULL,
  source text NOT NULL CHECK (source IN ('web', 'app', 'shop', 'support', 'social')),
  fact_id text NOT NULL,
  type text NOT NULL,
  at_ms bigint NOT NULL,
  received_at_ms bigint NOT NULL,
  by_principal text NOT NULL,
  data jsonb NOT NULL
);
CREATE INDEX outside_fact_of ON outside_fact (household_id, at_ms DESC, sequence DESC);
CREATE INDEX outside_fact_addressed ON outside_fact (addressed_id);

-- For programs that report facts, and may do nothing else.
ALTER TABLE staff_key
  DROP CONSTRAINT staff_key_role_check,
  ADD CONSTRAINT staff_key_role_check
    CHECK (role IN ('viewer', 'support', 'content', 'release', 'admin', 'monitor', 'facts'));
