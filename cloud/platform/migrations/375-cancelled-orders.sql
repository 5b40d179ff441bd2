-- An order that the shop never answered may have been charged: the shop is told to cancel it, and where it cannot be told a person looks.
-- Null: there is nothing to cancel.
ALTER TABLE loyalty_grant
  ADD COLUMN cancel_state text CHECK (cancel_state IN ('owed', 'cancelled', 'for_a_person')),
  ADD COLUMN cancel_next_at_ms bigint,
  ADD COLUMN cancel_attempts int NOT NULL DEFAULT 0,
  ADD COLUMN cancel_detail text,
  ADD CHECK ((cancel_state IS NOT DISTINCT FROM 'owed') = (cancel_next_at_ms IS NOT NULL));
CREATE INDEX loyalty_grant_cancel ON loyalty_grant (cancel_next_at_ms) WHERE cancel_state = 'owed';
