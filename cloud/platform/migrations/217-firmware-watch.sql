-- What each appliance runs and since when, and what it ran before that. "Since" is when it was first seen with it.
CREATE TABLE firmware_stay (
  device_key int PRIMARY KEY,
  model text NOT NULL,
  version text NOT NULL,
  since_ms bigint NOT NULL,
  before_version text,
  before_since_ms bigint,
  CHECK ((before_version IS NULL) = (before_since_ms IS NULL))
);
-- Who went over to a release, the first of them first.
CREATE INDEX firmware_stay_switched ON firmware_stay (model, version, since_ms) WHERE before_version IS NOT NULL;
CREATE INDEX firmware_stay_since ON firmware_stay (since_ms) WHERE before_version IS NOT NULL;

-- Until where changes of appliances have been followed.
CREATE TABLE firmware_followed (
  only_row boolean PRIMARY KEY DEFAULT true CHECK (only_row),
  facts_at_ms bigint NOT NULL
);
INSERT INTO firmware_followed (facts_at_ms) VALUES (0);

-- What was last found of each release that appliances go over to.
CREATE TABLE firmware_watch (
  model text NOT NULL,
  version text NOT NULL,
  figures jsonb NOT NULL,
  verdict text NOT NULL CHECK (verdict IN ('too_little', 'sound', 'worse')),
  judged_at_ms bigint NOT NULL,
  PRIMARY KEY (model, version)
);
CREATE INDEX firmware_watch_judged ON firmware_watch (judged_at_ms DESC);
