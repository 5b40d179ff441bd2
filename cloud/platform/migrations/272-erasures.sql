-- Proof of each erasure, without the person.
CREATE TABLE erasure (
  id uuid PRIMARY KEY,
  -- Of the household's id, keyed with a secret that is not in the database: who knows the id finds the report, and nobody finds the id.
  household_hmac bytea NOT NULL,
  -- Of the code with which the person reads the report.
  code_sha256 bytea NOT NULL UNIQUE,
  -- `owner`, or who of the staff.
  asked_by text NOT NULL,
  at_ms bigint NOT NULL,
  -- Null until nothing is left and a scan found nothing.
  done_at_ms bigint,
  next_at_ms bigint NOT NULL,
  report jsonb NOT NULL,
  -- What is still looked for, enciphered; gone with the last of it.
  sought bytea,
  CHECK ((done_at_ms IS NULL) = (sought IS NOT NULL))
);
CREATE INDEX erasure_waiting ON erasure (next_at_ms) WHERE done_at_ms IS NULL;
CREATE INDEX erasure_household ON erasure (household_hmac);
