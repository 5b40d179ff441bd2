-- Points are kept in lots: what one earning brought, with the time from which it counts and the time at which it expires. Every transfer
-- moves points of one lot, so what is left of a lot can be recomputed from the transfers.

ALTER TABLE ledger_transfer DISABLE TRIGGER ledger_transfer_append_only;

-- What no appliance saw has none.
ALTER TABLE ledger_transfer ALTER COLUMN device_key DROP NOT NULL;

ALTER TABLE ledger_transfer DROP CONSTRAINT ledger_transfer_kind_check;
ALTER TABLE ledger_transfer ADD CONSTRAINT ledger_transfer_kind_check CHECK (
  kind IN ('earning', 'reversal', 'reservation', 'release', 'spending', 'refund', 'expiry', 'merge'));
ALTER TABLE ledger_account DROP CONSTRAINT ledger_account_kind_check;
ALTER TABLE ledger_account ADD CONSTRAINT ledger_account_kind_check CHECK (
  kind IN ('issuance', 'household', 'reversed', 'expired', 'reserved', 'spent'));

ALTER TABLE ledger_transfer
  -- The earning that brought the points.
  ADD COLUMN lot uuid,
  -- What moved them: a redemption, an offer, a merge, a reversal; null of an earning.
  ADD COLUMN cause uuid,
  -- Points before the tier's multiplier: what an act that is told again is compared by.
  ADD COLUMN base_points int,
  -- Whose limit the earning counts in, and in what: a day, a week, a month, a value, or once for all.
  ADD COLUMN limit_account int,
  ADD COLUMN limit_key text,
  ADD COLUMN is_once boolean NOT NULL DEFAULT false;
UPDATE ledger_transfer SET lot = coalesce(reverses, id), cause = CASE kind WHEN 'reversal' THEN id END, base_points = points,
  limit_account = CASE kind WHEN 'earning' THEN credit_account END,
  limit_key = CASE WHEN kind <> 'earning' THEN NULL WHEN once_for IS NULL THEN day::text ELSE '' END,
  is_once = kind = 'earning' AND once_for IS NOT NULL;
ALTER TABLE ledger_transfer ALTER COLUMN lot SET NOT NULL;

ALTER TABLE ledger_transfer DROP CONSTRAINT ledger_transfer_reverses_key;
ALTER TABLE ledger_transfer DROP COLUMN once_for;
DROP INDEX ledger_credit;
DROP INDEX ledger_debit_page;
DROP INDEX ledger_active_at;
-- An earning is taken back once, by as many transfers as it takes lots.
CREATE UNIQUE INDEX ledger_reverses ON ledger_transfer (reverses, lot) WHERE reverses IS NOT NULL;
CREATE INDEX ledger_debit_page ON ledger_transfer (debit_account, sequence DESC) WHERE kind <> 'earning';
CREATE INDEX ledger_cause ON ledger_transfer (cause) WHERE cause IS NOT NULL;
-- Limits: what counts in them already, and that nothing earns twice that earns once.
CREATE INDEX ledger_limit ON ledger_transfer (limit_account, rule, limit_key) WHERE limit_account IS NOT NULL;
CREATE UNIQUE INDEX ledger_once ON ledger_transfer (limit_account, rule, effect_index, limit_key) WHERE is_once;

-- Nothing of an entry changes but what names a person, and that only when the person is erased: then the source is its keyed hash.
CREATE FUNCTION refuse_ledger_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF TG_OP = 'UPDATE' AND NEW.source LIKE 'erased:%' AND NEW.device_key IS NULL AND NEW.reason IS NULL
    AND to_jsonb(NEW) - '{source,device_key,reason,limit_key}'::text[] = to_jsonb(OLD) - '{source,device_key,reason,limit_key}'::text[]
  THEN RETURN NEW;
  END IF;
  RAISE EXCEPTION '% is append-only', TG_TABLE_NAME;
END $$;
DROP TRIGGER ledger_transfer_append_only ON ledger_transfer;
CREATE TRIGGER ledger_transfer_append_only BEFORE UPDATE OR DELETE ON ledger_transfer
  FOR EACH ROW EXECUTE FUNCTION refuse_ledger_change();

-- What the program's own accounts hold is the sum of their transfers: a running total would be one row that everybody waits for.
UPDATE ledger_account SET debits = 0, credits = 0 WHERE kind <> 'household';
INSERT INTO ledger_account (program, kind, household_id)
  SELECT 'points', kind, NULL FROM unnest('{issuance,reserved,spent,expired,reversed}'::text[]) AS kind
  ON CONFLICT ON CONSTRAINT ledger_account_identity DO NOTHING;
ALTER TABLE ledger_account
  -- Points earned and not taken back, ever: below a tier's bound nobody need look further.
  ADD COLUMN earned bigint NOT NULL DEFAULT 0,
  -- The account of the household that this one's became part of.
  ADD COLUMN merged_into int REFERENCES ledger_account (key);
UPDATE ledger_account SET earned = credits - debits WHERE kind = 'household';
CREATE INDEX ledger_account_merged ON ledger_account (merged_into) WHERE merged_into IS NOT NULL;

CREATE TABLE ledger_lot (
  account int NOT NULL,
  lot uuid NOT NULL,
  active_at_ms bigint NOT NULL,
  -- Null: never.
  expires_at_ms bigint,
  points_left int NOT NULL,
  PRIMARY KEY (account, lot)
);
INSERT INTO ledger_lot (account, lot, active_at_ms, expires_at_ms, points_left)
  SELECT t.credit_account, t.id, t.active_at_ms, NULL,
    t.points - coalesce((SELECT sum(r.points) FROM ledger_transfer r WHERE r.lot = t.id AND r.kind = 'reversal'), 0)
  FROM ledger_transfer t WHERE t.kind = 'earning';
-- A household's balance, and what it spends first.
CREATE INDEX ledger_lot_left ON ledger_lot (account, expires_at_ms) WHERE points_left <> 0;
CREATE INDEX ledger_lot_expiry ON ledger_lot (expires_at_ms) WHERE points_left > 0;

ALTER TABLE ledger_refusal DROP CONSTRAINT ledger_refusal_refused_check;
UPDATE ledger_refusal SET refused = 'limit_reached' WHERE refused = 'daily_limit';
ALTER TABLE ledger_refusal ADD CONSTRAINT ledger_refusal_refused_check CHECK (
  refused IN ('exists_with_different_amount', 'limit_reached', 'returned_before', 'exceeds_balance'));

-- Things given back before their buying was told: it earns nothing then.
CREATE TABLE loyalty_return (
  account int NOT NULL,
  rule text NOT NULL,
  limit_key text NOT NULL,
  source text NOT NULL,
  at_ms bigint NOT NULL,
  PRIMARY KEY (account, rule, limit_key)
);

-- Days, weeks or months in which a household did what a streak counts.
CREATE TABLE loyalty_mark (
  account int NOT NULL,
  rule text NOT NULL,
  period date NOT NULL,
  PRIMARY KEY (account, rule, period)
);

-- How the program goes: expiry, tiers, what may be overdrawn. The newest version counts.
CREATE TABLE loyalty_program (
  version int PRIMARY KEY,
  definition jsonb NOT NULL,
  created_at_ms bigint NOT NULL,
  created_by text NOT NULL
);
INSERT INTO loyalty_program (version, definition, created_at_ms, created_by) VALUES (1, '{
  "expiresAfterDays": 730, "returnsMayOverdraw": false, "periodMonths": 12, "noticeDays": 30,
  "tiers": [
    {"key": "base", "title": "Member", "fromPoints": 0, "multiplierPct": 100},
    {"key": "silver", "title": "Silver", "fromPoints": 500, "multiplierPct": 110},
    {"key": "gold", "title": "Gold", "fromPoints": 2000, "multiplierPct": 125}]}', 0, 'system');

-- The tier that a household has, and until when; who has none is at the base.
CREATE TABLE loyalty_standing (
  account int PRIMARY KEY REFERENCES ledger_account (key),
  tier text NOT NULL,
  since_ms bigint NOT NULL,
  until_ms bigint NOT NULL,
  -- When the household was told that it is about to lose the tier; or that it need not be told, having the points already.
  noticed_at_ms bigint,
  is_secure boolean NOT NULL DEFAULT false
);
CREATE INDEX loyalty_standing_until ON loyalty_standing (until_ms);

CREATE TABLE loyalty_tier_change (
  sequence bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  account int NOT NULL REFERENCES ledger_account (key),
  at_ms bigint NOT NULL,
  recorded_at_ms bigint NOT NULL,
  from_tier text NOT NULL,
  to_tier text NOT NULL,
  -- Points earned in the period that decided.
  points bigint NOT NULL
);
CREATE INDEX loyalty_tier_change_of ON loyalty_tier_change (account, at_ms);

-- A version is in force for acts from a time on: what happened before it goes by the one before it, however late it is told.
ALTER TABLE loyalty_rule ADD COLUMN from_ms bigint;
UPDATE loyalty_rule SET from_ms = CASE WHEN created_by = 'system' THEN 0 ELSE created_at_ms END;
ALTER TABLE loyalty_rule ALTER COLUMN from_ms SET NOT NULL;
UPDATE loyalty_rule SET definition = jsonb_build_object(
  'title', definition->'title',
  'act', jsonb_build_object('type', definition->'event', 'from', '[]'::jsonb),
  'facts', '{}'::jsonb,
  'when', null,
  'effects', jsonb_build_array(jsonb_build_object('points', definition->'points', 'to', 'household')),
  'returns', null,
  'limit', CASE definition->'limit'->>'kind'
    WHEN 'per_day' THEN jsonb_build_object('kind', 'per', 'period', 'day', 'count', definition->'limit'->'count')
    ELSE definition->'limit' END,
  'streak', null,
  'tierMultiplied', false,
  'delayMs', definition->'delayMs',
  'expiresAfterDays', null,
  'enabled', definition->'enabled');
