-- What households that became one earned, each its own and that of those that are part of it: merges moved it along with their points, too.
WITH RECURSIVE merged AS (
  SELECT from_id AS id FROM household_merge UNION SELECT into_id FROM household_merge
), part AS (
  SELECT id AS root, id FROM merged
  UNION ALL
  SELECT part.root, h.id FROM part JOIN household h ON h.merged_into = part.id
)
UPDATE ledger_account a SET earned = (
  SELECT coalesce(sum(CASE t.kind WHEN 'earning' THEN t.points ELSE -t.points END), 0)
  FROM part JOIN ledger_account p ON p.household_id = part.id AND p.program = a.program AND p.kind = 'household'
  JOIN ledger_transfer t ON (t.kind = 'earning' AND t.credit_account = p.key) OR (t.kind = 'reversal' AND t.debit_account = p.key)
  WHERE part.root = a.household_id
)
WHERE a.kind = 'household' AND a.household_id IN (SELECT id FROM merged);
