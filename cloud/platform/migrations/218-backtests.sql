-- A rule, run over what appliances said in a time that is past.
CREATE TABLE backtest (
  id uuid PRIMARY KEY,
  by text NOT NULL,
  definition jsonb NOT NULL,
  -- Of what decides when the rule fires, and of nothing else in it.
  definition_sha256 text NOT NULL,
  rule_id uuid,
  from_ms bigint NOT NULL,
  to_ms bigint NOT NULL,
  filter jsonb NOT NULL,
  status text NOT NULL CHECK (status IN ('running', 'done', 'cancelled', 'failed')),
  -- Why it ended before the last appliance, or how it failed.
  reason text,
  -- Appliances that the filter means, those that were picked, and those that are done.
  matching int NOT NULL,
  devices int NOT NULL,
  done int NOT NULL DEFAULT 0,
  fired int NOT NULL DEFAULT 0,
  never_fired int NOT NULL DEFAULT 0,
  no_data int NOT NULL DEFAULT 0,
  looked_at bigint NOT NULL DEFAULT 0,
  started_at_ms bigint NOT NULL,
  ended_at_ms bigint
);
CREATE INDEX backtest_definition ON backtest (definition_sha256, started_at_ms DESC) WHERE status = 'done';
-- One at a time for whoever asks.
CREATE UNIQUE INDEX backtest_running ON backtest (by) WHERE status = 'running';

CREATE TABLE backtest_device (
  backtest_id uuid NOT NULL REFERENCES backtest (id) ON DELETE CASCADE,
  device_key int NOT NULL,
  verdict text NOT NULL CHECK (verdict IN ('fired', 'never_fired', 'no_data')),
  evaluated bigint NOT NULL,
  -- How often the cause came, and the first of its comings and goings with what spoke for them.
  raises int NOT NULL,
  firings jsonb NOT NULL,
  PRIMARY KEY (backtest_id, device_key)
);
CREATE INDEX backtest_device_verdict ON backtest_device (backtest_id, verdict, device_key);
