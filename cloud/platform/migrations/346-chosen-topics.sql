-- What a household says that it wants to hear of. It is its own word: kept whether or not it agrees to be advised personally, counted only then.
CREATE TABLE household_topic (
  household_id uuid NOT NULL,
  topic text NOT NULL,
  -- The household that chose it; null where that is the same.
  home_id uuid,
  chosen_at_ms bigint NOT NULL,
  PRIMARY KEY (household_id, topic)
);
