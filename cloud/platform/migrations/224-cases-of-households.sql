-- A case may be of a household alone: of one without an appliance yet, or of what is no appliance's matter. Its model is then ''.
ALTER TABLE service_case
  ALTER COLUMN device_key DROP NOT NULL,
  ADD CONSTRAINT service_case_whose_check CHECK (device_key IS NOT NULL OR model = '');
ALTER TABLE case_entry ALTER COLUMN device_key DROP NOT NULL;
-- The dedupe key of those: one open case per household and cause. And the one that a returning cause may reopen.
CREATE UNIQUE INDEX service_case_open_household ON service_case (household_id, cause) WHERE NOT is_closed AND device_key IS NULL;
CREATE INDEX service_case_last_household ON service_case (household_id, cause, opened_at_ms DESC) WHERE device_key IS NULL;

-- What was answered to whoever may ask again with the same key, since the first answer was lost on the way to them.
CREATE TABLE idempotent_answer (
  principal text NOT NULL,
  operation text NOT NULL,
  key text NOT NULL,
  -- Of what was asked: the same key with other content is another matter, and is refused.
  content_hash bytea NOT NULL,
  answer jsonb NOT NULL,
  at_ms bigint NOT NULL,
  PRIMARY KEY (principal, operation, key)
);
CREATE INDEX idempotent_answer_at ON idempotent_answer (at_ms);
