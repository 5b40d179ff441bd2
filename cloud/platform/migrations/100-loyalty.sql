-- What earns points. Each change is a new version; the newest counts.
CREATE TABLE loyalty_rule (
  key text NOT NULL,
  version int NOT NULL,
  definition jsonb NOT NULL,
  created_at_ms bigint NOT NULL,
  created_by text NOT NULL,
  PRIMARY KEY (key, version)
);

INSERT INTO loyalty_rule (key, version, definition, created_at_ms, created_by) VALUES
  ('finished_program', 1,
   '{"title": "Finished a program", "event": "program.finished", "points": 10, "limit": {"kind": "per_day", "count": 3},
     "delayMs": 0, "enabled": true}',
   (extract(epoch FROM now()) * 1000)::bigint, 'system'),
  ('first_cook', 1,
   '{"title": "First program of the household", "event": "program.finished", "points": 50, "limit": {"kind": "once"},
     "delayMs": 0, "enabled": true}',
   (extract(epoch FROM now()) * 1000)::bigint, 'system');

-- The ledger: every transfer debits one account and credits another. Points that a household holds are its credits less its debits.
CREATE TABLE ledger_account (
  key int GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  program text NOT NULL,
  kind text NOT NULL CHECK (kind IN ('issuance', 'household', 'reversed', 'expired')),
  household_id uuid,
  debits bigint NOT NULL DEFAULT 0,
  credits bigint NOT NULL DEFAULT 0,
  CHECK ((kind = 'household') = (household_id IS NOT NULL)),
  CONSTRAINT ledger_account_identity UNIQUE NULLS NOT DISTINCT (program, kind, household_id)
);

CREATE TABLE ledger_transfer (
  sequence bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  id uuid NOT NULL UNIQUE,
  program text NOT NULL,
  kind text NOT NULL CHECK (kind IN ('earning', 'reversal')),
  debit_account int NOT NULL REFERENCES ledger_account (key),
  credit_account int NOT NULL REFERENCES ledger_account (key),
  points int NOT NULL CHECK (points > 0),
  -- When it happened, by the device; when it counts; when it was written.
  at_ms bigint NOT NULL,
  active_at_ms bigint NOT NULL,
  recorded_at_ms bigint NOT NULL,
  rule text NOT NULL,
  rule_version int NOT NULL,
  -- Identity of the event that earned, as `device/event`.
  source text NOT NULL,
  effect_index int NOT NULL,
  device_key int NOT NULL,
  -- The household's calendar day of the event: what daily limits count in.
  day date NOT NULL,
  -- Set where the rule earns once per household.
  once_for uuid,
  reverses uuid UNIQUE REFERENCES ledger_transfer (id),
  reason text,
  CHECK (debit_account <> credit_account),
  CHECK ((kind = 'reversal') = (reverses IS NOT NULL))
);
-- Identity of an earning, unique for ever: devices replay after days offline, and points must not move.
CREATE UNIQUE INDEX ledger_earning ON ledger_transfer (program, source, rule, effect_index) WHERE kind = 'earning';
CREATE UNIQUE INDEX ledger_once ON ledger_transfer (program, rule, once_for) WHERE kind = 'earning' AND once_for IS NOT NULL;
-- Daily limits, and a household's ledger and sums.
CREATE INDEX ledger_credit ON ledger_transfer (credit_account, rule, day);
CREATE INDEX ledger_credit_page ON ledger_transfer (credit_account, sequence DESC);
CREATE INDEX ledger_debit_page ON ledger_transfer (debit_account, sequence DESC);
-- What is still pending.
CREATE INDEX ledger_active_at ON ledger_transfer (active_at_ms);
CREATE INDEX ledger_timeline ON ledger_transfer (device_key, at_ms DESC);

CREATE TRIGGER ledger_transfer_append_only BEFORE UPDATE OR DELETE ON ledger_transfer
  FOR EACH ROW EXECUTE FUNCTION refuse_change();
CREATE TRIGGER ledger_transfer_not_emptied BEFORE TRUNCATE ON ledger_transfer
  FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();

-- Earnings that were refused, once per reason and amount. A refusal by a limit is final too: the same event never earns later.
CREATE TABLE ledger_refusal (
  program text NOT NULL,
  source text NOT NULL,
  rule text NOT NULL,
  effect_index int NOT NULL,
  refused text NOT NULL CHECK (refused IN ('exists_with_different_amount', 'daily_limit')),
  points int NOT NULL,
  household_id uuid NOT NULL,
  recorded_at_ms bigint NOT NULL,
  PRIMARY KEY (program, source, rule, effect_index, refused, points)
);
