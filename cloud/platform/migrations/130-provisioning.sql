-- Appliances of one model that were made together. Each of them carries the batch's claim secret until it has a certificate of its own.
CREATE TABLE production_batch (
  key text PRIMARY KEY,
  model text NOT NULL,
  -- How many of its appliances may be enrolled, and how many are.
  quota int NOT NULL CHECK (quota > 0),
  enrolled int NOT NULL DEFAULT 0 CHECK (enrolled >= 0),
  valid_from_ms bigint NOT NULL,
  valid_until_ms bigint,
  state text NOT NULL CHECK (state IN ('open', 'closed')),
  created_at_ms bigint NOT NULL
);

-- Only the hash of a claim secret is kept, so a copy of the database opens nothing.
CREATE TABLE claim_secret (
  batch text NOT NULL REFERENCES production_batch (key),
  -- Lower-case hex.
  sha256 text NOT NULL UNIQUE,
  created_at_ms bigint NOT NULL,
  -- The end of its grace after a rotation; null for the one in force.
  valid_until_ms bigint,
  PRIMARY KEY (batch, sha256)
);

-- What was made, and may be enrolled once. The serial number becomes the device's id.
CREATE TABLE manufactured_serial (
  serial text PRIMARY KEY,
  batch text NOT NULL REFERENCES production_batch (key),
  state text NOT NULL CHECK (state IN ('manufactured', 'enrolled', 'blocked')),
  imported_at_ms bigint NOT NULL,
  changed_at_ms bigint NOT NULL
);
CREATE INDEX manufactured_serial_batch ON manufactured_serial (batch, state);

-- Whose key it is, for ever: no two devices share a credential, also not one after the other.
CREATE TABLE device_public_key (
  -- Lower-case hex SHA-256 of the SPKI.
  sha256 text PRIMARY KEY,
  device_id text NOT NULL
);

CREATE TABLE device_certificate (
  -- Lower-case hex SHA-256 of the DER.
  fingerprint text PRIMARY KEY,
  device_id text NOT NULL,
  serial_number text NOT NULL UNIQUE,
  key_sha256 text NOT NULL REFERENCES device_public_key (sha256),
  pem text NOT NULL,
  not_before_ms bigint NOT NULL,
  not_after_ms bigint NOT NULL,
  issued_at_ms bigint NOT NULL,
  -- The batch whose claim credential it was asked for with; null where the device was in already.
  batch text,
  revoked_at_ms bigint,
  revoked_reason text,
  CHECK ((revoked_at_ms IS NULL) = (revoked_reason IS NULL))
);
CREATE INDEX device_certificate_device ON device_certificate (device_id, issued_at_ms DESC);
-- For the list of what ends soon, in its order.
CREATE INDEX device_certificate_end ON device_certificate (not_after_ms, fingerprint);
-- For the deny-list and the revocation list.
CREATE INDEX device_certificate_revoked ON device_certificate (not_after_ms) WHERE revoked_at_ms IS NOT NULL;

-- Each revocation list has a greater number than the one before, also after a restart.
CREATE SEQUENCE fleet_crl_number;
