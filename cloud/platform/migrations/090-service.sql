-- A rule that watches the stream. Each change is a new version; the newest counts.
CREATE TABLE service_rule (
  id uuid NOT NULL,
  version int NOT NULL,
  definition jsonb NOT NULL,
  created_at_ms bigint NOT NULL,
  created_by text NOT NULL,
  PRIMARY KEY (id, version)
);

-- What ships with Hearth; a maker changes it like any other rule.
INSERT INTO service_rule (id, version, definition, created_at_ms, created_by) VALUES
  ('01890000-0000-7000-8000-000000000001', 1,
   '{"kind": "threshold", "title": "Cavity too hot", "severity": "safety", "enabled": true, "metric": "cavity_c",
     "direction": "above", "limit": 290, "clearAt": 270, "holdMs": 20000, "cause": "over_temperature"}',
   (extract(epoch FROM now()) * 1000)::bigint, 'system'),
  ('01890000-0000-7000-8000-000000000002', 1,
   '{"kind": "fault", "title": "Fault reported by the appliance", "severity": "service", "enabled": true}',
   (extract(epoch FROM now()) * 1000)::bigint, 'system');

-- Where a rule stands with a device, per cause. A device that nothing ever happened to has no row.
CREATE TABLE rule_state (
  rule_id uuid NOT NULL,
  device_key int NOT NULL,
  cause text NOT NULL,
  phase text NOT NULL CHECK (phase IN ('idle', 'pending', 'holding')),
  -- Start of `pending`, or the moment `holding` was raised.
  since_ms bigint,
  last_at_ms bigint NOT NULL,
  evidence jsonb,
  PRIMARY KEY (rule_id, device_key, cause)
);
-- Start: which devices each rule must look at closely. Clearing: who else holds this cause.
CREATE INDEX rule_state_live ON rule_state (device_key, cause) WHERE phase <> 'idle';

CREATE TABLE service_case (
  id uuid PRIMARY KEY,
  device_key int NOT NULL,
  household_id uuid,
  rule_id uuid NOT NULL,
  cause text NOT NULL,
  severity text NOT NULL,
  title text NOT NULL,
  status text NOT NULL CHECK (status IN ('open', 'waiting_for_owner', 'waiting_for_staff', 'resolved', 'reopened')),
  opened_at_ms bigint NOT NULL,
  -- Since when it has its status.
  status_at_ms bigint NOT NULL,
  -- Of a resolved case: `cause`, or the principal.
  resolved_by text,
  CHECK ((status = 'resolved') = (resolved_by IS NOT NULL))
);
-- The dedupe key: one open case per device and cause.
CREATE UNIQUE INDEX service_case_open ON service_case (device_key, cause) WHERE status <> 'resolved';
-- The case that a returning cause may reopen.
CREATE INDEX service_case_last ON service_case (device_key, cause, opened_at_ms DESC);
CREATE INDEX service_case_status ON service_case (status, id DESC);

-- What happened to a case, in order.
CREATE TABLE case_entry (
  sequence bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  case_id uuid NOT NULL REFERENCES service_case (id),
  device_key int NOT NULL,
  kind text NOT NULL CHECK (kind IN ('opened', 'reopened', 'resolved', 'status', 'note')),
  at_ms bigint NOT NULL,
  by text NOT NULL,
  text text,
  data jsonb NOT NULL
);
CREATE INDEX case_entry_case ON case_entry (case_id, sequence);
CREATE INDEX case_entry_timeline ON case_entry (device_key, at_ms DESC, sequence DESC);
