-- When the service listened: one row for each stretch in which the gateway let appliances speak and what they said was committed. What
-- no row covers says nothing about an appliance, however silent it was.
CREATE TABLE listened (
  -- The gateway's boot: with another one every appliance had to come back first.
  boot_id text NOT NULL,
  from_ms bigint NOT NULL,
  -- Everything that the gateway had received until then is committed.
  until_ms bigint NOT NULL,
  -- When that was last said.
  beat_ms bigint NOT NULL,
  PRIMARY KEY (boot_id, from_ms)
);
CREATE INDEX listened_beat ON listened (beat_ms);
