-- Moments at which a household is to be asked how it likes its appliance. Each stays after it was asked, so that nobody is asked for the
-- same reason twice.
CREATE TABLE lifecycle_ask (
  household_id uuid NOT NULL,
  moment text NOT NULL CHECK (moment IN ('first_month', 'reward')),
  due_at_ms bigint NOT NULL,
  -- Nobody is asked later: by then nobody remembers.
  until_ms bigint NOT NULL,
  -- When it was asked, 0 where it never will be; null: not yet.
  asked_at_ms bigint,
  PRIMARY KEY (household_id, moment)
);
CREATE INDEX lifecycle_ask_due ON lifecycle_ask (due_at_ms) WHERE asked_at_ms IS NULL;
