-- Readings whose time cannot be right are found by the gateway's: for last values, and to erase them.
CREATE INDEX reading_suspect ON reading (device_key, suspect_received_at_ms) WHERE suspect_received_at_ms IS NOT NULL;
