-- Whose signatures this installation trusts. Public keys alone: the private ones never reach a server.
CREATE TABLE firmware_key (
  key_id text PRIMARY KEY,
  public_key bytea NOT NULL,
  name text NOT NULL,
  created_at_ms bigint NOT NULL,
  created_by text NOT NULL
);

-- A signed image. The manifest stays as the bytes that were signed.
CREATE TABLE firmware_release (
  id uuid PRIMARY KEY,
  model text NOT NULL,
  hardware_ids text[] NOT NULL,
  version text NOT NULL,
  release_counter int NOT NULL,
  length bigint NOT NULL,
  sha256 text NOT NULL,
  sha1 text NOT NULL,
  md5 text NOT NULL,
  key_id text NOT NULL REFERENCES firmware_key (key_id),
  payload text NOT NULL,
  signature text NOT NULL,
  created_at_ms bigint NOT NULL,
  created_by text NOT NULL,
  UNIQUE (model, release_counter)
);
-- Whether an image on disk still has a release.
CREATE INDEX firmware_release_image ON firmware_release (sha256);
