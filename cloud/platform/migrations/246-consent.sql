-- With whom a household may agree that its data is shared.
CREATE TABLE consent_party (
  key text PRIMARY KEY,
  name text NOT NULL,
  created_at_ms bigint NOT NULL
);

-- The words in which somebody is asked, by purpose, party (of `share` alone) and locale. A change is a further version: what was agreed to
-- stays as it was read.
CREATE TABLE consent_text (
  purpose text NOT NULL CHECK (purpose IN ('run', 'improve', 'personalise', 'market', 'share')),
  party text NOT NULL DEFAULT '',
  locale text NOT NULL,
  version int NOT NULL,
  words text NOT NULL,
  words_sha256 text NOT NULL,
  in_return text NOT NULL,
  created_at_ms bigint NOT NULL,
  created_by text NOT NULL,
  PRIMARY KEY (purpose, party, locale, version),
  CHECK ((purpose = 'share') = (party <> ''))
);
CREATE TRIGGER consent_text_append_only BEFORE UPDATE OR DELETE ON consent_text
  FOR EACH ROW EXECUTE FUNCTION refuse_change();

CREATE TABLE consent_receipt (
  sequence bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  id uuid NOT NULL UNIQUE,
  household_id uuid NOT NULL,
  purpose text NOT NULL CHECK (purpose IN ('improve', 'personalise', 'market', 'share')),
  party text NOT NULL DEFAULT '',
  decision text NOT NULL CHECK (decision IN ('given', 'withdrawn')),
  text_locale text,
  text_version int,
  words_sha256 text,
  in_return text,
  channel text NOT NULL,
  evidence text,
  at_ms bigint NOT NULL,
  recorded_at_ms bigint NOT NULL,
  by_principal text NOT NULL,
  -- The receipt that a merge of households, or its undoing, repeated here.
  carried_from uuid,
  CHECK (decision = 'withdrawn' OR text_version IS NOT NULL)
);
CREATE INDEX consent_receipt_of ON consent_receipt (household_id, sequence DESC);

-- Receipts are never changed. They go when their household is erased, and whoever erases says so in its transaction.
CREATE FUNCTION refuse_receipt_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF TG_OP = 'DELETE' AND current_setting('hearth.erasing', true) = OLD.household_id::text THEN RETURN OLD; END IF;
  RAISE EXCEPTION 'consent_receipt is append-only';
END $$;
CREATE TRIGGER consent_receipt_append_only BEFORE UPDATE OR DELETE ON consent_receipt
  FOR EACH ROW EXECUTE FUNCTION refuse_receipt_change();

-- What holds now, by the newest word on each purpose: what every decision asks, and statements over many households join.
CREATE TABLE consent_standing (
  household_id uuid NOT NULL,
  purpose text NOT NULL,
  party text NOT NULL DEFAULT '',
  is_given boolean NOT NULL,
  at_ms bigint NOT NULL,
  receipt_id uuid NOT NULL,
  PRIMARY KEY (household_id, purpose, party)
);
CREATE INDEX consent_standing_given ON consent_standing (purpose, household_id) WHERE is_given;

INSERT INTO consent_text (purpose, locale, version, words, words_sha256, in_return, created_at_ms, created_by)
SELECT purpose, locale, 1, words, encode(sha256(convert_to(words, 'UTF8')), 'hex'), in_return, 1767225600000, 'system'
FROM (VALUES
  ('run', 'en', 'We use what your appliances report to run them: to keep them safe and up to date, to help when something is wrong, and to keep your points.', 'The product works as it should.'),
  ('run', 'de', 'Wir nutzen, was Ihre Geräte melden, um sie zu betreiben: damit sie sicher und aktuell bleiben, wir bei Störungen helfen und Ihre Punkte führen können.', 'Das Gerät arbeitet, wie es soll.'),
  ('improve', 'en', 'You may use how I use my appliances to make the product better. It is looked at together with many other households.', 'Updates that fit the way you cook, and a look at the results.'),
  ('improve', 'de', 'Sie dürfen auswerten, wie ich meine Geräte nutze, um das Produkt zu verbessern, zusammen mit vielen anderen Haushalten.', 'Updates, die zu Ihrer Küche passen, und ein Blick auf die Ergebnisse.'),
  ('personalise', 'en', 'You may use what I cook and look at to choose recipes and tips for me.', 'Recipes and tips that suit your household and your appliances.'),
  ('personalise', 'de', 'Sie dürfen nutzen, was ich koche und mir ansehe, um Rezepte und Tipps für mich auszuwählen.', 'Rezepte und Tipps, die zu Haushalt und Geräten passen.'),
  ('market', 'en', 'You may send me offers and news about products and accessories. I may object at any time.', 'Offers at your own price, which others do not get.'),
  ('market', 'de', 'Sie dürfen mir Angebote und Neues zu Produkten und Zubehör senden. Ich kann jederzeit widersprechen.', 'Angebote zu Ihrem eigenen Preis, den andere nicht bekommen.')
) AS texts (purpose, locale, words, in_return);
