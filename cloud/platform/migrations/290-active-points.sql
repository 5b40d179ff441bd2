-- Points count for a tier from when they are active: of those that are pending, the moments at which somebody has to look.
CREATE TABLE loyalty_activation (
  account int NOT NULL,
  at_ms bigint NOT NULL,
  PRIMARY KEY (account, at_ms)
);
CREATE INDEX loyalty_activation_due ON loyalty_activation (at_ms);
INSERT INTO loyalty_activation (account, at_ms)
  SELECT DISTINCT credit_account, active_at_ms FROM ledger_transfer
  WHERE kind = 'earning' AND active_at_ms > (extract(epoch FROM now()) * 1000)::bigint;

-- A condition that reads what is known of the household is judged once, when the act is told.
ALTER TABLE ledger_refusal DROP CONSTRAINT ledger_refusal_refused_check;
ALTER TABLE ledger_refusal ADD CONSTRAINT ledger_refusal_refused_check CHECK (
  refused IN ('exists_with_different_amount', 'limit_reached', 'returned_before', 'exceeds_balance', 'condition_not_met'));
