-- A draft has no image yet.
ALTER TABLE firmware_release
  ALTER COLUMN sha1 DROP NOT NULL,
  ALTER COLUMN md5 DROP NOT NULL,
  -- The family's metadata that names it, signed and not published yet: the exact bytes.
  ADD COLUMN signed_family text,
  ADD COLUMN sbom_components int;
-- Whether an image on disk still has a release, and whether the links to it still count.
DROP INDEX firmware_release_image;
CREATE INDEX firmware_release_image ON firmware_release (sha256, state);

-- The signed repository, as appliances fetch it: the exact bytes of each version. Of timestamps the newest alone.
CREATE TABLE repository_file (
  -- root, targets, snapshot, timestamp, or fw-{model}
  role text NOT NULL,
  version int NOT NULL,
  content text NOT NULL,
  expires_at_ms bigint NOT NULL,
  stored_at_ms bigint NOT NULL,
  PRIMARY KEY (role, version)
);

-- What a release consists of, from its SBOM.
CREATE TABLE release_sbom (
  release_id uuid PRIMARY KEY REFERENCES firmware_release (id) ON DELETE CASCADE,
  document text NOT NULL,
  stored_at_ms bigint NOT NULL,
  stored_by text NOT NULL
);
CREATE TABLE release_component (
  release_id uuid NOT NULL REFERENCES firmware_release (id) ON DELETE CASCADE,
  ordinal int NOT NULL,
  -- As people ask for it: lower case, with the group before it in a second one.
  name_key text NOT NULL,
  full_name_key text NOT NULL,
  name text NOT NULL,
  version text,
  -- Compares as versions do; null where there is no version, or none that can be read.
  version_key text[] COLLATE "C",
  purl text,
  kind text NOT NULL,
  PRIMARY KEY (release_id, ordinal)
);
-- Who runs the component with this weakness.
CREATE INDEX release_component_name ON release_component (name_key);
CREATE INDEX release_component_full_name ON release_component (full_name_key);

-- The number of the last statement that the director made for a device: it only grows.
CREATE TABLE director_sequence (
  device_id text PRIMARY KEY,
  seq bigint NOT NULL
);
