-- What a release is beside its image. Releases of the simple manifest that came before have no place in the signed repository, and
-- nobody runs them: there was no version of Hearth yet.
DELETE FROM firmware_release;
DROP INDEX firmware_release_image;
ALTER TABLE firmware_release
  DROP COLUMN key_id,
  DROP COLUMN payload,
  DROP COLUMN signature,
  -- Its name in the signed repository: fw/{model}/{file}.
  ADD COLUMN path text NOT NULL UNIQUE,
  ADD COLUMN state text NOT NULL CHECK (state IN ('draft', 'signed', 'published', 'withdrawn')),
  ADD COLUMN min_counter int NOT NULL DEFAULT 0,
  -- No appliance below this counter may be brought past it: it gets this release first.
  ADD COLUMN pass_through boolean NOT NULL DEFAULT false,
  ADD COLUMN kind text NOT NULL CHECK (kind IN ('security', 'feature')),
  ADD COLUMN notes text NOT NULL DEFAULT '',
  ADD COLUMN support_ends_at_ms bigint,
  ADD COLUMN published_at_ms bigint,
  ADD COLUMN withdrawn_at_ms bigint,
  ADD COLUMN withdrawn_reason text,
  -- When the first appliance was offered it: from then on nothing of it changes.
  ADD COLUMN offered_at_ms bigint;
DROP TABLE firmware_key;
CREATE INDEX firmware_release_image ON firmware_release (sha256);
CREATE INDEX firmware_release_version ON firmware_release (model, version);
