-- Since when a device is held back, by which limit and what that allows; while its connection lasts.
ALTER TABLE device ADD COLUMN held_since_ms bigint, ADD COLUMN held_reason text, ADD COLUMN held_limit bigint;

-- A device may be held back and released many times within one connection.
ALTER TABLE presence_change ADD COLUMN limit_value bigint;
ALTER TABLE presence_change
  DROP CONSTRAINT presence_change_pkey,
  ADD PRIMARY KEY (device_key, boot_id, connection_id, state, at_ms);
