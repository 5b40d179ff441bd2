-- Whether a decision has a way left: what became of each delivery of what must reach people. Null: it may be seen still.
ALTER TABLE decision_delivery ADD COLUMN ended text;
-- Decisions whose ways came to nothing, until they are decided anew: looked for every second, and few.
CREATE INDEX decision_way_failed ON decision (source) WHERE answer = 'hold' AND reason = 'way_failed';
