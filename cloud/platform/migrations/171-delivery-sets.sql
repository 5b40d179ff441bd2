ALTER TABLE delivery
  -- How often this one is tried; null: as often as its kind is.
  ADD COLUMN attempts_max smallint CHECK (attempts_max > 0);
