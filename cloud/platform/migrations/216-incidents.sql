-- One cause that hits many devices of a model at once, or a release that is worse than the one before it.
CREATE TABLE incident (
  id uuid PRIMARY KEY,
  kind text NOT NULL CHECK (kind IN ('devices', 'release')),
  cause text NOT NULL,
  model text NOT NULL,
  -- The rule that found it; null where it was no rule of the stream.
  rule_id uuid,
  rule_version int,
  severity text NOT NULL,
  title text NOT NULL,
  status text NOT NULL CHECK (status IN ('open', 'settling', 'resolved')),
  -- Since when it has its status.
  status_at_ms bigint NOT NULL,
  resolved_by text,
  opened_at_ms bigint NOT NULL,
  -- Of its members, in their own time.
  first_at_ms bigint NOT NULL,
  last_raised_at_ms bigint NOT NULL,
  members int NOT NULL DEFAULT 0,
  standing int NOT NULL DEFAULT 0,
  assignee text,
  -- What speaks for it as a whole.
  evidence jsonb NOT NULL DEFAULT '{}',
  CHECK ((status = 'resolved') = (resolved_by IS NOT NULL))
);
CREATE UNIQUE INDEX incident_open ON incident (cause, model) WHERE status <> 'resolved';
-- The one that a returning cause may open again.
CREATE INDEX incident_last ON incident (cause, model, status_at_ms DESC);
CREATE INDEX incident_status ON incident (status, id DESC);

CREATE TABLE incident_member (
  incident_id uuid NOT NULL REFERENCES incident (id),
  device_key int NOT NULL,
  raised_at_ms bigint NOT NULL,
  cleared_at_ms bigint,
  -- Its case, where it has one of its own or had one before the incident opened.
  case_id uuid,
  -- What speaks for the cause on this device, where no case tells of it.
  evidence jsonb,
  PRIMARY KEY (incident_id, device_key)
);
CREATE INDEX incident_member_standing ON incident_member (incident_id, device_key) WHERE cleared_at_ms IS NULL;
CREATE INDEX incident_member_device ON incident_member (device_key, raised_at_ms DESC);
CREATE INDEX incident_member_case ON incident_member (case_id) WHERE case_id IS NOT NULL;

-- The last time that each device fired without being a member: what a storm is counted from.
CREATE TABLE cause_raise (
  cause text NOT NULL,
  model text NOT NULL,
  device_key int NOT NULL,
  raised_at_ms bigint NOT NULL,
  cleared_at_ms bigint,
  known_at_ms bigint NOT NULL,
  PRIMARY KEY (cause, model, device_key)
);
CREATE INDEX cause_raise_at ON cause_raise (cause, model, raised_at_ms);
CREATE INDEX cause_raise_known ON cause_raise (known_at_ms);

-- What happened to an incident, in order.
CREATE TABLE incident_entry (
  sequence bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  incident_id uuid NOT NULL REFERENCES incident (id),
  kind text NOT NULL CHECK (kind IN ('opened', 'reopened', 'settling', 'resolved', 'assigned', 'note')),
  at_ms bigint NOT NULL,
  by text NOT NULL,
  text text,
  data jsonb NOT NULL
);
CREATE INDEX incident_entry_incident ON incident_entry (incident_id, sequence);
