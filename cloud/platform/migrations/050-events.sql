-- Every notable fact, as a CloudEvent. Ids become visible out of order when transactions overlap, so readers page by (xid, id) and
-- stop below the oldest transaction that may still write.
CREATE TABLE outbox (
  id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  xid xid8 NOT NULL DEFAULT pg_current_xact_id(),
  event_id uuid NOT NULL,
  type text NOT NULL,
  subject text NOT NULL,
  at_ms bigint NOT NULL,
  data jsonb NOT NULL
);
CREATE INDEX outbox_page ON outbox (xid, id);
