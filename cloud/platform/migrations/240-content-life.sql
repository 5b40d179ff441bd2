-- Offers, why an item is said, who may pass it on, and the way of a version from draft to expiry.
ALTER TABLE content_item
  DROP CONSTRAINT content_item_kind_check,
  ADD CONSTRAINT content_item_kind_check CHECK (kind IN ('recipe', 'tip', 'notice', 'message', 'offer'));

ALTER TABLE content_version
  ADD class text NOT NULL DEFAULT 'service' CHECK (
    class IN ('safety', 'security', 'recall', 'service', 'requested', 'loyalty_status', 'promotional')
  ),
  ADD is_shareable boolean NOT NULL DEFAULT false,
  ADD topics text[] NOT NULL DEFAULT '{}',
  -- The models that it is for; null for all.
  ADD models text[],
  -- Of an offer: what it grants.
  ADD offer_key text,
  -- Its picture.
  ADD image_sha256 text,
  -- Where it goes, and when: local times, which a feed reads in `zone` and a delivery in the household's own.
  ADD feed_models text[] NOT NULL DEFAULT '{}',
  ADD from_local text,
  ADD until_local text,
  ADD zone text,
  -- When it begins anywhere, and when it has ended everywhere.
  ADD from_ms bigint,
  ADD until_ms bigint,
  -- While a safety notice is being delivered: the device before the next one.
  ADD notify_after_key bigint,
  DROP CONSTRAINT content_version_state_check,
  ADD CONSTRAINT content_version_state_check CHECK (
    state IN ('draft', 'in_review', 'approved', 'scheduled', 'live', 'withdrawn', 'expired')
  );

-- A notice's class stood in each of its texts.
UPDATE content_version v SET
  class = coalesce((SELECT t.value ->> 'class' FROM jsonb_each(v.locales) t LIMIT 1), 'service'),
  locales = (SELECT jsonb_object_agg(t.key, t.value - 'class') FROM jsonb_each(v.locales) t)
FROM content_item i WHERE i.id = v.item_id AND i.kind = 'notice';

CREATE UNIQUE INDEX content_version_live ON content_version (item_id) WHERE state = 'live';
CREATE UNIQUE INDEX content_version_scheduled ON content_version (item_id) WHERE state = 'scheduled';
CREATE INDEX content_version_starts ON content_version (from_ms) WHERE state = 'scheduled';
CREATE INDEX content_version_ends ON content_version (until_ms) WHERE state IN ('scheduled', 'live') AND until_ms IS NOT NULL;
CREATE INDEX content_version_notifies ON content_version (item_id) WHERE notify_after_key IS NOT NULL;

-- What became of each version, and who did it.
CREATE TABLE content_step (
  item_id uuid NOT NULL,
  version int NOT NULL,
  at_ms bigint NOT NULL,
  event text NOT NULL,
  state text NOT NULL,
  by text NOT NULL,
  note text,
  id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  FOREIGN KEY (item_id, version) REFERENCES content_version (item_id, version)
);
CREATE INDEX content_step_item ON content_step (item_id, id DESC);

-- A feed in a language that the item lacks holds the text that its readers fall back to.
ALTER TABLE feed_publication ADD text_locale text;
UPDATE feed_publication SET text_locale = locale;
ALTER TABLE feed_publication ALTER text_locale SET NOT NULL;
