-- Like `household_hmac`, of everything that became part of the household before it was erased: a backup may be older than that.
ALTER TABLE erasure ADD COLUMN part_hmacs bytea[] NOT NULL DEFAULT '{}';
