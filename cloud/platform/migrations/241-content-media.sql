-- Pictures of content items, each once, under the hash of its bytes. The bytes lie in the artifacts folder.
CREATE TABLE content_media (
  sha256 text PRIMARY KEY,
  size_bytes int NOT NULL,
  mime_type text NOT NULL,
  created_at_ms bigint NOT NULL,
  created_by text NOT NULL
);
ALTER TABLE content_version ADD FOREIGN KEY (image_sha256) REFERENCES content_media (sha256);

-- Where the picture was when the item went on the feed: the index names the hash of these bytes, so they must not move afterwards.
ALTER TABLE feed_publication ADD image_href text;

-- The appliances on which somebody tries out what they write.
CREATE TABLE content_test_device (
  person text NOT NULL,
  device_id text NOT NULL,
  added_at_ms bigint NOT NULL,
  PRIMARY KEY (person, device_id)
);

-- Serves the calendar.
CREATE INDEX content_version_calendar ON content_version (from_ms) WHERE from_ms IS NOT NULL;
