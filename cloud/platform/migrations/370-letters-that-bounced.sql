-- A mail server may take a letter and report hours later that it reached nobody. Which letters went to the address of such a report is found by
-- the keyed hash of the address that each was written to: people change theirs meanwhile.
ALTER TABLE engagement_message ADD COLUMN address_hash bytea;
CREATE INDEX engagement_message_address ON engagement_message (address_hash) WHERE status IN ('queued', 'delivered') AND address_hash IS NOT NULL;
ALTER TABLE engagement_message DROP CONSTRAINT engagement_message_status_check,
  ADD CONSTRAINT engagement_message_status_check CHECK (status IN ('queued', 'delivered', 'bounced', 'failed', 'dropped'));
