-- What a rollout's target asks of appliances, as columns that an index and a plan can use. `reported` stays the whole of what they say.
ALTER TABLE device
  ADD COLUMN hardware text,
  ADD COLUMN firmware_version text,
  -- The version's numbers, for comparing: 2.10.1-rc1 is {2,10,1}.
  ADD COLUMN firmware_parts int[],
  -- Counter of the release that it last confirmed.
  ADD COLUMN release_counter int,
  ADD COLUMN locale text,
  -- IANA name, as the appliance reports it.
  ADD COLUMN time_zone text,
  -- ISO 3166-1 alpha-2, upper case.
  ADD COLUMN country text,
  ADD COLUMN tags text[] NOT NULL DEFAULT '{}',
  -- When one of these, or its model or household, last changed: what follows devices reads on from here.
  ADD COLUMN facts_at_ms bigint NOT NULL DEFAULT 0;
-- Only what ingest would keep: an appliance may have reported anything.
CREATE FUNCTION reported_text(reported jsonb, key text) RETURNS text LANGUAGE sql IMMUTABLE AS $$
  SELECT CASE WHEN jsonb_typeof(reported -> key -> 'value') = 'string' AND char_length(reported -> key ->> 'value') BETWEEN 1 AND 64
    THEN reported -> key ->> 'value' END
$$;
UPDATE device SET
  release_counter = CASE
    WHEN jsonb_typeof(reported -> 'releaseCounter' -> 'value') = 'number'
      AND reported -> 'releaseCounter' ->> 'value' ~ '^[0-9]{1,10}$'
      AND (reported -> 'releaseCounter' ->> 'value')::bigint <= 2147483647
    THEN (reported -> 'releaseCounter' ->> 'value')::int END,
  hardware = reported_text(reported, 'hardware'),
  firmware_version = reported_text(reported, 'firmware'),
  firmware_parts = regexp_split_to_array(
    substring(reported_text(reported, 'firmware') FROM '^[0-9]{1,6}(?:\.[0-9]{1,6}){0,5}'), '\.')::int[],
  locale = reported_text(reported, 'locale'),
  time_zone = reported_text(reported, 'timeZone')
WHERE reported <> '{}';
DROP FUNCTION reported_text;
-- A target of one model, in the order of keys; the followers of changes.
CREATE INDEX device_facts_changed ON device (facts_at_ms, key);
-- Which appliances run a release.
CREATE INDEX device_firmware ON device (model, firmware_version);
CREATE INDEX device_tags ON device USING gin (tags);
