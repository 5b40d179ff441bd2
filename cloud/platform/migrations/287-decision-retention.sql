-- Up to which decisions, by when they were made, the evidence behind them was removed.
CREATE TABLE engagement_retention (
  single boolean PRIMARY KEY DEFAULT true CHECK (single),
  traces_before_ms bigint NOT NULL
);
INSERT INTO engagement_retention (traces_before_ms) VALUES (0);
-- Retention alone looks by age. Decisions come in the order of their time, so that a summary of each part of the table is enough.
CREATE INDEX decision_age ON decision USING brin (decided_at_ms);
-- Of a campaign that ended long ago: its households' rows are gone, its counts stay.
ALTER TABLE campaign ADD COLUMN trimmed_at_ms bigint;
