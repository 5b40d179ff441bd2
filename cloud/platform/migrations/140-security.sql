-- What bears on security: refusals that gateways and HTTP gathered, and what people did to credentials.
CREATE TABLE security_event (
  id uuid PRIMARY KEY,
  at_ms bigint NOT NULL,
  -- What goes on is one event, whose last time and count grow.
  last_at_ms bigint NOT NULL,
  kind text NOT NULL,
  severity text NOT NULL,
  reason text NOT NULL,
  count bigint NOT NULL,
  -- Empty where there is none, or many. Personal data: it goes with its row.
  address text NOT NULL,
  -- Under which somebody came; nothing says that they are it. Empty where there is none, or many.
  name text NOT NULL,
  -- The appliance of that name, where there is one.
  device_id text,
  principal text
);
CREATE INDEX security_event_page ON security_event (at_ms DESC, id DESC);
CREATE INDEX security_event_device ON security_event (device_id, at_ms DESC) WHERE device_id IS NOT NULL;
-- For what goes on, and for what is old.
CREATE INDEX security_event_last ON security_event (last_at_ms);
