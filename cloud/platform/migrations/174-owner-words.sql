-- When the device may begin, which its household can move: until then it waits for people, and its silence is no time-out.
ALTER TABLE delivery ADD COLUMN quiet_until_ms bigint GENERATED ALWAYS AS (
  CASE
    WHEN kind = 'firmware' AND jsonb_typeof(body -> 'notBeforeMs') = 'number'
      THEN greatest(0, least((body -> 'notBeforeMs')::numeric, expires_at_ms))::bigint
  END
) VIRTUAL;

-- What a household said of something on its way to its appliance. Who of them did stands in the audit log.
CREATE TABLE delivery_owner_word (
  delivery_id uuid NOT NULL REFERENCES delivery (id),
  device_key int NOT NULL REFERENCES device (key),
  at_ms bigint NOT NULL,
  word text NOT NULL CHECK (word IN ('agreed', 'postponed', 'declined')),
  -- Where it was postponed: until when.
  until_ms bigint,
  PRIMARY KEY (delivery_id, at_ms, word)
);
CREATE INDEX delivery_owner_word_timeline ON delivery_owner_word (device_key, at_ms DESC);
