-- Why it was decided so: written once with the decision, read when somebody asks, and moved by nothing that becomes of the decision after.
-- As text: nobody looks for anything inside, and taking it apart and together again costs more than the rest of the row.
CREATE TABLE decision_evidence (
  decision_id uuid PRIMARY KEY REFERENCES decision (id) ON DELETE CASCADE,
  state json NOT NULL,
  trace json NOT NULL
);
INSERT INTO decision_evidence (decision_id, state, trace) SELECT id, state::json, trace::json FROM decision;
ALTER TABLE decision DROP COLUMN state, DROP COLUMN trace;
-- Most rows change once or twice soon after: what was sent, was shown. With room on its page a row needs no new place in five indexes.
ALTER TABLE decision SET (fillfactor = 75);
ALTER TABLE decision_past ALTER COLUMN state TYPE json USING state::json, ALTER COLUMN trace TYPE json USING trace::json;
