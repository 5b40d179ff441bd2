-- The tokens of a device. Only the hash of one is kept, so a copy of the database opens nothing.
CREATE TABLE device_token (
  device_key int NOT NULL REFERENCES device (key) ON DELETE CASCADE,
  -- Lower-case hex. Unique over all devices: no two ever share a credential.
  sha256 text NOT NULL UNIQUE,
  created_at_ms bigint NOT NULL,
  -- The end of its grace after a rotation; null for the one in force.
  valid_until_ms bigint,
  PRIMARY KEY (device_key, sha256)
);
CREATE INDEX device_token_grace ON device_token (valid_until_ms) WHERE valid_until_ms IS NOT NULL;

-- Until now two tokens could work at once without an end, the newest first: all but that get a day's grace from here on.
INSERT INTO device_token (device_key, sha256, created_at_ms, valid_until_ms)
SELECT key, sha256, created_at_ms,
       CASE WHEN position > 1 THEN (extract(epoch FROM now()) * 1000)::bigint + 86400000 END
FROM device, unnest(token_sha256) WITH ORDINALITY AS t(sha256, position)
ON CONFLICT DO NOTHING;
ALTER TABLE device DROP COLUMN token_sha256;

-- Where a connection came from and how it proved itself; on the coming only. The address is personal data and does not stay.
ALTER TABLE presence_change ADD COLUMN address text, ADD COLUMN via text, ADD COLUMN login text;
CREATE INDEX presence_change_address ON presence_change (at_ms) WHERE address IS NOT NULL;
