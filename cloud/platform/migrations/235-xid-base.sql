-- Transaction numbers belong to a cluster, and a restored database runs on another one, whose numbers start again. What is added to
-- them keeps every position of the outbox that was ever given out before all that come.
CREATE TABLE xid_base (
  only_row boolean PRIMARY KEY DEFAULT true CHECK (only_row),
  added bigint NOT NULL CHECK (added >= 0)
);
INSERT INTO xid_base (added) VALUES (0);

-- The number of the transaction that writes.
CREATE FUNCTION hearth_xid() RETURNS xid8 LANGUAGE sql STABLE AS $$
  SELECT (pg_current_xact_id()::text::bigint + added)::text::xid8 FROM xid_base
$$;

-- Below it every transaction has ended.
CREATE FUNCTION hearth_xid_horizon() RETURNS xid8 LANGUAGE sql STABLE AS $$
  SELECT (pg_snapshot_xmin(pg_current_snapshot())::text::bigint + added)::text::xid8 FROM xid_base
$$;

ALTER TABLE outbox ALTER COLUMN xid SET DEFAULT hearth_xid();
