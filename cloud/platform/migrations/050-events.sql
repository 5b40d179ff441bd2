-- Every notable fact, as a CloudEvent. Ids become visible out of order when transactions overlap, so readers page by (xid, id) and
-- stop below the oldest transaction that may still write.
CREATE TABLE outbox (
  id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  xid xid8 NOT NULL DEFAULT pg_current_xact_id(),
  event_id uuid NOT NULL,
  type text NOT NULL,
  subject text NOT NULL,
  at_ms bigint NOT NULL,
  -- When it was written, which is what retention goes by: a fact may be days older than its record.
  recorded_at_ms bigint NOT NULL DEFAULT (extract(epoch FROM now()) * 1000)::bigint,
  data jsonb NOT NULL
);
CREATE INDEX outbox_page ON outbox (xid, id);

-- The newest position that retention removed: who reads from before it has missed something, and is told.
CREATE TABLE outbox_floor (
  only_row boolean PRIMARY KEY DEFAULT true CHECK (only_row),
  xid xid8 NOT NULL,
  id bigint NOT NULL
);
INSERT INTO outbox_floor (xid, id) VALUES ('0', 0);
