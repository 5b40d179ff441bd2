-- What is told of a time of which only the sum is kept changes no stage any more: how often that was, and when the newest of it happened.
ALTER TABLE lifecycle_household
  ADD COLUMN too_late int NOT NULL DEFAULT 0,
  ADD COLUMN too_late_at_ms bigint;
