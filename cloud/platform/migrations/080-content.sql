-- A recipe, tip, notice or message. Each change is a new version, and every version is kept.
CREATE TABLE content_item (
  id uuid PRIMARY KEY,
  kind text NOT NULL CHECK (kind IN ('recipe', 'tip', 'notice', 'message')),
  -- The newest version.
  version int NOT NULL,
  created_at_ms bigint NOT NULL,
  created_by text NOT NULL
);
CREATE INDEX content_item_kind ON content_item (kind, id DESC);

CREATE TABLE content_version (
  item_id uuid NOT NULL REFERENCES content_item (id),
  version int NOT NULL,
  -- { locale: text and steps in it }
  locales jsonb NOT NULL,
  state text NOT NULL CHECK (state IN ('draft', 'live', 'withdrawn')),
  created_at_ms bigint NOT NULL,
  created_by text NOT NULL,
  PRIMARY KEY (item_id, version)
);

-- What is on which feed.
CREATE TABLE feed_publication (
  model text NOT NULL,
  feed text NOT NULL,
  locale text NOT NULL,
  item_id uuid NOT NULL,
  version int NOT NULL,
  published_at_ms bigint NOT NULL,
  PRIMARY KEY (model, feed, locale, item_id),
  FOREIGN KEY (item_id, version) REFERENCES content_version (item_id, version)
);
CREATE INDEX feed_publication_item ON feed_publication (item_id);

-- At which version of all feeds an index last changed. It stays when its feed is empty, so that devices drop what they hold.
CREATE TABLE feed_index (
  model text NOT NULL,
  feed text NOT NULL,
  locale text NOT NULL,
  version bigint NOT NULL,
  PRIMARY KEY (model, feed, locale)
);

-- One version over all retained content. Its row is also the lock that puts changes in order.
CREATE TABLE feed_version (
  only_row boolean PRIMARY KEY DEFAULT true CHECK (only_row),
  version bigint NOT NULL
);
INSERT INTO feed_version (version) VALUES (0);
