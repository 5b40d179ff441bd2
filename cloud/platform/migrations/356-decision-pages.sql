-- Why it was decided so lies with what was the same for the page: a line for each decision, begun by a line break and its id, as JSON of its
-- state and its trace. One row is written, compressed and forgotten in place of hundreds.
ALTER TABLE decision_context ADD COLUMN evidence text NOT NULL DEFAULT '';
UPDATE decision_context c SET evidence = known.lines FROM (
  SELECT context_id, string_agg(E'\n' || id || ' ' || json_build_object('state', state, 'trace', trace), '') AS lines FROM (
    SELECT d.context_id, d.id, e.state, e.trace FROM decision d JOIN decision_evidence e ON e.decision_id = d.id
    UNION ALL
    SELECT context_id, decision_id, state, trace FROM decision_past
  ) AS each GROUP BY context_id
) AS known WHERE c.id = known.context_id;
DROP TABLE decision_evidence;
ALTER TABLE decision_past DROP COLUMN state, DROP COLUMN trace;

-- What is there about one decision, or null.
CREATE FUNCTION evidence_of(evidence text, decision_id uuid) RETURNS json LANGUAGE sql IMMUTABLE AS $$
  SELECT nullif(split_part(split_part(evidence, E'\n' || decision_id || ' ', 2), E'\n', 1), '')::json
$$;
-- The lines about these decisions, or those about others.
CREATE FUNCTION evidence_about(evidence text, decision_ids uuid[], others boolean) RETURNS text LANGUAGE sql IMMUTABLE AS $$
  SELECT coalesce(string_agg(E'\n' || line, '' ORDER BY n), '')
  FROM string_to_table(substr(evidence, 2), E'\n') WITH ORDINALITY AS each(line, n)
  WHERE line <> '' AND (left(line, 36)::uuid = ANY(decision_ids)) <> others
$$;

CREATE OR REPLACE FUNCTION forget_parts_of_decisions() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  -- In one order, so that two who forget never wait for each other in a ring.
  PERFORM FROM decision_context
    WHERE id IN (SELECT context_id FROM went UNION SELECT p.context_id FROM decision_past p JOIN went ON went.id = p.decision_id)
    ORDER BY id FOR UPDATE;
  UPDATE decision_context c SET evidence = evidence_about(c.evidence, gone.ids, others => true) FROM (
    SELECT context_id, array_agg(id) AS ids FROM (
      SELECT context_id, id FROM went
      UNION SELECT p.context_id, p.decision_id FROM decision_past p JOIN went ON went.id = p.decision_id
    ) AS each GROUP BY context_id
  ) AS gone WHERE c.id = gone.context_id AND c.evidence <> '';
  DELETE FROM decision_past USING went WHERE decision_id = went.id;
  DELETE FROM decision_delivery USING went WHERE decision_id = went.id;
  DELETE FROM engagement_message USING went WHERE decision_id = went.id;
  RETURN NULL;
END $$;

-- The hour of each weekday in which a household cooks most, as it is asked for by every campaign: 168 counts would have to be read for it.
ALTER TABLE household_habit ADD COLUMN best_hours smallint[] NOT NULL DEFAULT '{}';
UPDATE household_habit h SET best_hours = (
  SELECT array_agg(best ORDER BY day) FROM (
    SELECT (at - 1) / 24 AS day, CASE WHEN sum(n) >= 2 THEN (array_agg((at - 1) % 24 ORDER BY n DESC, at))[1] END AS best
    FROM unnest(h.hours) WITH ORDINALITY AS each(n, at) GROUP BY 1
  ) AS days
) WHERE cardinality(hours) = 168;
