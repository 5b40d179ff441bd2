-- Since when an owner waits for an answer to what they wrote, where no first answer is promised any more, and how far staff were told.
ALTER TABLE case_conversation
  ADD COLUMN waits_since_ms bigint,
  ADD COLUMN waits_level smallint NOT NULL DEFAULT 0,
  ADD COLUMN waits_escalates_at_ms bigint;
CREATE INDEX case_conversation_waits ON case_conversation (waits_escalates_at_ms) WHERE waits_escalates_at_ms IS NOT NULL;
