-- How much each appliance asked lately. Its row is also what two questions of one appliance wait for each other at.
CREATE TABLE help_desk (
  device_key int PRIMARY KEY,
  window_from_ms bigint NOT NULL,
  asked int NOT NULL
);

-- A case that its owner speaks in.
CREATE TABLE case_conversation (
  case_id uuid PRIMARY KEY REFERENCES service_case (id),
  code text,
  topic text,
  wants_human boolean NOT NULL DEFAULT false,
  -- Set while an automatic answer, or a word that the message arrived, is still to be given.
  answer_due_at_ms bigint,
  auto_answered_at_ms bigint,
  -- The due time that the owner was last told may be missed.
  warned_for_ms bigint,
  -- What they chose then.
  alternative jsonb,
  feedback_asked_at_ms bigint,
  rating smallint CHECK (rating BETWEEN 1 AND 5),
  rated_at_ms bigint
);
CREATE INDEX case_conversation_answer ON case_conversation (answer_due_at_ms) WHERE answer_due_at_ms IS NOT NULL;
CREATE INDEX case_conversation_rated ON case_conversation (rated_at_ms) WHERE rated_at_ms IS NOT NULL;
-- Those that somebody may still be asked how it went.
CREATE INDEX case_conversation_unasked ON case_conversation (case_id) WHERE feedback_asked_at_ms IS NULL;

-- When a household was last asked how it went.
CREATE TABLE feedback_asked (
  household_id uuid PRIMARY KEY,
  asked_at_ms bigint NOT NULL
);

-- A message on an appliance's display, and whether somebody saw it.
CREATE TABLE case_display (
  delivery_id uuid PRIMARY KEY,
  case_id uuid NOT NULL REFERENCES service_case (id),
  shown_at_ms bigint
);
CREATE INDEX case_display_case ON case_display (case_id);

-- How long first answers took lately.
CREATE INDEX service_case_answered ON service_case (severity, answered_at_ms DESC) WHERE answered_at_ms IS NOT NULL;
